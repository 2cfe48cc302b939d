package soak

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
)

// footprint is what a hypervisor's agent uses.
type footprint struct {
	files      int // open file descriptors
	goroutines int
	resident   int // bytes
	pins       int // links
	rows       map[string]int
}

// What may come and go: connections under way, and goroutines of the runtime and of answers.
const (
	fewFiles      = 8
	fewGoroutines = 12
	someMemory    = 64 << 20
)

// footprint measures, when nothing is under way any more.
func (c *cloud) footprint(hv string) footprint {
	c.t.Helper()
	f := footprint{rows: c.Plane(hv).Rows}
	metrics := c.metrics(hv)
	f.goroutines, f.resident, f.files = metrics["go_goroutines"], metrics["process_resident_memory_bytes"], metrics["process_open_fds"]
	if f.goroutines == 0 || f.resident == 0 || f.files == 0 {
		c.t.Fatalf("metrics of %s lack some: %+v", hv, f)
	}
	entries, err := os.ReadDir(c.Lab.BPFFS(hv))
	c.ok(err)
	for _, e := range entries {
		links, err := os.ReadDir(c.Lab.BPFFS(hv) + "/" + e.Name() + "/links")
		c.ok(err)
		f.pins += len(links)
	}
	return f
}

// compare fails the test if something has grown.
func (f footprint) compare(t *testing.T, now footprint, when string) {
	t.Helper()
	t.Logf("%s: %d files, %d goroutines, %d MiB, %d pinned links", when, now.files, now.goroutines, now.resident>>20, now.pins)
	if now.files > f.files+fewFiles {
		t.Errorf("%s: %d files are open, before %d", when, now.files, f.files)
	}
	if now.goroutines > f.goroutines+fewGoroutines {
		t.Errorf("%s: %d goroutines, before %d", when, now.goroutines, f.goroutines)
	}
	if now.resident > f.resident*3/2+someMemory {
		t.Errorf("%s: %d MiB of memory, before %d", when, now.resident>>20, f.resident>>20)
	}
	if now.pins != f.pins {
		t.Errorf("%s: %d links are pinned, before %d", when, now.pins, f.pins)
	}
	if diff := cmp.Diff(f.rows, now.rows); diff != "" {
		t.Errorf("%s: rows (-before +now):\n%s", when, diff)
	}
}

// metrics reads an agent's metrics that have no labels.
func (c *cloud) metrics(hv string) map[string]int {
	c.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", v1.SocketPath(c.Lab.RunDir(hv)))
	}}}
	answer, err := client.Get("http://woven/metrics")
	c.ok(err)
	defer answer.Body.Close()
	values := map[string]int{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = int(value)
		}
	}
	return values
}
