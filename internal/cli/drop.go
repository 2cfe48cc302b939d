package cli

import (
	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// dropCommand is `woven drop`.
func dropCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drop",
		Short: "Packets that were dropped",
		Args:  cobra.NoArgs,
		RunE:  needVerb,
	}
	q := newQuery(env, cmd)
	cmd.AddCommand(&cobra.Command{
		Use:   "ls",
		Short: "List how many packets each datapath dropped, and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			drops, err := q.client().Drops(cmd.Context())
			if err != nil {
				return err
			}
			return q.print(drops, func(t *table) { dropTable(t, drops) })
		},
	})
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
