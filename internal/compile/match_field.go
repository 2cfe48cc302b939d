package compile

import (
	"fmt"

	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom/match"
)

// place is where the values of a field of OVN's are: in a dimension of rules, from bit shift on, below the bits of high; and in a field that can be
// checked. Annotate leaves only these fields and those that are supported nowhere.
type place struct {
	dim   match.Dim
	isDim bool
	high  match.Uint128
	shift int // in the dimension, or in the field of what has no dimension
	field match.Field
}

// mapped is what IPv4 addresses have before their 32 bits.
var mapped = match.Uint128{Lo: 0xffff00000000}

var places = map[string]place{
	"eth.src":  {dim: match.EthSrc, isDim: true, field: match.FieldEthSrc},
	"eth.dst":  {dim: match.EthDst, isDim: true, field: match.FieldEthDst},
	"eth.type": {dim: match.Proto, isDim: true, shift: 8, field: match.FieldEthType},
	"ip4.src":  {dim: match.Src, isDim: true, high: mapped, field: match.FieldSrc},
	"ip4.dst":  {dim: match.Dst, isDim: true, high: mapped, field: match.FieldDst},
	"ip6.src":  {dim: match.Src, isDim: true, field: match.FieldSrc},
	"ip6.dst":  {dim: match.Dst, isDim: true, field: match.FieldDst},
	"arp.spa":  {dim: match.Src, isDim: true, high: mapped, field: match.FieldSrc},
	"arp.tpa":  {dim: match.Dst, isDim: true, high: mapped, field: match.FieldDst},
	"rarp.spa": {dim: match.Src, isDim: true, high: mapped, field: match.FieldSrc},
	"rarp.tpa": {dim: match.Dst, isDim: true, high: mapped, field: match.FieldDst},
	"ip.proto": {dim: match.Proto, isDim: true},
	"arp.op":   {dim: match.Proto, isDim: true},
	"rarp.op":  {dim: match.Proto, isDim: true},

	"tcp.src":    {dim: match.SrcPort, isDim: true, field: match.FieldSrcPort},
	"tcp.dst":    {dim: match.DstPort, isDim: true, field: match.FieldDstPort},
	"udp.src":    {dim: match.SrcPort, isDim: true, field: match.FieldSrcPort},
	"udp.dst":    {dim: match.DstPort, isDim: true, field: match.FieldDstPort},
	"sctp.src":   {dim: match.SrcPort, isDim: true, field: match.FieldSrcPort},
	"sctp.dst":   {dim: match.DstPort, isDim: true, field: match.FieldDstPort},
	"icmp4.type": {dim: match.SrcPort, isDim: true, field: match.FieldSrcPort},
	"icmp4.code": {dim: match.DstPort, isDim: true, field: match.FieldDstPort},
	"icmp6.type": {dim: match.SrcPort, isDim: true, field: match.FieldSrcPort},
	"icmp6.code": {dim: match.DstPort, isDim: true, field: match.FieldDstPort},

	"vlan.tci":  {field: match.FieldVLAN},
	"ip.ttl":    {field: match.FieldTTL},
	"ip.dscp":   {field: match.FieldTOS, shift: 2},
	"ip.ecn":    {field: match.FieldTOS},
	"ip.frag":   {field: match.FieldFrag},
	"ip6.label": {field: match.FieldFlowLabel},
	"arp.sha":   {field: match.FieldARPSha},
	"arp.tha":   {field: match.FieldARPTha},
	"rarp.sha":  {field: match.FieldARPSha},
	"rarp.tha":  {field: match.FieldARPTha},
	"nd.target": {field: match.FieldNDTarget},
	"nd.sll":    {field: match.FieldNDSLL},
	"nd.tll":    {field: match.FieldNDTLL},
	"tcp.flags": {field: match.FieldTCPFlags},
	"ct_state":  {field: match.FieldCTState},
	"ct_mark":   {field: match.FieldCTMark},
	"ct_label":  {field: match.FieldCTLabel},
	"pkt.mark":  {field: match.FieldMark},
}

// isAddress: the dimension is one of addresses.
func (p place) isAddress() bool { return p.isDim && p.dim >= match.Src && p.dim <= match.EthDst }

