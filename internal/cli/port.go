package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// portCommand is `woven port`.
func portCommand(env Env) *cobra.Command {
	cmd := nounCommand("port", "Logical ports of this node")
	q := newQuery(env, cmd)
	cmd.AddCommand(
		listCommand(q, "List the ports of the switches that this node takes part in", (*v1.Client).Ports, portTable),
		showCommand(q, portNames, "Show one port with its counters and what it dropped", (*v1.Client).Port, portDetails))
	return cmd
}

var portNames = namesOf("port", "woven port ls", (*v1.Client).Ports, func(p v1.Port) string { return p.Name })

func portTable(t *table, ports []v1.Port) {
	t.row("PORT", "STATE", "SWITCH", "DEVICE", "CHASSIS", "MAC", "ADDRESSES", "ERROR")
	for _, p := range ports {
		t.row(p.Name, p.State, dash(p.Switch), dash(p.Device), dash(p.Chassis), dash(p.MAC), dash(strings.Join(p.Addresses, ",")), p.Error)
	}
}

func portDetails(t *table, p *v1.Port) {
	t.row("Port", p.Name)
	t.row("State", p.State)
	if p.Error != "" {
		t.row("Error", p.Error)
	}
	t.row("Switch", dash(p.Switch))
	t.row("Key", p.Key)
	t.row("Chassis", dash(p.Chassis))
	device := dash(p.Device)
	if p.Ifindex != 0 {
		device = fmt.Sprintf("%s (ifindex %d)", p.Device, p.Ifindex)
	}
	t.row("Device", device)
	t.row("MAC", dash(p.MAC))
	t.row("Addresses", dash(strings.Join(p.Addresses, ", ")))
	if p.Device == "" {
		return // what has no device here has no counters either
	}
	counterTable(t, p.Counters, p.Drops)
}
