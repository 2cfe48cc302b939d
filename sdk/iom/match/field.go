package match

import "unsafe"

// Field is where a check finds its bytes.
type Field struct {
	base   MatchIomMatchBase
	offset uint16
	len    uint8 // in bytes
}

// Bits is the width of a field.
func (f Field) Bits() int { return int(f.len) * 8 }

// Fields. One that a packet does not have is 0.
var (
	// Those that dimensions have, too, for masks that no prefixes express.
	FieldSrc     = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Src)), 16}
	FieldDst     = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Dst)), 16}
	FieldEthSrc  = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Smac)), 6}
	FieldEthDst  = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Dmac)), 6}
	FieldEthType = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Proto)), 2}
	FieldSrcPort = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Sport)), 2}
	FieldDstPort = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Dport)), 2}

	// Metadata.
	FieldCTState = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.CtState)), 4}
	FieldCTMark  = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.CtMark)), 4}
	FieldCTLabel = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.CtLabel)), 16}
	FieldMark    = Field{MatchIomMatchBaseIOM_MATCH_KEY, uint16(unsafe.Offsetof(MatchIomMatchQuery{}.Mark)), 4}

	// The packet. VLAN is the tag control information with bit 12 set, 0 without a tag; TTL the hop limit of IPv6, TOS its traffic class; bit
	// 0 of Frag is set in each fragment, bit 1 in all but the first.
	FieldVLAN      = Field{MatchIomMatchBaseIOM_MATCH_VLAN, 0, 2}
	FieldTTL       = Field{MatchIomMatchBaseIOM_MATCH_TTL, 0, 1}
	FieldTOS       = Field{MatchIomMatchBaseIOM_MATCH_TOS, 0, 1}
	FieldFrag      = Field{MatchIomMatchBaseIOM_MATCH_FRAG, 0, 1}
	FieldFlowLabel = Field{MatchIomMatchBaseIOM_MATCH_NET, 0, 4} // and what IPv6 has before it
	FieldARPSha    = Field{MatchIomMatchBaseIOM_MATCH_ARP, 8, 6} // and RARP's
	FieldARPTha    = Field{MatchIomMatchBaseIOM_MATCH_ARP, 18, 6}
	FieldTCPFlags  = Field{MatchIomMatchBaseIOM_MATCH_L4, 12, 2} // and the data offset before them
	FieldNDTarget  = Field{MatchIomMatchBaseIOM_MATCH_L4, 8, 16}
	FieldNDSLL     = Field{MatchIomMatchBaseIOM_MATCH_SLL, 0, 6}
	FieldNDTLL     = Field{MatchIomMatchBaseIOM_MATCH_TLL, 0, 6}
)
