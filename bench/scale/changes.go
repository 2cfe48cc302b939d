package scale

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/ovn-kubernetes/libovsdb/model"
)

// patience bounds the wait for one change.
const patience = time.Minute

// Kinds of changes.
const (
	Added   = "port added"
	Moved   = "address changed"
	Removed = "port removed"
	// Of groups; only a new port needs ovn-northd first, for its row in the Southbound database:
	Entered    = "port of this node joins a group"
	Left       = "port of this node leaves a group"
	JoinedHere = "new port of this node in a group"
	Joined     = "new port of another node in a group"
)

// Stages of a change, in the order in which they end.
type Stages struct {
	Northbound time.Duration // the server has answered the change
	Northd     time.Duration // from there: the Southbound database shows it; 0 where Woven does not wait for ovn-northd
	Woven      time.Duration // from there: the row that makes it work is in the kernel's table
	Total      time.Duration // of these
	Installed  time.Duration // from the start: Interface.external_ids:ovn-installed; 0 where nothing is installed
	Ping       time.Duration // from the start: a first echo reply; 0 where there is none
	Passed     time.Duration // from the start: ovn-northd has passed the generation on; 0 where it is not asked
	Carried    time.Duration // from the start: the node says that it carries the generation out; likewise
}

// moments are those of one change; zero: does not apply.
type moments struct {
	start, answered, south, live, installed, ping, passed, carried time.Time
}

func (m *moments) stages() Stages {
	since := func(t, from time.Time) time.Duration {
		if t.IsZero() {
			return 0
		}
		return max(0, t.Sub(from))
	}
	ready := m.answered
	if !m.south.IsZero() {
		ready = m.south
	}
	return Stages{
		Northbound: since(m.answered, m.start), Northd: since(m.south, m.answered), Woven: since(m.live, ready),
		Total: since(m.live, m.start), Installed: since(m.installed, m.start), Ping: since(m.ping, m.start),
		Passed: since(m.passed, m.start), Carried: since(m.carried, m.start),
	}
}

// change is one thing that is done and seen to have happened.
type change struct {
	do func(ctx context.Context) error
	// The others are optional.
	live      func() (bool, error)
	south     func(row model.Model, gone bool) bool
	installed func(row model.Model, gone bool) bool
	ping      netip.Addr
	carried   bool // do raises the generation
}

// isTarget: it is the target's row in the Southbound database.
func (c *Cloud) isTarget(row model.Model) bool {
	pb, ok := row.(*portBinding)
	return ok && pb.LogicalPort == c.target.Name
}

// installed matches the target's interface when its port has come to be installed or no more.
func (c *Cloud) installed(is bool) func(row model.Model, gone bool) bool {
	return func(row model.Model, _ bool) bool {
		i, ok := row.(*iface)
		return ok && i.Name == "vif-"+c.target.Name && (i.ExternalIDs["ovn-installed"] == "true") == is
	}
}

// Round adds the target's port, changes its address, and removes it. The result is by kind of change.
func (c *Cloud) Round(ctx context.Context) (map[string]Stages, error) {
	before, after := c.target, c.target
	after.Addrs = c.homes[1:]
	result := map[string]Stages{}
	for _, step := range []struct {
		kind string
		change
	}{
		{Added, change{
			do:    func(ctx context.Context) error { return c.filler.AddPorts(ctx, before) },
			south: func(row model.Model, gone bool) bool { return c.isTarget(row) && !gone },
			live:  c.tables.bound, installed: c.installed(true), ping: c.homes[0],
		}},
		{Moved, change{
			do:   func(ctx context.Context) error { return c.filler.SetAddresses(ctx, after) },
			live: func() (bool, error) { return c.tables.known(c.homes[1]) }, ping: c.homes[1],
		}},
		{Removed, change{
			do:        func(ctx context.Context) error { return c.filler.RemovePorts(ctx, after) },
			south:     func(row model.Model, gone bool) bool { return c.isTarget(row) && gone },
			live:      func() (bool, error) { bound, err := c.tables.bound(); return !bound, err },
			installed: c.installed(false),
		}},
	} {
		m, err := c.measure(ctx, step.change)
		if err != nil {
			return nil, fmt.Errorf("measure %s, %v: %w", step.kind, c.Size, err)
		}
		result[step.kind] = m.stages()
	}
	return result, nil
}

// measure carries a change out and notes the moments; then it waits until all is quiet again.
func (c *Cloud) measure(ctx context.Context, ch change) (*moments, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var south, installed, ping, passed, carried <-chan time.Time
	if ch.south != nil {
		south = c.sb.expect(ch.south)
	}
	if ch.installed != nil {
		installed = c.vs.expect(ch.installed)
	}
	if ch.ping.IsValid() {
		ping = c.pinger.firstReply(ctx, ch.ping)
	}
	if ch.carried {
		var err error
		if passed, carried, err = c.nextGeneration(ctx); err != nil {
			return nil, err
		}
	}
	m := &moments{start: time.Now()}
	err := ch.do(ctx)
	m.answered = time.Now()
	if err != nil {
		return nil, err
	}
	if ch.live != nil {
		if m.live, err = until(ctx, "the table", ch.live); err != nil {
			return nil, err
		}
	}
	for _, e := range []struct {
		what string
		from <-chan time.Time
		at   *time.Time
	}{{"Southbound row", south, &m.south}, {"ovn-installed", installed, &m.installed}, {"reply", ping, &m.ping},
		{"ovn-northd's generation", passed, &m.passed}, {"the generation", carried, &m.carried}} {
		if e.from == nil {
			continue
		}
		if *e.at, err = await(ctx, e.what, e.from); err != nil {
			return nil, err
		}
	}
	return m, c.filler.Sync(ctx)
}

// nextGeneration expects a higher generation: of ovn-northd, which passes it on, and of the node.
func (c *Cloud) nextGeneration(ctx context.Context) (passed, carried <-chan time.Time, err error) {
	last, err := c.filler.Generation(ctx)
	if err != nil {
		return nil, nil, err
	}
	passed = c.sb.expect(func(row model.Model, _ bool) bool {
		g, ok := row.(*sbGlobal)
		return ok && g.NbCfg > last
	})
	carried = c.sb.expect(func(row model.Model, _ bool) bool {
		p, ok := row.(*chassisPrivate)
		return ok && p.Name == node && p.NbCfg > last
	})
	return passed, carried, nil
}
