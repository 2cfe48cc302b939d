package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// maxURI is the longest path with query that is answered, in bytes; names in OVN are much shorter.
const maxURI = 8 << 10

// withProblems serves mux, and gives all errors one form: problem details as in RFC 9457. It refuses requests that mux and huma would
// answer as if they were others.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status, detail := refusal(r); status != 0 {
			writeProblem(w, status, detail)
			return
		}
		mux.ServeHTTP(&problemWriter{ResponseWriter: w, request: r}, r)
	})
}

// refusal says what is wrong with a request, whatever it asks for; status 0: nothing.
func refusal(r *http.Request) (status int, detail string) {
	if len(r.RequestURI) > maxURI {
		return http.StatusRequestURITooLong, fmt.Sprintf("path and query have %d bytes; %d are answered", len(r.RequestURI), maxURI)
	}
	if r.ContentLength != 0 {
		return http.StatusBadRequest, fmt.Sprintf("%s %s takes no body", r.Method, r.URL.Path)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return http.StatusBadRequest, fmt.Sprintf("read query: %v", err)
	}
	for name, values := range query {
		if len(values) > 1 && strings.HasPrefix(r.URL.Path, "/v1/") { // /metrics takes name[] several times
			return http.StatusBadRequest, fmt.Sprintf("query parameter %q is given %d times", name, len(values))
		}
	}
	return 0, ""
}

// problemWriter replaces what mux writes instead of an answer (text for an error, a redirection to a path that is written otherwise) by
// problem details.
type problemWriter struct {
	http.ResponseWriter
	request  *http.Request
	replaced bool
}

// WriteHeader implements http.ResponseWriter.
func (w *problemWriter) WriteHeader(status int) {
	if status < http.StatusMultipleChoices || w.Header().Get("Content-Type") == problemJSON {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.replaced = true
	detail := http.StatusText(status)
	switch {
	case status < http.StatusBadRequest, status == http.StatusNotFound:
		status, detail = http.StatusNotFound, fmt.Sprintf("no resource %s", w.request.URL.Path)
		w.Header().Del("Location")
	case status == http.StatusMethodNotAllowed:
		detail = fmt.Sprintf("%s has no method %s", w.request.URL.Path, w.request.Method)
	}
	writeProblem(w.ResponseWriter, status, detail)
}

// Write implements http.ResponseWriter.
func (w *problemWriter) Write(body []byte) (int, error) {
	if w.replaced {
		return len(body), nil
	}
	return w.ResponseWriter.Write(body)
}

const problemJSON = "application/problem+json"

func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", problemJSON)
	w.WriteHeader(status)
	// An error means that the client is gone.
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}

// sayWhatIsWrong is a huma.Transformer that puts what is wrong with parameters into the detail, for those who read only that.
func sayWhatIsWrong(_ huma.Context, _ string, body any) (any, error) {
	problem, ok := body.(*huma.ErrorModel)
	if !ok || len(problem.Errors) == 0 {
		return body, nil
	}
	var wrong []string
	for _, e := range problem.Errors {
		wrong = append(wrong, e.Location+": "+e.Message)
	}
	slices.Sort(wrong)
	problem.Detail = strings.Join(wrong, "; ")
	return problem, nil
}
