package agent

import (
	"maps"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/internal/slowpath/dhcp"
	"woven.dev/woven/internal/slowpath/dhcp6"
	"woven.dev/woven/internal/slowpath/dns"
)

// serving is what a round leaves for the next about DHCP and DNS: what was made of rows that stay the same.
type serving struct {
	ports map[*logical.Port]readyPort
	codes map[string]logical.DHCPCode // with which ports were made
	zones map[string]readyZone        // by module ID
}

// readyPort is what a port's requests are answered with, and what of its options could not be read.
type readyPort struct {
	dhcp     *dhcp.Config
	dhcp6    *dhcp6.Config
	problems []error
}

// readyZone is what a switch's records are made into.
type readyZone struct {
	from     []*logical.DNS
	zone     *dns.Zone
	problems []error
}

// keepServing tells the server of DHCP and DNS what to answer.
func (l *loop) keepServing(r *round, instances []hover.Instance) {
	known := l.serving
	if !maps.Equal(known.codes, l.live.network.DHCPv4Codes) {
		known.ports = nil
	}
	l.serving = serving{ports: map[*logical.Port]readyPort{}, codes: l.live.network.DHCPv4Codes, zones: map[string]readyZone{}}
	switches := map[string]slowpath.ServedSwitch{}
	for _, in := range instances {
		row := l.live.network.Switches[in.Module.ID]
		if row == nil {
			continue
		}
		sw := slowpath.ServedSwitch{Slot: in.Slot, Zone: l.zone(r, row, known.zones[row.UUID]), Ports: map[uint16]slowpath.ServedPort{}}
		for _, p := range row.Ports {
			slot, here := in.Ports[p.Key]
			if !here || p.Device == nil {
				continue
			}
			ready := l.servedPort(r, p, known.ports)
			sw.Ports[p.Key] = slowpath.ServedPort{Slot: slot, DHCP: ready.dhcp, DHCP6: ready.dhcp6}
		}
		switches[in.Module.ID] = sw
	}
	l.server.Configure(l.relay(), switches)
}

// zone makes a switch's records ready; nil: it has none.
func (l *loop) zone(r *round, sw *logical.Switch, known readyZone) *dns.Zone {
	if len(sw.DNS) == 0 {
		return nil
	}
	if !slices.Equal(known.from, sw.DNS) {
		rows := make([]dns.Row, len(sw.DNS))
		for i, row := range sw.DNS {
			rows[i] = dns.Row{Records: row.Records, Owned: row.Owned}
		}
		known = readyZone{from: sw.DNS}
		known.zone, known.problems = dns.NewZone(rows)
	}
	for _, err := range known.problems {
		r.problems.Add("logical_switch", sw.Name, "dns_records: %v", err)
	}
	l.serving.zones[sw.UUID] = known
	return known.zone
}

// servedPort makes a port's DHCP options ready.
func (l *loop) servedPort(r *round, p *logical.Port, known map[*logical.Port]readyPort) readyPort {
	if p.DHCPv4 == nil && p.DHCPv6 == nil {
		return readyPort{}
	}
	ready, ok := known[p]
	if !ok {
		ready = l.readyPort(p)
	}
	for _, err := range ready.problems {
		r.problems.Add("logical_switch_port", p.Name, "DHCP options: %v", err)
	}
	l.serving.ports[p] = ready
	return ready
}

func (l *loop) readyPort(p *logical.Port) (ready readyPort) {
	if len(p.Addresses) == 0 {
		return ready
	}
	mac, addrs := p.Addresses[0].MAC, addressesOf(p.Addresses[0])
	if p.DHCPv4 != nil {
		codes := make(map[string]dhcp.Code, len(l.live.network.DHCPv4Codes))
		for name, c := range l.live.network.DHCPv4Codes {
			codes[name] = dhcp.Code(c)
		}
		c, problems := dhcp.NewConfig(dhcp.Row{MAC: mac, Addresses: addrs, CIDR: p.DHCPv4.CIDR, Options: p.DHCPv4.Options, Codes: codes, Hostname: p.Hostname})
		ready.dhcp, ready.problems = &c, problems
	}
	if p.DHCPv6 != nil {
		c, problems := dhcp6.NewConfig(dhcp6.Row{MAC: mac, Addresses: addrs, CIDR: p.DHCPv6.CIDR, Options: p.DHCPv6.Options})
		ready.dhcp6, ready.problems = &c, append(ready.problems, problems...)
	}
	return ready
}

// addressesOf are the IP addresses that go with a MAC address.
func addressesOf(a logical.Address) []netip.Addr {
	var addrs []netip.Addr
	for _, prefix := range a.Prefixes {
		addrs = append(addrs, prefix.Addr())
	}
	return addrs
}