// protocols are the ethertypes under which a field of a byte is the last one of the dimension Proto.
var protocols = map[string][]uint16{"ip.proto": {0x0800, 0x86dd}, "arp.op": {0x0806}, "rarp.op": {0x8035}}

// supported refuses comparisons of what no packet brings along: registers and flags, which are variables of OVN's own pipeline.
func supported(c ovnexpr.Compare) error {
	unknown := ""
	var look func(e ovnexpr.Expr)
	look = func(e ovnexpr.Expr) {
		switch e := e.(type) {
		case ovnexpr.And:
			for _, term := range e {
				look(term)
			}
		case ovnexpr.Or:
			for _, term := range e {
				look(term)
			}
		case ovnexpr.Compare:
			if _, ok := places[e.Field.Symbol.Name]; !ok && e.Field.Width > 0 {
				unknown = c.Field.Symbol.Name
			}
		}
	}
	look(ovnexpr.Annotate(c))
	if unknown != "" {
		return fmt.Errorf("%s is not supported: it is a variable of OVN's own pipeline", unknown)
	}
	return nil
}

// dimensionOf is the dimension that tells values of a field apart.
func dimensionOf(f ovnexpr.Field) (match.Dim, bool) {
	p := places[f.Symbol.Name]
	return p.dim, p.isDim
}

// span is values of a field: those whose bits in mask are within low..high.
type span struct{ mask, low, high match.Uint128 }

// spanOf is the values of a field for which a comparison to v holds; for != those for which it doesn't. false: there are none.
func spanOf(f ovnexpr.Field, op ovnexpr.Op, v ovnexpr.Integer) (span, bool) {
	value, most := match.Uint128(v.Bits), match.Ones(f.Width)
	s := span{mask: most, high: most}
	switch op {
	case ovnexpr.Less:
		s.high = value.Previous()
	case ovnexpr.LessOrEqual:
		s.high = value
	case ovnexpr.Greater:
		s.low = value.Next()
	case ovnexpr.GreaterOrEqual:
		s.low = value
	default:
		s.low, s.high = value, value
		if v.Masked {
			s.mask = match.Uint128(v.Mask)
		}
	}
	if op == ovnexpr.Less && value == (match.Uint128{}) || op == ovnexpr.Greater && value == most {
		return span{}, false
	}
	return span{s.mask.ShiftLeft(f.Low), s.low.ShiftLeft(f.Low), s.high.ShiftLeft(f.Low)}, true
}

func (s span) contains(v match.Uint128) bool {
	v = v.And(s.mask)
	return v.Compare(s.low) >= 0 && v.Compare(s.high) <= 0
}

// prefixes are the values in the field's dimension; false: it has none, or prefixes can't express them.
func (s span) prefixes(f ovnexpr.Field) ([]match.Prefix, bool) {
	p := places[f.Symbol.Name]
	if types, ok := protocols[f.Symbol.Name]; ok {
		return s.protocols(types), true
	}
	free := min(s.mask.TrailingZeros(), f.Symbol.Width)
	if !p.isDim || s.mask != match.Ones(f.Symbol.Width).ShiftRight(free).ShiftLeft(free) {
		return nil, false
	}
	low, high := s.low.ShiftLeft(p.shift), s.high.Or(match.Ones(free)).ShiftLeft(p.shift).Or(match.Ones(p.shift))
	return match.Between(p.dim, low.Or(p.high), high.Or(p.high)), true
}

// protocols are the values of a byte under each of some ethertypes.
func (s span) protocols(types []uint16) []match.Prefix {
	var all []match.Prefix
	for proto := range 256 {
		if s.contains(match.Uint128{Lo: uint64(proto)}) {
			for _, t := range types {
				all = append(all, match.IPProto(t, uint8(proto)))
			}
		}
	}
	return all
}

// check is the same as a check.
func (s span) check(f ovnexpr.Field) match.Check {
	p := places[f.Symbol.Name]
	shift := p.shift
	if p.isDim { // shift is that of the dimension: the field of its own has none
		shift = 0
	}
	return match.Check{Field: p.field, Mask: s.mask.ShiftLeft(shift), Low: s.low.ShiftLeft(shift), High: s.high.ShiftLeft(shift)}
}
