package l2

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestUnderlay changes how the nodes tunnel while they run: hv1 and hv2 are Woven, hv3 is stock.
func TestUnderlay(t *testing.T) {
	l := labtest.Up(t, "und", lab.Options{Hypervisors: 3, Stock: []int{3}, Woven: labtest.Woven(t)})
	u := &underlay{Switch: labtest.NewSwitch(t, l, "und"), t: t}
	for i, hv := range []string{"hv1", "hv2", "hv3"} {
		u.vms = append(u.vms, u.Add(i+1, hv))
	}
	u.Sync()
	u.expect("IPv4", nil)
	u.anotherSource()
	for _, step := range []struct { // each starts from what the one before left
		name string
		do   func()
		shut []string // pairs of nodes that don't reach one another
	}{
		{"IPv6", u.ipv6, nil},
		{"checksums off", func() { u.checksums("false") }, nil},
		{"checksums on", func() { u.checksums("true") }, nil},
		{"both families, IPv6 first", u.both, nil},
		{"a tunnel end for one port", u.encapIP, nil},
		{"zones", u.zones, []string{"hv1 hv2", "hv2 hv1", "hv2 hv3", "hv3 hv2"}},
	} {
		step.do()
		u.expect(step.name, step.shut)
	}
}

// underlay is a switch with a VM on each node.
type underlay struct {
	*labtest.Switch
	t   *testing.T
	vms []*labtest.VM
}

// addr4 and addr6 are the underlay addresses of hypervisor n in a lab.
func (u *underlay) addr4(n int) string { return fmt.Sprintf("172.31.0.%d", 10+n) }

func (u *underlay) addr6(n int) string {
	u.t.Helper()
	device := "eth0"
	if n == 3 {
		device = "br-ex" // of the stock node
	}
	out := strings.Fields(u.Exec(fmt.Sprintf("hv%d", n), "ip", "-br", "-6", "addr", "show", "dev", device, "scope", "global"))
	if len(out) < 3 {
		u.t.Fatalf("hv%d has no IPv6 address: %q", n, out)
	}
	addr, _, _ := strings.Cut(out[2], "/")
	return addr
}

func (u *underlay) set(n int, key, value string) {
	u.t.Helper()
	u.VS(fmt.Sprintf("hv%d", n), "set", "Open_vSwitch", ".", fmt.Sprintf("external_ids:%s=%q", key, value))
}

func (u *underlay) ipv6() {
	for n := 1; n <= 3; n++ {
		u.set(n, "ovn-encap-ip", u.addr6(n))
	}
}

func (u *underlay) both() {
	for n := 1; n <= 3; n++ {
		u.set(n, "ovn-encap-ip", u.addr6(n)+","+u.addr4(n))
		u.set(n, "ovn-encap-tos", "inherit")
		u.set(n, "ovn-encap-df_default", "false")
	}
}

// checksums has every node ask for outer checksums, or for none.
func (u *underlay) checksums(csum string) {
	for n := 1; n <= 3; n++ {
		u.set(n, "ovn-encap-csum", csum)
	}
	u.Eventually("the rows say so", func() error {
		if rows := strings.Fields(u.SB("--bare", "--columns=ip", "find", "Encap", "options:csum="+csum)); len(rows) < 3 {
			return fmt.Errorf("only %q do", rows)
		}
		return nil
	})
}

// encapIP has the VM of hv2 reached by IPv4.
func (u *underlay) encapIP() {
	u.VS("hv2", "set", "Interface", u.vms[1].Device(), fmt.Sprintf("external_ids:encap-ip=%q", u.addr4(2)))
	u.Eventually("the binding names the tunnel end", func() error {
		encap := strings.TrimSpace(u.SB("--bare", "--columns=encap", "find", "Port_Binding", "logical_port="+u.vms[1].Port))
		if encap == "" {
			return errors.New("it names none")
		}
		if ip := strings.Trim(strings.TrimSpace(u.SB("get", "Encap", encap, "ip")), `"`); ip != u.addr4(2) {
			return fmt.Errorf("it is %s", ip)
		}
		return nil
	})
}

// zones leaves hv2 alone in a zone.
func (u *underlay) zones() {
	u.set(1, "ovn-transport-zones", "a,b")
	u.set(2, "ovn-transport-zones", "c")
	u.set(3, "ovn-transport-zones", "b")
}

// expect tries every way between nodes, with small packets and with the largest that the workloads can send.
func (u *underlay) expect(what string, shut []string) {
	u.t.Helper()
	u.NB("--wait=hv", "sync")
	for _, from := range u.vms {
		for _, to := range u.vms {
			if from == to {
				continue
			}
			way := from.Hypervisor + " " + to.Hypervisor
			if strings.Contains(strings.Join(shut, ","), way) {
				u.Eventually(what+": no way "+way, func() error { return from.NoPing(to.IP4) })
				continue
			}
			u.Eventually(what+": way "+way, func() error {
				return errors.Join(from.Ping(1, to.IP4), from.Ping(1, to.IP6), from.Ping(1, to.IP4, "-s", "1372", "-M", "do"))
			})
		}
	}
}
