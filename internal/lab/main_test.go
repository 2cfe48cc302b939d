package lab_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
)

// TestMain is also the two other programs that the tests start: an agent, and a supervisor.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "agent":
		err = fakeAgent(ctx)
	case len(os.Args) > 1 && os.Args[1] == "serve":
		err = lab.Serve(ctx, lab.Options{Dir: os.Args[2], Prefix: os.Args[3]}, func() { fmt.Println("ready") })
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fakeAgent shows its arguments and what it finds in the local database, makes a chassis, and opens the socket of an
// agent, until ctx ends.
func fakeAgent(ctx context.Context) error {
	dir := os.Getenv("WOVEN_RUN_DIR")
	if err := os.WriteFile(filepath.Join(dir, "arguments"), []byte(strings.Join(os.Args[1:], " ")), 0o644); err != nil {
		return err
	}
	ids, err := exec.CommandContext(ctx, "ovs-vsctl", "--no-wait", "get", "Open_vSwitch", ".", "external_ids").Output()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "ids"), ids, 0o644); err != nil {
		return err
	}
	if err := exec.CommandContext(ctx, "ovn-sbctl", "--may-exist", "chassis-add", "hv1", "geneve", "172.31.0.11").Run(); err != nil {
		return err
	}
	os.Remove(v1.SocketPath(dir)) // of one that was killed
	socket, err := net.Listen("unix", v1.SocketPath(dir))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return socket.Close()
}
