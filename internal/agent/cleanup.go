package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vishvananda/netns"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// cleanupWait is how long Cleanup waits for a database.
const cleanupWait = 5 * time.Second

// Cleanup removes all that an agent with these Options left: the data plane, neighbour entries and devices, our marks on local
// interfaces, our bindings and Chassis rows. It writes a line to out for every part, and goes on when one fails; the
// error tells what was not removed. It refuses while an agent runs.
func Cleanup(ctx context.Context, o Options, out io.Writer) error {
	unlock, err := lockRunDir(o.RunDir)
	if err != nil {
		return err
	}
	defer unlock()
	h, err := hostnet.Open(netns.None())
	if err != nil {
		return err
	}
	defer h.Close()
	w := databases(o.Log)
	w.host = h
	return cleanup(ctx, w, o, func() error { return errors.Join(hover.Cleanup(o.BPFFS), unlinkPins(o.RunDir)) }, out)
}

// cleaner carries out the parts of a cleanup one after another.
type cleaner struct {
	out  io.Writer
	errs []error
}

// part reports what became of one.
func (c *cleaner) part(what string, err error) {
	if err != nil {
		fmt.Fprintf(c.out, "not removed: %s: %v\n", what, err)
		c.errs = append(c.errs, fmt.Errorf("remove %s: %w", what, err))
		return
	}
	fmt.Fprintf(c.out, "removed: %s\n", what)
}

func cleanup(ctx context.Context, w world, o Options, removePlane func() error, out io.Writer) error {
	c := &cleaner{out: out}
	c.part("data plane in "+o.BPFFS, removePlane())
	c.part("neighbour entries of tunnel peers", w.host.SetNeighbours(nil))
	overrides := Overrides{Name: o.Name, NB: splitList(o.NB), SB: splitList(o.SB), TLS: o.TLS}
	settings, err := forgetLocal(ctx, w, splitList(o.OVS), overrides)
	c.part("marks on local interfaces", err)
	for _, pair := range [][2]string{{settings.Bridge, bridgePeer}, {relayOut, relayIn}} {
		if was, err := w.host.RemoveVeth(pair[0], pair[1]); was || err != nil {
			c.part("device "+pair[0], err)
		}
	}
	_, internal := internalChanges(nil, w.host.Snapshot().Links)
	for _, peer := range internal {
		c.part("device "+peer+" of an internal interface", w.host.RemoveInternal(peer))
	}
	switch {
	case err != nil && (settings.Name == "" || len(settings.SB) == 0):
		c.part("chassis", errors.New("its name and the Southbound database are not known without the local database"))
	case settings.Name == "" || len(settings.SB) == 0:
		fmt.Fprintln(out, "nothing to remove: the local database names no chassis or no Southbound database")
	default:
		c.part("chassis "+settings.Name+" and its bindings", withdraw(ctx, w, &settings))
	}
	return errors.Join(c.errs...)
}

// forgetLocal removes our marks from the local database, and reads the settings there.
func forgetLocal(ctx context.Context, w world, ovs []string, over Overrides) (Settings, error) {
	settings, _ := readSettings(nil, over)
	err := visit(ctx, w.ovs(ovs, over.TLS), func(db database[vsw.Rows]) error {
		rows := db.Rows()
		settings, _ = readSettings(findRoot(rows), over)
		settings.TLS = tlsOf(rows, over.TLS)
		plugs := plugsOf(rows, findBridge(rows, settings.Bridge), nil)
		return transact(ctx, db.Transact, forgetOps(plugs))
	})
	return settings, err
}

// withdraw releases our ports and removes our Chassis rows.
func withdraw(ctx context.Context, w world, s *Settings) error {
	return visit(ctx, w.sb(s.SB, s.TLS), func(db database[sb.Rows]) error {
		rows := db.Rows()
		var ops []ovsdb.Op
		if self := findChassis(rows, s.Name); self != nil {
			ops = append(releaseOps(rows, self, nil), leaveGroupOps(rows, self)...)
		}
		return transact(ctx, db.Transact, append(ops, deleteChassisOps(rows, s.Name)...))
	})
}

// visit connects to a database, waits for its rows, and has f use them.
func visit[R any](ctx context.Context, db database[R], f func(database[R]) error) error {
	ctx, cancel := context.WithTimeout(ctx, cleanupWait)
	done := make(chan struct{})
	var runErr error
	go func() { runErr = db.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	for !db.Status().Connected || db.Rows() == nil {
		select {
		case <-db.Changed():
		case <-done:
			return fmt.Errorf("reach database: %w", errors.Join(runErr, db.Status().Err))
		}
	}
	return f(db)
}
