package main

import (
	"github.com/spf13/cobra"

	"woven.dev/woven/internal/cli"
	"woven.dev/woven/packaging/manpage"
)

// manCommand is `woven man`, which packages are built with.
func manCommand(env cli.Env) *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return manpage.Write(env.Stdout, cmd.Root(), env.Version)
		},
	}
}
