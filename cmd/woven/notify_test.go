package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// manager is a service manager's socket; next returns the next datagram.
func manager(t *testing.T) (socket string, next func() string) {
	socket = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return socket, func() string {
		t.Helper()
		b := make([]byte, 1000)
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

const (
	live    = "STATUS=the data plane is live"
	waiting = "STATUS=waiting for the databases; what is pinned goes on forwarding"
)

// start runs notify; stop ends it and checks how it ended.
func start(t *testing.T, socket string, wait time.Duration) (live chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	live, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- notify(ctx, socket, live, wait) }()
	return live, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("the service manager is told %q, want %q", got, want)
	}
}

func TestNotifyLive(t *testing.T) {
	socket, next := manager(t)
	first, stop := start(t, socket, time.Hour)
	close(first)
	expect(t, next(), "READY=1\n"+live)
	stop()
	expect(t, next(), "STOPPING=1")
}

func TestNotifyWaiting(t *testing.T) {
	socket, next := manager(t)
	first, stop := start(t, socket, time.Nanosecond)
	expect(t, next(), "READY=1\n"+waiting)
	close(first)
	expect(t, next(), live)
	stop()
	expect(t, next(), "STOPPING=1")
}

func TestNotifyWithoutManager(t *testing.T) {
	if err := notify(t.Context(), "", nil, 0); err != nil {
		t.Error(err)
	}
	if err := notify(t.Context(), filepath.Join(t.TempDir(), "absent"), nil, 0); err == nil {
		t.Error("a socket that isn't there is no error")
	}
}
