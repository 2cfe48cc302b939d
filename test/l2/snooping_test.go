package l2

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/sdk/iomtest"
)

// IP multicast goes to the ports that joined (IGMP_Group) and to those with mcast_flood, reports to the ports with mcast_flood_reports,
// queries to all.
func snooping(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "mc")
	s.NB("set", "Logical_Switch", "mc", "other_config:mcast_snoop=true", "other_config:mcast_querier=false")
	from, all, joined, far := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2"), s.Add(4, "hv3")
	s.NB("lsp-set-options", all.Port, "mcast_flood=true")
	s.NB("lsp-set-options", joined.Port, "mcast_flood_reports=true")
	s.Sync()
	joinElsewhere(t, s, "239.1.1.1", joined, far)
	s.Sync()
	sender := newStation(t, from)
	stations := map[*labtest.VM]*station{all: newStation(t, all), joined: newStation(t, joined), far: newStation(t, far)}
	for _, c := range []struct {
		what            string
		frame           []byte
		reached, missed []*labtest.VM
	}{
		{"joined", multicast(t, from, "239.1.1.1"), []*labtest.VM{all, joined, far}, nil},
		{"joined by nobody", multicast(t, from, "239.9.9.9"), []*labtest.VM{all}, []*labtest.VM{joined, far}},
		{"link-local", multicast(t, from, "224.0.0.9"), []*labtest.VM{all, joined, far}, nil},
		{"report", igmp(t, from, layers.IGMPMembershipReportV2), []*labtest.VM{joined}, []*labtest.VM{all, far}},
		{"query", igmp(t, from, layers.IGMPMembershipQuery), []*labtest.VM{all, joined, far}, nil},
	} {
		for _, vm := range c.reached {
			if err := sender.reaches(stations[vm], 0, c.frame); err != nil {
				t.Errorf("%s to %s: %v", c.what, vm.Name, err)
			}
		}
		for _, vm := range c.missed {
			if err := sender.misses(stations[vm], 0, c.frame); err != nil {
				t.Errorf("%s to %s: %v", c.what, vm.Name, err)
			}
		}
	}
}

// joinElsewhere writes what the agent of some other chassis would have heard: agents remove what they find of their own and do not know.
func joinElsewhere(t *testing.T, s *labtest.Switch, group string, vms ...*labtest.VM) {
	find := func(table, condition string) string {
		return strings.TrimSpace(s.SB("--bare", "--columns=_uuid", "find", table, condition))
	}
	s.SB("chassis-add", "elsewhere", "geneve", "192.0.2.99")
	t.Cleanup(func() {
		if _, err := s.Lab.SBCtl(context.Background(), "chassis-del", "elsewhere"); err != nil {
			t.Error(err)
		}
	})
	var ports []string
	for _, vm := range vms {
		ports = append(ports, find("Port_Binding", "logical_port="+vm.Port))
	}
	s.SB("create", "IGMP_Group", fmt.Sprintf("address=%q", group), "datapath="+find("Datapath_Binding", "external_ids:name="+s.Name),
		"chassis="+find("Chassis", "name=elsewhere"), "ports=["+strings.Join(ports, ",")+"]")
}

// multicast is a UDP packet to an IPv4 group.
func multicast(t *testing.T, from *labtest.VM, group string) []byte {
	addr := netip.MustParseAddr(group)
	a := addr.As4()
	mac := iomtest.MAC(t, fmt.Sprintf("01:00:5e:%02x:%02x:%02x", a[1]&0x7f, a[2], a[3]))
	return iomtest.UDP(t, iomtest.MAC(t, from.MAC), mac, from.IP4, addr, 4000, 4001)
}

// igmp is a packet of IGMPv2 for group 239.1.1.9.
func igmp(t *testing.T, from *labtest.VM, kind layers.IGMPType) []byte {
	group := []byte{239, 1, 1, 9}
	body := append([]byte{byte(kind), 0, 0, 0}, group...)
	sum := uint32(body[0])<<8 + uint32(group[0])<<8 + uint32(group[1]) + uint32(group[2])<<8 + uint32(group[3])
	sum = ^(sum>>16 + sum&0xffff)
	body[2], body[3] = byte(sum>>8), byte(sum)
	return iomtest.Frame(t, iomtest.Eth(iomtest.MAC(t, from.MAC), iomtest.MAC(t, "01:00:5e:01:01:09"), layers.EthernetTypeIPv4),
		iomtest.IP(from.IP4, netip.MustParseAddr("239.1.1.9"), layers.IPProtocolIGMP), gopacket.Payload(body))
}
