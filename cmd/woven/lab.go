package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"

	"woven.dev/woven/internal/cli"
	"woven.dev/woven/internal/lab"
)

// labCommands carries out the `woven lab` commands by package lab.
var labCommands = cli.Lab{
	Up: labUp, Down: lab.Down, Exec: labExec, List: labList, AddVM: labAddVM, RemoveVM: labRemoveVM,
	DefaultDir: lab.DefaultDir, DefaultPrefix: lab.DefaultPrefix,
}

func labUp(ctx context.Context, o cli.LabOptions) error {
	options := lab.Options{
		Dir: o.Dir, Prefix: o.Prefix, Hypervisors: o.Hypervisors, Stock: o.Stock, Woven: o.Agent,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if _, err := lab.New(options); err != nil { // before anything is started
		return err
	}
	ready := func() { fmt.Println("the lab is up in", o.Dir) }
	if o.Foreground {
		return lab.Serve(ctx, options, ready)
	}
	if err := lab.Background(ctx, o.Dir, append(os.Args[1:], "--foreground")); err != nil {
		return err
	}
	ready()
	return nil
}

func labExec(ctx context.Context, dir, node string, argv []string) error {
	l, err := lab.Open(dir)
	if err != nil {
		return err
	}
	cmd, err := l.Command(ctx, node, argv...)
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", cmd.Path, syscall.Exec(cmd.Path, cmd.Args, cmd.Env))
}

func labList(dir string) ([]cli.LabNode, error) {
	nodes, err := lab.List(dir)
	if err != nil {
		return nil, err
	}
	list := make([]cli.LabNode, len(nodes))
	for i, n := range nodes {
		list[i] = cli.LabNode{Name: n.Name, Kind: n.Kind, Namespace: n.Namespace, Addresses: n.Addresses, Processes: []string{}}
		if n.Hypervisor != "" {
			list[i].Plugged = strings.Join([]string{n.Hypervisor, n.Device, n.Port}, "/")
		}
		for _, p := range n.Processes {
			list[i].Processes = append(list[i].Processes, fmt.Sprintf("%s(%d)", p.Name, p.PID))
		}
	}
	return list, nil
}

func labAddVM(ctx context.Context, dir string, vm cli.LabVM) error {
	l, err := lab.Open(dir)
	if err != nil {
		return err
	}
	return l.AddWorkload(ctx, lab.Workload{
		Name: vm.Name, Hypervisor: vm.Hypervisor, Port: vm.Port, MAC: vm.MAC, Addresses: vm.Addresses,
	})
}

func labRemoveVM(ctx context.Context, dir, name string) error {
	l, err := lab.Open(dir)
	if err != nil {
		return err
	}
	return l.RemoveWorkload(ctx, name)
}
