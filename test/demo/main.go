// Command demo tells the story of Woven on a real OVN control plane: a logical switch over two hypervisors without
// Open vSwitch, in steps that each end in PASS or FAIL. It exits with 1 when a step failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"woven.dev/woven/internal/lab"
)

// timeout bounds the whole story.
const timeout = 5 * time.Minute

func main() {
	woven := flag.String("woven", "bin/woven", "path of the woven `binary`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	err := demo(ctx, *woven)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		os.Exit(1)
	}
	fmt.Println("\nAll steps passed.")
}

// demo runs the story in a lab of its own, which is gone when it returns.
func demo(ctx context.Context, woven string) (err error) {
	path, err := filepath.Abs(woven)
	if err != nil {
		return fmt.Errorf("find %s: %w", woven, err)
	}
	dir := filepath.Join(os.TempDir(), "woven-demo")
	if err := lab.Clear(ctx, dir); err != nil && !errors.Is(err, lab.ErrNotRunning) {
		return err
	}
	l, err := lab.New(lab.Options{Dir: dir, Prefix: "demo-", Hypervisors: 2, Woven: path})
	if err != nil {
		return err
	}
	s := &story{lab: l, woven: path, out: os.Stdout}
	defer func() {
		if closing := l.Close(); err == nil {
			err = closing
		}
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			fmt.Fprintln(os.Stderr, "Logs:", filepath.Join(dir, "log"))
		}
	}()
	return s.tell(ctx)
}
