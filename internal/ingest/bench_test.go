package ingest

import (
	"fmt"
	"testing"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// BenchmarkGroupMember is a call of Plugs and Network after a port group of 1,000 ports, which ten ACLs use, lost or got one, on a node that
// knows 10,000 ports.
func BenchmarkGroupMember(b *testing.B) {
	w, members := groupWorld()
	benchmarkEdit(b, w, func(i int) { edit(w.NB.PortGroup, "pg", func(g *nb.PortGroup) { g.Ports = members[i%2:] }) })
}

// BenchmarkPort is one after a port changed its addresses.
func BenchmarkPort(b *testing.B) {
	w, _ := groupWorld()
	benchmarkEdit(b, w, func(i int) {
		edit(w.NB.LogicalSwitchPort, "vm00007", func(p *nb.LogicalSwitchPort) {
			p.Addresses = []string{fmt.Sprintf("0a:01:00:00:00:07 10.9.0.%d", 1+i%2)}
		})
	})
}

// BenchmarkNothing is one after nothing changed.
func BenchmarkNothing(b *testing.B) {
	w, _ := groupWorld()
	benchmarkEdit(b, w, func(int) {})
}

// BenchmarkFirst is the first one.
func BenchmarkFirst(b *testing.B) {
	w, _ := groupWorld()
	in := w.input()
	for b.Loop() {
		readInput(new(Reader), in)
	}
}

// benchmarkEdit measures what a Reader does after each edit; neither the edit nor the database copies count.
func benchmarkEdit(b *testing.B, w *world, change func(i int)) {
	var r Reader
	readInput(&r, w.input())
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		change(i)
		in := w.input()
		b.StartTimer()
		readInput(&r, in)
	}
}

// groupWorld has 10,000 ports in blue, and 1,000 of them in pg.
func groupWorld() (w *world, members []string) {
	w = newWorld()
	all := make([]string, 0, 10000)
	for i := range cap(all) {
		name := fmt.Sprintf("vm%05d", i)
		text := []string{fmt.Sprintf("0a:01:00:00:%02x:%02x 10.1.%d.%d", i>>8, i&0xff, i>>8, i&0xff)}
		w.NB.LogicalSwitchPort[name] = &nb.LogicalSwitchPort{UUID: name, Name: name, Addresses: text, PortSecurity: text}
		w.SB.PortBinding[name] = &sb.PortBinding{UUID: name, LogicalPort: name, Datapath: "blue", TunnelKey: 100 + i, MAC: text}
		all = append(all, name)
	}
	edit(w.NB.LogicalSwitch, "blue", func(s *nb.LogicalSwitch) { s.Ports = append(all, s.Ports...) })
	members = all[:1000]
	w.addGroup("pg", members...)
	for i := range 10 {
		w.addACL("pg", true, nb.ACLEntry{UUID: fmt.Sprint("acl", i), Direction: "to-lport", Priority: i, Action: "allow-related",
			Match: fmt.Sprintf("outport == @pg && ip4.src == $pg_ip4 && tcp.dst == %d", i)})
	}
	return w, members
}
