package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"woven.dev/woven/internal/lab/labtest"
)

// namePort is the TCP and UDP port on which a VM says its name.
const namePort = 1007

// patience bounds the wait for an answer.
const patience = 5 * time.Second

// sayName answers TCP connections and UDP datagrams to a VM with the VM's name until the test ends: who is asked by
// address tells who was reached.
func sayName(t *testing.T, vm *labtest.VM) {
	t.Helper()
	var tcp net.Listener
	var udp net.PacketConn
	err := vm.In(func() (err error) {
		if tcp, err = net.Listen("tcp", fmt.Sprintf(":%d", namePort)); err != nil {
			return err
		}
		udp, err = net.ListenPacket("udp", fmt.Sprintf(":%d", namePort))
		return err
	})
	if err != nil {
		t.Fatalf("let %s say its name: %v", vm.Name, err)
	}
	var servers sync.WaitGroup
	servers.Go(func() {
		for {
			conn, err := tcp.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = io.WriteString(conn, vm.Name)
				conn.Close()
			}
		}
	})
	servers.Go(func() {
		question := make([]byte, 64)
		for {
			_, from, err := udp.ReadFrom(question)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = udp.WriteTo([]byte(vm.Name), from)
			}
		}
	})
	t.Cleanup(func() {
		tcp.Close()
		udp.Close()
		servers.Wait()
	})
}

// dial connects from a VM to a port of an address over "tcp" or "udp".
func dial(ctx context.Context, vm *labtest.VM, network string, to netip.Addr, port uint16) (net.Conn, error) {
	var conn net.Conn
	err := vm.In(func() (err error) {
		d := net.Dialer{Timeout: patience}
		conn, err = d.DialContext(ctx, network, netip.AddrPortFrom(to, port).String())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", vm.Name, err)
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// ask returns the name that the VM with an address says to another.
func ask(ctx context.Context, vm *labtest.VM, network string, to netip.Addr) (string, error) {
	conn, err := dial(ctx, vm, network, to, namePort)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if network == "udp" {
		if _, err := io.WriteString(conn, "?"); err != nil {
			return "", fmt.Errorf("ask %s: %w", to, err)
		}
	}
	name := make([]byte, 64)
	n, err := conn.Read(name)
	if err != nil {
		return "", fmt.Errorf("%s: read the name of %s over %s: %w", vm.Name, to, network, err)
	}
	return string(name[:n]), nil
}

// reaches ends the test unless from reaches to by TCP, UDP and ping, IPv4 and IPv6, and that one answers.
func reaches(t *testing.T, from, to *labtest.VM) {
	t.Helper()
	for _, address := range []netip.Addr{to.IP4, to.IP6} {
		for _, network := range []string{"tcp", "udp"} {
			name, err := ask(t.Context(), from, network, address)
			if err != nil {
				t.Fatal(err)
			}
			if name != to.Name {
				t.Fatalf("%s asked %s over %s and was answered by %s, want %s", from.Name, address, network, name, to.Name)
			}
		}
		if err := from.Ping(1, address); err != nil {
			t.Fatal(err)
		}
	}
}

// matrix ends the test unless each VM reaches each other.
func matrix(t *testing.T, vms ...*labtest.VM) {
	t.Helper()
	for _, vm := range vms {
		sayName(t, vm)
	}
	for _, from := range vms {
		for _, to := range vms {
			if from != to {
				reaches(t, from, to)
			}
		}
	}
}

// cutOff fails the test if one of two VMs reaches the other.
func cutOff(t *testing.T, a, b *labtest.VM) {
	t.Helper()
	var pings sync.WaitGroup
	for _, address := range []netip.Addr{b.IP4, b.IP6} {
		pings.Go(func() {
			if err := a.NoPing(address); err != nil {
				t.Error(err)
			}
		})
	}
	for _, address := range []netip.Addr{a.IP4, a.IP6} {
		pings.Go(func() {
			if err := b.NoPing(address); err != nil {
				t.Error(err)
			}
		})
	}
	pings.Wait()
}

// atLeast is an error as long as a port has dropped fewer packets for a reason of l2switch.
func atLeast(vm *labtest.VM, reason string, want uint64) error {
	if have := vm.Drops("l2switch", reason); have < want {
		return fmt.Errorf("%s dropped %d packets for %s, want %d", vm.Name, have, reason, want)
	}
	return nil
}
