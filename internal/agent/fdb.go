package agent

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
)

// maxFDBOps bounds how many rows of the table FDB one look changes: the next one goes on.
const maxFDBOps = 256

// station is an address that a switch has learned.
type station struct {
	module string // Datapath_Binding UUID
	mac    [6]byte
}

// fdbSwitch is a switch with ports that learn, here or elsewhere.
type fdbSwitch struct {
	name string
	key  int    // FDB.dp_key
	slot uint32 // in the data plane
	// ports that are plugged somewhere, by key.
	ports map[uint16]*fdbPort
	// bySlot are the keys of those that are here.
	bySlot map[uint32]uint16
	// ageAfter is other_config:fdb_age_threshold, ovn-nb(5); 0: addresses are learned for good.
	ageAfter time.Duration
}

type fdbPort struct {
	name string
	ref  iom.Ref
	slot uint32 // of a port that is here; else 0
	// learns: it is here, and addresses are learned from it.
	learns bool
}

// fdbLook is what there is to see: the kernel's table, and the Southbound database's.
type fdbLook struct {
	now      time.Time
	uptime   time.Duration // the clock of l2switch.Learned.Seen
	writable bool          // the Southbound database
	switches map[string]*fdbSwitch
	learned  map[station]l2switch.Learned
	rows     map[station]*sb.FDBEntry
	counts   map[uint32]l2switch.LearnCount
}

// fdbPlan is what to do about it.
type fdbPlan struct {
	// learn and forget are rows of the kernel's table, counts rows of that with the counts.
	learn, forget []l2switch.Learned
	counts        map[uint32]l2switch.LearnCount
	pieces        []piece
	problems      logical.Problems
}

// fdb keeps the kernel's table of learned addresses and the table FDB, which the other nodes read, in step: what a port of this node uses goes
// there, all else comes from there. Its memory is that of the last look; without it, as after a start, the database's word goes before the kernel's.
type fdb struct {
	last  map[station]lastRow
	moves map[station]*moves
	count counting
}

// lastRow is the port in a row of the table FDB at the last look, and the port that we wrote since; 0: none.
type lastRow struct{ port, wrote uint16 }

func newFDB() *fdb {
	return &fdb{last: map[station]lastRow{}, moves: map[station]*moves{}, count: newCounting()}
}

// verdict is what to do about one station.
type verdict string

const (
	keep   verdict = "keep"   // nothing
	tell   verdict = "tell"   // the database gets what the kernel has
	follow verdict = "follow" // the kernel gets what the database has
	forget verdict = "forget" // the kernel loses it
)

// judge compares where the kernel saw a station and where the database has it; 0: nowhere. The last writer wins: a row that is as at the last
// look, or as we wrote it, is older than what the kernel saw.
func judge(seen uint16, here bool, row uint16, last lastRow) verdict {
	switch {
	case row == 0 && (!here || last.port == seen):
		return forget // somebody deleted the row, or the port is gone
	case seen == row:
		return keep
	case here && (row == 0 || row == last.port || row == last.wrote):
		return tell
	}
	return follow
}

// decide says what a look calls for.
func (f *fdb) decide(in *fdbLook) *fdbPlan {
	p := &fdbPlan{}
	stations := map[station]bool{}
	for s := range in.learned {
		stations[s] = true
	}
	for s := range in.rows {
		stations[s] = true
	}
	for s := range f.last {
		if in.switches[s.module] == nil || !stations[s] {
			delete(f.last, s)
		}
	}
	for s := range stations {
		f.settle(in, s, p)
	}
	f.problems(in, p)
	f.count.check(in, p)
	p.sort()
	return p
}

// settle decides about one station.
func (f *fdb) settle(in *fdbLook, s station, p *fdbPlan) {
	sw, row := in.switches[s.module], in.rows[s]
	learned, known := in.learned[s]
	var seen, want uint16
	var here bool
	if known {
		seen, here = sw.portOf(learned.Ref)
	}
	last := f.last[s]
	if row != nil {
		want = uint16(row.PortKey)
	}
	if want != last.port {
		f.last[s] = lastRow{port: want}
	}
	if here && !sw.ports[seen].learns {
		f.unlearn(in, s, row, seen, p)
		return
	}
	switch judge(seen, here, want, last) {
	case keep:
		f.refresh(in, s, row, p)
	case tell:
		f.tell(in, s, row, seen, p)
	case follow:
		if here {
			f.moved(s, seen, want, in.now).take(in.now)
		}
		p.follow(in, s, want, known)
	case forget:
		p.forget = append(p.forget, learned)
	}
}

// portOf says which port a way leads to, and whether that is here; 0: the port is gone.
func (sw *fdbSwitch) portOf(ref iom.Ref) (key uint16, here bool) {
	if _, key, remote := ref.Remote(); remote {
		return key, false
	}
	if key, group := ref.Group(); group {
		return key, false
	}
	key, here = sw.bySlot[uint32(ref)]
	return key, here
}

