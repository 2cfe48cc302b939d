package hover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

const (
	unknownGroup = 0x8001
	switchB      = "6a3c1a52-0000-4000-8000-00000000000b"
)

// learning is a switch whose ports learn: it knows no address.
func learning(id string, key uint32, workloads ...workload) *netstate.Module {
	m := lswitch(id, key, workloads...)
	c := m.Config.(*config.Config)
	c.UnknownGroup, c.FDB, c.Neighbours = unknownGroup, nil, nil
	for k := range c.Ports {
		c.Ports[k] = config.Port{Enabled: true, Learn: true}
	}
	m.Groups = append(m.Groups, netstate.Group{Name: "_MC_unknown", Key: unknownGroup, Ports: m.Groups[0].Ports})
	return m
}

// rowsOf is a table as text, a row a line.
func (n *node) rowsOf(module, table string) string {
	n.t.Helper()
	rows, _, err := n.Rows(module, table, 100)
	if err != nil {
		n.t.Fatal(err)
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprint(r.Key, r.Value))
	}
	return strings.Join(lines, "\n")
}

// What programs learned survives a restart, and goes with its port.
func TestLiveTables(t *testing.T) {
	n := newNode(t, AttachTCX)
	w1, w2, w3 := n.workload(1), n.workload(2), n.workload(3)
	apply := func() { n.apply(state(learning(switchA, 7, w1, w2), learning(switchB, 8, w3))) }
	apply()
	punts := make(chan punt.Punt, 100)
	reader := n.Punts()
	reader.Handle("l2switch", 1, func(p punt.Punt) { punts <- p })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- reader.Run(ctx) }()
	if !ping(w1, addr4(2).String()) {
		t.Errorf("no answer; drops: %s", n.drops(switchA))
	}
	ping(w3, "10.0.0.77")
	seen := map[punt.Port]bool{}
	for range 3 {
		seen[(<-punts).Port] = true
	}
	for _, want := range []punt.Port{{Module: switchA, Key: 1}, {Module: switchA, Key: 2}, {Module: switchB, Key: 3}} {
		if !seen[want] {
			t.Errorf("no punt from %v: %v", want, seen)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	n.puntCounts(switchA, "learned", 2)
	families := map[string]string{ // which are counted together
		iom.Bytes(wire.PuntKey{Dp: 1, Kind: 1, Reason: 1}):         iom.Bytes(wire.PuntLimit{Sent: 2}),
		iom.Bytes(wire.PuntKey{Dp: 1, Kind: 1, Reason: 1, Ip6: 1}): iom.Bytes(wire.PuntLimit{Sent: 3})}
	if err := n.WriteTable("iom_punt_limits", families, nil); err != nil {
		t.Fatal(err)
	}
	n.puntCounts(switchA, "learned", 5)

	if err := n.open(AttachTCX); err != nil {
		t.Fatal(err)
	}
	if p, ok := n.PortAt(2); !ok || p != (punt.Port{Module: switchA, Key: 2}) {
		t.Errorf("port at slot 2 of an adopted data plane: %v %v", p, ok)
	}
	apply()
	if got := n.rowsOf(switchA, "l2switch_learned_macs"); strings.Count(got, "\n") != 1 {
		t.Errorf("after a restart:\n%s", got)
	}
	if got, want := n.rowsOf(switchA, "l2switch_learn_counts"), "1 [{learned 1} {refused 0}]\n2 [{learned 1} {refused 0}]"; got != want {
		t.Errorf("counts after a restart:\n%s", got)
	}
	n.apply(state(learning(switchA, 7, w1)))
	if got := n.rowsOf(switchA, "l2switch_learned_macs"); !strings.Contains(got, "0a:00:00:00:00:01") || strings.Contains(got, "\n") {
		t.Errorf("after port 2 has gone:\n%s", got)
	}
	if rows, err := n.ReadTable("l2switch_learned_macs"); err != nil || len(rows) != 1 {
		t.Errorf("after switch B has gone: %d rows, %v", len(rows), err)
	}
	if rows, err := n.ReadTable("l2switch_learn_counts"); err != nil || len(rows) != 1 {
		t.Errorf("counts after ports 2 and 3 have gone: %v, %v", rows, err)
	}
}

func (n *node) puntCounts(module, reason string, sent uint64) {
	n.t.Helper()
	counts, err := n.PuntCounts()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range counts {
		if c.Module == module && c.Kind == "l2switch" && c.Reason == reason {
			if c.Sent != sent || c.Lost != 0 {
				n.t.Errorf("%+v, want %d sent", c, sent)
			}
			return
		}
	}
	n.t.Errorf("no punts of %s for %s: %+v", module, reason, counts)
}

func TestWriteTable(t *testing.T) {
	n := newNode(t, AttachTCX)
	n.apply(state(learning(switchA, 7, n.workload(1))))
	row := func(i int) string { return fmt.Sprintf("\x01\x00\x00\x00\x0a\x00\x00\x00%c%c\x00\x00", i>>8, i&0xff) }
	if err := n.WriteTable("l2switch_learned_macs", map[string]string{row(1): "\x01\x00\x00\x00\x09\x00\x00\x00"}, []string{row(2)}); err != nil {
		t.Fatal(err)
	}
	if got, want := n.rowsOf(switchA, "l2switch_learned_macs"), "[{dp 1} {mac 0a:00:00:00:00:01}] [{ref lp1} {seen 9}]"; got != want {
		t.Errorf("got %s", got)
	}
	if err := n.WriteTable("l2switch_learned_macs", nil, []string{row(1)}); err != nil || n.rowsOf(switchA, "l2switch_learned_macs") != "" {
		t.Errorf("deleted: %v", err)
	}
	if err := n.WriteTable("l2switch_fdbs", nil, nil); err == nil {
		t.Error("a table of the state's was written")
	}
	if _, err := n.ReadTable("nosuch"); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}
