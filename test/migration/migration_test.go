package migration

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
	"woven.dev/woven/test/traffic"
)

// pace of each flow, packets a second: one millisecond a packet.
const pace = 1000

// TestMigration moves hv1 from stock to Woven and back, with flows to a stock node, to a Woven node and within hv1. It
// says how long each was interrupted.
func TestMigration(t *testing.T) {
	woven := labtest.Woven(t)
	l := labtest.Up(t, "migrate", lab.Options{Hypervisors: 3, Stock: []int{1, 2}, Woven: woven})
	n := &node{Lab: l, name: "hv1", woven: woven}
	t.Cleanup(func() {
		if err := n.stopAgent(); err != nil {
			t.Error(err)
		}
	})
	m := newMove(t, l)
	m.precheck(n)

	m.during("stock to Woven", func() error {
		if err := errors.Join(n.stopStock(t.Context()), n.startAgent(t.Context())); err != nil {
			return err
		}
		m.Sync()
		return nil
	})
	m.expectHome("hv1", true)

	if err := n.stopAgent(); err != nil {
		t.Fatal(err)
	}
	if gaps := m.during("agent stopped", func() error { return nil }); gaps != "" {
		t.Errorf("packets were lost while no agent ran: %s", gaps)
	}

	m.during("Woven to stock", func() error {
		if err := errors.Join(n.cleanUp(t.Context()), n.startStock(t.Context())); err != nil {
			return err
		}
		m.Sync()
		return nil
	})
	m.expectHome("hv1", false)
}

// move is the cloud around the node that moves.
type move struct {
	*labtest.Switch
	t     *testing.T
	local *labtest.VM // on the node that moves
	peers []*labtest.VM
}

func newMove(t *testing.T, l *lab.Lab) *move {
	s := labtest.NewSwitch(t, l, "move")
	m := &move{Switch: s, t: t, local: s.Add(1, "hv1")}
	m.peers = []*labtest.VM{s.Add(2, "hv2"), s.Add(3, "hv3"), s.Add(4, "hv1")}
	s.Sync()
	return m
}

// precheck: before the move the operator is told what Woven won't do. That nothing else comes of it the move shows.
func (m *move) precheck(n *node) {
	m.t.Helper()
	m.NB("set", "Logical_Switch", m.Name, "other_config:colour=blue")
	out := m.Exec(n.name, "env", "WOVEN="+n.woven, "BPFFS="+filepath.Dir(m.Lab.BPFFS(n.name)), "../../packaging/precheck")
	if !strings.Contains(out, `other_config:"colour" is not known to Woven`) {
		m.t.Errorf("precheck does not tell of other_config:colour:\n%s", out)
	}
	m.NB("remove", "Logical_Switch", m.Name, "other_config", "colour")
}

// during sends to all VMs, from local or to it, while step runs, and until all ways have been open again for a while.
// It returns what was lost.
func (m *move) during(what string, step func() error) (gaps string) {
	m.t.Helper()
	flows := map[string]*traffic.Run{}
	ends := [][2]*labtest.VM{{m.peers[0], m.local}}
	for _, peer := range m.peers {
		ends = append(ends, [2]*labtest.VM{m.local, peer})
	}
	for _, e := range ends {
		run, err := traffic.Start(m.t.Context(), traffic.Flow{
			From: e[0].In, To: e[1].In, Dest: e[1].IP4, PerSecond: pace, Patience: 30 * time.Second})
		if err != nil {
			m.t.Fatal(err)
		}
		flows[fmt.Sprintf("%s on %s to %s on %s", e[0].Name, e[0].Hypervisor, e[1].Name, e[1].Hypervisor)] = run
	}
	if err := step(); err != nil {
		m.t.Fatalf("%s: %v", what, err)
	}
	for _, peer := range m.peers {
		m.Eventually(fmt.Sprintf("%s: %s answers", what, peer.Name), func() error { return m.local.Ping(1, peer.IP4) })
	}
	var text strings.Builder
	for name, run := range flows {
		text.WriteString(m.finish(what, name, run))
	}
	return text.String()
}

// finish ends a flow whose way is open, and returns its gaps. Of the last half second nine tenths must have arrived: a
// stock node still sets its flows up.
func (m *move) finish(what, name string, run *traffic.Run) string {
	m.t.Helper()
	open := run.Sent()
	m.Eventually("half a second of packets", func() error {
		if sent := run.Sent() - open; sent < pace/2 {
			return fmt.Errorf("%d sent", sent)
		}
		return nil
	})
	result, err := run.Finish()
	if err != nil {
		m.t.Fatalf("%s: %s: %v", what, name, err)
	}
	var gaps strings.Builder
	late := 0
	for _, gap := range result.LostRanges {
		fmt.Fprintf(&gaps, " %v", time.Duration(gap[1]-gap[0]+1)*time.Second/pace)
		late += max(gap[1]+1-max(gap[0], open), 0)
	}
	if late > (result.Sent-open)/10 {
		m.t.Errorf("%s: %s has not recovered: %s", what, name, result)
	}
	if gaps.Len() == 0 {
		return ""
	}
	m.t.Logf("%s: %s was interrupted for%s", what, name, &gaps)
	return fmt.Sprintf("%s:%s\n", name, &gaps)
}

// expectHome checks that both ports of the node are bound there and up, and that whoever runs there now said so.
func (m *move) expectHome(hv string, byWoven bool) {
	m.t.Helper()
	chassis := strings.TrimSpace(m.SB("--bare", "--columns=_uuid", "find", "Chassis", "name="+hv))
	for _, vm := range []*labtest.VM{m.local, m.peers[2]} {
		vm.WaitUp(true)
		got := strings.TrimSpace(m.SB("--bare", "--columns=chassis", "find", "Port_Binding", "logical_port="+vm.Port))
		if got != chassis || chassis == "" {
			m.t.Errorf("%s is bound to chassis %q, want %s, which is %q", vm.Port, got, hv, chassis)
		}
		m.Eventually(vm.Name+" is installed", func() error {
			if ids := m.VS(hv, "get", "Interface", vm.Device(), "external_ids"); !strings.Contains(ids, `ovn-installed="true"`) {
				return fmt.Errorf("external_ids are %s", ids)
			}
			return nil
		})
	}
	if pins := m.Exec(hv, "find", m.Lab.BPFFS(hv), "-name", "*-in"); byWoven == (pins == "") {
		m.t.Errorf("Woven's programs are attached on %s: %q, want that to be %v", hv, pins, byWoven)
	}
}
