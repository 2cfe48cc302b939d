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
		v, ok := value(t.Dim, p, h)
		in := ok && slices.ContainsFunc(t.Sets, func(s *match.Set) bool { return contains(s, v, t.Dim.Width()) })
		if in == t.Not {
			return false
		}
	}
	for _, c := range r.Checks {
		v := field(c.Field, p, h).And(c.Mask)
		if (v.Compare(c.Low) >= 0 && v.Compare(c.High) <= 0) == c.Not {
			return false
		}
	}
	return true
}

// contains looks at each member.
func contains(s *match.Set, v match.Uint128, width int) bool {
	for _, p := range s.Prefixes() {
		// A prefix is left-aligned, v is not.
		within := match.Between(match.Src, p.Bits, last(p))
		if len(within) != 1 {
			panic(fmt.Sprintf("%v is no prefix", p))
		}
		left := leftAligned(v, width)
		if left.Compare(p.Bits) >= 0 && left.Compare(last(p)) <= 0 {
			return true
		}
	}
	return false
}
