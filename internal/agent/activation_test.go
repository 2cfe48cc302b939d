package agent

import (
	"testing"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
)

// portRow is a row of the data plane's port table.
func portRow(t *testing.T, slot uint32, p config.Port) map[string]string {
	t.Helper()
	tables := &iom.Tables{}
	in := iom.Instance{Slot: 1, Local: map[uint16]uint32{1: slot}, Config: &config.Config{Ports: map[uint16]config.Port{1: p}}}
	if err := l2switch.Entries(in, tables); err != nil {
		t.Fatal(err)
	}
	return tables.Rows[l2switch.PortTable]
}

// A port waits for its workload; when that has come to life it stays open, whatever is read or restarted afterwards.
func TestActivation(t *testing.T) {
	n := newNode(t)
	n.startNorthd()
	n.ready(n.startAgent())
	n.sbctl("chassis-add", "hv2", "geneve", "192.0.2.2")
	n.nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--",
		"lsp-set-options", "p1", "requested-chassis=hv2,hv1", "activation-strategy=rarp")
	n.host.link("tap1", 10)
	n.vsctl("add-port", "br-int", "tap1", "--", "set", "Interface", "tap1", "external_ids:iface-id=p1")
	activation := func() config.Activation {
		n.plane.mu.Lock()
		defer n.plane.mu.Unlock()
		if n.plane.state != nil {
			for _, m := range n.plane.state.Modules {
				return m.Config.(*config.Config).Ports[1].Activation
			}
		}
		return 255
	}
	n.until("the port is here, and waits", func() bool { return activation() == config.RARP })
	n.until("it is told", func() bool {
		return n.sbctl("--bare", "--columns=additional_chassis", "find", "Port_Binding", "logical_port=p1") != ""
	})
	dp := n.sbctl("--bare", "--columns=datapath", "find", "Port_Binding", "logical_port=p1")
	n.plane.set(func() {
		n.plane.slots = map[uint32]punt.Port{4: {Module: dp, Key: 1}}
		n.plane.tables = map[string]map[string]string{l2switch.PortTable: portRow(t, 4, config.Port{Enabled: true, Activation: config.RARP})}
	})
	n.nbctl("--wait=hv", "sync")
	if activation() != config.RARP {
		t.Fatal("activated before its time")
	}
	n.plane.set(func() { n.plane.tables[l2switch.PortTable] = portRow(t, 4, config.Port{Enabled: true}) })
	n.punts.handlers[puntKind{"l2switch", l2switch.PuntActivated}](punt.Punt{})
	n.until("the port is open", func() bool { return activation() == 0 })
	told := func() string {
		return n.sbctl("--bare", "get", "Port_Binding", "p1", "options:additional-chassis-activated")
	}
	n.untilIs("additional-chassis-activated", "hv1", told)

	n.stopAgent()
	n.sbctl("remove", "Port_Binding", "p1", "options", "additional-chassis-activated") // as if it had been killed before it wrote
	n.ready(n.startAgent())
	n.untilIs("additional-chassis-activated after a restart", "hv1", told)
	if activation() != 0 {
		t.Error("the restarted agent has shut the port")
	}
}

func TestActivationPieces(t *testing.T) {
	claimOf := func(activated string) map[string]claim {
		b := &sb.PortBinding{UUID: "u", LogicalPort: "p1", Options: map[string]string{strategyKey: "rarp"}}
		if activated != "" {
			b.Options[activatedKey] = activated
		}
		return map[string]claim{"p1": {Plug: ingest.Plug{Port: "p1", Binding: b, Role: ingest.Additional}}}
	}
	for _, tt := range []struct{ before, want string }{{"", "hv1"}, {"hv0", "hv0,hv1"}, {"hv10", "hv10,hv1"}, {"hv0,hv1", ""}} {
		pieces := activationPieces(claimOf(tt.before), map[string]bool{"p1": true}, "hv1")
		got := ""
		if len(pieces) == 1 {
			got = pieces[0].ops[0].SetKeys["options"][activatedKey]
		}
		if got != tt.want {
			t.Errorf("after %q: %q, want %q", tt.before, got, tt.want)
		}
	}
	if got := activationPieces(nil, map[string]bool{"gone": true}, "hv1"); len(got) != 0 {
		t.Errorf("a port that is not ours: %v", got)
	}
}
