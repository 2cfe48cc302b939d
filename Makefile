SHELL := /bin/bash

# Packages whose tests need neither root nor a kernel: they run under the race detector too.
PURE := ./api/... ./internal/archtest/... ./internal/cli/... ./internal/compile/... ./internal/ingest/... ./internal/logical/... \
	./internal/metrics/... ./internal/netstate/... ./internal/ovnexpr/... ./internal/ovsdb/... \
	./internal/rest/... ./internal/slowpath/... ./modules/...config/...

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)

# Where `make install` puts the program, and the package that `make deb` makes.
PREFIX ?= /usr/local
DEB_DIR ?= bin
BIN ?= bin/woven

.PHONY: build install deb deps test check-fmt lint fmt generate check-generate bench bench-full soak demo clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w -X main.version=$(VERSION)' -o $(BIN) ./cmd/woven

install: build
	packaging/install $(BIN) '$(DESTDIR)' '$(PREFIX)'

deb: build
	packaging/build-deb $(BIN) $(DEB_DIR)

deps:
	hack/install-deps

# One package at a time: end-to-end tests and benchmarks compete for the CPUs.
test: deps check-fmt
	go vet ./...
	go test -race $(PURE)
	go test -count=1 -p=1 -timeout=40m ./...

check-fmt:
	@files=$$(gofmt -l .); [[ -z $$files ]] || { echo "not formatted (make fmt):" $$files; exit 1; }

lint:
	go tool staticcheck ./...

fmt:
	gofmt -w .
	hack/install-deps build
	git ls-files -z -- 'modules/*.[ch]' 'sdk/*.[ch]' | xargs -0 --no-run-if-empty clang-format-19 -i

generate:
	hack/install-deps build
	go generate ./...

check-generate: generate
	git diff --exit-code
	[[ -z $$(git status --porcelain) ]]

bench: deps
	go run ./bench

bench-full: deps
	go run ./bench -full

# Processes that die before each step of each change of the data plane; agents killed under traffic for SOAK in each attach mode; 1,000 ports on a
# node and 10,000 in the databases that come and go for as long; packets of random clouds compared with ovn-trace for as long; then end-to-end
# tests in labs that have no flow cache (WOVEN_FLOW_CACHE is what labs of tests have as woven-flow-cache; check=2 if it is not set), and all of them, over and over.
SOAK ?= 30m
soak: deps
	REQUIRE_PRIVILEGED=1 WOVEN_SOAK=$(SOAK) go test -count=1 -timeout=0 -run=TestCrashAtEachStep ./internal/hover
	REQUIRE_PRIVILEGED=1 WOVEN_SOAK=$(SOAK) go test -count=1 -timeout=0 -run=TestAgentKilled ./test/faults
	REQUIRE_PRIVILEGED=1 WOVEN_SOAK=$(SOAK) go test -count=1 -timeout=0 -v ./test/soak
	REQUIRE_PRIVILEGED=1 WOVEN_SOAK=$(SOAK) go test -count=1 -timeout=0 -v ./test/differential
	REQUIRE_PRIVILEGED=1 WOVEN_FLOW_CACHE=false go test -count=1 -p=1 -timeout=1h ./test/acl ./test/e2e ./test/l3
	REQUIRE_PRIVILEGED=1 go test -count=20 -p=1 -timeout=12h ./internal/... ./test/...

demo: deps build
	go run ./test/demo -woven bin/woven

clean:
	rm -rf bin
