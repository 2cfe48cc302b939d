package agent

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
)

// fdbNode is a node whose kernel's tables the test makes up. All nodes have a switch at slot 5, dp_key 7, with ports 1, 2 on node
// 1 (slots 11, 12), 3, 4 on node 2, and 9 that is plugged nowhere.
type fdbNode struct {
	*fdb
	number  int
	sw      *fdbSwitch
	learned map[station]l2switch.Learned
	counts  map[uint32]l2switch.LearnCount
}

func newFDBNode(number int) *fdbNode {
	n := &fdbNode{fdb: newFDB(), number: number, learned: map[station]l2switch.Learned{}, counts: map[uint32]l2switch.LearnCount{},
		sw: &fdbSwitch{name: "sw0", key: 7, slot: 5, ports: map[uint16]*fdbPort{}, bySlot: map[uint32]uint16{}}}
	for key := uint16(1); key <= 4; key++ {
		port := &fdbPort{name: fmt.Sprint("p", key), ref: iom.RemoteRef(3, key)}
		if homeOf(key) == number {
			port.slot, port.learns = 10+uint32(key), true
			port.ref = iom.Ref(port.slot)
			n.sw.bySlot[port.slot] = key
		}
		n.sw.ports[key] = port
	}
	return n
}

func homeOf(port uint16) int { return 1 + int(port-1)/2 }

// fdbCloud is the nodes and the table FDB that they share.
type fdbCloud struct {
	rows  map[station]*sb.FDBEntry
	nodes map[int]*fdbNode
	now   time.Time
	old   bool // the schema has no timestamp
	mute  bool // the database can't be written
}

const bootTime = 1000 // s, when a test begins

func newFDBCloud() *fdbCloud {
	return &fdbCloud{rows: map[station]*sb.FDBEntry{}, nodes: map[int]*fdbNode{1: newFDBNode(1), 2: newFDBNode(2)}, now: time.UnixMilli(1e6)}
}

func stationOf(n byte) station { return station{"dp", [6]byte{0x0a, 0, 0, 0, 0, n}} }

func (c *fdbCloud) uptime() time.Duration {
	return bootTime*time.Second + c.now.Sub(time.UnixMilli(1e6))
}

// hear is what the program does when a frame of a station comes in by a port.
func (c *fdbCloud) hear(n byte, port uint16) {
	node, s, slot := c.nodes[homeOf(port)], stationOf(n), 10+uint32(port)
	if was, known := node.learned[s]; !known || was.Ref != iom.Ref(slot) {
		node.count(slot, 1)
		if _, here := node.sw.bySlot[uint32(was.Ref)]; here {
			node.count(uint32(was.Ref), -1)
		}
	}
	node.learned[s] = l2switch.Learned{Instance: 5, MAC: s.mac, Ref: iom.Ref(slot), Seen: uint32(c.uptime() / time.Second)}
}

func (n *fdbNode) count(slot uint32, by int) {
	count := n.counts[slot]
	count.Learned += uint32(by)
	n.counts[slot] = count
}

