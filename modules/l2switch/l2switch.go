// Package l2switch is OVN's logical switch as an IOModule. See README.md.
package l2switch

import (
	"fmt"
	"net/netip"

	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/meter"
)

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package l2switch -output-stem l2switch -type l2switch_config -type l2switch_port -type l2switch_mac_key -type l2switch_ip_key -type l2switch_fdb_key -type l2switch_neigh_key -type l2switch_neigh -type l2switch_proxy_key -type l2switch_flag -type l2switch_mac_flag -type l2switch_ip_use -type l2switch_config_flag -type l2switch_learned -type l2switch_learn_count -type iom_addr L2switch l2switch.bpf.c -- -I../../sdk/include -O2 -fno-strict-aliasing -mcpu=v3 -Wall -Wextra -Wno-unused-function

// Kind is the module kind for a release.
func Kind() iom.Kind {
	return iom.Kind{Name: config.Kind, Load: LoadL2switch, Entries: Entries}
}

// Flags of tables.h.
const (
	portEnabled = L2switchL2switchFlagL2SWITCH_ENABLED
	portSecured = L2switchL2switchFlagL2SWITCH_SECURED
	portMore    = L2switchL2switchFlagL2SWITCH_MORE
	portLearn   = L2switchL2switchFlagL2SWITCH_LEARN

	portInactive = L2switchL2switchFlagL2SWITCH_INACTIVE

	macIP4 = uint8(L2switchL2switchMacFlagL2SWITCH_IP4)
	macIP6 = uint8(L2switchL2switchMacFlagL2SWITCH_IP6)
	macOK  = uint8(L2switchL2switchMacFlagL2SWITCH_MAC_OK)

	macVirtual = uint8(L2switchL2switchMacFlagL2SWITCH_VIRTUAL)
	macVRRP    = uint8(L2switchL2switchMacFlagL2SWITCH_VRRP)

	ipSrc = L2switchL2switchIpUseL2SWITCH_SRC
	ipDst = L2switchL2switchIpUseL2SWITCH_DST
)

var activationFlags = map[config.Activation]L2switchL2switchFlag{
	config.RARP: L2switchL2switchFlagL2SWITCH_ACTIVATE_RARP,
	config.GARP: L2switchL2switchFlagL2SWITCH_ACTIVATE_GARP,
	config.NA:   L2switchL2switchFlagL2SWITCH_ACTIVATE_NA,
}

// metered are the punts that go with config.Metered.
var metered = map[string][]meter.Punts{
	"dhcpv4-opts": {{Reason: PuntDHCP}},
	"dhcpv6-opts": {{Reason: PuntDHCP, IP6: true}},
	"dns":         {{Reason: PuntDNS}, {Reason: PuntDNS, IP6: true}},
	"igmp":        {{Reason: PuntMulticast}, {Reason: PuntMulticast, IP6: true}},
}

// Entries are the table entries of one switch. Pure.
func Entries(inst iom.Instance, t *iom.Tables) error {
	c, ok := inst.Config.(*config.Config)
	if !ok {
		return fmt.Errorf("configure l2switch: want *config.Config, have %T", inst.Config)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("configure l2switch: %w", err)
	}
	meter.Put(t, inst, c.Meters, metered)
	for p, n := range c.Proxies {
		key := L2switchL2switchProxyKey{Prefixlen: uint32(32 + p.Bits()), Dp: inst.Slot, Addr: L2switchIomAddr{A: iom.Addr(p.Addr())}}
		if p.Addr().Is4() {
			key.Prefixlen += 96
		}
		iom.Put(t, "l2switch_proxies", key, L2switchL2switchNeigh{Mac: n.MAC, Port: n.Port})
	}
	putConfig(t, inst.Slot, c)
	for key, slot := range inst.Local {
		putPort(t, slot, c.Ports[key])
	}
	for mac, key := range c.FDB {
		iom.Put(t, "l2switch_fdbs", L2switchL2switchFdbKey{Dp: inst.Slot, Mac: mac}, inst.Refs[key])
	}
	for addr, n := range c.Neighbours {
		row := L2switchL2switchNeigh{Mac: n.MAC, Port: n.Port}
		if n.Asked {
			row.Owner = uint32(inst.Refs[n.Port])
		}
		iom.Put(t, "l2switch_neighs", L2switchL2switchNeighKey{Dp: inst.Slot, Addr: L2switchIomAddr{A: iom.Addr(addr)}}, row)
	}
	return nil
}

