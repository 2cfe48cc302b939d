package agent

import (
	"cmp"
	"slices"

	"woven.dev/woven/internal/hover"
)

// FlowCounts are what the flow cache did; see hover.Hover.
func (s *Source) FlowCounts() (hover.FlowCounts, error) { return s.loop.plane.FlowCounts() }

// Usage says how full the data plane's tables are, those of connections included, by name; see hover.Hover.
func (s *Source) Usage() []hover.Usage {
	list := s.loop.plane.Usage()
	for _, u := range s.loop.sweeper.last().usage {
		list = append(list, hover.Usage(u))
	}
	slices.SortFunc(list, func(a, b hover.Usage) int { return cmp.Compare(a.Table, b.Table) })
	return list
}
