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

// portCommand is `woven port`.
func portCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "port",
		Short: "Logical ports of this node",
		Args:  cobra.NoArgs,
		RunE:  needVerb,
	}
	q := newQuery(env, cmd)
	cmd.AddCommand(portListCommand(q), portShowCommand(q))
	return cmd
}

func portListCommand(q *query) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the ports of the switches that this node takes part in",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ports, err := q.client().Ports(cmd.Context())
			if err != nil {
				return err
			}
			return q.print(ports, func(t *table) { portTable(t, ports) })
		},
	}
}

func portTable(t *table, ports []v1.Port) {
	t.row("PORT", "STATE", "SWITCH", "DEVICE", "CHASSIS", "MAC", "ADDRESSES", "ERROR")
	for _, p := range ports {
		t.row(p.Name, p.State, dash(p.Switch), dash(p.Device), dash(p.Chassis), dash(p.MAC), dash(strings.Join(p.Addresses, ",")), p.Error)
	}
}

func portShowCommand(q *query) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show one port with its counters and what it dropped",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			port, err := q.client().Port(cmd.Context(), args[0])
			if isNotFound(err) {
				return unknownPort(cmd.Context(), q.client(), args[0])
			}
			if err != nil {
				return err
			}
			return q.print(port, func(t *table) { portDetails(t, port) })
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return completePort(cmd.Context(), q.client(), prefix)
		},
	}
}

// completePort proposes the names of ports that begin with prefix.
func completePort(ctx context.Context, client *v1.Client, prefix string) ([]string, cobra.ShellCompDirective) {
	names, err := portNames(ctx, client)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	return names, cobra.ShellCompDirectiveNoFileComp
}

func isNotFound(err error) bool {
	var answer *v1.Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

// unknownPort is the error for a port that the agent doesn't know; it names those that could have been meant.
func unknownPort(ctx context.Context, client *v1.Client, name string) error {
	names, err := portNames(ctx, client)
	if err != nil {
		return err
	}
	if close := near(name, names); len(close) > 0 {
		return fmt.Errorf("no port %q on this node; did you mean %s?", name, strings.Join(close, " or "))
	}
	return fmt.Errorf("no port %q on this node; `woven port ls` lists those there are", name)
}

func portNames(ctx context.Context, client *v1.Client) ([]string, error) {
	ports, err := client.Ports(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	return names, nil
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
	t.section()
	t.row("", "PACKETS", "BYTES")
	t.row("from workload", p.Counters.RxPackets, p.Counters.RxBytes)
	t.row("to workload", p.Counters.TxPackets, p.Counters.TxBytes)
	t.section()
	if len(p.Drops) == 0 {
		t.line("No drops")
		return
	}
	t.row("DROPPED", "MODULE", "REASON", "MEANING")
	for _, d := range p.Drops {
		t.row(d.Packets, d.Module, d.Reason, d.Text)
	}
}