// putConfig writes the switch's own row, and its multicast groups.
func putConfig(t *iom.Tables, slot uint32, c *config.Config) {
	row := L2switchL2switchConfig{Flood: c.FloodGroup, Unknown: c.UnknownGroup}
	if c.VLANPassthru {
		row.Flags |= L2switchL2switchConfigFlagL2SWITCH_VLAN_PASSTHRU
	}
	if c.DNS {
		row.Flags |= L2switchL2switchConfigFlagL2SWITCH_DNS
	}
	if len(c.Proxies) > 0 {
		row.Flags |= L2switchL2switchConfigFlagL2SWITCH_PROXIES
	}
	if s := c.Snooping; s != nil {
		row.Flags |= L2switchL2switchConfigFlagL2SWITCH_SNOOP
		row.Unregistered, row.Always, row.Control = s.UnregisteredGroup, s.AlwaysGroup, s.ControlGroup
		for addr, group := range s.Groups {
			iom.Put(t, "l2switch_mcasts", L2switchL2switchNeighKey{Dp: slot, Addr: L2switchIomAddr{A: iom.Addr(addr)}}, uint32(group))
		}
	}
	iom.Put(t, "l2switch_configs", slot, row)
}

// putPort writes a port's row and what it may use beyond its first addresses.
func putPort(t *iom.Tables, slot uint32, p config.Port) {
	row := L2switchL2switchPort{}
	if p.Enabled {
		row.Flags |= portEnabled
	}
	if len(p.Security) > 0 {
		row.Flags |= portSecured
	}
	if p.Learn {
		row.Flags |= portLearn
	}
	if p.DHCPv4 {
		row.Flags |= L2switchL2switchFlagL2SWITCH_DHCP4
	}
	if p.DHCPv6 {
		row.Flags |= L2switchL2switchFlagL2SWITCH_DHCP6
	}
	if p.Parent {
		row.Flags |= L2switchL2switchFlagL2SWITCH_PARENT
	}
	for kind, flag := range activationFlags {
		if p.Activation&kind != 0 {
			row.Flags |= portInactive | flag
		}
	}
	for i, g := range grants(p.Security) {
		if i > 0 {
			row.Flags |= portMore
			iom.Put(t, "l2switch_macs", L2switchL2switchMacKey{Port: slot, Mac: g.mac}, uint32(g.flags))
		} else {
			row.Mac, row.MacFlags = g.mac, g.flags
		}
		for _, prefix := range g.prefixes {
			if i == 0 && inRow(&row, prefix) {
				continue
			}
			row.Flags |= portMore
			putPrefix(t, slot, g.mac, prefix)
		}
	}
	iom.Put(t, "l2switch_ports", slot, row)
}

// inRow puts a single address in the port's own row, if there is room.
func inRow(row *L2switchL2switchPort, p netip.Prefix) bool {
	if !p.IsSingleIP() || p.Addr().IsUnspecified() {
		return false
	}
	words := iom.Addr(p.Addr())
	switch {
	case p.Addr().Is4() && row.Ip4 == 0:
		row.Ip4 = words[3]
	case p.Addr().Is6() && row.Ip6.A == [4]uint32{}:
		row.Ip6.A = words
	default:
		return false
	}
	return true
}

// putPrefix allows a prefix: a whole subnet when its host bits are zero, else the one host, which then also
// receives the subnet's broadcast.
func putPrefix(t *iom.Tables, slot uint32, mac [6]byte, p netip.Prefix) {
	put := func(p netip.Prefix, as L2switchL2switchIpUse) {
		bits := 96 + p.Bits()
		if p.Addr().Is4() {
			bits += 96
		}
		iom.Put(t, "l2switch_ips", L2switchL2switchIpKey{Prefixlen: uint32(bits), Port: slot, Mac: mac,
			Addr: L2switchIomAddr{A: iom.Addr(p.Addr())}}, as)
	}
	if p == p.Masked() {
		put(p, ipSrc|ipDst)
		return
	}
	put(netip.PrefixFrom(p.Addr(), p.Addr().BitLen()), ipSrc|ipDst)
	if p.Addr().Is4() {
		put(netip.PrefixFrom(broadcast(p), 32), ipDst)
	}
}

// broadcast is the last address of an IPv4 prefix.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
