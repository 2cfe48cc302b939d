package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

// liveWait is how long systemd is kept waiting for a first live state.
const liveWait = 10 * time.Second

// notify tells the service manager at socket, as in sd_notify(3), that the agent has started: once live is closed, or
// after wait, for what is ordered after the agent must not wait for a database that is away. It returns when ctx has
// ended, at once without a socket.
func notify(ctx context.Context, socket string, live <-chan struct{}, wait time.Duration) error {
	if socket == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", socket) // a leading @ stands for the abstract name space, here as there
	if err != nil {
		return fmt.Errorf("reach service manager: %w", err)
	}
	defer conn.Close()
	waited := time.After(wait)
	stopping := false
	for message := "READY=1\n"; !stopping; message = "" {
		select {
		case <-live:
			message += "STATUS=the data plane is live"
			live, waited = nil, nil
		case <-waited:
			message += "STATUS=waiting for the databases; what is pinned goes on forwarding"
		case <-ctx.Done():
			message, stopping = "STOPPING=1", true
		}
		if _, err := conn.Write([]byte(message)); err != nil {
			return fmt.Errorf("notify service manager: %w", err)
		}
	}
	return nil
}
