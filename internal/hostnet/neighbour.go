package hostnet

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// neighProtocol marks the neighbour entries that are ours (NDA_PROTOCOL, as rtm_protocol does for routes); "W".
const neighProtocol = 0x57

// Neighbour is a next hop on a device.
type Neighbour struct {
	Ifindex int
	Addr    netip.Addr
}

// SetNeighbours makes the wanted next hops entries that the kernel keeps resolved by itself (NTF_EXT_MANAGED), so that a tunnel packet
// never waits for one, and removes those that it made earlier and that are wanted no longer, also those of a former process.
// One bad entry doesn't stop the others; the error names all of them.
func (h *Host) SetNeighbours(want []Neighbour) error {
	have, err := h.neighbours()
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range want {
		if have[n] {
			delete(have, n)
			continue
		}
		if err := h.neighRequest(unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, n); err != nil {
			errs = append(errs, fmt.Errorf("add neighbour %s on interface %d: %w", n.Addr, n.Ifindex, err))
		}
	}
	for n := range have {
		err := h.neighRequest(unix.RTM_DELNEIGH, 0, n)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
			errs = append(errs, fmt.Errorf("remove neighbour %s on interface %d: %w", n.Addr, n.Ifindex, err))
		}
	}
	return errors.Join(errs...)
}

func (h *Host) neighRequest(kind, flags int, n Neighbour) error {
	req := h.request(kind, flags|unix.NLM_F_ACK)
	req.AddData(&netlink.Ndmsg{Family: family(n.Addr), Index: uint32(n.Ifindex)})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, n.Addr.AsSlice()))
	if kind == unix.RTM_NEWNEIGH {
		req.AddData(nl.NewRtAttr(netlink.NDA_PROTOCOL, []byte{neighProtocol}))
		req.AddData(nl.NewRtAttr(netlink.NDA_FLAGS_EXT, nl.Uint32Attr(netlink.NTF_EXT_MANAGED)))
	}
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// neighbours lists the entries that are ours.
func (h *Host) neighbours() (map[Neighbour]bool, error) {
	msgs, err := dump(func() ([][]byte, error) {
		req := h.request(unix.RTM_GETNEIGH, unix.NLM_F_DUMP)
		req.AddData(&netlink.Ndmsg{})
		return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	})
	if err != nil {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	ours := map[Neighbour]bool{}
	for _, m := range msgs {
		if n, ok := parseNeighbour(m); ok {
			ours[n] = true
		}
	}
	return ours, nil
}

// parseNeighbour reads an RTM_NEWNEIGH; false: not ours.
func parseNeighbour(m []byte) (Neighbour, bool) {
	if len(m) < unix.SizeofNdMsg {
		return Neighbour{}, false
	}
	n := Neighbour{Ifindex: int(nl.NativeEndian().Uint32(m[4:]))} // struct ndmsg
	attrs, err := nl.ParseRouteAttr(m[unix.SizeofNdMsg:])
	if err != nil {
		return Neighbour{}, false
	}
	ours := false
	for _, a := range attrs {
		switch a.Attr.Type {
		case netlink.NDA_DST:
			n.Addr, _ = netip.AddrFromSlice(a.Value)
		case netlink.NDA_PROTOCOL:
			ours = len(a.Value) > 0 && a.Value[0] == neighProtocol
		}
	}
	return n, ours && n.Addr.IsValid()
}

func (h *Host) request(kind, flags int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(kind, flags)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: h.raw}
	return req
}

func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
