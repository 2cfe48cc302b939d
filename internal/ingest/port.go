package ingest

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// Types of a Logical_Switch_Port, ovn-nb(5).
const (
	routerType    = "router"
	localnetType  = "localnet"
	localportType = "localport"
	virtualType   = "virtual"
)

// knownPort is a port with all that it was made of besides its binding.
type knownPort struct {
	portSource
	owner    *nb.LogicalSwitch // that has row
	datapath string            // UUID
	port     *logical.Port
	problems logical.Problems
	round    uint64 // of the members in which it was entered last; 0: in none, or it was displaced since
}

// portSource is what a port is made of besides its binding.
type portSource struct {
	row            *nb.LogicalSwitchPort // nil: there is none
	place          place
	link           *logical.Link
	dhcpv4, dhcpv6 *logical.DHCPOptions
}

// same says whether two sources are the same for the port.
func (s *portSource) same(o *portSource) bool {
	return s.row == o.row && s.link == o.link && s.dhcpv4 == o.dhcpv4 && s.dhcpv6 == o.dhcpv6 && s.place.same(&o.place)
}

// knownPort reads the port of a binding, unless that would give what it gave the last time, last; an equal port is the same one.
func (n *network) knownPort(l *localSwitch, pb *sb.PortBinding, last *knownPort) *knownPort {
	from := portSource{row: n.rowOf(l, pb, last), place: n.knownPlace(pb, last)}
	if portType(pb) == routerType {
		from.link = n.link(pb)
	}
	if from.row != nil && from.place.hold.device != nil {
		from.dhcpv4, from.dhcpv6 = n.dhcp(from.row.Dhcpv4Options), n.dhcp(from.row.Dhcpv6Options)
	}
	if last != nil && last.same(&from) {
		last.owner = l.row
		return last
	}
	p := &knownPort{portSource: from, owner: l.row, datapath: pb.Datapath}
	p.port, p.problems = readPort(n.Chassis, pb, &p.portSource)
	if before := l.known.port(p.port.Key, p.port.UUID); before != nil && reflect.DeepEqual(before, p.port) {
		p.port = before
	}
	return p
}

// rowOf is the Northbound row of a binding; nil when the switch has no such port. known is what was found the last time, or nil.
func (n *network) rowOf(l *localSwitch, pb *sb.PortBinding, known *knownPort) *nb.LogicalSwitchPort {
	if n.same.ports && n.members.lately(known) && l.rows.keep(known) {
		return known.row
	}
	return l.rows.rowOf(pb.LogicalPort, known)
}

// knownPlace says where the port of a binding is. known is what was found the last time, or nil.
func (n *network) knownPlace(pb *sb.PortBinding, known *knownPort) place {
	held := n.held[pb]
	if n.same.sites && n.members.lately(known) && known.place.hold.same(held) {
		return known.place
	}
	return n.placeOf(pb, held)
}

// port is that of the last result with a key and UUID; nil when there is none.
func (k *knownSwitch) port(key uint16, uuid string) *logical.Port {
	if k.result == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(k.result.Ports, key, func(p *logical.Port, key uint16) int { return compareKeys(p.Key, key, p.UUID, uuid) })
	if !found {
		return nil
	}
	return k.result.Ports[i]
}

// portReader is one call of readPort under way.
type portReader struct {
	logical.Problems
	chassis string // our own
	binding *sb.PortBinding
	*portSource
	port *logical.Port
}

// readPort is the port of a binding and its Northbound row. Without the latter (it was deleted, or is about to
// arrive) the policy is not known: the port is there with what its binding says, but disabled.
func readPort(chassis string, pb *sb.PortBinding, from *portSource) (*logical.Port, logical.Problems) {
	at := &from.place
	p := &logical.Port{
		UUID: pb.UUID, Name: pb.LogicalPort, Key: uint16(pb.TunnelKey), Type: portType(pb),
		Chassis: at.chassis, Peers: at.peers, Activation: at.activation,
		Link: from.link, DHCPv4: from.dhcpv4, DHCPv6: from.dhcpv6,
	}
	if at.hold.device != nil {
		p.Device, p.Tag = at.hold.device, at.hold.tag
	}
	r := portReader{chassis: chassis, binding: pb, portSource: from, port: p}
	r.readPolicy()
	r.check()
	return p, r.Problems
}

