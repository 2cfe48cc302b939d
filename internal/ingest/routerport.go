package ingest

import (
	"net/netip"
	"strconv"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// Bounds of a Logical_Router_Port's options:gateway_mtu, ovn-nb(5).
const (
	minGatewayMTU = 68
	maxGatewayMTU = 65535
)

// routerAddresses are the addresses of a router port.
type routerAddresses struct {
	logical.Address
	validMAC bool
	garbage  []string // words of networks that are no address
}

// routerPortAddresses reads mac and networks as ovn-northd does it: what is no network is left out, and the link-local address that
// follows from the MAC address is the last.
func routerPortAddresses(row *nb.RouterPort) routerAddresses {
	var a routerAddresses
	for _, text := range inOrder(row.Networks) {
		prefix, ok := parseNetwork(text)
		if !ok || prefix.Addr().IsUnspecified() || prefix.Addr().IsMulticast() {
			a.garbage = append(a.garbage, logical.Quote(text))
			continue
		}
		a.Prefixes = append(a.Prefixes, prefix)
	}
	if a.MAC, a.validMAC = parseMAC(row.MAC); a.validMAC {
		a.Prefixes = append(a.Prefixes, linkLocal(a.MAC))
	}
	return a
}

// linkLocal is the IPv6 link-local address with a modified EUI-64 interface identifier, RFC 4291 appendix A.
func linkLocal(mac [6]byte) netip.Prefix {
	addr := [16]byte{0: 0xfe, 1: 0x80, 8: mac[0] ^ 2, 9: mac[1], 10: mac[2], 11: 0xff, 12: 0xfe, 13: mac[3], 14: mac[4], 15: mac[5]}
	return netip.PrefixFrom(netip.AddrFrom16(addr), 64)
}

// readRouterPort is the port of a binding. Without a Northbound row it is there, but disabled.
func (n *network) readRouterPort(pb *sb.PortBinding) *logical.RouterPort {
	r := routerPortReader{row: n.patches.routerPorts[pb.LogicalPort], port: &logical.RouterPort{
		UUID: pb.UUID, Name: pb.LogicalPort, Key: uint16(pb.TunnelKey), Link: n.link(pb), Gateway: pb.Options["chassis-redirect-port"] != "",
	}}
	if r.row != nil {
		r.read()
		r.check()
	}
	n.Problems = append(n.Problems, r.Problems...)
	return n.routerPorts.keep(pb.UUID, r.port)
}

// routerPortReader is one call of readRouterPort under way.
type routerPortReader struct {
	logical.Problems
	row  *nb.RouterPort // nil: there is none
	port *logical.RouterPort
}

func (r *routerPortReader) problem(format string, args ...any) {
	r.Add("logical_router_port", r.port.Name, format, args...)
}

func (r *routerPortReader) read() {
	p, a := r.port, routerPortAddresses(r.row)
	p.NBUUID = r.row.UUID
	p.MAC, p.Networks = a.MAC, a.Prefixes
	p.Enabled = a.validMAC && (r.row.Enabled == nil || *r.row.Enabled)
	if !a.validMAC {
		r.problem("mac: %s is no MAC address: all traffic of the port is dropped", logical.Quote(r.row.MAC))
	}
	for _, bad := range a.garbage {
		r.problem("networks: %s is no address with a prefix length: it is left out", bad)
	}
	p.Gateway = p.Gateway || len(r.row.GatewayChassis) > 0 || r.row.HaChassisGroup != nil
	p.RouteTable = r.row.Options["route_table"]
	p.MTUBypass = r.row.Options["gateway_mtu_bypass"]
	if text := r.row.Options["gateway_mtu"]; text != "" {
		mtu, err := strconv.ParseUint(text, 10, 16)
		if err != nil || mtu < minGatewayMTU {
			r.problem("options:gateway_mtu: %s is not one of %d to %d: no size is checked", logical.Quote(text), minGatewayMTU, maxGatewayMTU)
			mtu = 0
		}
		p.MTU = uint16(mtu)
	}
	if p.Link != nil && !p.Link.Router {
		p.RA = r.readRA(r.row.Ipv6RaConfigs)
	}
}

// check notes what Woven does not do of what the row asks for.
func (r *routerPortReader) check() {
	if r.port.Gateway {
		r.problem("gateway chassis are not supported yet: what is routed out by the port is dropped, and nothing comes in by it")
	}
	if r.row.DHCPRelay != nil {
		r.problem("dhcp_relay is not supported: DHCP requests are not relayed")
	}
	for _, key := range sortedKeys(r.row.Options) {
		switch key {
		case "gateway_mtu", "gateway_mtu_bypass", "route_table", "requested-tnl-key", "mcast_flood":
		case "reside-on-redirect-chassis":
			if r.row.Options[key] == "true" {
				r.problem("options:%s is not supported yet: what comes in by the port is routed on this node", key)
			}
		case "redirect-type":
			if r.row.Options[key] == "bridged" {
				r.problem("options:%s=bridged is not supported yet: nothing is redirected", key)
			}
		case "prefix_delegation", "prefix":
			if r.row.Options[key] == "true" {
				r.problem("options:%s is not supported: no IPv6 prefix is asked for", key)
			}
		default:
			r.problem("options:%s is not known to Woven: it is ignored", logical.Quote(key))
		}
	}
}
