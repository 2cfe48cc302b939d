package agent

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// internalType is the type of an Interface whose device the switch makes for the host, ovs-vswitchd.conf.db(5).
const internalType = "internal"

// internalMTU is that of a device whose row asks for none.
const internalMTU = 1500

// internalPeerName is what internalPeer gives.
var internalPeerName = regexp.MustCompile(`^woven-[0-9a-f]{9}$`)

// internalPeer names the switch's end of an internal interface's device: by its row, so that it is found again after a restart and
// wherever the host has moved its own end.
func internalPeer(iface *vsw.Interface) string {
	return fmt.Sprintf("woven-%.9s", strings.ReplaceAll(iface.UUID, "-", ""))
}

// internalOf is the device that an internal interface asks for.
func internalOf(iface *vsw.Interface) hostnet.Internal {
	d := hostnet.Internal{Name: iface.Name, Peer: internalPeer(iface), MTU: internalMTU}
	if iface.MTURequest != nil {
		d.MTU = *iface.MTURequest
	}
	for _, text := range []string{value(iface.MAC), iface.ExternalIDs["attached-mac"]} {
		if mac, ok := unicastMAC(text); ok {
			d.MAC = mac
			break
		}
	}
	return d
}

func unicastMAC(text string) (mac [6]byte, ok bool) {
	b, err := net.ParseMAC(text)
	if err != nil || len(b) != len(mac) || b[0]&1 != 0 {
		return mac, false
	}
	return [6]byte(b), true
}

// internalChanges are the internal interfaces whose devices are missing or differ, and the switch's ends of those that nobody asks for any
// longer. A device at the host's disposal has the address that the host gives it, unless the row's column mac names one.
func internalChanges(plugs []plug, links map[string]hostnet.Link) (ensure []hostnet.Internal, remove []string) {
	wanted := map[string]bool{}
	for i := range plugs {
		if !plugs[i].isInternal() {
			continue
		}
		want := internalOf(plugs[i].iface)
		wanted[want.Peer] = true
		peer, made := links[want.Peer]
		end, here := links[want.Name]
		if made && value(plugs[i].iface.MAC) == "" {
			want.MAC = [6]byte{}
		}
		here = here && end.Parent == peer.Index
		if !made || peer.MTU != want.MTU || here && (end.MTU != want.MTU || want.MAC != [6]byte{} && end.MAC != want.MAC) {
			ensure = append(ensure, want)
		}
	}
	for name, link := range links {
		if internalPeerName.MatchString(name) && link.Kind == "veth" && !wanted[name] {
			remove = append(remove, name)
		}
	}
	slices.Sort(remove)
	return ensure, remove
}

// keepInternal makes the devices of internal interfaces as they have to be.
func (l *loop) keepInternal(r *round) error {
	for i := range r.plugs {
		iface := r.plugs[i].iface
		if text := value(iface.MAC); text != "" && r.plugs[i].isInternal() {
			if _, ok := unicastMAC(text); !ok {
				r.problems.Add("interface", iface.Name, "mac %s is no unicast address: it is ignored", logical.Quote(text))
			}
		}
	}
	ensure, remove := internalChanges(r.plugs, r.snap.Links)
	var errs []error
	for _, peer := range remove {
		errs = append(errs, l.host.RemoveInternal(peer))
	}
	for _, d := range ensure {
		errs = append(errs, l.host.EnsureInternal(d))
	}
	return errors.Join(errs...)
}
