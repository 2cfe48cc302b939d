package compile

import (
	"fmt"
	"slices"
	"strings"

	"woven.dev/woven/sdk/iom/match"
)

// merge joins ways that differ in one dimension only, and drops those that are there twice.
func merge(ways []way) []way {
	if slices.ContainsFunc(ways, func(w way) bool { return len(w.terms)+len(w.checks) == 0 }) {
		return []way{{}}
	}
	for d := match.InPort; d <= match.DstPort && len(ways) > 1; d++ {
		ways = mergeIn(ways, d)
	}
	return ways
}

// mergeIn joins those that differ only in the one term about d, which has no Not.
func mergeIn(ways []way, d match.Dim) []way {
	var merged []way
	at := map[string]int{}
	for _, w := range ways {
		var own int
		var others []string
		for i, t := range w.terms {
			if t.Dim == d && !t.Not {
				own = i
			} else {
				others = append(others, termKey(t))
			}
		}
		single := len(others) == len(w.terms)-1
		key := wayKey(others, w.checks, single)
		i, ok := at[key]
		switch {
		case len(others) < len(w.terms)-1:
			merged = append(merged, w)
		case !ok:
			at[key] = len(merged)
			merged = append(merged, w)
		case single:
			merged[i] = merged[i].with(w.terms[own])
		}
	}
	return merged
}

// with is the way with its term about t.Dim extended by t.
func (w way) with(t match.Term) way {
	terms := slices.Clone(w.terms)
	for i, have := range terms {
		if have.Dim == t.Dim && !have.Not {
			terms[i] = union(have, t)
		}
	}
	return way{terms, w.checks}
}

func termKey(t match.Term) string {
	ids := make([]string, len(t.Sets))
	for i, s := range t.Sets {
		id := s.Identity()
		ids[i] = string(id[:])
	}
	slices.Sort(ids)
	return fmt.Sprintf("%d %t %q", t.Dim, t.Not, ids)
}

func wayKey(terms []string, checks []match.Check, open bool) string {
	keys := slices.Clone(terms)
	for _, c := range checks {
		keys = append(keys, fmt.Sprint(c))
	}
	slices.Sort(keys)
	return fmt.Sprint(open, strings.Join(keys, "\n"))
}
