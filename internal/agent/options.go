package agent

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/sdk/iom"
)

// Options of an agent.
type Options struct {
	// OVS is the remote of the local Open_vSwitch database.
	OVS string
	// RunDir takes the lock. BPFFS is the directory of the pins.
	RunDir, BPFFS string
	// Name, NB and SB go before what the Open_vSwitch row says; "" : as it says. NB and SB are lists of remotes
	// as in ovn-remote.
	Name, NB, SB string
	// TLS goes before the SSL row; empty fields: as that says.
	TLS ovsdb.TLS
	// Kinds are the module kinds to load.
	Kinds []iom.Kind
	// Attach is how programs are attached.
	Attach hover.AttachMode
	// Version of the program, for the status.
	Version string
	Log     *slog.Logger
	// Serve, if not nil, runs beside the agent and answers from source until its ctx ends; its error ends the agent.
	Serve func(ctx context.Context, source *Source) error
}

// Plane is the data plane: hover, or a test's fake.
type Plane interface {
	netstate.Applier
	// DevicesChanged tells that network devices came, went or changed, by ifindex, so that the next Apply looks at them again; nil: any.
	DevicesChanged(ifindexes map[int]bool)
	// Port, Drops, NodeDrops, Instances and what follows to Hooks are for people: see hover.Hover.
	Port(module string, key uint16) (hover.PortCounters, error)
	Drops(module string) ([]hover.Drop, error)
	NodeDrops() ([]hover.Drop, error)
	Instances() []hover.Instance
	Types() []hover.Type
	Tables(module string) ([]hover.Table, error)
	Rows(module, table string, limit int) (rows []hover.TableRow, more bool, err error)
	Hooks() []hover.Hook
	// PortAt, ReadTable, WriteTable and Uptime are for what programs write by themselves: see hover.Hover.
	PortAt(slot uint32) (p punt.Port, ok bool)
	ReadTable(name string) (map[string]string, error)
	WriteTable(name string, rows map[string]string, gone []string) error
	Uptime() time.Duration
	PuntCounts() ([]hover.PuntCount, error)
	Usage() []hover.Usage
	FlowCounts() (hover.FlowCounts, error)
	Close()
}

var _ Plane = (*hover.Hover)(nil)

// connections shows the tracked connections: see hover.Connections.
type connections interface {
	List(f hover.ConnectionFilter, skip, limit int) (list []hover.Connection, more bool, err error)
	Zones() ([]hover.ZoneCount, error)
}

var _ connections = (*hover.Connections)(nil)

// host is what the agent needs of a hostnet.Host.
type host interface {
	Run(ctx context.Context) error
	Changed() <-chan struct{}
	Snapshot() *hostnet.Snapshot
	Route(to, from netip.Addr) (hostnet.Route, error)
	SetNeighbours(want []hostnet.Neighbour) error
	PrepareDevice(ifindex int) error
	EnsureVeth(name, peer string, mtu int) error
	RemoveVeth(name, peer string) (bool, error)
	EnsureInternal(want hostnet.Internal) error
	RemoveInternal(peer string) error
	Counters() (map[int]hostnet.Counters, error)
	Close()
}

// world is what an agent works with: the real things, or a test's.
type world struct {
	host  host
	plane Plane
	punts punts // of the plane
	// sender sends to the owners of ports.
	sender slowpath.Sender
	// resumer sends frames on through the modules.
	resumer slowpath.Resumer
	sweeper *sweeper // of the plane; nil: it tracks no connections
	// connections are those of the plane, for people.
	connections connections
	ovs         func(remotes []string, keys ovsdb.TLS) database[vsw.Rows]
	nb          func(remotes []string, keys ovsdb.TLS) database[nb.Rows]
	sb          func(remotes []string, keys ovsdb.TLS) database[sb.Rows]
	// hostname is used where the Open_vSwitch row has none.
	hostname string
	now      func() time.Time
}
