package rest

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "woven.dev/woven/api/v1"
)

// one is the body of a response that is one object.
type one[T any] struct{ Body T }

// list is the body of a response that is a list; it is never null.
type list[T any] struct {
	Body []T `nullable:"false"`
}

// handler answers everything on the unix socket.
func handler(config Config) (http.Handler, error) {
	mux := http.NewServeMux()
	api := register(mux, config.Source)
	spec, err := api.OpenAPI().MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write openapi.json: %w", err)
	}
	mux.HandleFunc("GET /v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		w.Write(spec)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", config.Metrics)
	return withProblems(mux), nil
}

// metricsOnly answers /metrics and nothing else.
func metricsOnly(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	return withProblems(mux)
}

//go:generate go run ./openapi ../../api/v1/openapi.yaml

// OpenAPI is the description of the interface as YAML: api/v1/openapi.yaml.
func OpenAPI() ([]byte, error) { return register(http.NewServeMux(), nil).OpenAPI().YAML() }

// register adds the resources under /v1 to mux, answered from source.
func register(mux *http.ServeMux, source Source) huma.API {
	config := huma.DefaultConfig("Woven", "1")
	config.Info.Description = "What the agent of one hypervisor knows and does. Read only."
	config.RejectUnknownQueryParameters = true
	config.CreateHooks = nil // no $schema fields
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", ""
	config.Transformers = append(config.Transformers, sayWhatIsWrong)
	api := humago.New(mux, config)
	get(api, "status", "/v1/status", "What the agent says about itself",
		func(*struct{}) (*one[v1.Status], error) {
			return &one[v1.Status]{fullStatus(source.Status())}, nil
		})
	get(api, "ports", "/v1/ports", "All ports, in ascending order of name",
		func(*struct{}) (*list[v1.Port], error) {
			return listOf("ports", source.Ports, fullPort)
		})
	get(api, "port", "/v1/ports/{name}", "One port",
		func(in *portName) (*one[v1.Port], error) {
			return oneOf("port", in.Name, source.Ports, func(p v1.Port) string { return p.Name }, fullPort)
		}, http.StatusNotFound)
	get(api, "map", "/v1/map", "What became of each OVN object",
		func(*struct{}) (*list[v1.MapEntry], error) {
			return listOf("map", func() ([]v1.MapEntry, error) { return source.Map(), nil }, fullMapEntry)
		})
	get(api, "drops", "/v1/drops", "Dropped packets of each datapath",
		func(*struct{}) (*list[v1.DatapathDrops], error) {
			return listOf("drops", source.Drops, fullDrops)
		})
	registerInspection(api, source)
	registerACLs(api, source)
	registerTracking(api, source)
	return api
}

// get registers the operation id: GET path. Beside failures it answers with answer's result or one of errors.
func get[I, O any](api huma.API, id, path, summary string, answer func(*I) (*O, error), errors ...int) {
	huma.Register(api, huma.Operation{
		OperationID: id,
		Method:      http.MethodGet,
		Path:        path,
		Summary:     summary,
		Errors:      append(errors, http.StatusUnprocessableEntity, http.StatusInternalServerError),
	}, func(_ context.Context, in *I) (*O, error) { return answer(in) })
}

// portName is the path of one port.
type portName struct {
	Name string `path:"name" doc:"Logical port's name"`
}

// listOf reads what, and makes each element fit to be sent.
func listOf[T any](what string, read func() ([]T, error), full func(T) T) (*list[T], error) {
	elements, err := read()
	if err != nil {
		return nil, huma.Error500InternalServerError(fmt.Sprintf("read %s: %v", what, err))
	}
	body := make([]T, 0, len(elements))
	for _, e := range elements {
		body = append(body, full(e))
	}
	return &list[T]{body}, nil
}
