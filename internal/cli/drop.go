package cli

import (
	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// dropCommand is `woven drop`.
func dropCommand(env Env) *cobra.Command {
	cmd := nounCommand("drop", "Packets that were dropped")
	q := newQuery(env, cmd)
	cmd.AddCommand(listCommand(q, "List how many packets each datapath dropped, and why", (*v1.Client).Drops, dropTable))
	return cmd
}

func dropTable(t *table, drops []v1.DatapathDrops) {
	t.row("DATAPATH", "KEY", "DROPPED", "MODULE", "REASON", "MEANING")
	for _, dp := range drops {
		for _, d := range dp.Drops {
			t.row(dash(dp.Datapath), dp.Key, d.Packets, d.Module, d.Reason, d.Text)
		}
	}
}
