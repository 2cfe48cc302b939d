package slowpath

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/bench/load"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
	"woven.dev/woven/test/traffic"
)

// A port from which a query comes leads to a multicast router: reports go there, from other nodes too, and to nobody else.
func routers(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "mr")
	s.NB("set", "Logical_Switch", s.Name, "other_config:mcast_snoop=true")
	host, stranger, router := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2")
	s.Sync()
	query := iomtest.Frame(t, iomtest.Eth(iomtest.MAC(t, router.MAC), iomtest.MAC(t, "01:00:5e:00:00:01"), layers.EthernetTypeIPv4),
		iomtest.IP(router.IP4, netip.AddrFrom4([4]byte{224, 0, 0, 1}), layers.IPProtocolIGMP), gopacket.Payload{0x11, 100, 0xee, 0x9b, 0, 0, 0, 0})
	asks, err := load.StartStorm(router.In, [][]byte{query}, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Stop()
	s.Eventually("the database has the router's port", func() error {
		for _, uuid := range strings.Fields(s.SB("--bare", "--columns=ports", "find", "IGMP_Group", "address=mrouters")) {
			if name := strings.TrimSpace(s.SB("--bare", "--columns=logical_port", "list", "Port_Binding", uuid)); name == router.Port {
				return nil
			}
		}
		return errors.New("it has not")
	})
	s.Sync()
	heard := map[*labtest.VM]*traffic.Tap{}
	for _, vm := range []*labtest.VM{stranger, router} {
		if heard[vm], err = traffic.Overhear(vm.In, "eth0"); err != nil {
			t.Fatal(err)
		}
	}
	join(t, host)
	waitJoined(s, host)
	for vm, want := range map[*labtest.VM]bool{stranger: false, router: true} {
		got, err := heard[vm].Count(func(frame []byte) bool { return len(frame) > 23 && frame[23] == 2 && frame[29] == host.IP4.As4()[3] })
		if err != nil || (got > 0) != want {
			t.Errorf("%s heard %d reports of %s (%v), want any: %v", vm.Name, got, host.Name, err, want)
		}
	}
}