// look has a node decide, carries out what it decided, and returns that as text.
func (c *fdbCloud) look(number int) string {
	n := c.nodes[number]
	p := n.decide(&fdbLook{now: c.now, uptime: c.uptime(), writable: !c.mute, switches: map[string]*fdbSwitch{"dp": n.sw},
		learned: n.learned, rows: c.rows, counts: n.counts})
	var lines []string
	for _, l := range p.learn {
		n.learned[station{"dp", l.MAC}] = l
		lines = append(lines, fmt.Sprintf("learn %d %#x seen %d", l.MAC[5], uint32(l.Ref), l.Seen))
	}
	for _, l := range p.forget {
		delete(n.learned, station{"dp", l.MAC})
		lines = append(lines, fmt.Sprintf("forget %d", l.MAC[5]))
	}
	for _, piece := range p.pieces {
		lines = append(lines, c.commit(piece.ops[0]))
	}
	for slot, count := range p.counts {
		n.counts[slot] = count
		lines = append(lines, fmt.Sprintf("count %d is %d", slot, count.Learned))
	}
	for _, problem := range p.problems {
		lines = append(lines, "problem "+problem.Object+" "+problem.Reason)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// commit carries an operation out.
func (c *fdbCloud) commit(op ovsdb.Op) string {
	row := op.Row.(*sb.FDBEntry)
	if op.Kind == ovsdb.Insert {
		c.row(row.MAC[len(row.MAC)-1]-'0', uint16(row.PortKey), row.Timestamp)
		return fmt.Sprintf("insert %s port %d at %d", row.MAC, row.PortKey, row.Timestamp)
	}
	for s, have := range c.rows {
		switch {
		case have.UUID != row.UUID:
		case op.Kind == ovsdb.Delete:
			delete(c.rows, s)
		case slices.Contains(op.Columns, "port_key"):
			c.row(s.mac[5], uint16(row.PortKey), row.Timestamp)
		default:
			c.row(s.mac[5], uint16(have.PortKey), row.Timestamp)
		}
	}
	if op.Kind == ovsdb.Delete {
		return "delete " + row.UUID
	}
	return fmt.Sprintf("update %s %v port %d at %d", row.UUID, op.Columns, row.PortKey, row.Timestamp)
}

// row makes a row; a changed one is a new pointer.
func (c *fdbCloud) row(n byte, port uint16, stamp int) {
	if c.old {
		stamp = 0
	}
	c.rows[stationOf(n)] = &sb.FDBEntry{UUID: fmt.Sprint("row", n), DpKey: 7, MAC: fmt.Sprintf("0a:00:00:00:00:%02x", n), PortKey: int(port), Timestamp: stamp}
}

func (c *fdbCloud) sleep(d time.Duration) { c.now = c.now.Add(d) }

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name            string
		seen            uint16
		here            bool
		row, last       uint16
		want            verdict
		otherwiseBefore verdict // with no memory; "": the same
	}{
		{"new here", 1, true, 0, 0, tell, ""},
		{"both agree", 1, true, 1, 1, keep, ""},
		{"both agree on another node's", 3, false, 3, 3, keep, ""},
		{"from another node", 0, false, 3, 0, follow, ""},
		{"moved here", 1, true, 3, 3, tell, follow},
		{"moved within this node", 2, true, 1, 1, tell, follow},
		{"moved away", 1, true, 3, 1, follow, ""},
		{"moved away and back before a look", 1, true, 3, 3, tell, follow},
		{"moved between others", 3, false, 4, 3, follow, ""},
		{"row of ours deleted", 1, true, 0, 1, forget, tell},
		{"row of another node's deleted", 3, false, 0, 3, forget, ""},
		{"row of another node's deleted while it moved here", 1, true, 0, 3, tell, ""},
		{"port gone", 0, false, 0, 0, forget, ""},
		{"port gone, row left", 0, false, 1, 1, follow, ""},
	} {
		if got := judge(tt.seen, tt.here, tt.row, lastRow{port: tt.last}); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		want := tt.otherwiseBefore
		if want == "" {
			want = tt.want
		}
		if got := judge(tt.seen, tt.here, tt.row, lastRow{}); got != want {
			t.Errorf("%s, no memory: %s, want %s", tt.name, got, want)
		}
	}
	if got := judge(2, true, 1, lastRow{port: 3, wrote: 1}); got != tell {
		t.Errorf("moved on while our own write is new: %s, want %s", got, tell)
	}
}

// step is something that happens, and what a node's next look comes to.
type step struct {
	do   func(c *fdbCloud)
	node int
	want string
}

