package lab_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/testutil"
)

// background starts a lab of central alone in the background, and takes it down after the test.
func background(t *testing.T, name string) (dir string) {
	t.Helper()
	testutil.RequireRoot(t)
	dir = filepath.Join(os.TempDir(), name)
	down := func() {
		if err := lab.Down(context.Background(), dir); err != nil && !errors.Is(err, lab.ErrNotRunning) {
			t.Error(err)
		}
		os.RemoveAll(dir)
	}
	down()
	t.Cleanup(down)
	if err := lab.Background(t.Context(), dir, []string{"serve", dir, name + "-"}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBackground(t *testing.T) {
	dir := background(t, "wvtbg")
	if err := lab.Background(t.Context(), dir, []string{"serve", dir, "wvtbg-"}); !errors.Is(err, lab.ErrRunning) {
		t.Errorf("second Background: %v, want ErrRunning", err)
	}
	if err := lab.Clear(t.Context(), dir); !errors.Is(err, lab.ErrRunning) {
		t.Errorf("Clear of a running lab: %v, want ErrRunning", err)
	}
	l, err := lab.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	nbctl(t, l, "ls-add", "sw0")
	if err := lab.Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	checkGone(t, "wvtbg")
	if err := lab.Down(t.Context(), dir); !errors.Is(err, lab.ErrNotRunning) {
		t.Errorf("second Down: %v, want ErrNotRunning", err)
	}
	if _, err := l.Exec(t.Context(), "central", "true"); !errors.Is(err, lab.ErrNotRunning) {
		t.Errorf("Exec after Down: %v, want ErrNotRunning", err)
	}
}

func TestBackgroundFails(t *testing.T) {
	testutil.RequireRoot(t)
	dir := filepath.Join(t.TempDir(), "d")
	err := lab.Background(t.Context(), dir, []string{"serve", dir, "Not-A-Prefix"})
	if err == nil || !strings.Contains(err.Error(), "Not-A-Prefix") {
		t.Errorf("Background: %v, want the supervisor's own words", err)
	}
}

func TestDownAfterTheSupervisorWasKilled(t *testing.T) {
	dir := background(t, "wvtkl")
	pid, err := lab.Supervisor(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.SignalAndWait(t.Context(), pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = lab.Background(t.Context(), dir, []string{"serve", dir, "wvtkl-"})
	if err == nil || !strings.Contains(err.Error(), lab.ErrRemains.Error()) {
		t.Errorf("Background over remains: %v", err)
	}
	if err := lab.Down(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	checkGone(t, "wvtkl")
}

func TestDownWithoutUp(t *testing.T) {
	for name, dir := range map[string]string{"empty": t.TempDir(), "absent": filepath.Join(t.TempDir(), "absent")} {
		if err := lab.Down(t.Context(), dir); !errors.Is(err, lab.ErrNotRunning) {
			t.Errorf("Down of an %s directory: %v, want ErrNotRunning", name, err)
		}
		if _, err := lab.Open(dir); !errors.Is(err, lab.ErrNotRunning) {
			t.Errorf("Open of an %s directory: %v, want ErrNotRunning", name, err)
		}
	}
}
