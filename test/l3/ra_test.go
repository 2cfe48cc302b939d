package l3

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// slaac: hosts find their address, their router and the rest by themselves; advertisements come on request and by themselves.
func slaac(t *testing.T, l *lab.Lab) {
	w := newNetwork(t, l, "sla", 150)
	w.router.NB("set", "Logical_Router_Port", w.router.Port(w.left), "ipv6_ra_configs:address_mode=slaac", "ipv6_ra_configs:mtu=1400",
		"ipv6_ra_configs:send_periodic=true", "ipv6_ra_configs:max_interval=4", "ipv6_ra_configs:min_interval=3",
		`ipv6_ra_configs:rdnss="fd00:10:0:97::3"`, "ipv6_ra_configs:dnssl=lab.test")
	for i, hv := range []string{"hv1", "hv2"} {
		vm := w.left.VM(5+i, hv, noAddress)
		vm.AddPort()
		w.left.NB("lsp-set-addresses", vm.Port, vm.MAC, "--", "lsp-set-port-security", vm.Port, vm.MAC)
		vm.StartBare()
		vm.WaitUp(true)
		own := netip.MustParseAddr(fmt.Sprintf("fd00:10:0:96:800:ff:fe00:96%02x", 5+i))
		w.left.Eventually("an address and a router", func() error {
			addrs := w.left.Exec(vm.Name, "ip", "-6", "addr", "show", "dev", "eth0", "scope", "global", "-tentative")
			routes := w.left.Exec(vm.Name, "ip", "-6", "route", "show", "default")
			mtu := w.left.Exec(vm.Name, "sysctl", "-n", "net.ipv6.conf.eth0.mtu")
			if !strings.Contains(addrs, own.String()) || !strings.Contains(routes, "via fe80::800:ff:fe01:96fe dev eth0 proto ra") || strings.TrimSpace(mtu) != "1400" {
				return fmt.Errorf("%s has\n%s%s%s", vm.Name, addrs, routes, mtu)
			}
			return nil
		})
		if err := vm.Ping(3, w.far.IP6); err != nil {
			t.Error(err)
		}
		if err := w.far.Ping(3, own); err != nil {
			t.Error(err)
		}
		if err := advertised(vm); err != nil {
			t.Error(err)
		}
	}
}

// advertised is an error unless a VM hears two advertisements, with a DNS server and a domain, that it has not asked for.
func advertised(vm *labtest.VM) error {
	var conn net.PacketConn
	err := vm.In(func() (err error) {
		conn, err = net.ListenPacket("ip6:ipv6-icmp", "::")
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	b := make([]byte, 1500)
	for heard := 0; heard < 2; {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return fmt.Errorf("%s heard %d advertisements: %w", vm.Name, heard, err)
		}
		p := gopacket.NewPacket(b[:n], layers.LayerTypeICMPv6, gopacket.Default)
		ra, ok := p.Layer(layers.LayerTypeICMPv6RouterAdvertisement).(*layers.ICMPv6RouterAdvertisement)
		if !ok {
			continue
		}
		heard++
		text := fmt.Sprintf("%s %v", from, ra.Options)
		for _, want := range []string{"fe80::800:ff:fe01:96fe", "fd00:10:0:97::3", fmt.Sprintf("%x", "lab")} {
			if !strings.Contains(text, want) {
				return errors.New("advertisement lacks " + want + ": " + text)
			}
		}
	}
	return nil
}
