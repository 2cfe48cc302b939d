package labtest

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	v1 "woven.dev/woven/api/v1"
)

// Plane is what a hypervisor's data plane carries out.
type Plane struct {
	Map   []v1.MapEntry
	Ports []v1.Port
	// Rows is the number of rows in each pinned table.
	Rows map[string]int
}

// Plane reads a hypervisor's data plane, but the numbers that may differ: slots and counters.
func (s *Switch) Plane(hv string) (p Plane) {
	s.t.Helper()
	agent := v1.NewClient(v1.SocketPath(s.Lab.RunDir(hv)))
	var err error
	p.Map, err = agent.Map(s.t.Context())
	s.ok(err)
	p.Ports, err = agent.Ports(s.t.Context())
	s.ok(err)
	p.Rows = s.rows(hv)
	for i := range p.Map {
		p.Map[i].Module.Slot = 0
		for j := range p.Map[i].Ports {
			p.Map[i].Ports[j].Slot = 0
		}
	}
	for i := range p.Ports {
		p.Ports[i].Counters, p.Ports[i].Drops = v1.Counters{}, nil
	}
	return p
}

// passing are the names, or their ends, of tables that say what packets there were.
var passing = []string{"_stats", "_drops", "iom_flood_ports", "iom_flood_arrivals", "iom_flows", "iom_flow_counts", "iom_flow_stamps"}

// rows counts the rows of the pinned tables, those of arrays that are not all zeros, but passing ones.
func (s *Switch) rows(hv string) map[string]int {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.Lab.BPFFS(hv), "v*/maps/*/*"))
	s.ok(err)
	rows := map[string]int{}
	for _, path := range paths {
		name := filepath.Base(path)
		if slices.ContainsFunc(passing, func(end string) bool { return strings.HasSuffix(name, end) }) {
			continue
		}
		m, err := ebpf.LoadPinnedMap(path, &ebpf.LoadPinOptions{ReadOnly: true})
		s.ok(err)
		defer m.Close()
		var key, value []byte
		all := m.Iterate()
		for all.Next(&key, &value) {
			if m.Type() == ebpf.Hash || len(bytes.Trim(value, "\x00")) > 0 {
				rows[name]++
			}
		}
		s.ok(all.Err())
	}
	if len(rows) == 0 {
		s.t.Errorf("no tables of %s were found", hv)
	}
	return rows
}

// ok fails the test when there is an error.
func (s *Switch) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
