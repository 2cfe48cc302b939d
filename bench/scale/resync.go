package scale

import (
	"context"
	"fmt"
	"time"

	"github.com/ovn-kubernetes/libovsdb/model"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
)

// Resync is how long it takes until everything is as the databases say again, from the moment at which the program that was away is
// started.
type Resync struct {
	Restart    time.Duration // the agent was killed; the data plane is there
	Southbound time.Duration // the Southbound database was restarted; ovn-northd's part included
	Fresh      time.Duration // the agent was stopped, and all removed that it had made
}

// resyncPatience bounds each: programs on TCX hooks of 1,000 ports take their time.
const resyncPatience = 30 * time.Minute

// Resync measures. Watchers of the Southbound database are of no use afterwards: no Round may follow.
func (c *Cloud) Resync(ctx context.Context) (*Resync, error) {
	ctx, cancel := context.WithTimeout(ctx, resyncPatience)
	defer cancel()
	var r Resync
	for _, step := range []struct {
		what string
		stop func(ctx context.Context) error
		from func(ctx context.Context) error
		took *time.Duration
	}{
		{"restart of the agent", func(context.Context) error { return c.lab.KillAgent(node) }, c.startAgent, &r.Restart},
		{"restart of the Southbound database", func(context.Context) error { return c.lab.Kill(lab.SB) },
			func(ctx context.Context) error { return c.lab.Start(ctx, lab.SB) }, &r.Southbound},
		{"fresh start", c.cleanUp, c.startAgent, &r.Fresh},
	} {
		if err := c.resync(ctx, step.stop, step.from, step.took); err != nil {
			return nil, fmt.Errorf("measure %s: %w", step.what, err)
		}
	}
	return &r, nil
}

// resync measures one kind.
func (c *Cloud) resync(ctx context.Context, stop, from func(ctx context.Context) error, took *time.Duration) error {
	if err := stop(ctx); err != nil {
		return err
	}
	live, err := c.generation(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := from(ctx); err != nil {
		return err
	}
	if _, err = await(ctx, "the generation", live); err != nil {
		return err
	}
	err = c.allUp(ctx) // a chassis that is not registered yet holds no generation back
	*took = time.Since(start)
	return err
}

// generation raises the generation, and returns what tells when the node carries it out.
func (c *Cloud) generation(ctx context.Context) (<-chan time.Time, error) {
	last, err := c.filler.Generation(ctx)
	if err != nil {
		return nil, err
	}
	live := c.nb.expect(func(row model.Model, _ bool) bool {
		g, ok := row.(*nbGlobal)
		return ok && g.HvCfg > last
	})
	return live, c.filler.NextGeneration(ctx)
}

func (c *Cloud) startAgent(ctx context.Context) error { return c.lab.StartAgent(ctx, node) }

func (c *Cloud) cleanUp(ctx context.Context) error {
	if err := c.lab.StopAgent(node); err != nil {
		return err
	}
	_, err := c.lab.Woven(ctx, node, "agent", "--ovs", "unix:"+c.lab.Dir()+"/"+node+"/db.sock",
		"--run-dir", c.lab.RunDir(node), "--bpffs", c.lab.BPFFS(node), "--cleanup")
	return err
}

// allUp waits until all ports of the node are up.
func (c *Cloud) allUp(ctx context.Context) error {
	client := v1.NewClient(v1.SocketPath(c.lab.RunDir(node)))
	return lab.Poll(ctx, func() error {
		status, err := client.Status(ctx)
		if err == nil && status.Ports.Up < c.Size.Here+1 {
			err = fmt.Errorf("%d ports are up, want %d", status.Ports.Up, c.Size.Here+1)
		}
		return err
	})
}
