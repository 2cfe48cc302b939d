package rest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// withProblems serves mux, and gives the answers that mux itself makes for unknown paths and methods (text) the
// form of all other errors: problem details as in RFC 9457.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			w = &problemWriter{ResponseWriter: w, request: r}
		}
		mux.ServeHTTP(w, r)
	})
}

// problemWriter replaces the body of an error by problem details, and keeps the status and other headers.
type problemWriter struct {
	http.ResponseWriter
	request  *http.Request
	replaced bool
}

// WriteHeader implements http.ResponseWriter.
func (w *problemWriter) WriteHeader(status int) {
	if status < http.StatusBadRequest {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.replaced = true
	detail := fmt.Sprintf("no resource %s", w.request.URL.Path)
	if status == http.StatusMethodNotAllowed {
		detail = fmt.Sprintf("%s has no method %s", w.request.URL.Path, w.request.Method)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.ResponseWriter.WriteHeader(status)
	// An error means that the client is gone.
	_ = json.NewEncoder(w.ResponseWriter).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}

// Write implements http.ResponseWriter.
func (w *problemWriter) Write(body []byte) (int, error) {
	if w.replaced {
		return len(body), nil
	}
	return w.ResponseWriter.Write(body)
}
