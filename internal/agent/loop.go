package agent

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"woven.dev/woven/internal/compile"
	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/slowpath"
)

const (
	// roundEvery is the least time between two rounds: a burst of changes becomes one.
	roundEvery = 2 * time.Millisecond
	// countersEvery is how often interface statistics go to the local database.
	countersEvery = 10 * time.Second
)

// The veth pairs that the agent keeps. Nothing flows through the one of the integration bridge; its MTU is what libvirt
// gives to guests. The relay's devices take any frame.
const (
	bridgePeer        = "woven0"
	bridgeMTU         = 1500
	relayOut, relayIn = "woven-out", "woven-in"
	relayMTU          = 65535
)

// loop is the agent's main loop. Level triggered: whatever changed, a round reads everything there is, decides,
// and writes what differs. Its fields belong to one goroutine, but for wake and the atomic ones.
type loop struct {
	world
	log       *slog.Logger
	overrides Overrides
	started   time.Time
	wake      chan struct{}
	published atomic.Pointer[view]
	firstLive chan struct{} // closed when the data plane holds a first state
	// applyObserver is told how long each apply took.
	applyObserver atomic.Pointer[func(time.Duration)]
	learnedMore   atomic.Bool // since the last look at learned addresses

	ovsDB *connection[vsw.Rows]
	nbDB  *connection[nb.Rows]
	sbDB  *connection[sb.Rows]

	// What a round leaves for the next.
	snap          *hostnet.Snapshot
	former        string            // chassis name that this process registered
	held          map[plugID]string // see decideClaims
	plugs         plugMemo
	installed     installedMemo
	claims        claimMemo
	bindings      bindingMemo
	routes        routeTable     // ways to peers
	neighbours    neighbourState // what the kernel was last told
	prepared      map[int]bool   // devices by ifindex
	reader        ingest.Reader  // its memory, and the compiler's, make the way from rows to a state incremental
	compiler      compile.Compiler
	live          liveState // what the data plane holds
	fdb           fdbState
	activated     map[string]bool // see noteActivated
	snooper       *slowpath.Snooper
	routers       *slowpath.Routers
	routing       routing
	server        *slowpath.Server
	serving       serving
	aclLog        *slowpath.ACLLog
	rejecter      *slowpath.Rejecter
	virtuals      *slowpath.Virtuals
	virtual       virtualMemo
	announcer     *slowpath.Announcer
	announcements map[*logical.Port][][]byte // what it was told last
	mcastRestored bool                       // the snooper knows what a former process did
	applyRetry    backoff
	hostRetry     backoff
	countersAt    time.Time
	problemSince  map[logical.Problem]time.Time
}

// neighbourState is what SetNeighbours was last told, and the routing generation of that time.
type neighbourState struct {
	gen  uint64
	want []hostnet.Neighbour
}

// liveState is what the data plane holds, as far as it is known.
type liveState struct {
	generation uint64          // how many different states were carried out
	state      *netstate.State // nil: this process has not carried out any
	nbCfg      int
	known      bool            // nbCfg counts
	unfinished bool            // the data plane needs another apply, of the same state
	ports      map[string]bool // logical ports of this node that are carried out
	failures   []netstate.Failure
	network    *logical.Network
}

// round is one pass: what was read, and what was found.
type round struct {
	now      time.Time
	settings Settings
	vs       *vsw.Rows
	nb       *nb.Rows
	sb       *sb.Rows
	snap     *hostnet.Snapshot
	bridge   *vsw.Bridge
	plugs    []plug
	self     *sb.Chassis
	// decided is false until all three databases have been read; claims and plugged mean nothing before.
	decided  bool
	claims   *claims
	plugged  []ingest.Plug
	problems logical.Problems
}

func newLoop(w world, overrides Overrides, log *slog.Logger) *loop {
	l := &loop{world: w, log: log, overrides: overrides, started: w.now(), wake: make(chan struct{}, 1), firstLive: make(chan struct{}),
		prepared: map[int]bool{}, problemSince: map[logical.Problem]time.Time{},
		fdb: fdbState{fdb: newFDB()}, activated: map[string]bool{}}
	l.snooper = slowpath.NewSnooper(w.sender, l.signal, log)
	l.routers = slowpath.NewRouters(w.resumer, l.signal, w.now, log)
	l.routing.heard = map[bindingKey]heardNeighbour{}
	l.server = slowpath.NewServer(w.resumer, log)
	l.aclLog, l.rejecter = slowpath.NewACLLog(w.now, log), slowpath.NewRejecter(w.resumer, log)
	l.virtuals = slowpath.NewVirtuals(l.signal)
	l.announcer = slowpath.NewAnnouncer(w.resumer, w.now, log)
	l.ovsDB = &connection[vsw.Rows]{name: "Open_vSwitch", open: w.ovs, wake: l.signal}
	l.nbDB = &connection[nb.Rows]{name: "OVN_Northbound", open: w.nb, wake: l.signal}
	l.sbDB = &connection[sb.Rows]{name: "OVN_Southbound", open: w.sb, wake: l.signal}
	l.published.Store(&view{})
	return l
}

func (l *loop) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run goes round until ctx ends. It leaves the data plane and the databases as they are.
func (l *loop) run(ctx context.Context, ovs []string) error {
	defer func() { l.ovsDB.close(); l.nbDB.close(); l.sbDB.close() }()
	l.ovsDB.point(ctx, ovs, l.overrides.TLS)
	for {
		began := l.now()
		next := l.round(ctx)
		if !l.pause(ctx, roundEvery-l.now().Sub(began), nil) || !l.pause(ctx, next, l.wake) {
			return nil
		}
	}
}

