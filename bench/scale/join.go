package scale

import (
	"context"
	"errors"
	"fmt"

	"github.com/ovn-kubernetes/libovsdb/model"

	"woven.dev/woven/internal/lab/bulk"
)

// JoinRound has a port of this node join the group and leave it; then it adds a member twice, once a port of this node, once one that is nowhere,
// and removes it each time. The result is by kind of change: of a stock node what it tells itself, Installed and Carried.
func (c *Cloud) JoinRound(ctx context.Context) (map[string]Stages, error) {
	result := map[string]Stages{}
	for _, part := range []func(context.Context, map[string]Stages) error{c.comeAndGo, c.addHere, c.addElsewhere} {
		if err := part(ctx, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// comeAndGo measures how a port that is bound and installed joins the group and leaves it.
func (c *Cloud) comeAndGo(ctx context.Context, result map[string]Stages) error {
	installed := c.vs.expect(c.installed(true))
	if err := c.filler.AddPorts(ctx, c.target); err != nil {
		return err
	}
	if _, err := await(ctx, "ovn-installed", installed); err != nil {
		return err
	}
	if err := c.filler.Sync(ctx); err != nil {
		return err
	}
	enter := change{do: func(ctx context.Context) error { return c.filler.Join(ctx, groupName, c.target) }, carried: true}
	leave := change{do: func(ctx context.Context) error { return c.filler.Leave(ctx, groupName, c.target) }, carried: true}
	if !c.Stock {
		enter.live = func() (bool, error) { return c.isMember(true) }
		leave.live = func() (bool, error) { return c.isMember(false) }
	}
	if err := c.note(ctx, Entered, enter, result); err != nil {
		return err
	}
	if err := c.note(ctx, Left, leave, result); err != nil {
		return err
	}
	return c.remove(ctx, c.target)
}

// isMember says whether the tables have the target as a member, or have it no more: packets from it and packets to it.
func (c *Cloud) isMember(want bool) (bool, error) {
	source, errS := c.tables.isMember(c.homes[0])
	ruled, errR := c.tables.isRuled()
	return source == want && ruled == want, errors.Join(errS, errR)
}

// addHere measures a new port of this node.
func (c *Cloud) addHere(ctx context.Context, result map[string]Stages) error {
	add := change{do: func(ctx context.Context) error { return c.filler.AddMember(ctx, groupName, c.target) }, carried: true,
		south: func(row model.Model, gone bool) bool { return c.isTarget(row) && !gone }, installed: c.installed(true)}
	if !c.Stock {
		add.live = func() (bool, error) {
			if member, err := c.tables.isMember(c.homes[0]); !member || err != nil {
				return false, err
			}
			return c.tables.bound()
		}
	}
	if err := c.note(ctx, JoinedHere, add, result); err != nil {
		return err
	}
	return c.remove(ctx, c.target)
}

// addElsewhere measures a new port that is nowhere.
func (c *Cloud) addElsewhere(ctx context.Context, result map[string]Stages) error {
	port := bulk.Numbered(switchName, c.Size.Ports+1)
	add := change{do: func(ctx context.Context) error { return c.filler.AddMember(ctx, groupName, port) }, carried: true}
	if !c.Stock {
		add.live = func() (bool, error) { return c.tables.isMember(port.Addrs[0]) }
	}
	if err := c.note(ctx, Joined, add, result); err != nil {
		return err
	}
	return c.remove(ctx, port)
}

// note measures a change.
func (c *Cloud) note(ctx context.Context, kind string, ch change, result map[string]Stages) error {
	m, err := c.measure(ctx, ch)
	if err != nil {
		return fmt.Errorf("measure %s, %v: %w", kind, c.Size, err)
	}
	result[kind] = m.stages()
	return nil
}

// remove removes a port, and waits until all is quiet again.
func (c *Cloud) remove(ctx context.Context, p bulk.Port) error {
	if err := c.filler.RemovePorts(ctx, p); err != nil {
		return err
	}
	return c.filler.Sync(ctx)
}
