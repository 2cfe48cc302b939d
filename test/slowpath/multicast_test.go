package slowpath

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

var (
	group4 = netip.MustParseAddr("239.1.2.3")
	group6 = netip.MustParseAddr("ff05::1:3")
)

// join makes a VM's kernel a member of both groups until leave is called.
func join(t *testing.T, vm *labtest.VM) (leave func()) {
	t.Helper()
	fds := []int{-1, -1}
	err := vm.In(func() (err error) {
		if fds[0], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if fds[1], err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		dev, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if err := unix.SetsockoptIPMreqn(fds[0], unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group4.As4(), Ifindex: int32(dev.Index)}); err != nil {
			return err
		}
		return unix.SetsockoptIPv6Mreq(fds[1], unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{Multiaddr: group6.As16(), Interface: uint32(dev.Index)})
	})
	leave = func() {
		for i, fd := range fds {
			if fd >= 0 {
				unix.Close(fd)
			}
			fds[i] = -1
		}
	}
	t.Cleanup(leave)
	if err != nil {
		t.Fatalf("join groups in %s: %v", vm.Name, err)
	}
	return leave
}

// joined are the ports that the table IGMP_Group has for a group, over all chassis.
func joined(s *labtest.Switch, group netip.Addr) (ports []string) {
	for _, uuid := range strings.Fields(s.SB("--bare", "--columns=ports", "find", "IGMP_Group", fmt.Sprintf("address=%q", group))) {
		ports = append(ports, strings.TrimSpace(s.SB("--bare", "--columns=logical_port", "list", "Port_Binding", uuid)))
	}
	slices.Sort(ports)
	return ports
}

func waitJoined(s *labtest.Switch, want ...*labtest.VM) {
	var names []string
	for _, vm := range want {
		names = append(names, vm.Port)
	}
	slices.Sort(names)
	for _, group := range []netip.Addr{group4, group6} {
		s.Eventually("members of "+group.String(), func() error {
			if got := joined(s, group); !slices.Equal(got, names) {
				return fmt.Errorf("they are %q, want %q", got, names)
			}
			return nil
		})
	}
	s.Sync()
}

// stream is a flow to a group that has to reach one member, and is overheard at those who are none.
type stream struct {
	*traffic.Run
	taps map[*labtest.VM]*traffic.Tap
}

func startStream(ctx context.Context, group netip.Addr, from, to *labtest.VM, strangers ...*labtest.VM) (*stream, error) {
	run, err := traffic.Start(ctx, traffic.Flow{From: from.In, To: to.In, Dest: group, Packets: 100, PerSecond: 500})
	if err != nil {
		return nil, err
	}
	st := &stream{run, map[*labtest.VM]*traffic.Tap{}}
	for _, vm := range strangers {
		if st.taps[vm], err = traffic.Overhear(vm.In, "eth0"); err != nil {
			return nil, err
		}
	}
	return st, nil
}

func (st *stream) check(t *testing.T, what string) {
	t.Helper()
	if err := st.Check(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	for vm, tap := range st.taps {
		if heard, err := tap.Close(st.Run); heard > 0 || err != nil {
			t.Errorf("%s: %s, which is no member, heard %d packets (%v)", what, vm.Name, heard, err)
		}
	}
}

// IP multicast goes to those who joined it, on all nodes, and to nobody else.
func multicast(t *testing.T, l *lab.Lab) {
	s := labtest.NewSwitch(t, l, "mc")
	s.NB("set", "Logical_Switch", s.Name, "other_config:mcast_snoop=true", "other_config:mcast_querier=true", "other_config:mcast_query_interval=2",
		"other_config:mcast_eth_src=0a:00:00:00:00:fe", "other_config:mcast_ip4_src=10.0.0.254", "other_config:mcast_ip6_src=fe80::fe")
	from, here, there, stranger := s.Add(1, "hv1"), s.Add(2, "hv1"), s.Add(3, "hv2"), s.Add(4, "hv2")
	s.Sync()
	s.Exec(from.Name, "ip", "route", "add", "239.0.0.0/8", "dev", "eth0")
	s.Exec(here.Name, "sh", "-c", "echo 2 > /proc/sys/net/ipv4/conf/all/force_igmp_version; echo 1 > /proc/sys/net/ipv6/conf/all/force_mld_version")
	join(t, here)
	leave := join(t, there)
	waitJoined(s, here, there)
	all := func(what string, to *labtest.VM, strangers ...*labtest.VM) {
		t.Helper()
		for _, group := range []netip.Addr{group4, group6} {
			st, err := startStream(t.Context(), group, from, to, strangers...)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			st.check(t, fmt.Sprintf("%s, %s to %s", what, group, to.Name))
		}
	}
	all("both joined", here, stranger)
	all("both joined", there, stranger)

	before := igmpRows(s)
	s.SB("set", "IP_Multicast", strings.TrimSpace(s.SB("--bare", "--columns=_uuid", "find", "IP_Multicast", "datapath="+datapath(s))), "seq_no=1")
	s.Eventually("the querier brings all back", func() error {
		for _, uuid := range igmpRows(s) {
			if slices.Contains(before, uuid) {
				return fmt.Errorf("row %s has not been flushed", uuid)
			}
		}
		return nil
	})
	waitJoined(s, here, there)

	under, err := startStream(t.Context(), group4, from, here, stranger)
	if err != nil {
		t.Fatal(err)
	}
	for _, hv := range []string{"hv1", "hv2"} {
		if err := l.KillAgent(hv); err != nil {
			t.Fatal(err)
		}
		if err := l.StartAgent(t.Context(), hv); err != nil {
			t.Fatal(err)
		}
	}
	s.Sync()
	under.check(t, "while agents were killed and started")

	leave()
	waitJoined(s, here)
	all("one left", here, stranger, there)
}

// datapath is the switch's Datapath_Binding.
func datapath(s *labtest.Switch) string {
	return strings.TrimSpace(s.SB("--bare", "--columns=_uuid", "find", "Datapath_Binding", "external_ids:name="+s.Name))
}

// igmpRows are the rows of both groups.
func igmpRows(s *labtest.Switch) []string {
	var rows []string
	for _, group := range []netip.Addr{group4, group6} {
		rows = append(rows, strings.Fields(s.SB("--bare", "--columns=_uuid", "find", "IGMP_Group", fmt.Sprintf("address=%q", group)))...)
	}
	return rows
}
