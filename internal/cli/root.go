package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// Exit codes of the program.
const (
	exitOK    = 0
	exitError = 1 // the command was understood, and something went wrong
	exitUsage = 2 // the command line makes no sense
)

// Root returns the command `woven`.
func Root(env Env) *cobra.Command {
	env.RunDir = cmp.Or(env.RunDir, "/run/woven")
	root := &cobra.Command{
		Use:           "woven",
		Short:         "An eBPF data plane for OVN",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          needVerb,
	}
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.AddCommand(agentCommand(env), statusCommand(env), portCommand(env), aclCommand(env), mapCommand(env), dropCommand(env),
		moduleCommand(env), tableCommand(env), linkCommand(env), ifCommand(env), versionCommand(env))
	root.AddCommand(env.Commands...)
	return root
}

// Execute runs the command line args (without the program's name), prints its error, and returns the exit code.
func Execute(ctx context.Context, env Env, args []string) int {
	root := Root(env)
	root.SetArgs(args)
	// Cobra has no type for errors of usage; they are those that come before a command begins to run.
	started := false
	root.PersistentPreRun = func(*cobra.Command, []string) { started = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(env.Stderr, "woven: %s\n", message(err))
	if started && !errors.Is(err, errNoVerb) {
		return exitError
	}
	fmt.Fprintf(env.Stderr, "See '%s --help'.\n", cmd.CommandPath())
	return exitUsage
}

// message is an error as the operator reads it.
func message(err error) string {
	if errors.Is(err, v1.ErrNoAgent) {
		return err.Error() + ": is `woven agent` running?"
	}
	return err.Error()
}

var errNoVerb = errors.New("a command is missing")

// needVerb is the RunE of a noun that does nothing by itself.
func needVerb(cmd *cobra.Command, _ []string) error {
	var verbs []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			verbs = append(verbs, sub.Name())
		}
	}
	return fmt.Errorf("%w after '%s': one of %s", errNoVerb, cmd.CommandPath(), strings.Join(verbs, ", "))
}
