// Command openapi writes api/v1/openapi.yaml; `go generate` in internal/rest runs it.
package main

import (
	"log"
	"os"

	"woven.dev/woven/internal/rest"
)

func main() {
	text, err := rest.OpenAPI()
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], text, 0o644); err != nil {
		log.Fatal(err)
	}
}
