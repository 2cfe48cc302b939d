package matchtest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"woven.dev/woven/sdk/iom/match"
)

// First is the index of the first rule from a given one on that matches a packet; -1: none.
func First(rules []match.Rule, p Packet, from int) int {
	h := parse(p.Frame)
	for i := from; i < len(rules); i++ {
		if matches(rules[i], p, h) {
			return i
		}
	}
	return -1
}

func matches(r match.Rule, p Packet, h *headers) bool {
	for _, t := range r.Terms {
		v := value(t.Dim, p, h)
		in := v != nil && slices.ContainsFunc(t.Sets, func(s *match.Set) bool {
			return slices.ContainsFunc(s.Prefixes(), func(p match.Prefix) bool { return startsWith(v, p) })
		})
		if in == t.Not {
			return false
		}
	}
	for _, c := range r.Checks {
		v := integer(field(c.Field, p, h)).And(c.Mask)
		if (v.Compare(c.Low) >= 0 && v.Compare(c.High) <= 0) == c.Not {
			return false
		}
	}
	return true
}

// startsWith compares bit by bit.
func startsWith(v []byte, p match.Prefix) bool {
	var want [16]byte
	binary.BigEndian.PutUint64(want[:], p.Bits.Hi)
	binary.BigEndian.PutUint64(want[8:], p.Bits.Lo)
	for i := range p.Len {
		if bit := byte(0x80) >> (i % 8); v[i/8]&bit != want[i/8]&bit {
			return false
		}
	}
	return true
}

// integer reads at most 16 bytes.
func integer(b []byte) match.Uint128 {
	var full [16]byte
	copy(full[16-len(b):], b)
	return match.Uint128{Hi: binary.BigEndian.Uint64(full[:]), Lo: binary.BigEndian.Uint64(full[8:])}
}

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// value is a packet's in a dimension; nil: it has none.
func value(d match.Dim, p Packet, h *headers) []byte {
	switch d {
	case match.InPort:
		return be16(p.In)
	case match.OutPort:
		return be16(p.Out)
	case match.Src:
		return h.src
	case match.Dst:
		return h.dst
	case match.EthSrc:
		return p.Frame[6:12]
	case match.EthDst:
		return p.Frame[:6]
	case match.Proto:
		return append(be16(h.ethertype), h.proto)
	case match.SrcPort:
		return be16(h.sport)
	case match.DstPort:
		return be16(h.dport)
	}
	panic(fmt.Sprintf("no dimension %d", d))
}

// field is the bytes of a field; a packet that does not have it: nil or 0.
func field(f match.Field, p Packet, h *headers) []byte {
	switch f {
	case match.FieldSrc:
		return h.src
	case match.FieldDst:
		return h.dst
	case match.FieldEthSrc:
		return p.Frame[6:12]
	case match.FieldEthDst:
		return p.Frame[:6]
	case match.FieldEthType:
		return be16(h.ethertype)
	case match.FieldSrcPort:
		return be16(h.sport)
	case match.FieldDstPort:
		return be16(h.dport)
	case match.FieldTTL:
		return []byte{h.ttl}
	case match.FieldTOS:
		return []byte{h.tos}
	case match.FieldFrag:
		return []byte{h.fragment}
	case match.FieldFlowLabel:
		return part(h.network, 0, 4)
	case match.FieldTCPFlags:
		return part(h.transport, 12, 2)
	case match.FieldARPSha:
		return part(h.arp, 8, 6)
	case match.FieldARPTha:
		return part(h.arp, 18, 6)
	case match.FieldNDTarget:
		return part(h.transport, 8, 16)
	case match.FieldNDSLL:
		return h.option(1)
	case match.FieldNDTLL:
		return h.option(2)
	}
	return metadata(f, p)
}

// metadata is a field that is not in the frame.
func metadata(f match.Field, p Packet) []byte {
	switch f {
	case match.FieldVLAN:
		return be16(p.VLAN)
	case match.FieldCTState:
		return be32(p.CTState)
	case match.FieldCTMark:
		return be32(p.CTMark)
	case match.FieldMark:
		return be32(p.Mark)
	case match.FieldCTLabel:
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, p.CTLabel.Hi), p.CTLabel.Lo)
	}
	panic(fmt.Sprintf("no field %v", f))
}

// part is some bytes of a header; nil if it is shorter.
func part(header []byte, offset, n int) []byte {
	if len(header) < offset+n {
		return nil
	}
	return header[offset : offset+n]
}
