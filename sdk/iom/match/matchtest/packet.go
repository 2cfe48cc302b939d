// Package matchtest is what tests of rules need: the meaning of rules in plain Go, and the program of <iom/match.h> to compare with.
package matchtest

import (
	"encoding/binary"

	"woven.dev/woven/sdk/iom/match"
)

// Packet is a packet and what is known of it.
type Packet struct {
	Frame []byte // without VLAN tag
	// VLAN is the tag control information with bit 12 set; 0: no tag.
	VLAN uint16
	// In and Out are keys of ports; 0: none.
	In, Out               uint16
	CTState, CTMark, Mark uint32
	CTLabel               match.Uint128
}

const (
	typeIP4  = 0x0800
	typeIP6  = 0x86dd
	typeARP  = 0x0806
	typeRARP = 0x8035

	protoICMP4 = 1
	protoICMP6 = 58

	arpLen = 28
)

// headers are a packet taken apart. What it does not have is nil or 0.
type headers struct {
	ethertype    uint16
	network      []byte // what follows Ethernet
	src, dst     []byte // 16 bytes
	proto        uint8  // ARP: the operation
	fragment     uint8  // bit 0: one, bit 1: not the first
	ttl, tos     uint8
	transport    []byte
	sport, dport uint16
	arp          []byte
}

func parse(frame []byte) *headers {
	h := &headers{ethertype: binary.BigEndian.Uint16(frame[12:]), network: frame[14:]}
	switch h.ethertype {
	case typeIP4:
		h.ip4()
	case typeIP6:
		h.ip6()
	case typeARP, typeRARP:
		h.readARP()
	}
	if len(h.transport) < 4 {
		h.transport = nil
		return h
	}
	if h.proto == protoICMP4 || h.proto == protoICMP6 {
		h.sport, h.dport = uint16(h.transport[0]), uint16(h.transport[1])
	} else {
		h.sport, h.dport = binary.BigEndian.Uint16(h.transport), binary.BigEndian.Uint16(h.transport[2:])
	}
	return h
}

func mapped(ip4 []byte) []byte {
	return append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, ip4...)
}

func (h *headers) ip4() {
	ip := h.network
	h.src, h.dst = mapped(ip[12:16]), mapped(ip[16:20])
	h.tos, h.ttl, h.proto = ip[1], ip[8], ip[9]
	frag := binary.BigEndian.Uint16(ip[6:])
	switch {
	case frag&0x1fff != 0:
		h.fragment = 3
		return
	case frag&0x2000 != 0:
		h.fragment = 1
	}
	h.transport = ip[int(ip[0]&15)*4:]
}

func (h *headers) ip6() {
	ip := h.network
	h.src, h.dst = ip[8:24], ip[24:40]
	h.tos, h.ttl, h.proto = ip[0]<<4|ip[1]>>4, ip[7], ip[6]
	rest := ip[40:]
	for len(rest) >= 8 {
		length := (int(rest[1]) + 1) * 8
		switch h.proto {
		case 44:
			length = 8
			h.fragment = 1
			if binary.BigEndian.Uint16(rest[2:])&0xfff8 != 0 {
				h.fragment = 3
			}
		case 51:
			length = (int(rest[1]) + 2) * 4
		case 0, 43, 60:
		default:
			h.transport = rest
			return
		}
		h.proto, rest = rest[0], rest[min(length, len(rest)):]
		if h.fragment == 3 {
			return
		}
	}
	h.transport = rest
}

func (h *headers) readARP() {
	a := h.network
	if len(a) < arpLen || binary.BigEndian.Uint64(a)>>16 != 0x000108000604 {
		return
	}
	h.arp = a
	h.src, h.dst = mapped(a[14:18]), mapped(a[24:28])
	if a[6] == 0 {
		h.proto = a[7]
	}
}

// option is the link-layer address of neighbour discovery in an option of that type.
func (h *headers) option(kind byte) []byte {
	if len(h.transport) < 24 {
		return nil
	}
	for rest := h.transport[24:]; len(rest) >= 8 && rest[1] > 0; {
		if rest[0] == kind && rest[1] == 1 {
			return rest[2:8]
		}
		rest = rest[min(int(rest[1])*8, len(rest)):]
	}
	return nil
}
