package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// aclCommand is `woven acl`.
func aclCommand(env Env) *cobra.Command {
	cmd := nounCommand("acl", "Access control lists of the switches of this node")
	q := newQuery(env, cmd)
	cmd.AddCommand(aclListCommand(q))
	return cmd
}

func aclListCommand(q *query) *cobra.Command {
	var of v1.ACLFilter
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List ACLs in the order in which they are looked at, with how many packets each has decided on",
		Long: `List the ACLs of the switches that this node takes part in, those of each switch in the order in which they are looked at: of each
direction the first that matches decides. HITS are packets that this node has decided on: the first of each connection and those
that belong to none; what follows in a connection is not counted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			acls, err := q.client().ACLs(cmd.Context(), of)
			if isNotFound(err) {
				return unknownFilter(cmd, q.client(), of)
			}
			if err != nil {
				return err
			}
			return q.print(acls, func(t *table) { aclTable(t, acls) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&of.Switch, "switch", "", "only those of this `switch`, by name or ID")
	flags.StringVar(&of.Port, "port", "", "only those that may decide on packets from or to this `port`")
	for flag, n := range map[string]names{"switch": moduleNames, "port": portNames} {
		complete := func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return n.complete(cmd.Context(), q.client(), prefix)
		}
		if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // the flag is there
		}
	}
	return cmd
}

// unknownFilter is the error for a switch or port that there is not; both may be known, and the port of another switch.
func unknownFilter(cmd *cobra.Command, client *v1.Client, of v1.ACLFilter) error {
	if of.Port == "" {
		return moduleNames.unknown(cmd.Context(), client, of.Switch)
	}
	port, err := client.Port(cmd.Context(), of.Port)
	switch {
	case isNotFound(err):
		return portNames.unknown(cmd.Context(), client, of.Port)
	case err != nil:
		return err
	}
	return fmt.Errorf("port %q is not of switch %q but of %q", of.Port, of.Switch, port.Switch)
}

func aclTable(t *table, acls []v1.ACL) {
	if len(acls) == 0 {
		t.line("No ACLs")
		return
	}
	t.row("SWITCH", "DIRECTION", "TIER", "PRIORITY", "ACTION", "HITS", "NAME", "GROUP", "UUID", "MATCH")
	for _, a := range acls {
		direction, action := a.Direction, a.Action
		if a.AfterLB {
			direction += " after-lb"
		}
		if a.Label != 0 {
			action += fmt.Sprintf(" label %d", a.Label)
		}
		if a.Log {
			action += " log"
		}
		if !a.Enforced {
			action += " (NOT ENFORCED)"
		}
		t.row(a.Switch, direction, a.Tier, a.Priority, action, a.Hits, dash(a.Name), dash(a.PortGroup), a.UUID, strings.TrimSpace(a.Match))
	}
}
