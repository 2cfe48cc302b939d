package agent

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
)

// Encap is how this chassis tunnels, ovn-controller(8) external_ids:ovn-encap-*.
type Encap struct {
	// IPs are our tunnel addresses, the preferred one first; none: this chassis can't be registered. HasDefault: the preferred
	// one was named by ovn-encap-ip-default, which other chassis are to know.
	IPs        []netip.Addr
	HasDefault bool
	// Csum asks others for outer UDP checksums.
	Csum bool
	// TOS of outer packets, and whether they have the inner packet's instead.
	TOS        uint8
	InheritTOS bool
	// MayFragment: outer IPv4 packets go without DF.
	MayFragment bool
}

// encap reads the tunnel end.
func (r *settingsReader) encap() Encap {
	e := Encap{Csum: r.get("ovn-encap-csum") != "false", MayFragment: r.get("ovn-encap-df_default") == "false"}
	e.TOS, e.InheritTOS = r.encapTOS()
	types, words := splitList(r.get("ovn-encap-type")), splitList(r.get("ovn-encap-ip"))
	switch {
	case len(types) == 0:
		r.problem("ovn-encap-type", "is not set: this node registers no chassis until it is")
	case !slices.Contains(types, geneve):
		r.problem("ovn-encap-type", "%q does not contain geneve, the only supported type: this node registers no chassis",
			strings.Join(types, ","))
	case len(words) == 0:
		r.problem("ovn-encap-ip", "is not set: this node registers no chassis until it is")
	default:
		e.IPs = r.encapIPs(words)
		e.HasDefault = r.preferDefault(e.IPs)
	}
	return e
}

func (r *settingsReader) encapIPs(words []string) []netip.Addr {
	var ips []netip.Addr
	for _, word := range words {
		ip, err := netip.ParseAddr(word)
		switch ip = ip.Unmap(); {
		case err != nil || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast():
			r.problem("ovn-encap-ip", "%s is no address of a tunnel end: it is ignored", logical.Quote(word))
		case !slices.Contains(ips, ip):
			ips = append(ips, ip)
		}
	}
	if len(ips) == 0 {
		r.problem("ovn-encap-ip", "has no usable address: this node registers no chassis until it has")
	}
	return ips
}

// preferDefault puts the address that ovn-encap-ip-default names first, and says whether it names one.
func (r *settingsReader) preferDefault(ips []netip.Addr) bool {
	word := r.get("ovn-encap-ip-default")
	if word == "" {
		return false
	}
	ip, err := netip.ParseAddr(word)
	at := slices.Index(ips, ip.Unmap())
	if err != nil || at < 0 {
		r.problem("ovn-encap-ip-default", "%s is none of ovn-encap-ip: it is ignored", logical.Quote(word))
		return false
	}
	copy(ips[1:at+1], ips[:at])
	ips[0] = ip.Unmap()
	return true
}

// encapTOS reads ovn-encap-tos: none, inherit or a number, as options:tos of ovs-vswitchd.conf.db(5).
func (r *settingsReader) encapTOS() (tos uint8, inherit bool) {
	switch word := r.get("ovn-encap-tos"); word {
	case "", "none":
	case "inherit":
		inherit = true
	default:
		n, err := strconv.ParseUint(word, 0, 8)
		if err != nil || n&3 != 0 {
			r.problem("ovn-encap-tos", "%s is neither inherit nor a TOS with the ECN bits zero: it is ignored", logical.Quote(word))
			return 0, false
		}
		tos = uint8(n)
	}
	return tos, inherit
}

// from is our tunnel address towards a peer: the first of its family; the zero Addr when there is none.
func (e *Encap) from(peer netip.Addr) netip.Addr {
	for _, ip := range e.IPs {
		if ip.Is4() == peer.Is4() {
			return ip
		}
	}
	return netip.Addr{}
}

// rows are the Encap rows that have to be, without UUIDs.
func (e *Encap) rows(chassis string) []*sb.Encap {
	var rows []*sb.Encap
	for i, ip := range e.IPs {
		options := map[string]string{"csum": strconv.FormatBool(e.Csum)}
		if len(e.IPs) > 1 {
			options["is_default"] = strconv.FormatBool(e.HasDefault && i == 0)
		}
		rows = append(rows, &sb.Encap{Type: geneve, IP: ip.String(), ChassisName: chassis, Options: options})
	}
	return rows
}
