package lab_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// vm returns workload vmN of 10.0.0.N on a hypervisor.
func vm(n int, hv string) lab.Workload {
	return lab.Workload{
		Name: fmt.Sprintf("vm%d", n), Hypervisor: hv, MAC: fmt.Sprintf("0a:00:00:00:00:%02x", n),
		Addresses: []netip.Prefix{
			netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", n)),
			netip.MustParsePrefix(fmt.Sprintf("fd00:10::%d/64", n)),
		},
	}
}

// nbctl runs one command of ovn-nbctl.
func nbctl(t *testing.T, l *lab.Lab, args ...string) string {
	t.Helper()
	out, err := l.NBCtl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// addPorts adds workloads with their logical ports to switch sw0 and waits for the hypervisors.
func addPorts(t *testing.T, l *lab.Lab, vms ...lab.Workload) {
	t.Helper()
	nbctl(t, l, "--may-exist", "ls-add", "sw0")
	for _, w := range vms {
		addresses := w.MAC
		for _, a := range w.Addresses {
			addresses += " " + a.Addr().String()
		}
		nbctl(t, l, "lsp-add", "sw0", w.Name, "--", "lsp-set-addresses", w.Name, addresses)
		if err := l.AddWorkload(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		nbctl(t, l, "wait-until", "Logical_Switch_Port", w.Name, "up=true")
	}
	nbctl(t, l, "--wait=hv", "sync")
}

// mustPing fails the test unless an echo request is answered: the first ones may be lost while neighbours are resolved.
func mustPing(t *testing.T, l *lab.Lab, from, to string) {
	t.Helper()
	if _, err := l.Exec(t.Context(), from, "ping", "-c", "3", "-i", "0.1", "-W", "2", to); err != nil {
		t.Error(err)
	}
}

// mustSend fails the test unless a megabyte crosses by TCP.
func mustSend(t *testing.T, l *lab.Lab, from, to, address string) {
	t.Helper()
	server, err := l.Command(t.Context(), to, "iperf3", "--server", "--one-off", "--forceflush")
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.Contains(lines.Text(), "listening") {
			break
		}
	}
	if _, err := l.Exec(t.Context(), from, "iperf3", "--client", address, "--bytes", "1M", "--connect-timeout", "2000"); err != nil {
		t.Error(err)
		server.Process.Kill()
	}
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}

func TestStockHypervisor(t *testing.T) {
	l := labtest.Up(t, "one", lab.Options{Hypervisors: 1, Stock: []int{1}})
	tapped := vm(2, "hv1")
	tapped.Tap = true
	addPorts(t, l, vm(1, "hv1"), tapped)
	mustPing(t, l, "vm1", "10.0.0.2")
	mustPing(t, l, "vm2", "fd00:10::1")

	if err := l.Unplug(t.Context(), "vm2"); err != nil {
		t.Fatal(err)
	}
	nbctl(t, l, "wait-until", "Logical_Switch_Port", "vm2", "up=false")
	if out, err := l.Exec(t.Context(), "vm1", "ping", "-c", "1", "-W", "1", "10.0.0.2"); err == nil {
		t.Errorf("vm1 reaches vm2, which is not plugged: %s", out)
	}
	if err := l.Plug(t.Context(), "vm2"); err != nil {
		t.Fatal(err)
	}
	nbctl(t, l, "wait-until", "Logical_Switch_Port", "vm2", "up=true")
	nbctl(t, l, "--wait=hv", "sync")
	mustPing(t, l, "vm1", "10.0.0.2")
	mustSend(t, l, "vm2", "vm1", "10.0.0.1")
}

func TestTwoStockHypervisors(t *testing.T) {
	l := labtest.Up(t, "two", lab.Options{Hypervisors: 2, Stock: []int{1, 2}})
	addPorts(t, l, vm(1, "hv1"), vm(2, "hv2"))
	mustPing(t, l, "vm1", "10.0.0.2")
	mustPing(t, l, "vm2", "fd00:10::1")
	mustSend(t, l, "vm1", "vm2", "10.0.0.2")
}
