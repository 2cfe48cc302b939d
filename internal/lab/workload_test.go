package lab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"woven.dev/woven/internal/lab"
)

// TestWorkloadFiles reads the workloads while others are written and removed: each is there as a whole or not at all.
func TestWorkloadFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "vms"), 0o755); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			w := vm(n, "hv1")
			for range 200 {
				err := lab.WriteWorkload(dir, w)
				if again := lab.WriteWorkload(dir, w); err != nil || !errors.Is(again, lab.ErrExists) {
					t.Errorf("write %s: %v; again: %v, want ErrExists", w.Name, err, again)
				}
				if err := os.Remove(filepath.Join(dir, "vms", fmt.Sprintf("vm%d.json", n))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		writers.Wait()
	}()
	for {
		if _, err := lab.ReadWorkloads(dir); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
