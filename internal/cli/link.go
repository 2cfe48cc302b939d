package cli

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// linkCommand is `woven link`.
func linkCommand(env Env) *cobra.Command {
	cmd := nounCommand("link", "What is linked to what: ports of modules, interfaces, tunnel peers")
	q := newQuery(env, cmd)
	cmd.AddCommand(
		listCommand(q, "List what the ports of modules are linked to", (*v1.Client).Links, linkTable),
		showCommand(q, linkNames, "Show what one port is linked to", (*v1.Client).Link, linkDetails))
	return cmd
}

var linkNames = namesOf("link of port", "woven link ls", (*v1.Client).Links, func(l v1.Link) string { return l.Port })

func linkTable(t *table, links []v1.Link) {
	t.row("MODULE", "PORT", "TO")
	for _, l := range links {
		for _, end := range l.Ends {
			t.row(dash(l.Module), l.Port, endText(end))
		}
	}
}

// endText is a link's end in a word or two.
func endText(end v1.LinkEnd) string {
	text := string(end.Type) + " " + end.Name
	if end.Type == v1.EndPort {
		text += " of " + end.Module
	}
	return text
}

func linkDetails(t *table, l *v1.Link) {
	t.row("Port", fmt.Sprintf("%s (key %d)", l.Port, l.Key))
	t.row("Module", fmt.Sprintf("%s (%s)", dash(l.Module), l.ModuleID))
	for _, end := range l.Ends {
		t.section()
		switch end.Type {
		case v1.EndDevice:
			t.row("Device", fmt.Sprintf("%s (ifindex %d)", end.Name, end.Ifindex))
			t.row("Tag", tag(end.Tag))
		case v1.EndPeer:
			t.row("Peer", end.Name)
			t.row("Address", dash(end.Address))
			t.row("Reached by", cmp.Or(end.Device, "no route"))
		case v1.EndPort:
			t.row("Linked with", end.Name)
			t.row("Of module", fmt.Sprintf("%s (%s)", end.Module, end.ModuleID))
		}
	}
}

// tag is a VLAN tag; "-" for none.
func tag(vlan uint16) string {
	if vlan == 0 {
		return "-"
	}
	return fmt.Sprint(vlan)
}
