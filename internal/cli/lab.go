package cli

import (
	"context"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
)

// Lab carries out the `woven lab` commands. Dir is always the lab's directory.
type Lab struct {
	// Up returns when the lab is up, or with Foreground, when ctx has ended and it is down again.
	Up func(ctx context.Context, options LabOptions) error
	// Down takes a lab down.
	Down func(ctx context.Context, dir string) error
	// Exec replaces this process by a command that runs in a node; it returns only errors.
	Exec func(ctx context.Context, dir, node string, argv []string) error
	// List returns the nodes of a lab.
	List func(dir string) ([]LabNode, error)
	// AddVM makes a workload and plugs it; RemoveVM takes it away.
	AddVM    func(ctx context.Context, dir string, vm LabVM) error
	RemoveVM func(ctx context.Context, dir, name string) error
	// DefaultDir is the default of --dir, DefaultPrefix that of --prefix.
	DefaultDir, DefaultPrefix string
}

// LabOptions are the flags of `woven lab up`.
type LabOptions struct {
	Dir, Prefix string
	Hypervisors int
	// Stock are the numbers of the stock hypervisors.
	Stock []int
	// Agent is the path of the woven binary whose agent the hypervisors run; "" means this one.
	Agent      string
	Foreground bool
}

// LabVM are the flags of `woven lab add-vm`.
type LabVM struct {
	Name, Hypervisor, Port, MAC string
	Addresses                   []netip.Prefix
}

// LabNode is a line of `woven lab ls`.
type LabNode struct {
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	Namespace string   `json:"namespace"`
	Addresses []string `json:"addresses"`
	// Plugged is where a VM is plugged: hypervisor, device and port.
	Plugged   string   `json:"plugged,omitempty"`
	Processes []string `json:"processes"`
}

// LabCommand is `woven lab`.
func LabCommand(env Env, lab Lab) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Run a virtual cloud on this machine, for exploring",
		Long: `Run a virtual cloud on this machine: OVN's central databases, hypervisors and VMs, each in a network
namespace of its own, joined by an underlay bridge. Needs root.`,
		Args: cobra.NoArgs,
		RunE: needVerb,
	}
	dir := cmd.PersistentFlags().String("dir", lab.DefaultDir, "`directory` of the lab")
	cmd.AddCommand(labUp(lab, dir), labDown(lab, dir), labExec(lab, dir), labList(env, lab, dir), labAddVM(lab, dir), labRemoveVM(lab, dir))
	return cmd
}

func labUp(lab Lab, dir *string) *cobra.Command {
	var o LabOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a lab up and keep it in the background",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir = *dir
			return lab.Up(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Hypervisors, "hypervisors", 2, "`number` of hypervisors: hv1, hv2, ...")
	flags.IntSliceVar(&o.Stock, "stock", nil, "`numbers` of the hypervisors that run ovn-controller and Open vSwitch instead of Woven")
	flags.StringVar(&o.Prefix, "prefix", lab.DefaultPrefix, "`prefix` of the names of the network namespaces")
	flags.StringVar(&o.Agent, "agent", "", "woven `binary` that the hypervisors run (default: this one)")
	flags.BoolVar(&o.Foreground, "foreground", false, "stay in the foreground; a signal takes the lab down")
	return cmd
}

func labDown(lab Lab, dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Take the lab down: its processes, namespaces, devices and mounts",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return lab.Down(cmd.Context(), *dir) },
	}
}

func labExec(lab Lab, dir *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec NODE COMMAND [ARGUMENT]...",
		Short: "Run a command in central, a hypervisor or a VM",
		Long: `Run a command in the network namespace of central, a hypervisor or a VM. ovn-nbctl and ovn-sbctl find
the lab's databases, ovs-vsctl and ovs-appctl the hypervisor's own, woven its agent.`,
		Example: "  woven lab exec central ovn-nbctl show\n  woven lab exec hv1 ovs-vsctl show\n  woven lab exec vm1 ping 10.0.0.2",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			argv := args[1:]
			if argv[0] == "--" {
				argv = argv[1:]
			}
			return lab.Exec(cmd.Context(), *dir, args[0], argv)
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func labList(env Env, lab Lab, dir *string) *cobra.Command {
	q := &query{env: env}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the lab's nodes and what runs there",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			nodes, err := lab.List(*dir)
			if err != nil {
				return err
			}
			return q.print(nodes, func(t *table) { labTable(t, nodes) })
		},
	}
	choiceFlag(cmd, &q.format, "output", "o", "format of the output", "table", "json", "yaml")
	return cmd
}

func labTable(t *table, nodes []LabNode) {
	t.row("NODE", "KIND", "NAMESPACE", "ADDRESSES", "PLUGGED", "PROCESSES")
	for _, n := range nodes {
		t.row(n.Name, n.Kind, n.Namespace, dash(strings.Join(n.Addresses, ",")), dash(n.Plugged), dash(strings.Join(n.Processes, ",")))
	}
}

func labAddVM(lab Lab, dir *string) *cobra.Command {
	var vm LabVM
	cmd := &cobra.Command{
		Use:     "add-vm NAME",
		Short:   "Make a VM (a network namespace) and plug it into a hypervisor's br-int",
		Example: "  woven lab add-vm vm1 --hypervisor hv1 --mac 0a:00:00:00:00:01 --ip 10.0.0.1/24 --ip fd00:10::1/64",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			vm.Name = args[0]
			return lab.AddVM(cmd.Context(), *dir, vm)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&vm.Hypervisor, "hypervisor", "hv1", "`node` that the VM runs on")
	flags.StringVar(&vm.Port, "port", "", "logical switch `port` (default: the VM's name)")
	flags.StringVar(&vm.MAC, "mac", "", "`MAC` address")
	flags.Func("ip", "`address` with prefix length; may be given several times", func(text string) error {
		address, err := netip.ParsePrefix(text)
		vm.Addresses = append(vm.Addresses, address)
		return err
	})
	if err := cmd.MarkFlagRequired("mac"); err != nil {
		panic(err) // the flag was added above
	}
	return cmd
}

func labRemoveVM(lab Lab, dir *string) *cobra.Command {
	return &cobra.Command{
		Use:   "remove-vm NAME",
		Short: "Unplug a VM and remove it",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return lab.RemoveVM(cmd.Context(), *dir, args[0]) },
	}
}
