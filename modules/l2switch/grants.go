package l2switch

import (
	"net/netip"
	"slices"

	"woven.dev/woven/modules/l2switch/config"
)

// grant is what port security allows of one MAC address.
type grant struct {
	mac [6]byte
	// flags as in l2switch_macs; without macIP4 and macIP6 the address may be used with any IP address.
	flags    uint8
	prefixes []netip.Prefix
}

// grants are those of all elements, in their order, each MAC address once.
func grants(list []config.Address) []grant {
	var out []grant
	index := map[[6]byte]int{}
	for _, a := range list {
		for _, g := range grantsOf(a) {
			if i, seen := index[g.mac]; seen {
				out[i].add(g)
				continue
			}
			index[g.mac] = len(out)
			out = append(out, g)
		}
	}
	return out
}

// grantsOf are those of one element.
func grantsOf(a config.Address) []grant {
	if a.VRRP == nil {
		return []grant{{a.MAC, macOK | families(a.Prefixes), a.Prefixes}}
	}
	out := []grant{{mac: a.MAC, flags: macVRRP}}
	for _, virtual := range a.VRRP {
		g := grant{mac: virtual, flags: macOK | macVirtual}
		if len(a.Prefixes) > 0 {
			g.restrict(a.Prefixes)
		}
		out = append(out, g)
	}
	return out
}

// restrict leaves a virtual MAC address the prefixes of its family, which its range says, none perhaps.
func (g *grant) restrict(prefixes []netip.Prefix) {
	is4 := g.mac[4] == 1
	g.flags |= macIP6
	if is4 {
		g.flags ^= macIP6 | macIP4
	}
	for _, p := range prefixes {
		if p.Addr().Is4() == is4 {
			g.prefixes = append(g.prefixes, p)
		}
	}
}

// add joins a further grant of the same MAC address. One without addresses lifts the restriction, unless it is about ARP and ND only.
func (g *grant) add(o grant) {
	free := g.flags&macOK != 0 && g.flags&(macIP4|macIP6) == 0 || o.flags&macOK != 0 && o.flags&(macIP4|macIP6) == 0
	g.flags |= o.flags
	g.prefixes = append(slices.Clip(g.prefixes), o.prefixes...)
	if free {
		g.flags &^= macIP4 | macIP6
		g.prefixes = nil
	}
}

// families are the flags of the families of prefixes.
func families(prefixes []netip.Prefix) (flags uint8) {
	for _, p := range prefixes {
		if p.Addr().Is4() {
			flags |= macIP4
		} else {
			flags |= macIP6
		}
	}
	return flags
}
