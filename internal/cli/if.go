package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// ifCommand is `woven if`.
func ifCommand(env Env) *cobra.Command {
	cmd := nounCommand("if", "Network interfaces that Woven has to do with")
	cmd.Aliases = []string{"interface"}
	q := newQuery(env, cmd)
	cmd.AddCommand(
		listCommand(q, "List the interfaces that programs are attached to", (*v1.Client).Interfaces, interfaceTable),
		showCommand(q, interfaceNames, "Show one interface with the programs and ports on it", (*v1.Client).Interface, interfaceDetails))
	return cmd
}

var interfaceNames = namesOf("Woven interface", "woven if ls", (*v1.Client).Interfaces, func(i v1.Interface) string { return i.Name })

func interfaceTable(t *table, interfaces []v1.Interface) {
	t.row("INTERFACE", "IFINDEX", "KIND", "STATE", "INGRESS", "EGRESS", "PORTS")
	for _, i := range interfaces {
		var ports []string
		for _, p := range i.Ports {
			ports = append(ports, p.Port)
		}
		t.row(i.Name, i.Ifindex, i.Kind, linkState(i), programs(i, "ingress"), programs(i, "egress"), dash(strings.Join(ports, ",")))
	}
}

func linkState(i v1.Interface) string {
	switch {
	case !i.Up:
		return "down"
	case !i.Carrier:
		return "no carrier"
	}
	return "up"
}

// programs are those attached in a direction.
func programs(i v1.Interface, direction string) string {
	var list []string
	for _, h := range i.Hooks {
		if h.Direction == direction {
			list = append(list, cmp.Or(h.Program, "of an earlier run"))
		}
	}
	return dash(strings.Join(list, ","))
}

func interfaceDetails(t *table, i *v1.Interface) {
	t.row("Interface", fmt.Sprintf("%s (ifindex %d)", i.Name, i.Ifindex))
	t.row("Kind", i.Kind)
	t.row("State", linkState(*i))
	t.row("MAC", dash(i.MAC))
	t.row("MTU", i.MTU)
	t.row("Ingress", programs(*i, "ingress"))
	t.row("Egress", programs(*i, "egress"))
	for _, p := range i.Ports {
		t.section()
		t.row("Port", p.Port)
		t.row("Module", fmt.Sprintf("%s (%s)", dash(p.Module), p.ModuleID))
		t.row("Key", p.Key)
		t.row("Slot", p.Slot)
		t.row("Tag", tag(p.Tag))
		counterTable(t, p.Counters, p.Drops)
	}
}
