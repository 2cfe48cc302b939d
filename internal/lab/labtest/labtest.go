// Package labtest brings labs up for tests.
package labtest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/testutil"
)

// New returns a lab that is not up, whose directory and namespaces carry name (lower-case letters and digits, at most
// 10 bytes, one of its own for each test that may run at the same time). What an earlier, killed run of the test has
// left is cleared. At the test's end the lab is closed; a child that ended by itself fails the test, and so does a packet that would have fared
// otherwise by the flow cache, see flowCache.
func New(t testing.TB, name string, o lab.Options) *lab.Lab {
	t.Helper()
	testutil.RequireRoot(t)
	o.Prefix = "wvt" + name + "-"
	o.Dir = filepath.Join(os.TempDir(), "wvt"+name)
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	o.FlowCache = flowCache(o.FlowCache)
	if err := lab.Clear(context.Background(), o.Dir); err != nil && !errors.Is(err, lab.ErrNotRunning) {
		t.Fatalf("clear an earlier run: %v", err)
	}
	l, err := lab.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		checkFlows(t, l)
		if err := l.Close(); err != nil {
			t.Errorf("close lab: %v", err)
		}
		if t.Failed() {
			t.Logf("logs of the lab's children: %s", filepath.Join(o.Dir, "log"))
			return
		}
		os.RemoveAll(o.Dir)
	})
	return l
}

// Up is New, with the lab up.
func Up(t testing.TB, name string, o lab.Options) *lab.Lab {
	t.Helper()
	l := New(t, name, o)
	if err := l.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}
