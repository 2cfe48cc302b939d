package rest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
)

// wantProblem fails the test unless an answer has the form of RFC 9457 and says what is wanted.
func wantProblem(t *testing.T, resp *http.Response, status int, detail string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType := resp.Header.Get("Content-Type"); resp.StatusCode != status || contentType != "application/problem+json" {
		t.Errorf("answer is %d %s, want %d", resp.StatusCode, contentType, status)
	}
	want := v1.Error{Status: status, Title: http.StatusText(status), Detail: detail}
	var got v1.Error
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if got != want {
		t.Errorf("problem is %+v, want %+v", got, want)
	}
}

// request sends a request with a path that no client would clean, and returns the answer.
func request(t *testing.T, addr net.Addr, method, uri, body string) *http.Response {
	t.Helper()
	path, query, _ := strings.Cut(uri, "?")
	req := &http.Request{Method: method, Host: "woven", URL: &url.URL{Scheme: "http", Host: "woven", Opaque: path, RawQuery: query}}
	if body != "" {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	client := only(addr)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestBadRequests(t *testing.T) {
	working := &fakeSource{ports: []v1.Port{{Name: "p1"}}, plane: smallPlane()}
	s := start(t, config(t, working))
	long := strings.Repeat("x", maxURI)
	for _, test := range []struct {
		request, body string
		status        int
		detail        string
	}{
		// What there is not.
		{"GET /v1/ports/p2", "", 404, `no port "p2" on this node`},
		{"GET /v1/types/l3", "", 404, `no type "l3" on this node`},
		{"GET /v1/modules/id-9", "", 404, `no module "id-9" on this node`},
		{"GET /v1/modules/id-9/tables", "", 404, `no module "id-9" on this node`},
		{"GET /v1/modules/id-1/tables/nosuch", "", 404, `no table "nosuch" of module "id-1" on this node`},
		{"GET /v1/modules/twin", "", 409, `2 modules have the name "twin"; their IDs are id-2, id-3`},
		{"GET /v1/modules/twin/tables/l2switch_fdbs", "", 409, `2 modules have the name "twin"; their IDs are id-2, id-3`},
		{"GET /v1/links/q", "", 404, `no link of port "q" on this node`},
		{"GET /v1/interfaces/lo", "", 404, `no Woven interface "lo" on this node`},
		{"GET /v1/connections?port=p2", "", 404, `no port "p2" on this node`},
		{"GET /v1/nothing", "", 404, "no resource /v1/nothing"},
		{"GET /", "", 404, "no resource /"},
		// Methods.
		{"POST /v1/status", "", 405, "/v1/status has no method POST"},
		{"DELETE /v1/ports/p1", "", 405, "/v1/ports/p1 has no method DELETE"},
		{"PUT /v1/modules/id-1/tables/l2switch_fdbs", "", 405, "/v1/modules/id-1/tables/l2switch_fdbs has no method PUT"},
		{"PUT /metrics", "", 405, "/metrics has no method PUT"},
		{"BREW /v1/types", "", 405, "/v1/types has no method BREW"},
		{"OPTIONS *", "", 400, "Bad Request"},
		// Parameters.
		{"GET /v1/status?verbose=1", "", 422, "query.verbose: unknown query parameter"},
		{"GET /v1/ports/p1?x=", "", 422, "query.x: unknown query parameter"},
		{"GET /v1/links?b=1&a=2", "", 422, "query.a: unknown query parameter; query.b: unknown query parameter"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?limit=0", "", 422, "query.limit: expected number >= 1"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?limit=-1", "", 422, "query.limit: expected number >= 1"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?limit=10001", "", 422, "query.limit: expected number <= 10000"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?limit=ten", "", 422, "query.limit: invalid integer"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?limit=99999999999999999999", "", 422, "query.limit: invalid integer"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?Limit=5", "", 422, "query.Limit: unknown query parameter"},
		{"GET /v1/modules/id-1/tables/l2switch_fdbs?limit=1&limit=2", "", 400, `query parameter "limit" is given 2 times`},
		{"GET /v1/status?a;b", "", 400, "read query: invalid semicolon separator in query"},
		{"GET /v1/status?%zz", "", 400, `read query: invalid URL escape "%zz"`},
		{"GET /v1/connections?zone=3", "", 422, `query.zone: zone "3" is no instance/port such as 3/7`},
		{"GET /v1/connections?tuple=tpc&zone=x", "", 422, `query.tuple: tuple "tpc": protocol "tpc" is none of tcp, udp, sctp, icmp, icmp6, gre, esp, and no number from 0 to 255; ` +
			`query.zone: zone "x" is no instance/port such as 3/7`},
		{"GET /v1/connections?limit=10001", "", 422, "query.limit: expected number <= 10000"},
		{"GET /v1/connections?skip=-1", "", 422, "query.skip: expected number >= 0"},
		{"GET /v1/connection-zones?port=p1", "", 422, "query.port: unknown query parameter"},
		// Paths.
		{"GET /v1//status", "", 404, "no resource /v1//status"},
		{"GET /v1/status/", "", 404, "no resource /v1/status/"},
		{"GET /v1/../v1/status", "", 404, "no resource /v1/../v1/status"},
		{"GET /v1/modules/../status", "", 404, "no resource /v1/modules/../status"},
		{"GET /V1/STATUS", "", 404, "no resource /V1/STATUS"},
		{"GET /v1/ports/%00%ff%0a", "", 404, `no port "\x00\xff\n" on this node`},
		{"GET /v1/ports/..%2f..%2fetc", "", 404, `no port "../../etc" on this node`},
		{"GET /v1/ports/" + long, "", 414, "path and query have 8202 bytes; 8192 are answered"},
		{"GET /v1/status?x=" + long, "", 414, "path and query have 8205 bytes; 8192 are answered"},
		// Bodies.
		{"GET /v1/status", "{}", 400, "GET /v1/status takes no body"},
		{"GET /v1/modules/id-1", `{"unknown": "field"}`, 400, "GET /v1/modules/id-1 takes no body"},
		{"POST /v1/modules", `{"name": "x"}`, 400, "POST /v1/modules takes no body"},
		{"GET /v1/status", strings.Repeat("x", 1<<16), 400, "GET /v1/status takes no body"},
	} {
		name, _, _ := strings.Cut(test.request+" "+test.body, "xxxx")
		t.Run(name, func(t *testing.T) {
			method, uri, _ := strings.Cut(test.request, " ")
			wantProblem(t, request(t, s.Addrs()[0], method, uri, test.body), test.status, test.detail)
			wantAlive(t, s)
		})
	}
}

// What can't be read is a failure of the agent's, and says so.
func TestFailures(t *testing.T) {
	s := start(t, config(t, &fakeSource{plane: smallPlane(), err: errors.New("read map: bad file descriptor")}))
	for path, detail := range map[string]string{
		"/v1/ports":                             "read ports: read map: bad file descriptor",
		"/v1/ports/p1":                          "read ports: read map: bad file descriptor",
		"/v1/drops":                             "read drops: read map: bad file descriptor",
		"/v1/connections":                       "read connections: read map: bad file descriptor",
		"/v1/connection-zones":                  "read connection zones: read map: bad file descriptor",
		"/v1/modules":                           "read modules: read map: bad file descriptor",
		"/v1/modules/id-1":                      `read module of module "id-1": read map: bad file descriptor`,
		"/v1/modules/id-1/tables":               `read tables of module "id-1": read map: bad file descriptor`,
		"/v1/modules/id-1/tables/l2switch_fdbs": `read table "l2switch_fdbs" of module "id-1": read map: bad file descriptor`,
		"/v1/interfaces":                        "read interfaces: read map: bad file descriptor",
	} {
		t.Run(path, func(t *testing.T) {
			wantProblem(t, request(t, s.Addrs()[0], "GET", path, ""), http.StatusInternalServerError, detail)
		})
	}
}

// The problem of a query parameter names it also by itself.
func TestUnknownQueryParameterIsNamed(t *testing.T) {
	s := start(t, config(t, &fakeSource{}))
	if _, _, body := ask(t, s.Addrs()[0], "GET", "/v1/map?deep=1"); !strings.Contains(body, `"location":"query.deep"`) {
		t.Errorf("no location in %s", body)
	}
}

// What is no request of HTTP is refused by net/http before any resource is asked; the connection ends, and others don't notice.
func TestNoHTTP(t *testing.T) {
	s := start(t, config(t, &fakeSource{}))
	addr := s.Addrs()[0]
	for name, test := range map[string]struct {
		bytes string
		want  int
	}{
		"binary":             {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"text":               {"hello\r\n\r\n", 400},
		"no host":            {"GET /v1/status HTTP/1.1\r\n\r\n", 400},
		"broken escape":      {"GET /v1/ports/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"HTTP/2":             {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		"header without end": {"GET /v1/status HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", 431},
		"two lengths":        {"GET /v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial(addr.Network(), addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			written := make(chan struct{})
			go func() { // the server may answer before it has read all
				defer close(written)
				_, _ = io.WriteString(conn, test.bytes)
			}()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != test.want || !resp.Close {
				t.Errorf("answer is %s, close %v; want %d", resp.Status, resp.Close, test.want)
			}
			conn.Close()
			<-written
			wantAlive(t, s)
		})
	}
}

// wantAlive fails the test unless a server answers as ever.
func wantAlive(t *testing.T, s *Server) {
	t.Helper()
	if status, _, body := ask(t, s.Addrs()[0], "GET", "/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("afterwards /healthz is %d %q", status, body)
	}
}
