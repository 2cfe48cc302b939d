package hover

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/ct"
	"woven.dev/woven/sdk/iom/wire"
)

// Tracked connections stay when a port goes, whatever ports they have themselves, and go with their instance.
func TestConnections(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3 := n.workload(1), n.workload(2), n.workload(3)
	n.apply(state(learning(switchA, 7, w1, w2), learning(switchB, 8, w3)))
	connections, err := n.Connections()
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range n.Instances() {
		key := wire.CtKey{Zone: in.Slot<<16 | 1, Proto: 6}
		for i, slot := range []uint32{in.Ports[2], in.Ports[3]} {
			key.L4[i] = uint16(slot)
		}
		if err := n.WriteTable("iom_cts", map[string]string{iom.Bytes(key): iom.Bytes(wire.Ct{Expires: 1 << 31})}, nil); err != nil {
			t.Fatal(err)
		}
	}
	count := func(what string, want int) {
		t.Helper()
		list, err := connections.Tables.List(time.Second, func(ct.Connection) bool { return true })
		if err != nil || len(list) != want {
			t.Errorf("%s: %d connections (%v), want %d", what, len(list), err, want)
		}
	}
	count("both switches", 2)
	n.apply(state(learning(switchA, 7, w1), learning(switchB, 8, w3)))
	count("without port 2", 2)
	n.apply(state(learning(switchA, 7, w1)))
	count("without switch B", 1)
}

// track enters a TCP connection from 10.0.0.1:sport to 10.0.0.2:80 in the zone of port 1 of an instance.
func (n *node) track(dp uint32, sport uint16) {
	n.t.Helper()
	key := wire.CtKey{Zone: dp<<16 | 1, Proto: 6, L4: [2]uint16{sport, 80}}
	key.Addr[0].A, key.Addr[1].A = iom.Addr(addr4(1)), iom.Addr(addr4(2))
	row := wire.Ct{Zone: key.Zone, L4: key.L4, Expires: 1 << 31, Progress: wire.CtEstablished, Rule: netstate.FirstObject + 1}
	rows := map[string]map[string]string{
		"iom_cts":      {iom.Bytes(key): iom.Bytes(row)},
		"iom_ct_zones": {iom.Bytes(wire.CtZone{Zone: key.Zone}): iom.Bytes(wire.CtZoneCount{Established: 3, Refused: 4})},
	}
	for table, rows := range rows {
		if err := n.WriteTable(table, rows, nil); err != nil {
			n.t.Fatal(err)
		}
	}
}

// Connections are shown and removed by name, from the pins alone.
func TestOpenConnections(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3 := n.workload(1), n.workload(2), n.workload(3)
	n.apply(state(learning(switchA, 7, w1, w2), learning(switchB, 8, w3)))
	var dp uint32
	for _, in := range n.Instances() {
		if in.Module.ID == switchA {
			dp = in.Slot
		}
	}
	for sport := uint16(1001); sport <= 1003; sport++ {
		n.track(dp, sport)
	}
	n.Close()
	connections, err := OpenConnections(n.bpffs, []iom.Kind{l2switch.Kind()})
	if err != nil {
		t.Fatal(err)
	}
	defer connections.Close()
	if ports, err := connections.Ports(); err != nil || !slices.Equal(ports, []string{"lp1", "lp2", "lp3"}) {
		t.Errorf("ports %q (%v)", ports, err)
	}
	show := func(port, zone, tuple string, skip, limit int, want string) {
		t.Helper()
		f, err := ParseConnectionFilter(port, zone, tuple)
		if err != nil {
			t.Fatal(err)
		}
		list, more, err := connections.List(f, skip, limit)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range list {
			got += fmt.Sprintf("%s/%s %v %v ", c.Instance, c.Port, c.From, c.To)
		}
		if more {
			got += "..."
		}
		if got != want {
			t.Errorf("port %q, zone %q, tuple %q, %d after %d: have %q, want %q", port, zone, tuple, limit, skip, got, want)
		}
	}
	line := func(sport int) string { return fmt.Sprintf("%s/lp1 10.0.0.1:%d 10.0.0.2:80 ", switchA, sport) }
	zone := ct.Zone{Instance: dp, Port: 1}.String()
	show("", "", "", 0, 9, line(1001)+line(1002)+line(1003))
	show("lp1", zone, "tcp", 0, 2, line(1001)+line(1002)+"...")
	show("lp1", "", "", 2, 2, line(1003))
	show("", "", "", 9, 2, "")
	show("lp2", "", "", 0, 9, "")
	show("", ct.Zone{Instance: dp, Port: 2}.String(), "", 0, 9, "")
	show("", "", "tcp * 10.0.0.2:81", 0, 9, "")
	if _, _, err := connections.List(ConnectionFilter{Port: "nosuch"}, 0, 9); !errors.Is(err, ErrUnknown) {
		t.Errorf("a port that there is not: %v", err)
	}
	if zones, err := connections.Zones(); err != nil || len(zones) != 1 || zones[0].Port != "lp1" || zones[0].Instance != switchA ||
		zones[0].Count != (ct.Count{Established: 3, Limit: ct.DefaultLimit, Refused: 4}) {
		t.Errorf("zones %+v (%v)", zones, err)
	}
	tuple, err := ct.ParseTuple("tcp 10.0.0.1:1002")
	if err != nil {
		t.Fatal(err)
	}
	if gone, err := connections.Flush(ConnectionFilter{Tuple: &tuple}); gone != 1 || err != nil {
		t.Errorf("flushed %d (%v), want one", gone, err)
	}
	show("", "", "", 0, 9, line(1001)+line(1003))
	if gone, err := connections.Flush(ConnectionFilter{Port: "nosuch"}); gone != 0 || !errors.Is(err, ErrUnknown) {
		t.Errorf("flushed %d of a port that there is not: %v", gone, err)
	}
	if gone, err := connections.Flush(ConnectionFilter{Port: "lp1"}); gone != 2 || err != nil {
		t.Errorf("flushed %d (%v), want two", gone, err)
	}
	if zones, err := connections.Zones(); err != nil || zones[0].Established != 0 {
		t.Errorf("zones after all was flushed %+v (%v)", zones, err)
	}
}

func TestOpenConnectionsWithoutPins(t *testing.T) {
	testutil.RequireRoot(t)
	_, err := OpenConnections(t.TempDir(), []iom.Kind{l2switch.Kind()})
	if err == nil || !strings.Contains(err.Error(), "start an agent") {
		t.Errorf("without pins: %v", err)
	}
}

func TestParseConnectionFilter(t *testing.T) {
	for _, bad := range [][3]string{{"", "3", ""}, {"", "", "tpc"}, {"p", "3/x", "tcp"}} {
		if f, err := ParseConnectionFilter(bad[0], bad[1], bad[2]); err == nil {
			t.Errorf("%q is filter %+v, want an error", bad, f)
		}
	}
}
