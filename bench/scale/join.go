package scale

import (
	"context"
	"fmt"

	"github.com/ovn-kubernetes/libovsdb/model"

	"woven.dev/woven/internal/lab/bulk"
)

// JoinRound adds a member to the group twice, once a port of this node, once one that is nowhere, and removes it each time. The result is by kind of
// change: of a stock node what it tells itself, Installed and Carried.
func (c *Cloud) JoinRound(ctx context.Context) (map[string]Stages, error) {
	elsewhere := bulk.Numbered(switchName, c.Size.Ports+1)
	here := change{do: func(ctx context.Context) error { return c.filler.AddMember(ctx, groupName, c.target) }, carried: true,
		south: func(row model.Model, gone bool) bool { return c.isTarget(row) && !gone }, installed: c.installed(true)}
	there := change{do: func(ctx context.Context) error { return c.filler.AddMember(ctx, groupName, elsewhere) }, carried: true}
	if !c.Stock {
		here.live = func() (bool, error) {
			if member, err := c.tables.isMember(c.homes[0]); !member || err != nil {
				return false, err
			}
			return c.tables.bound()
		}
		there.live = func() (bool, error) { return c.tables.isMember(elsewhere.Addrs[0]) }
	}
	result := map[string]Stages{}
	for _, step := range []struct {
		kind string
		change
		port bulk.Port
	}{{JoinedHere, here, c.target}, {Joined, there, elsewhere}} {
		m, err := c.measure(ctx, step.change)
		if err == nil {
			err = c.filler.RemovePorts(ctx, step.port)
		}
		if err == nil {
			err = c.filler.Sync(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("measure %s, %v: %w", step.kind, c.Size, err)
		}
		result[step.kind] = m.stages()
	}
	return result, nil
}