// pause waits for a time or a signal; false: ctx ended. Changes of the host count as the signal.
func (l *loop) pause(ctx context.Context, d time.Duration, signal <-chan struct{}) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	var changed <-chan struct{}
	if signal != nil {
		changed = l.host.Changed()
	}
	select {
	case <-timer.C:
	case <-signal:
	case <-changed:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// round does one pass and returns how long to wait for a change before the next.
func (l *loop) round(ctx context.Context) time.Duration {
	r := &round{now: l.now(), claims: &claims{}}
	l.ovsDB.settle(r.now)
	l.nbDB.settle(r.now)
	l.sbDB.settle(r.now)
	l.readHost(r)
	if r.vs = l.ovsDB.rows(); r.vs != nil {
		l.readSettings(ctx, r)
		l.keepBridge(r)
		l.register(r)
		if r.nb != nil && r.sb != nil && r.settings.Name != "" {
			l.carryOut(ctx, r)
		}
		l.writeSouth(r)
		l.writeLocal(r)
	}
	l.noteDatabases(r)
	l.publish(r)
	return l.nextRound(r.now)
}

// readHost takes a new look at the host.
func (l *loop) readHost(r *round) {
	r.snap = l.host.Snapshot()
	if r.snap != l.snap {
		l.plane.DevicesChanged(changedDevices(l.snap, r.snap))
		still := map[int]bool{}
		for _, link := range r.snap.Links {
			if l.prepared[link.Index] {
				still[link.Index] = true
			}
		}
		l.prepared = still
	}
	l.snap = r.snap
}

// changedDevices are the devices that came, went or changed, by ifindex; nil when there is no earlier snapshot: any may have.
func changedDevices(before, now *hostnet.Snapshot) map[int]bool {
	if before == nil {
		return nil
	}
	changed := map[int]bool{}
	for name, link := range now.Links {
		if before.Links[name] != link {
			changed[link.Index] = true
		}
	}
	for name, link := range before.Links {
		if now.Links[name] != link {
			changed[link.Index] = true
		}
	}
	return changed
}

// readSettings reads the Open_vSwitch row and points the connections where it says.
func (l *loop) readSettings(ctx context.Context, r *round) {
	r.settings, r.problems = readSettings(findRoot(r.vs), l.overrides)
	r.settings.TLS = tlsOf(r.vs, l.overrides.TLS)
	l.nbDB.point(ctx, r.settings.NB, r.settings.TLS)
	l.sbDB.point(ctx, r.settings.SB, r.settings.TLS)
	// South before north: a generation counts when the later look at NB has it too.
	r.sb = l.sbDB.rows()
	r.nb = l.nbDB.rows()
	r.bridge = findBridge(r.vs, r.settings.Bridge)
	r.plugs = l.plugs.of(r.vs, r.bridge, r.snap)
	if r.sb != nil {
		r.self = findChassis(r.sb, r.settings.Name)
	}
}

// keepBridge keeps our own devices, and does the part of ovs-vswitchd that clients wait for.
func (l *loop) keepBridge(r *round) {
	if !r.now.Before(l.hostRetry.until) {
		l.hostRetry.note(l.keepDevices(r), r.now)
	}
	if l.hostRetry.err != nil {
		r.problems.Add("host", "devices", "%v", l.hostRetry.err)
	}
	ops := vswitchdOps(r.vs, r.settings.Bridge, r.snap.Links, l.plugs.ops)
	l.ovsDB.write(r.now, piece{subject{"bridge", r.settings.Bridge}, ops})
}

func (l *loop) keepDevices(r *round) error {
	if _, ok := r.snap.Links[r.settings.Bridge]; !ok {
		if err := l.host.EnsureVeth(r.settings.Bridge, bridgePeer, bridgeMTU); err != nil {
			return err
		}
	}
	if _, ok := r.snap.Links[relayOut]; !ok {
		if err := l.host.EnsureVeth(relayOut, relayIn, relayMTU); err != nil {
			return err
		}
	}
	return l.keepInternal(r)
}

// register keeps our rows in Chassis, Chassis_Private and Encap.
func (l *loop) register(r *round) {
	if r.sb == nil {
		return
	}
	reg := registration{settings: &r.settings, rows: r.sb, former: l.former, nbCfg: l.live.nbCfg, now: r.now}
	pieces, problems := reg.pieces()
	r.problems = append(r.problems, problems...)
	if r.self != nil && len(reg.removeFormer()) == 0 {
		l.former = r.settings.Name
	}
	l.sbDB.write(r.now, pieces...)
}

// nextRound is the time until the next round if nothing changes.
func (l *loop) nextRound(now time.Time) time.Duration {
	if l.live.unfinished {
		return 0
	}
	next := now.Add(countersEvery)
	if due := l.countersAt.Add(countersEvery); due.After(now) {
		next = due
	}
	if again := l.fdb.again; again.After(now) && again.Before(next) {
		next = again
	}
	backoffs := slices.Concat([]backoff{l.applyRetry, l.hostRetry}, l.ovsDB.backoffs(), l.nbDB.backoffs(), l.sbDB.backoffs())
	for _, b := range backoffs {
		if b.until.After(now) && b.until.Before(next) {
			next = b.until
		}
	}
	return next.Sub(now)
}
