package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
)

// What the source says arrives at the client; lists that are nil arrive empty.
func TestClientGetsWhatTheSourceSays(t *testing.T) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	drops := []v1.Drop{{Module: "l2switch", Reason: "NO_PORT", Text: "port not in this switch", Packets: 1 << 60}}
	port := v1.Port{Name: "a/b c%2f", State: v1.PortUp, Key: 1, Device: "veth1", Ifindex: 4, Addresses: []string{"192.0.2.1"},
		Counters: v1.Counters{RxPackets: 1, RxBytes: 2, TxPackets: 3, TxBytes: 4}, Drops: drops}
	source := &fakeSource{
		status: v1.Status{Node: "hv1", StartedAt: at, NBCfg: v1.NBCfg{Seen: 2, Applied: 1}, Tunnel: &v1.Tunnel{Type: "geneve"},
			Problems: []v1.Problem{{Object: "acl <1>", Reason: "not supported", Since: at}}},
		ports:   []v1.Port{port, {Name: "bare", State: v1.PortUnplugged}},
		entries: []v1.MapEntry{{Object: v1.Object{Type: "logical_switch", Name: "sw0"}, Module: v1.Module{Kind: "l2switch", Slot: 3}}},
		drops:   []v1.DatapathDrops{{Datapath: "sw0", Key: 1, Drops: drops}, {}},
	}
	c := config(t, source)
	start(t, c)
	client, ctx := v1.NewClient(v1.SocketPath(c.RunDir)), context.Background()

	status, err := client.Status(ctx)
	wantStatus := fullStatus(source.status)
	same(t, "status", &wantStatus, status, err)
	ports, err := client.Ports(ctx)
	same(t, "ports", []v1.Port{port, fullPort(source.ports[1])}, ports, err)
	one, err := client.Port(ctx, port.Name)
	same(t, "port", &port, one, err)
	entries, err := client.Map(ctx)
	same(t, "map", []v1.MapEntry{fullMapEntry(source.entries[0])}, entries, err)
	dropped, err := client.Drops(ctx)
	same(t, "drops", []v1.DatapathDrops{source.drops[0], fullDrops(source.drops[1])}, dropped, err)

	if source.status.Tunnel.Peers != nil {
		t.Error("the server changed what the source lent it")
	}
}

func same[T any](t *testing.T, what string, want, got T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestNothingIsNull(t *testing.T) {
	s := start(t, config(t, &fakeSource{status: v1.Status{Tunnel: &v1.Tunnel{}}}))
	for _, path := range []string{"/v1/status", "/v1/ports", "/v1/map", "/v1/drops", "/v1/acls", "/v1/types", "/v1/modules", "/v1/links", "/v1/interfaces"} {
		if _, _, body := ask(t, s.Addrs()[0], "GET", path); strings.Contains(body, "null") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestPlainResources(t *testing.T) {
	s := start(t, config(t, &fakeSource{}))
	for path, want := range map[string]string{"/healthz": "ok\n", "/metrics": "woven_up 1\n", "/metrics?name[]=a&name[]=b": "woven_up 1\n"} {
		if status, _, body := ask(t, s.Addrs()[0], "GET", path); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if _, contentType, body := ask(t, s.Addrs()[0], "GET", "/v1/openapi.json"); contentType != "application/openapi+json" || !json.Valid([]byte(body)) {
		t.Errorf("openapi.json: %s %.60s", contentType, body)
	}
}

func TestOpenAPIIsCommitted(t *testing.T) {
	want, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../api/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("api/v1/openapi.yaml is not what the types say; run `go generate ./internal/rest` (-file +types):\n%s", diff)
	}
}
