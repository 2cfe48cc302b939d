package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// names are those that an argument of a command may be.
type names struct {
	noun string // what has the names
	ls   string // the command that lists them
	list func(ctx context.Context, client *v1.Client) ([]string, error)
}

// namesOf are the names of the elements of a list.
func namesOf[T any](noun, ls string, list func(*v1.Client, context.Context) ([]T, error), name func(T) string) names {
	return names{noun, ls, func(ctx context.Context, client *v1.Client) ([]string, error) {
		elements, err := list(client, ctx)
		var all []string
		for _, e := range elements {
			all = append(all, name(e))
		}
		return all, err
	}}
}

// complete proposes the names that begin with prefix.
func (n names) complete(ctx context.Context, client *v1.Client, prefix string) ([]string, cobra.ShellCompDirective) {
	all, err := n.list(ctx, client)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all = slices.DeleteFunc(all, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	slices.Sort(all)
	return slices.Compact(all), cobra.ShellCompDirectiveNoFileComp
}

// completion completes the only argument of a command.
func (n names) completion(q *query) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return n.complete(cmd.Context(), q.client(), prefix)
	}
}

// unknown is the error for a name that the agent doesn't know; it tells those that could have been meant.
func (n names) unknown(ctx context.Context, client *v1.Client, name string) error {
	all, err := n.list(ctx, client)
	if err != nil {
		return err
	}
	if close := near(name, all); len(close) > 0 {
		return fmt.Errorf("no %s %q on this node; did you mean %s?", n.noun, name, strings.Join(close, " or "))
	}
	return fmt.Errorf("no %s %q on this node; `%s` lists those there are", n.noun, name, n.ls)
}

// showCommand is the verb show of a noun: one of its elements by name.
func showCommand[T any](q *query, n names, short string, ask func(*v1.Client, context.Context, string) (T, error), show func(*table, T)) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			element, err := ask(q.client(), cmd.Context(), args[0])
			if isNotFound(err) {
				return n.unknown(cmd.Context(), q.client(), args[0])
			}
			if err != nil {
				return err
			}
			return q.print(element, func(t *table) { show(t, element) })
		},
		ValidArgsFunction: n.completion(q),
	}
}

// listCommand is the verb ls of a noun: all there are.
func listCommand[T any](q *query, short string, ask func(*v1.Client, context.Context) ([]T, error), show func(*table, []T)) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := ask(q.client(), cmd.Context())
			if err != nil {
				return err
			}
			return q.print(list, func(t *table) { show(t, list) })
		},
	}
}

func isNotFound(err error) bool {
	var answer *v1.Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

// nounCommand is a noun with its verbs.
func nounCommand(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: needVerb}
}

// counterTable writes a section with counters, and one with the drops.
func counterTable(t *table, c v1.Counters, drops []v1.Drop) {
	t.section()
	t.row("", "PACKETS", "BYTES")
	t.row("from workload", c.RxPackets, c.RxBytes)
	t.row("to workload", c.TxPackets, c.TxBytes)
	t.section()
	if len(drops) == 0 {
		t.line("No drops")
		return
	}
	t.row("DROPPED", "MODULE", "REASON", "MEANING")
	for _, d := range drops {
		t.row(d.Packets, d.Module, d.Reason, d.Text)
	}
}
