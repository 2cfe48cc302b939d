package cli

import (
	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// moduleCommand is `woven module`.
func moduleCommand(env Env) *cobra.Command {
	cmd := nounCommand("module", "Module instances: what carries out switches and the like")
	q := newQuery(env, cmd)
	cmd.AddCommand(
		listCommand(q, "List the module instances of this node", (*v1.Client).Modules, moduleTable),
		showCommand(q, moduleNames, "Show one module instance, by its name or ID, with its ports, counters and what it dropped", (*v1.Client).Module, moduleDetails))
	return cmd
}

var moduleNames = namesOf("module", "woven module ls", (*v1.Client).Modules, func(m v1.ModuleInstance) string { return m.Name })

func moduleTable(t *table, modules []v1.ModuleInstance) {
	t.row("MODULE", "KIND", "KEY", "SLOT", "PORTS", "LOCAL", "FROM-WORKLOADS", "TO-WORKLOADS", "DROPPED", "ID")
	for _, m := range modules {
		t.row(dash(m.Name), dash(m.Kind), m.Key, m.Slot, m.PortCount, m.LocalPortCount, m.Counters.RxPackets, m.Counters.TxPackets, dropped(m.Drops), m.ID)
	}
}

// dropped is the number of packets dropped for whatever reason.
func dropped(drops []v1.Drop) (sum uint64) {
	for _, d := range drops {
		sum += d.Packets
	}
	return sum
}

func moduleDetails(t *table, m *v1.ModuleDetails) {
	t.row("Module", dash(m.Name))
	t.row("ID", m.ID)
	t.row("Kind", dash(m.Kind))
	t.row("Key", m.Key)
	t.row("Slot", m.Slot)
	t.section()
	if len(m.Ports) == 0 {
		t.line("No ports")
	} else {
		t.row("PORT", "KEY", "SLOT", "TAG", "FROM-WORKLOAD", "TO-WORKLOAD", "DROPPED", "PLACE")
	}
	for _, p := range m.Ports {
		if p.Device == "" { // what has no device here has no counters either
			t.row(p.Name, p.Key, "-", "-", "-", "-", "-", place(p.MapPort))
			continue
		}
		t.row(p.Name, p.Key, p.Slot, tag(p.Tag), p.Counters.RxPackets, p.Counters.TxPackets, dropped(p.Drops), place(p.MapPort))
	}
	counterTable(t, m.Counters, m.Drops)
}
