package compile

import (
	"bytes"
	"fmt"
	"slices"

	"woven.dev/woven/sdk/iom/match"
)

// merge joins ways that differ only in what they want of one dimension.
func merge(ways []way) []way {
	if slices.ContainsFunc(ways, func(w way) bool { return len(w.terms)+len(w.checks) == 0 }) {
		return []way{{}}
	}
	for d := match.InPort; d <= match.DstPort && len(ways) > 1; d++ {
		if slices.ContainsFunc(ways, func(w way) bool { _, ok := w.only(d); return ok }) {
			ways = mergeIn(ways, d)
		}
	}
	return ways
}

// only is the one term about d without Not; false if there is none, or more than one.
func (w way) only(d match.Dim) (int, bool) {
	at, n := 0, 0
	for i, t := range w.terms {
		if t.Dim == d && !t.Not {
			at = i
			n++
		}
	}
	return at, n == 1
}

// mergeIn joins ways that differ only in their one term about d.
func mergeIn(ways []way, d match.Dim) []way {
	var merged []way
	alike := map[string]*match.Term{} // the terms about d of all that are alike, in the first one's place
	for _, w := range ways {
		own, ok := w.only(d)
		if !ok {
			merged = append(merged, w)
			continue
		}
		key := w.keyWithout(own)
		if first := alike[key]; first != nil {
			first.Sets = append(first.Sets, w.terms[own].Sets...)
			continue
		}
		w.terms = slices.Clone(w.terms)
		w.terms[own].Sets = slices.Clip(w.terms[own].Sets)
		alike[key] = &w.terms[own]
		merged = append(merged, w)
	}
	for _, t := range alike {
		*t = union(*t)
	}
	return merged
}

// keyWithout is equal for ways that say the same apart from one term.
func (w way) keyWithout(term int) string {
	parts := make([][]byte, 0, len(w.terms)+len(w.checks))
	for i, t := range w.terms {
		if i != term {
			parts = append(parts, termKey(t))
		}
	}
	for _, c := range w.checks {
		parts = append(parts, fmt.Append(nil, c))
	}
	slices.SortFunc(parts, bytes.Compare)
	return string(bytes.Join(parts, []byte("\n")))
}

func termKey(t match.Term) []byte {
	ids := make([][]byte, len(t.Sets))
	for i, s := range t.Sets {
		id := s.Identity()
		ids[i] = id[:]
	}
	slices.SortFunc(ids, bytes.Compare)
	return append(fmt.Append(nil, t.Dim, t.Not), bytes.Join(ids, nil)...)
}
