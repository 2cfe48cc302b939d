package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// mapCommand is `woven map`.
func mapCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "map",
		Short: "Show which module instance and devices carry out each OVN object",
		Args:  cobra.NoArgs,
	}
	q := newQuery(env, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		entries, err := q.client().Map(cmd.Context())
		if err != nil {
			return err
		}
		return q.print(entries, func(t *table) { mapTable(t, entries) })
	}
	return cmd
}

// mapTable writes one block for each object, ports below it.
func mapTable(t *table, entries []v1.MapEntry) {
	if len(entries) == 0 {
		t.line("No OVN object is carried out on this node")
	}
	for i, e := range entries {
		if i > 0 {
			t.section()
		}
		t.line(fmt.Sprintf("%s %s (%s), key %d -> %s slot %d", e.Object.Type, e.Object.Name, e.Object.UUID, e.Key, e.Module.Kind, e.Module.Slot))
		for _, p := range e.Ports {
			t.row("  port "+p.Name, fmt.Sprintf("key %d", p.Key), fmt.Sprintf("slot %d", p.Slot), place(p))
		}
	}
}

// place says where a port is.
func place(p v1.MapPort) string {
	var places []string
	if p.Device != "" {
		places = append(places, "device "+p.Device)
	}
	for _, node := range p.Nodes {
		places = append(places, "node "+node)
	}
	if p.Peer != nil {
		places = append(places, fmt.Sprintf("port %s of %s", p.Peer.Port, p.Peer.Module))
	}
	if len(places) == 0 {
		return "nowhere"
	}
	return strings.Join(places, ", ")
}
