package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
)

// fakeSource answers with what a test put in it.
type fakeSource struct {
	status  v1.Status
	ports   []v1.Port
	entries []v1.MapEntry
	drops   []v1.DatapathDrops
	acls    []v1.ACL
	plane   fakePlane
	err     error

	connections v1.Connections
	zones       []v1.ConnectionZone
	asked       asked
}

func (f *fakeSource) Status() v1.Status                  { return f.status }
func (f *fakeSource) Ports() ([]v1.Port, error)          { return f.ports, f.err }
func (f *fakeSource) Map() []v1.MapEntry                 { return f.entries }
func (f *fakeSource) Drops() ([]v1.DatapathDrops, error) { return f.drops, f.err }

// config is a configuration with a run directory of its own.
func config(t *testing.T, source Source) Config {
	return Config{
		RunDir:  filepath.Join(t.TempDir(), "run"),
		Source:  source,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "woven_up 1") }),
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// start runs a server until the test ends.
func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return s
}

// only returns an HTTP client that connects to addr, whatever the URL says.
func only(addr net.Addr) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, addr.Network(), addr.String())
		},
	}}
}

// ask makes a request and returns the status, the content type and the body.
func ask(t *testing.T, addr net.Addr, method, path string) (status int, contentType, body string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://woven"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := only(addr).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(text)
}

func TestSocketIsForItsOwner(t *testing.T) {
	c := config(t, &fakeSource{})
	start(t, c)
	for path, want := range map[string]os.FileMode{c.RunDir: 0o700, v1.SocketPath(c.RunDir): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s is %o, want %o", path, got, want)
		}
	}
}

func TestSocketGoesWithTheServer(t *testing.T) {
	c := config(t, &fakeSource{})
	t.Run("serve", func(t *testing.T) { start(t, c) })
	if _, err := os.Lstat(v1.SocketPath(c.RunDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	c := config(t, &fakeSource{})
	if err := os.Mkdir(c.RunDir, 0o700); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: v1.SocketPath(c.RunDir)})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	s := start(t, c)
	if status, _, _ := ask(t, s.Addrs()[0], "GET", "/healthz"); status != http.StatusOK {
		t.Errorf("status is %d", status)
	}
}

func TestListenRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, c *Config)
		want    string
	}{
		"a socket in use": {
			func(t *testing.T, c *Config) { start(t, *c) }, ErrInUse.Error()},
		"a file in the socket's place": {
			func(t *testing.T, c *Config) {
				c.RunDir = t.TempDir()
				if err := os.WriteFile(v1.SocketPath(c.RunDir), []byte("precious"), 0o600); err != nil {
					t.Fatal(err)
				}
			}, "not a socket"},
		"a run directory that is a file": {
			func(t *testing.T, c *Config) {
				if err := os.WriteFile(c.RunDir, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}, "make the run directory"},
		"a path too long for a socket": {
			func(t *testing.T, c *Config) { c.RunDir = filepath.Join(c.RunDir, strings.Repeat("x", 120)) }, "invalid argument"},
		"metrics for everyone": {
			func(_ *testing.T, c *Config) { c.MetricsListen = "0.0.0.0:0" }, "no loopback address"},
		"metrics without port": {
			func(_ *testing.T, c *Config) { c.MetricsListen = "127.0.0.1" }, "read metrics address"},
		"metrics on a name": {
			func(_ *testing.T, c *Config) { c.MetricsListen = "example:1" }, "read metrics address"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, &fakeSource{})
			test.prepare(t, &c)
			_, err := Listen(c)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// A server that can't open its second socket leaves the first one closed.
func TestListenLeavesNothingBehind(t *testing.T) {
	c := config(t, &fakeSource{})
	c.MetricsListen = "0.0.0.0:0"
	if _, err := Listen(c); err == nil {
		t.Fatal("no error")
	}
	if _, err := os.Lstat(v1.SocketPath(c.RunDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestTCPServesMetricsOnly(t *testing.T) {
	c := config(t, &fakeSource{})
	c.MetricsListen = ":0"
	tcp := start(t, c).Addrs()[1]
	if ip := tcp.(*net.TCPAddr).IP; !ip.IsLoopback() {
		t.Errorf("listens on %s", ip)
	}
	if status, _, body := ask(t, tcp, "GET", "/metrics"); status != http.StatusOK || body != "woven_up 1\n" {
		t.Errorf("/metrics: %d %q", status, body)
	}
	if status, _, _ := ask(t, tcp, "GET", "/v1/status"); status != http.StatusNotFound {
		t.Errorf("/v1/status: %d", status)
	}
}
