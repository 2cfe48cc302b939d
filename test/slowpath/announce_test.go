package slowpath

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/neigh"
	"woven.dev/woven/test/traffic"
)

// A port of a switch with a physical network is announced to the whole switch in its own name, over and over where the node's row asks for
// that; without a bridge to that network it is not.
func announcement(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "ga")
	s.NB("lsp-add", s.Name, s.Name+"-ln", "--", "lsp-set-type", s.Name+"-ln", "localnet", "--", "lsp-set-addresses", s.Name+"-ln", "unknown",
		"--", "lsp-set-options", s.Name+"-ln", "network_name=physnet1")
	listener := s.Add(1, "hv1")
	tap, err := traffic.Overhear(listener.In, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	vm := s.Add(2, "hv1")
	s.Sync()
	mac, err := net.ParseMAC(vm.MAC)
	if err != nil {
		t.Fatal(err)
	}
	announced := neigh.Announce(frame.MAC(mac), []netip.Addr{vm.IP4})[0]
	if n, err := tap.Count(func(f []byte) bool { return bytes.HasPrefix(f, announced) }); n > 0 || err != nil {
		t.Errorf("there is no way to the physical network, and the port is announced %d times (%v)", n, err)
	}
	s.VS("hv1", "set", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings=physnet1:br-ex", "external_ids:garp-max-timeout-sec=1")
	defer s.VS("hv1", "remove", "Open_vSwitch", ".", "external_ids", "ovn-bridge-mappings", "garp-max-timeout-sec")
	for _, want := range []string{
		fmt.Sprintf("arp and arp[6:2] = 1 and src host %s and dst host %[1]s", vm.IP4),
		fmt.Sprintf("ip6[6] = 58 and ip6[40] = 136 and src host %s and dst host ff02::1", vm.IP6),
	} {
		s.Exec(listener.Name, "timeout", "20", "tcpdump", "-c", "2", "-nei", "eth0", "ether src "+vm.MAC+" and "+want)
	}
}
