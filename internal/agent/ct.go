package agent

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/sdk/iom/ct"
)

// sweepEvery is the time between two looks at the tracked connections. Programs take no notice of those that have expired, but they need room.
const sweepEvery = 10 * time.Second

// sweeper removes connections that have expired, those of ports that are gone, and counts of ACLs that are gone, and sees where room becomes short.
type sweeper struct {
	connections interface {
		Sweep(uptime time.Duration, gone func(ct.Zone) bool) (int, []ct.Usage, error)
		Counts(uptime time.Duration) (map[ct.Zone]ct.Count, error)
	}
	plane interface {
		hitTables
		Uptime() time.Duration
		FlowCounts() (hover.FlowCounts, error)
	}
	log *slog.Logger
	// wake is called when there are other problems than before.
	wake func()
	seen atomic.Pointer[connectionsSeen]
}

// connectionsSeen is what a look at the tracked connections has seen.
type connectionsSeen struct {
	usage    []ct.Usage
	problems logical.Problems
}

// last is what the last look has seen; nothing where none was taken.
func (s *sweeper) last() *connectionsSeen {
	if s == nil || s.seen.Load() == nil {
		return &connectionsSeen{}
	}
	return s.seen.Load()
}

// Run sweeps until ctx ends. What can't be removed is left for the next time.
func (s *sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if err := s.sweep(); err != nil {
				s.log.Warn("connections stay behind", "error", err)
			}
			if err := dropStaleHits(s.plane); err != nil {
				s.log.Warn("hits of ACLs stay behind", "error", err)
			}
		}
	}
}

func (s *sweeper) sweep() error {
	instances := s.plane.Instances()
	n, usage, err := s.connections.Sweep(s.plane.Uptime(), goneZones(instances))
	if err != nil {
		return err
	}
	s.log.Debug("swept connections", "removed", n)
	counts, err := s.connections.Counts(s.plane.Uptime())
	if err != nil {
		return err
	}
	flows, err := s.plane.FlowCounts()
	if err != nil {
		return err
	}
	before := s.last()
	now := &connectionsSeen{usage: usage, problems: append(connectionProblems(usage, counts, instances), flowProblems(flows)...)}
	s.seen.Store(now)
	if !slices.Equal(before.problems, now.problems) {
		s.wake()
	}
	return nil
}

// goneZones says whether a zone is that of a port that its datapath no longer has, or that is on other nodes only; one that is merely unplugged is not gone.
// Zones of removed instances are hover's business, and nothing is known of instances that are not live.
func goneZones(instances []hover.Instance) func(ct.Zone) bool {
	ports := map[uint32]map[uint16]bool{}
	for _, in := range instances {
		if in.Module.Kind == "" {
			continue // it could not be applied
		}
		keys := make(map[uint16]bool, len(in.Module.Ports))
		for _, p := range in.Module.Ports {
			keys[p.Key] = p.Device != nil || len(p.Nodes) == 0
		}
		ports[in.Slot] = keys
	}
	return func(z ct.Zone) bool {
		keys, known := ports[z.Instance]
		return known && !keys[z.Port]
	}
}