// readPolicy reads addresses and port security.
func (r *portReader) readPolicy() {
	p := r.port
	if p.Type == virtualType {
		r.readVirtual()
	}
	if p.Type == localnetType {
		p.Network = r.binding.Options["network_name"]
	}
	addresses, dynamic, security := r.binding.MAC, (*string)(nil), r.binding.PortSecurity
	if r.row != nil {
		p.NBUUID = r.row.UUID
		p.Enabled = r.row.Enabled == nil || *r.row.Enabled
		p.Hostname = r.row.Options["hostname"]
		p.ARPProxy = r.arpProxy(r.row.Options["arp_proxy"])
		p.ConnectionLimit = connectionLimit(r.row.Options, func(text string) { r.problem("options:%s: %s", limitOption, text) })
		addresses, dynamic, security = r.row.Addresses, r.row.DynamicAddresses, r.row.PortSecurity
	}
	var garbage []string
	p.Addresses, p.Unknown, garbage = portAddresses(p.Type, addresses, dynamic)
	if p.Link != nil && p.Link.Router && p.Link.MAC != [6]byte{} && slices.Contains(addresses, routerType) {
		p.Addresses = append(p.Addresses, ownAddresses(p.Link))
	}
	for _, bad := range garbage {
		r.problem("addresses: %s is no unicast address: it and what follows it are left out", bad)
	}
	p.PortSecurity, garbage = portSecurity(security)
	for _, bad := range garbage {
		r.problem("port_security: %s is no unicast address: it and what follows it are left out", bad)
	}
	if len(security) > 0 && len(p.PortSecurity) == 0 {
		p.Enabled = false
		r.problem("port_security has no usable element: all traffic of the port is dropped")
	}
}

// readVirtual reads whose address a virtual port's is.
func (r *portReader) readVirtual() {
	p, options := r.port, r.binding.Options
	addr, err := netip.ParseAddr(options["virtual-ip"])
	if err != nil || addr.IsMulticast() || addr.IsUnspecified() || options["virtual-parents"] == "" {
		r.problem("options:virtual-ip and options:virtual-parents name no address and ports: the port is bound nowhere")
		return
	}
	p.VirtualIP, p.VirtualParents = addr, strings.Split(options["virtual-parents"], ",")
	if r.binding.VirtualParent != nil {
		p.VirtualParent = *r.binding.VirtualParent
	}
}

// ownAddresses are those of the router port that a link leads to.
func ownAddresses(l *logical.Link) logical.Address {
	a := logical.Address{MAC: l.MAC}
	for _, p := range l.Networks {
		a.Prefixes = append(a.Prefixes, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	return a
}

// arpProxy reads options:arp_proxy of a router port: "[MAC] IP[/plen]...", as releases of OVN after 23.03 do: in that one there are only IPv4
// addresses, and of a network its first address.
func (r *portReader) arpProxy(text string) logical.Address {
	var a logical.Address
	if text == "" || r.port.Type != routerType {
		return a
	}
	word, rest := nextWord(text)
	if mac, ok := parseMAC(word); ok {
		word, rest = nextWord(rest)
		if mac[0]&1 != 0 || mac == [6]byte{} {
			r.problem("options:arp_proxy: %s is no station's MAC address: that of the router port stands for it", logical.MAC(mac))
		} else {
			a.MAC = mac
		}
	}
	for ; word != ""; word, rest = nextWord(rest) {
		prefix, ok := parseNetwork(word)
		if !ok || prefix.Addr().IsMulticast() || prefix.IsSingleIP() && prefix.Addr().IsUnspecified() {
			r.problem("options:arp_proxy: %s is no address: it is left out", logical.Quote(word))
			continue
		}
		a.Prefixes = append(a.Prefixes, prefix)
	}
	return a
}

func (r *portReader) problem(format string, args ...any) {
	r.Add("logical_switch_port", r.port.Name, format, args...)
}

// portType is the type of a port in terms of ovn-nb(5); ovn-northd calls both ends of a switch's link to a router
// patch, or l3gateway where the router is bound to a chassis.
func portType(pb *sb.PortBinding) string {
	if pb.Type == patchType || pb.Type == l3gatewayType {
		return routerType
	}
	return pb.Type
}
