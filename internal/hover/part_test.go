package hover

import (
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/modules/acl"
	aclconfig "woven.dev/woven/modules/acl/config"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
)

// partPeers are tunnel peers.
var partPeers = []string{"hv0", "hv1", "hv2"}

// copyModule copies a switch down to what editModule changes.
func copyModule(m *netstate.Module) *netstate.Module {
	next, c := *m, *m.Config.(*config.Config)
	c.Ports, c.FDB, c.Neighbours = maps.Clone(c.Ports), maps.Clone(c.FDB), maps.Clone(c.Neighbours)
	next.Config, next.Ports, next.Groups = &c, slices.Clone(m.Ports), slices.Clone(m.Groups)
	return &next
}

// editModule makes one random change, and says which.
func editModule(r *rand.Rand, m *netstate.Module, step int) string {
	c := m.Config.(*config.Config)
	i := r.IntN(len(m.Ports))
	p := &m.Ports[i]
	mac, addr := [6]byte{0x0a, 0, 0, 2, 0, byte(step)}, netip.AddrFrom4([4]byte{10, 2, 0, byte(step)})
	edits := []struct {
		name string
		do   func()
	}{
		{"address", func() {
			c.FDB[mac] = p.Key
			c.Neighbours[addr] = config.Neighbour{MAC: mac, Port: p.Key, Asked: step%2 == 0}
		}},
		{"security", func() {
			c.Ports[p.Key] = config.Port{Enabled: step%3 > 0, Security: []config.Address{{MAC: mac}, {MAC: [6]byte{2}, Prefixes: []netip.Prefix{netip.PrefixFrom(addr, 24)}}}}
		}},
		{"plug", func() { p.Nodes, p.Device = nil, &netstate.Device{Name: p.Name, Ifindex: 2000 + step} }},
		{"plug, in the end a device that is in use", func() {
			if p.Nodes, p.Device = nil, m.Ports[0].Device; step < 200 {
				p.Device = &netstate.Device{Name: p.Name, Ifindex: 3000 + step}
			}
		}},
		{"move", func() { p.Device, p.Nodes = nil, partPeers[step%3:step%3+1] }},
		{"migrate", func() { p.Nodes = partPeers[:2] }},
		{"unplug", func() { p.Device, p.Nodes = nil, nil }},
		{"link", func() { p.Peer = &netstate.Link{Module: "other", Key: uint16(step)} }},
		{"rename", func() { p.Name = fmt.Sprintf("renamed%d", step) }},
		{"group", func() {
			m.Groups = append(m.Groups, netstate.Group{Name: "g", Key: uint16(40000 + step), Ports: []uint16{p.Key}})
		}},
		{"no group", func() { m.Groups = m.Groups[:1] }},
		{"switch", func() { m.Name, c.VLANPassthru = fmt.Sprintf("switch%d", step), step%2 == 0 }},
		{"remove", func() {
			key := p.Key
			m.Ports = slices.Delete(m.Ports, i, i+1)
			delete(c.Ports, key)
			maps.DeleteFunc(c.FDB, func(_ [6]byte, port uint16) bool { return port == key })
			maps.DeleteFunc(c.Neighbours, func(_ netip.Addr, n config.Neighbour) bool { return n.Port == key })
			for g := range m.Groups {
				m.Groups[g].Ports = slices.DeleteFunc(slices.Clone(m.Groups[g].Ports), func(port uint16) bool { return port == key })
			}
		}},
		{"add", func() {
			key := m.Ports[len(m.Ports)-1].Key + 1
			m.Ports = append(m.Ports, netstate.Port{Name: fmt.Sprintf("new%d", key), Key: key, Device: &netstate.Device{Name: "d", Ifindex: 5000 + step}})
			c.Ports[key] = config.Port{Enabled: true}
			m.Groups[0].Ports = append(slices.Clone(m.Groups[0].Ports), key)
		}},
	}
	e := edits[r.IntN(len(edits))]
	e.do()
	return e.name
}

// rowsOf are the rows that a module's state wants, by table.
func rowsOf(t *testing.T, h *Hover, m *netstate.Module) map[string]map[string]string {
	p, err := h.numbers.locate(m, h.kinds[m.Kind], h.now())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := h.numbers.rows(p, h.cfg.Kinds, h.kinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(rows.Rows, func(_ string, rows map[string]string) bool { return len(rows) == 0 })
	return rows.Rows
}

// TestPartsMakeTheWhole: after any changes, of which only what differs is made into rows, the tables hold what the whole is made into.
func TestPartsMakeTheWhole(t *testing.T) {
	testutil.RequireRoot(t)
	for _, c := range []struct {
		name     string
		services []netstate.Service
		parts    int // at least so many of the changes are carried out in part
	}{
		{"alone", nil, 120},
		{"with a service", []netstate.Service{{Kind: aclconfig.Kind, Config: &aclconfig.Config{DefaultDrop: true}}}, 70},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := Open(Config{BPFFS: testutil.BPFFS(t), Kinds: []iom.Kind{l2switch.Kind(), acl.Kind()}, Attach: AttachTCX, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			h.numbers.adopted = nil // as after the first state
			for i, name := range partPeers {
				if err := h.setNode(&netstate.Node{Name: name, Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}); err != nil {
					t.Fatal(err)
				}
			}
			m := crowded(40, 10, partPeers)
			m.Services = c.services
			if parts := editAndCompare(t, h, m); parts < c.parts {
				t.Errorf("only %d changes were carried out in part, want %d", parts, c.parts)
			}
			expectKernel(t, h)
		})
	}
}

// editAndCompare carries out random changes one by one, and counts those that are carried out in part.
func editAndCompare(t *testing.T, h *Hover, m *netstate.Module) (parts int) {
	if err := h.setModule(m); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for step := range 250 {
		was, next := h.placed[m.ID], copyModule(m)
		edit := editModule(r, next, step)
		if step%25 == 24 { // the ports there are reached in another way
			if err := h.setNode(&netstate.Node{Name: partPeers[1], Addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(step)})}); err != nil {
				t.Fatal(err)
			}
		}
		now, err := h.numbers.locate(next, h.kinds[next.Kind], h.now())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := part(was, now); ok {
			parts++
		}
		if err := h.setModule(next); err != nil {
			t.Fatalf("step %d, %s: %v", step, edit, err)
		}
		want, got := rowsOf(t, h, next), h.tables.of(moduleOwner(m.ID))
		maps.DeleteFunc(got, func(_ string, rows map[string]string) bool { return len(rows) == 0 })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("step %d, %s: rows (-whole +tables):\n%s", step, edit, diff)
		}
		for name, rows := range want {
			if had := h.tables.had[moduleOwner(m.ID)].rows[name]; had != len(rows) {
				t.Fatalf("step %d, %s: table %s is thought to hold %d rows of the module, it holds %d", step, edit, name, had, len(rows))
			}
		}
		m = next
	}
	return parts
}

// expectKernel compares the kernel's tables with what hover thinks is in them. Rows of zeros of an array are as none.
func expectKernel(t *testing.T, h *Hover) {
	t.Helper()
	all := func(rows map[string]row) map[string]string {
		out := map[string]string{}
		for key, r := range rows {
			if strings.Trim(r.value, "\x00") != "" {
				out[key] = r.value
			}
		}
		return out
	}
	for name, rows := range h.tables.rows {
		kernel, err := readBack(h.set.Maps[name])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all(rows), all(kernel)); diff != "" {
			t.Errorf("table %s (-thought +kernel):\n%s", name, diff)
		}
	}
}
