package l3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"woven.dev/woven/internal/lab/labtest"
)

const (
	transferSize = 4 << 20
	patience     = 20 * time.Second
)

// transfer sends bytes by TCP from one VM to another's address, and back what came: they must be the same.
func transfer(ctx context.Context, from, to *labtest.VM, ip netip.Addr) error {
	listener, err := listenTCP(to, ip)
	if err != nil {
		return err
	}
	defer listener.Close()
	conn, err := dial(ctx, from, "tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	accepted, err := listener.Accept()
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	defer accepted.Close()
	if err := errors.Join(conn.SetDeadline(time.Now().Add(patience)), accepted.SetDeadline(time.Now().Add(patience))); err != nil {
		return err
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), transferSize/16)
	var got []byte
	var ends errgroup.Group
	ends.Go(func() error {
		_, err := io.Copy(accepted, accepted)
		return errors.Join(err, accepted.(*net.TCPConn).CloseWrite())
	})
	ends.Go(func() error {
		_, err := conn.Write(data)
		return errors.Join(err, conn.(*net.TCPConn).CloseWrite())
	})
	ends.Go(func() (err error) {
		got, err = io.ReadAll(conn)
		return err
	})
	err = ends.Wait()
	if err == nil && !bytes.Equal(got, data) {
		err = fmt.Errorf("%d bytes came back, not the %d that were sent", len(got), len(data))
	}
	if err != nil {
		return fmt.Errorf("TCP from %s to %s at %s: %w", from.Name, to.Name, ip, err)
	}
	return nil
}

func listenTCP(vm *labtest.VM, ip netip.Addr) (listener net.Listener, err error) {
	err = vm.In(func() (err error) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
		return err
	})
	return listener, err
}

func dial(ctx context.Context, from *labtest.VM, network, address string) (conn net.Conn, err error) {
	dialer := net.Dialer{Timeout: patience}
	err = from.In(func() (err error) {
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dial from %s: %w", from.Name, err)
	}
	return conn, nil
}

// refused is an error unless an address refuses a connection, or datagrams.
func refused(ctx context.Context, from *labtest.VM, network string, ip netip.Addr) error {
	conn, err := dial(ctx, from, network, netip.AddrPortFrom(ip, 9).String())
	if err == nil {
		defer conn.Close()
		err = errors.Join(conn.SetDeadline(time.Now().Add(patience)))
		if err == nil {
			_, err = conn.Write([]byte("to nobody"))
		}
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("got %v, want that it is refused", err)
	}
	return nil
}

// pingFails sends one echo request that must not be answered, and returns what ping(8) says.
func pingFails(t *testing.T, from *labtest.VM, to string, args ...string) string {
	t.Helper()
	cmd, err := from.Switch.Lab.Command(t.Context(), from.Name, append([]string{"ping", "-n", "-c", "1", to}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 { // ping(8): no reply
		t.Errorf("ping %s: %v\n%s", to, err, out)
	}
	return string(out)
}
