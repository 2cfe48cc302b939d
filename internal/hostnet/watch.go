package hostnet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// watched are the multicast groups of rtnetlink that Run listens to.
var watched = []uint{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE,
}

// dumpAbove is the number of changed interfaces from which one listing is cheaper than single questions.
const dumpAbove = 64

// Changed signals, at most once for any number of changes, that Snapshot or Route may answer differently.
func (h *Host) Changed() <-chan struct{} { return h.changed }

// Run keeps Snapshot up to date until ctx ends. A notification only says where to look again; when some were lost,
// everything is read anew.
func (h *Host) Run(ctx context.Context) error {
	for {
		err := h.watch(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, netlink.ErrDumpInterrupted) {
			return fmt.Errorf("watch netlink: %w", err)
		}
	}
}

// watch subscribes, reads everything once, then follows notifications until an error.
func (h *Host) watch(ctx context.Context) error {
	s, err := nl.SubscribeAt(h.ns, netns.None(), unix.NETLINK_ROUTE, watched...)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	stop := context.AfterFunc(ctx, s.Close)
	defer func() {
		if stop() {
			s.Close()
		}
	}()
	if err := s.SetReceiveBufferSize(h.buffer, true); err != nil {
		if err := s.SetReceiveBufferSize(h.buffer, false); err != nil {
			return fmt.Errorf("set receive buffer: %w", err)
		}
	}
	if err := h.readAll(); err != nil {
		return err
	}
	h.signal()
	for {
		msgs, _, err := s.Receive()
		if err != nil {
			return err
		}
		if err := h.look(hintsOf(msgs)); err != nil {
			return err
		}
	}
}

// hints say what to read again.
type hints struct {
	links  map[int]bool // by ifindex
	addrs  bool
	routes bool
}

// hintsOf reads the kind and the subject of notifications, nothing else.
func hintsOf(msgs []syscall.NetlinkMessage) hints {
	h := hints{links: map[int]bool{}}
	for _, m := range msgs {
		switch m.Header.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			if len(m.Data) >= unix.SizeofIfInfomsg { // struct ifinfomsg: the index is at byte 4
				h.links[int(int32(binary.NativeEndian.Uint32(m.Data[4:])))] = true
			}
		case unix.RTM_NEWADDR, unix.RTM_DELADDR:
			h.addrs = true
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE, unix.RTM_NEWRULE, unix.RTM_DELRULE:
			h.routes = true
		}
	}
	return h
}

func (h *Host) look(at hints) error {
	before := h.Snapshot()
	var err error
	switch {
	case len(at.links) > dumpAbove:
		err = h.readAll()
	case len(at.links) > 0:
		err = h.readLinks(at.links)
	}
	if err == nil && at.addrs {
		err = h.readAddrs()
	}
	if at.routes {
		h.bumpRoutes()
	}
	if h.Snapshot() != before {
		h.signal()
	}
	return err
}

func (h *Host) signal() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}