// unlearn undoes what a port learned while it was to: the row goes first, or it would come back from there.
func (f *fdb) unlearn(in *fdbLook, s station, row *sb.FDBEntry, port uint16, p *fdbPlan) {
	if row == nil || row.PortKey != int(port) {
		p.forget = append(p.forget, in.learned[s])
		return
	}
	p.write(in, s, ovsdb.Op{Kind: ovsdb.Delete, Row: row, If: ifPort(row)})
}

// tell has the database say where the station is.
func (f *fdb) tell(in *fdbLook, s station, row *sb.FDBEntry, port uint16, p *fdbPlan) {
	if !in.writable {
		return
	}
	stamp := int(in.now.Add(-in.age(s)).UnixMilli())
	if row == nil {
		f.last[s] = lastRow{wrote: port}
		p.write(in, s, ovsdb.Op{Kind: ovsdb.Insert, Row: &sb.FDBEntry{
			DpKey: in.switches[s.module].key, MAC: logical.MAC(s.mac), PortKey: int(port), Timestamp: stamp}})
		return
	}
	if f.moved(s, uint16(row.PortKey), port, in.now).take(in.now) {
		f.last[s] = lastRow{port: uint16(row.PortKey), wrote: port}
		p.write(in, s, ovsdb.Op{Kind: ovsdb.Update, Columns: []string{"port_key", "timestamp"}, If: ifPort(row),
			Row: &sb.FDBEntry{UUID: row.UUID, PortKey: int(port), Timestamp: stamp}})
	}
}

// refresh keeps a station that both agree on alive or lets it go. Where rows have a timestamp, ovn-northd deletes those that nobody refreshes;
// with an older schema the node that has the port does.
func (f *fdb) refresh(in *fdbLook, s station, row *sb.FDBEntry, p *fdbPlan) {
	sw := in.switches[s.module]
	port, learned := sw.ports[uint16(row.PortKey)], in.learned[s]
	if port == nil || port.slot == 0 || learned.Ref != iom.Ref(port.slot) {
		p.follow(in, s, uint16(row.PortKey), true)
		return
	}
	age := in.age(s)
	switch {
	case sw.ageAfter == 0:
	case row.Timestamp == 0 && age > sw.ageAfter:
		p.write(in, s, ovsdb.Op{Kind: ovsdb.Delete, Row: row, If: ifPort(row)})
	case row.Timestamp != 0 && age < sw.ageAfter && in.now.Sub(time.UnixMilli(int64(row.Timestamp))) > sw.ageAfter/4+age:
		p.write(in, s, ovsdb.Op{Kind: ovsdb.Update, Columns: []string{"timestamp"}, If: ifPort(row),
			Row: &sb.FDBEntry{UUID: row.UUID, Timestamp: int(in.now.Add(-age).UnixMilli())}})
	}
}

// age is how long ago a station was seen here.
func (in *fdbLook) age(s station) time.Duration {
	return max(0, in.uptime-time.Duration(in.learned[s].Seen)*time.Second)
}

// ifPort is the condition that the station has not moved since the row was read.
func ifPort(row *sb.FDBEntry) *ovsdb.IfRow {
	return &ovsdb.IfRow{Row: row, Columns: []string{"port_key"}}
}

// write changes the database.
func (p *fdbPlan) write(in *fdbLook, s station, op ovsdb.Op) {
	if in.writable && len(p.pieces) < maxFDBOps {
		about := subject{"fdb", fmt.Sprintf("%s in %s", net.HardwareAddr(s.mac[:]), in.switches[s.module].name)}
		p.pieces = append(p.pieces, piece{about, []ovsdb.Op{op}})
	}
}

// follow makes the kernel's row lead to a port: one that is plugged nowhere has none.
func (p *fdbPlan) follow(in *fdbLook, s station, port uint16, known bool) {
	sw := in.switches[s.module]
	have := in.learned[s]
	want := l2switch.Learned{Instance: sw.slot, MAC: s.mac, Seen: uint32(in.uptime / time.Second)}
	if at := sw.ports[port]; at != nil {
		want.Ref = at.ref
		if at.slot != 0 {
			want.Ref = iom.Ref(at.slot) // as the programs have it
		}
	}
	switch {
	case want.Ref == 0 && known:
		p.forget = append(p.forget, have)
	case want.Ref != 0 && want.Ref != have.Ref:
		p.learn = append(p.learn, want)
	}
}

// sort makes a plan the same every time.
func (p *fdbPlan) sort() {
	order := func(a, b l2switch.Learned) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), bytes.Compare(a.MAC[:], b.MAC[:]))
	}
	slices.SortFunc(p.learn, order)
	slices.SortFunc(p.forget, order)
	slices.SortFunc(p.pieces, func(a, b piece) int { return strings.Compare(a.about.name, b.about.name) })
	p.problems = p.problems.Sorted()
}
