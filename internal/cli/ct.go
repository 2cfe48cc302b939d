package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// Connections are the tracked connections of a node.
type Connections interface {
	// List gives at most limit of those that are meant; more says that there are others. Flush removes them and tells how many. A port that there is
	// not gives ErrUnknownPort.
	List(f v1.ConnectionFilter, limit int) (list []v1.Connection, more bool, err error)
	Flush(f v1.ConnectionFilter) (int, error)
	// Zones are those that ever had a connection, Ports the names of all ports.
	Zones() ([]v1.ConnectionZone, error)
	Ports() ([]string, error)
	Close() error
}

// ErrUnknownPort: nothing on this node has the name.
var ErrUnknownPort = errors.New("unknown port")

// ConnectionTracking carries out `woven ct`.
type ConnectionTracking struct {
	// Check says what is wrong with a filter.
	Check func(v1.ConnectionFilter) error
	// Open opens what is pinned under bpffs, or with "" where the agent of a run directory has it.
	Open func(runDir, bpffs string) (Connections, error)
}

// ConnectionTrackingCommand is `woven ct`.
func ConnectionTrackingCommand(env Env, tracking ConnectionTracking) *cobra.Command {
	cmd := nounCommand("ct", "Tracked connections of this node")
	cmd.Long = `Tracked connections of this node, in the zones of its ports. No agent is needed: they are in the kernel.

Each port whose switch has an allow-related ACL has a zone of connections of its own. Two ports of this node that talk to
each other have their connection in both zones. A tuple is "PROTOCOL [SOURCE [DESTINATION]]": SOURCE began the
connection; both are an address, an address with a port (of an echo, its identifier), or * for any.`
	c := &ctCommand{query: newQuery(env, cmd), tracking: tracking}
	cmd.PersistentFlags().StringVar(&c.bpffs, "bpffs", "", "`directory` with the pins (default: that of the agent with the run directory)")
	cmd.AddCommand(c.ls(), c.flush(), c.zones())
	return cmd
}

// ctCommand is a command line of `woven ct`.
type ctCommand struct {
	*query
	tracking ConnectionTracking
	bpffs    string
	filter   v1.ConnectionFilter
}

// filterFlags gives cmd the flags that say which connections are meant.
func (c *ctCommand) filterFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.filter.Port, "port", "", "those in the zone of a logical `port`")
	complete := func(cmd *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
		return portNames.complete(cmd.Context(), c.client(), prefix)
	}
	if err := cmd.RegisterFlagCompletionFunc("port", complete); err != nil {
		panic(err) // the flag was added above
	}
	cmd.Flags().StringVar(&c.filter.Zone, "zone", "", "those in a `zone`, as ls prints it: 3/7")
	cmd.Flags().StringVar(&c.filter.Tuple, "tuple", "", `those of a protocol, and from and to these ends: "tcp 10.0.0.1 10.0.0.2:80"`)
}

// with opens the connections for f, whose error about a port becomes one that helps.
func (c *ctCommand) with(f func(Connections) error) (err error) {
	all, err := c.tracking.Open(c.runDir, c.bpffs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.Close()) }()
	err = f(all)
	if !errors.Is(err, ErrUnknownPort) {
		return err
	}
	ports, err := all.Ports()
	if err != nil {
		return err
	}
	return notPlugged(c.filter.Port, ports)
}

func (c *ctCommand) ls() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List connections",
		Example: `  woven ct ls --port vm1
  woven ct ls --tuple 'tcp * 10.0.0.2:80'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return fmt.Errorf("--max is %d: it must be at least 1", limit)
			}
			return errors.Join(cobra.NoArgs(cmd, args), c.tracking.Check(c.filter))
		},
		RunE: func(*cobra.Command, []string) error {
			return c.with(func(all Connections) error {
				list, more, err := all.List(c.filter, limit)
				if err != nil {
					return err
				}
				if err := c.print(list, func(t *table) { connectionTable(t, list) }); err != nil {
					return err
				}
				if more {
					fmt.Fprintf(c.env.Stderr, "woven: there are more than --max %d connections; --port, --zone and --tuple narrow them down\n", limit)
				}
				return nil
			})
		},
	}
	c.filterFlags(cmd)
	cmd.Flags().IntVar(&limit, "max", v1.DefaultConnections, "list at most this `number` of connections")
	return cmd
}

func connectionTable(t *table, list []v1.Connection) {
	if len(list) == 0 {
		t.line("No connections")
		return
	}
	t.row("ZONE", "PORT", "DIRECTION", "PROTOCOL", "SOURCE", "DESTINATION", "STATE", "EXPIRES", "ACL")
	for _, c := range list {
		t.row(c.Zone, c.Port, c.Direction, c.Protocol, c.Source, c.Destination, connectionState(c), duration(time.Duration(c.ExpiresIn)*time.Second), dash(cmp.Or(c.ACLName, c.ACL)))
	}
}

// connectionState says how far a connection is, and what is special about it.
func connectionState(c v1.Connection) string {
	state := c.State
	if c.State == "established" && !c.Protected && !strings.HasPrefix(c.Protocol, "icmp") {
		state += ", unprotected"
	}
	if c.Blocked {
		state += ", blocked"
	}
	return state
}

func (c *ctCommand) flush() *cobra.Command {
	var everything bool
	cmd := &cobra.Command{
		Use:   "flush",
		Short: "Forget connections",
		Long: `Forget connections. Packets of theirs that still come are decided on by the ACLs anew: a connection whose packets are
allowed in the direction of the next one goes on, one of which an answer is the next waits for its originator to repeat.`,
		Example: `  woven ct flush --port vm1
  woven ct flush --tuple 'udp 10.0.0.1:1000 10.0.0.2:53'
  woven ct flush --all`,
		Args: func(cmd *cobra.Command, args []string) error {
			if everything == (c.filter != v1.ConnectionFilter{}) {
				return errors.New("say which connections are to be forgotten: by --port, --zone or --tuple, or else --all")
			}
			return errors.Join(cobra.NoArgs(cmd, args), c.tracking.Check(c.filter))
		},
		RunE: func(*cobra.Command, []string) error {
			return c.with(func(all Connections) error {
				n, err := all.Flush(c.filter)
				if err != nil {
					return err
				}
				return c.print(flushed{n}, func(t *table) { t.line("Forgot " + count(n, "connection")) })
			})
		},
	}
	c.filterFlags(cmd)
	cmd.Flags().BoolVar(&everything, "all", false, "all connections of this node")
	return cmd
}

// flushed is what `woven ct flush` did.
type flushed struct {
	Flushed int `json:"flushed"`
}

func (c *ctCommand) zones() *cobra.Command {
	return &cobra.Command{
		Use:   "zones",
		Short: "Show how many connections each port has, and may have",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.with(func(all Connections) error {
				zones, err := all.Zones()
				if err != nil {
					return err
				}
				return c.print(zones, func(t *table) { zoneTable(t, zones) })
			})
		},
	}
}

func zoneTable(t *table, zones []v1.ConnectionZone) {
	if len(zones) == 0 {
		t.line("No port has had a connection")
		return
	}
	t.row("ZONE", "PORT", "SWITCH", "ESTABLISHED", "LIMIT", "REFUSED", "PER SECOND")
	for _, z := range zones {
		limit := fmt.Sprint(z.Limit)
		if z.Limit == ^uint32(0) {
			limit = "none"
		}
		t.row(z.Zone, z.Port, z.Switch, z.Established, limit, z.Refused, z.PerSecond)
	}
}