var fdbStories = map[string][]step{
	"learned here, told, deleted by a user, learned again": {
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
		{nil, 1, ""},
		{nil, 2, "learn 1 0x80030001 seen 1000"},
		{func(c *fdbCloud) { delete(c.rows, stationOf(1)) }, 2, "forget 1"},
		{nil, 1, "forget 1"},
		{nil, 1, ""}, // the count is off, and looked at once more
		{nil, 1, "count 11 is 0"},
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
	},
	"moves": {
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
		{nil, 1, ""},
		{func(c *fdbCloud) { c.hear(1, 2) }, 1, "update row1 [port_key timestamp] port 2 at 1000000"},
		{nil, 2, "learn 1 0x80030002 seen 1000"},
		{func(c *fdbCloud) { c.hear(1, 3) }, 2, "update row1 [port_key timestamp] port 3 at 1000000"},
		{nil, 1, "learn 1 0x80030003 seen 1000"},
	},
	"moves on at once": {
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
		{func(c *fdbCloud) { c.hear(1, 2) }, 1, "update row1 [port_key timestamp] port 2 at 1000000"},
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "update row1 [port_key timestamp] port 1 at 1000000"},
	},
	"a restarted node takes the rows' word, and the next frame's": {
		{func(c *fdbCloud) { c.row(1, 3, 999000); c.hear(1, 1) }, 1, "learn 1 0x80030003 seen 1000"},
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "update row1 [port_key timestamp] port 1 at 1000000"},
	},
	"a node without memory and table gets all back": {
		{func(c *fdbCloud) { c.row(1, 1, 999000); c.row(2, 3, 999000) }, 1, "learn 1 0xb seen 1000\nlearn 2 0x80030003 seen 1000"},
		{nil, 1, ""},
		{nil, 1, "count 11 is 1"},
	},
	"a port that is plugged nowhere has no way": {
		{func(c *fdbCloud) { c.row(1, 9, 0) }, 1, ""},
		{func(c *fdbCloud) { c.row(1, 3, 0) }, 1, "learn 1 0x80030003 seen 1000"},
		{func(c *fdbCloud) { c.row(1, 9, 0) }, 1, "forget 1"},
	},
	"a port that goes to another node takes its addresses along": {
		{func(c *fdbCloud) { c.row(1, 3, 0) }, 1, "learn 1 0x80030003 seen 1000"},
		{func(c *fdbCloud) { c.nodes[1].sw.ports[3].ref = iom.RemoteRef(4, 3) }, 1, "learn 1 0x80040003 seen 1000"},
		{func(c *fdbCloud) { c.nodes[1].sw.ports[3].ref = iom.GroupRef(3) }, 1, "learn 1 0x40000003 seen 1000"},
		{nil, 1, ""},
	},
	"a port that learns no longer": {
		{func(c *fdbCloud) { c.hear(1, 1) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
		{func(c *fdbCloud) { c.nodes[1].sw.ports[1].learns = false }, 1, "delete row1"},
		{nil, 1, "forget 1"},
	},
	"the database can't be written": {
		{func(c *fdbCloud) { c.hear(1, 1); c.mute = true }, 1, ""},
		{func(c *fdbCloud) { c.mute = false; c.sleep(5 * time.Second) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
	},
	"refreshed while it lives, for ovn-northd to age": {
		{func(c *fdbCloud) { c.nodes[1].sw.ageAfter = 100 * time.Second; c.hear(1, 1) }, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
		{func(c *fdbCloud) { c.sleep(20 * time.Second); c.hear(1, 1); c.sleep(4 * time.Second) }, 1, ""},
		{func(c *fdbCloud) { c.sleep(6 * time.Second); c.hear(1, 1); c.sleep(5 * time.Second) }, 1, "update row1 [timestamp] port 0 at 1030000"},
		{func(c *fdbCloud) { c.sleep(200 * time.Second) }, 1, ""},
		{func(c *fdbCloud) { delete(c.rows, stationOf(1)) }, 1, "forget 1"},
	},
	"aged by the node that has the port where rows have no timestamp": {
		{func(c *fdbCloud) {
			c.old = true
			c.nodes[1].sw.ageAfter, c.nodes[2].sw.ageAfter = 100*time.Second, 100*time.Second
			c.hear(1, 1)
		}, 1, "insert 0a:00:00:00:00:01 port 1 at 1000000"},
		{nil, 2, "learn 1 0x80030001 seen 1000"},
		{func(c *fdbCloud) { c.sleep(100 * time.Second) }, 1, ""},
		{func(c *fdbCloud) { c.sleep(time.Second) }, 2, ""},
		{nil, 1, "delete row1"},
		{nil, 1, "forget 1"},
		{nil, 2, "forget 1"},
	},
	"a MAC address on two ports by turns": {
		{func(c *fdbCloud) { c.row(1, 3, 0); c.look(1); c.ping(1, 1, 2, moveBurst) }, 1, "problem logical_switch sw0 MAC address 0a:00:00:00:00:01 is used " +
			"on ports \"p1\" and \"p2\" by turns: other nodes are told of a move every 10s at most"},
		{func(c *fdbCloud) { c.sleep(10 * time.Second); c.hear(1, 2) }, 1, "problem logical_switch sw0 MAC address 0a:00:00:00:00:01 is used " +
			"on ports \"p1\" and \"p2\" by turns: other nodes are told of a move every 10s at most\nupdate row1 [port_key timestamp] port 2 at 1010000"},
		{func(c *fdbCloud) { c.sleep(time.Minute) }, 1, ""},
	},
	"the limit of a port": {
		{func(c *fdbCloud) { c.nodes[1].counts[11] = l2switch.LearnCount{Refused: 7} }, 1, ""},
		{func(c *fdbCloud) { c.nodes[1].counts[11] = l2switch.LearnCount{Refused: 8} }, 1,
			"problem logical_switch_port p1 more MAC addresses are used than it may have learned: frames for the others are flooded"},
		{func(c *fdbCloud) { c.sleep(time.Minute) }, 1, ""},
		{func(c *fdbCloud) { c.nodes[1].counts[11] = l2switch.LearnCount{} }, 1, ""},
	},
}

// ping has a station heard on two ports by turns, with a look after each time, and at last at the first one.
func (c *fdbCloud) ping(n byte, a, b uint16, times int) {
	for i := range times {
		c.hear(n, []uint16{a, b}[i%2])
		c.look(1)
	}
	c.hear(n, []uint16{a, b}[times%2])
}

func TestFDB(t *testing.T) {
	for name, steps := range fdbStories {
		t.Run(name, func(t *testing.T) {
			c := newFDBCloud()
			for i, s := range steps {
				if s.do != nil {
					s.do(c)
				}
				if diff := cmp.Diff(s.want, c.look(s.node)); diff != "" {
					t.Fatalf("step %d: -want +got:\n%s", i+1, diff)
				}
			}
		})
	}
}

// Whatever happens in whatever order: when it has ended, all agree, and with the last one that was heard.
func TestFDBAgrees(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := newFDBCloud()
		for range 200 {
			n, port := byte(1+r.IntN(3)), uint16(1+r.IntN(4))
			switch r.IntN(8) {
			case 0, 1, 2:
				c.hear(n, port)
			case 3:
				delete(c.rows, stationOf(n))
			case 4:
				c.nodes[1+r.IntN(2)].fdb = newFDB() // its agent restarts
			default:
				c.look(1 + r.IntN(2))
			}
			c.sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
		c.settle()
		for n := byte(1); n <= 3; n++ {
			port := uint16(1 + r.IntN(4))
			c.hear(n, port)
			c.settle()
			if row := c.rows[stationOf(n)]; row == nil || row.PortKey != int(port) {
				t.Fatalf("seed %d: station %d is at port %d, row %+v", seed, n, port, row)
			}
		}
		c.checkAgreement(t, seed)
	}
}

// settle lets both nodes look until nothing changes.
func (c *fdbCloud) settle() {
	for range 10 {
		c.look(1)
		c.look(2)
		c.sleep(moveEvery)
	}
}

func (c *fdbCloud) checkAgreement(t *testing.T, seed uint64) {
	t.Helper()
	for number, node := range c.nodes {
		have := map[uint32]int{}
		for s, l := range node.learned {
			have[uint32(l.Ref)]++
			port, _ := node.sw.portOf(l.Ref)
			if row := c.rows[s]; row == nil || row.PortKey != int(port) {
				t.Errorf("seed %d: node %d has station %d at port %d, row %+v", seed, number, s.mac[5], port, row)
			}
		}
		for slot, count := range node.counts {
			if int(count.Learned) != have[slot] {
				t.Errorf("seed %d: node %d counts %d at slot %d, there are %d", seed, number, count.Learned, slot, have[slot])
			}
		}
		if len(node.learned) != len(c.rows) {
			t.Errorf("seed %d: node %d knows %d of %d", seed, number, len(node.learned), len(c.rows))
		}
	}
}
