package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// versionCommand is `woven version`.
func versionCommand(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(env.Stdout, "woven", env.Version)
			return err
		},
	}
}
