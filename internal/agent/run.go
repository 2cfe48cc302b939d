// Package agent is the node's main loop: it reads the databases and the host, decides, has the data plane carry the result out,
// and reports what is live. It takes the place of ovn-controller and of ovs-vswitchd.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/vishvananda/netns"
	"golang.org/x/sync/errgroup"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/slowpath"
)

// Run is a node's agent until ctx ends; then it returns nil, and everything stays as it is: traffic flows on, ports
// stay bound. The error is an *InUseError when another agent has the run directory.
func Run(ctx context.Context, o Options) error {
	unlock, err := lockRunDir(o.RunDir)
	if err != nil {
		return err
	}
	defer unlock()
	w, err := openWorld(o)
	if err != nil {
		return err
	}
	defer w.host.Close()
	defer w.plane.Close()
	if err := linkPins(o.RunDir, o.BPFFS); err != nil {
		return err
	}
	injector, err := slowpath.OpenInjector()
	if err != nil {
		return err
	}
	defer injector.Close()
	w.sender, w.resumer = injector, injector
	return runIn(ctx, w, o)
}

// floodBacklog has room for the copies of a flood to every port that a node may have.
const floodBacklog = 16384

// applyPatience is how long a round may take to attach programs to many new devices: other changes must not wait for all of them.
const applyPatience = 100 * time.Millisecond

// openWorld opens the real things.
func openWorld(o Options) (world, error) {
	w := databases(o.Log)
	var err error
	if w.hostname, err = os.Hostname(); err != nil {
		return world{}, fmt.Errorf("read host name: %w", err)
	}
	if _, err := hostnet.RaiseBacklog(floodBacklog); err != nil {
		o.Log.Warn("floods to many veths may lose copies", "error", err)
	}
	plane, err := hover.Open(hover.Config{BPFFS: o.BPFFS, Kinds: o.Kinds, Attach: o.Attach, Patience: applyPatience, Log: o.Log})
	if err != nil {
		return world{}, err
	}
	w.plane, w.punts = plane, plane.Punts()
	connections, err := plane.Connections()
	if err != nil {
		plane.Close()
		return world{}, err
	}
	w.connections = connections
	w.sweeper = &sweeper{connections: connections.Tables, plane: plane, log: o.Log}
	if w.host, err = hostnet.Open(netns.None()); err != nil {
		plane.Close()
		return world{}, err
	}
	return w, nil
}

// databases is a world that has only databases and a clock.
func databases(log *slog.Logger) world {
	config := func(name string, remotes []string, keys ovsdb.TLS) ovsdb.Config {
		return ovsdb.Config{Name: name, Remotes: remotes, TLS: keys, Log: log}
	}
	return world{
		ovs: func(r []string, k ovsdb.TLS) database[vsw.Rows] { return ovsdb.NewVSW(config("ovs", r, k)) },
		nb:  func(r []string, k ovsdb.TLS) database[nb.Rows] { return ovsdb.NewNB(config("nb", r, k)) },
		sb:  func(r []string, k ovsdb.TLS) database[sb.Rows] { return ovsdb.NewSB(config("sb", r, k)) },
		now: time.Now,
	}
}

// runIn runs the loop, the watch of the host, the reader of punts, and what the caller serves.
func runIn(ctx context.Context, w world, o Options) error {
	l := newLoop(w, Overrides{Name: o.Name, NB: splitList(o.NB), SB: splitList(o.SB), TLS: o.TLS, Hostname: w.hostname}, o.Log)
	group, ctx := errgroup.WithContext(ctx)
	l.handlePunts(w.punts)
	group.Go(func() error { return w.host.Run(ctx) })
	group.Go(func() error { return w.punts.Run(ctx) })
	group.Go(func() error { return l.snooper.Run(ctx) })
	group.Go(func() error { return l.routers.Run(ctx) })
	group.Go(func() error { return l.announcer.Run(ctx) })
	if w.sweeper != nil {
		w.sweeper.wake = l.signal
		group.Go(func() error { return w.sweeper.Run(ctx) })
	}
	group.Go(func() error { return l.run(ctx, splitList(o.OVS)) })
	if o.Serve != nil {
		group.Go(func() error { return o.Serve(ctx, &Source{loop: l, version: o.Version}) })
	}
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
