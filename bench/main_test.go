package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/scale"
	"woven.dev/woven/internal/testutil"
)

// stopper is standard output that ends the run at the first table.
type stopper struct {
	bytes.Buffer
	stop context.CancelCauseFunc
}

var errEnough = errors.New("enough")

func (s *stopper) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("veth")) {
		s.stop(errEnough)
	}
	return s.Buffer.Write(b)
}

// Stopped in the middle, a run leaves nothing.
func TestStopped(t *testing.T) {
	testutil.RequireRoot(t)
	ctx, stop := context.WithCancelCause(t.Context())
	out := &stopper{stop: stop}
	file := filepath.Join(t.TempDir(), "samples")
	err := run(ctx, parts, effort{rounds: 1, slice: 10 * time.Millisecond, pathRounds: 1}, out, file)
	if !errors.Is(err, errEnough) && !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("samples of a stopped run: %v", err)
	}
	left, err := filepath.Glob(fmt.Sprintf("/run/netns/wvb%d-*", os.Getpid()))
	if err != nil || left != nil {
		t.Errorf("namespaces are left: %v, %v", left, err)
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("scale,programs")
	if err != nil || len(chosen) != 2 || chosen[0].name != "scale" || chosen[1].name != "programs" {
		t.Errorf("two parts: got %v, %v", chosen, err)
	}
	if chosen, err := choose(""); err != nil || len(chosen) != len(parts) {
		t.Errorf("all parts: got %d, %v", len(chosen), err)
	}
	if _, err := choose("programs,else"); err == nil {
		t.Error("an unknown part was chosen")
	}
}

func TestRun(t *testing.T) {
	testutil.RequireRoot(t)
	file := filepath.Join(t.TempDir(), "samples")
	var out bytes.Buffer
	e := effort{rounds: 1, slice: 10 * time.Millisecond, pathRounds: 1, changes: 2,
		sizes: []scale.Size{{Ports: 8, Here: 2}, {Ports: 12, Here: 3}}, groupSize: scale.Size{Ports: 8, Here: 2}}
	if err := run(t.Context(), parts, e, &out, file); err != nil {
		t.Fatal(err)
	}
	t.Log(out.String())
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if want := 4 + 1 + 2*2 + 2*len(workloads) + len(shortWorkloads); len(r.Measures) != want {
		t.Errorf("%d measures, want %d", len(r.Measures), want)
	}
	if want := 2*4 + 1 + len(groupKinds); len(r.Spreads) != want {
		t.Errorf("%d spreads, want %d", len(r.Spreads), want)
	}
	rows := map[string]int{scale.Added: 6, scale.Moved: 4, scale.Removed: 5, scale.Entered + " with 10 rules": 6, scale.Left + " with 10 rules": 6,
		scale.JoinedHere + " with 10 rules": 9, scale.Joined + " with 10 rules": 6}
	for _, s := range r.Spreads {
		kind, _, _ := strings.Cut(s.Title, ",")
		if want := rows[kind]; want > 0 && len(s.Rows) != want {
			t.Errorf("%s: %d rows, want %d", s.Title, len(s.Rows), want)
		}
	}
}
