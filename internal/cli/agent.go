package cli

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"
)

// AgentOptions are the flags of `woven agent`.
type AgentOptions struct {
	// OVS is the remote of the local Open_vSwitch database.
	OVS string
	// NB and SB override the remotes in the Open_vSwitch row; "" means don't.
	NB, SB string
	// Name overrides system-id; "" means don't.
	Name string
	// PEM files for remotes "ssl:"; "" means as the SSL row says. BootstrapCACert is a CACert that is fetched from the
	// first server when it is missing.
	PrivateKey, Certificate, CACert, BootstrapCACert string
	// RunDir holds the lock and the socket; BPFFS is the directory that takes the pins.
	RunDir, BPFFS string
	// Attach says which hooks to use: auto, tcx or clsact.
	Attach string
	// MetricsListen is the TCP address that serves metrics as well; "" means none.
	MetricsListen string
	// Cleanup removes all that agents with this RunDir and BPFFS left on the node and in the Southbound database, instead of running.
	Cleanup bool
	// Version of the program.
	Version string
	Log     *slog.Logger
}

// agentCommand is `woven agent`.
func agentCommand(env Env) *cobra.Command {
	options := AgentOptions{Attach: "auto", Version: env.Version}
	level := slog.LevelInfo
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Be the data plane of this hypervisor",
		Long: `Be the data plane of this hypervisor, in the foreground: takes the place of ovn-controller and
ovs-vswitchd. What it is to do stands in the external_ids of the local Open_vSwitch row, as for ovn-controller.
When it ends, by a signal or otherwise, traffic flows on; --cleanup takes the data plane away.`,
		Args: func(cmd *cobra.Command, args []string) error {
			return errors.Join(cobra.NoArgs(cmd, args), cmd.ValidateFlagGroups()) // cobra looks at groups when the command has begun
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Log = slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: level}))
			return env.Agent(cmd.Context(), options)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.OVS, "ovs", "unix:/var/run/openvswitch/db.sock", "`remote` of the local Open_vSwitch database")
	flags.StringVar(&options.NB, "nb", "", "`remote` of the Northbound database (default: woven-nb-remote, else from ovn-remote)")
	flags.StringVar(&options.SB, "sb", "", "`remote` of the Southbound database (default: ovn-remote)")
	flags.StringVar(&options.Name, "name", "", "chassis `name` (default: system-id)")
	flags.StringVarP(&options.PrivateKey, "private-key", "p", "", "PEM `file` with our private key, for ssl: remotes (default: from the SSL row)")
	flags.StringVarP(&options.Certificate, "certificate", "c", "", "PEM `file` with the certificate of that key (default: from the SSL row)")
	flags.StringVarP(&options.CACert, "ca-cert", "C", "", "PEM `file` with the certificate of the servers' authority (default: from the SSL row)")
	flags.StringVar(&options.BootstrapCACert, "bootstrap-ca-cert", "", "like --ca-cert; a missing `file` is filled with what the first server sends")
	cmd.MarkFlagsRequiredTogether("private-key", "certificate")
	cmd.MarkFlagsMutuallyExclusive("ca-cert", "bootstrap-ca-cert")
	flags.StringVar(&options.RunDir, "run-dir", env.RunDir, "`directory` of the lock and the socket")
	flags.StringVar(&options.BPFFS, "bpffs", "/sys/fs/bpf/woven", "`directory` on a BPF file system that takes the pins")
	flags.StringVar(&options.MetricsListen, "metrics-listen", "", "loopback TCP `address` that serves /metrics too, such as 127.0.0.1:9475 (default: none)")
	flags.BoolVar(&options.Cleanup, "cleanup", false, "remove all that an agent left on this node and in the Southbound database, then exit")
	choiceFlag(cmd, &options.Attach, "attach", "", "hooks to attach to", "auto", "tcx", "clsact")
	flags.TextVar(&level, "log-level", slog.LevelInfo, "least `level` to log: debug, info, warn or error")
	return cmd
}
