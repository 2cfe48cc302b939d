package match

import "unsafe"

// Field is where a check finds its bytes.
type Field struct {
	name   string
	base   MatchIomMatchBase
	offset uint16
	len    uint8 // in bytes
}

// String is the field's name.
func (f Field) String() string { return f.name }

// Bits is the width of a field.
func (f Field) Bits() int { return int(f.len) * 8 }

// Fields. One that a packet does not have is 0.
var (
	// Those that dimensions have, too, for masks that no prefixes express.
	FieldSrc     = Field{"src", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Src)), 16}
	FieldDst     = Field{"dst", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Dst)), 16}
	FieldEthSrc  = Field{"eth.src", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Smac)), 6}
	FieldEthDst  = Field{"eth.dst", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Dmac)), 6}
	FieldEthType = Field{"eth.type", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Proto)), 2}
	FieldSrcPort = Field{"sport", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Sport)), 2}
	FieldDstPort = Field{"dport", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Dport)), 2}

	// Metadata.
	FieldCTState = Field{"ct_state", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.CtState)), 4}
	FieldCTMark  = Field{"ct_mark", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.CtMark)), 4}
	FieldCTLabel = Field{"ct_label", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.CtLabel)), 16}
	FieldMark    = Field{"mark", MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Mark)), 4}

	// The packet. VLAN is the tag control information with bit 12 set, 0 without a tag; TTL the hop limit of IPv6, TOS its traffic class; bit
	// 0 of Frag is set in each fragment, bit 1 in all but the first.
	FieldVLAN      = Field{"vlan", MatchIomMatchBaseIOM_MATCH_VLAN, 0, 2}
	FieldTTL       = Field{"ttl", MatchIomMatchBaseIOM_MATCH_TTL, 0, 1}
	FieldTOS       = Field{"tos", MatchIomMatchBaseIOM_MATCH_TOS, 0, 1}
	FieldFrag      = Field{"frag", MatchIomMatchBaseIOM_MATCH_FRAG, 0, 1}
	FieldFlowLabel = Field{"flow_label", MatchIomMatchBaseIOM_MATCH_NET, 0, 4} // and what IPv6 has before it
	FieldARPSha    = Field{"arp.sha", MatchIomMatchBaseIOM_MATCH_ARP, 8, 6}    // and RARP's
	FieldARPTha    = Field{"arp.tha", MatchIomMatchBaseIOM_MATCH_ARP, 18, 6}
	FieldTCPFlags  = Field{"tcp.flags", MatchIomMatchBaseIOM_MATCH_L4, 12, 2} // and the data offset before them
	FieldNDTarget  = Field{"nd.target", MatchIomMatchBaseIOM_MATCH_L4, 8, 16}
	FieldNDSLL     = Field{"nd.sll", MatchIomMatchBaseIOM_MATCH_SLL, 0, 6}
	FieldNDTLL     = Field{"nd.tll", MatchIomMatchBaseIOM_MATCH_TLL, 0, 6}
)
