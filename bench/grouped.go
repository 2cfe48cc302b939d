package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"

	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/scale"
)

const (
	// groupRules let members of a group receive from members.
	groupRules = 10
	// groupSoon is how long half of the changes of a group may take until they are in the kernel's tables, in ms.
	groupSoon = 20
	// stockRounds is how many rounds of Woven's there are for one of a stock node's, which take seconds.
	stockRounds = 8
)

// groupKinds are the changes of a group, in the order in which they are told.
var groupKinds = []string{scale.Entered, scale.Left, scale.Joined, scale.JoinedHere}

// grouped measures one port more in a large group, on a node that Woven runs on and beside it on a stock one.
func grouped(ctx context.Context, e effort, out *output) (err error) {
	if e.groupSize.Ports == 0 {
		return nil
	}
	woven, cleanUp, err := buildWoven(ctx)
	if err != nil {
		return err
	}
	defer cleanUp()
	size := e.groupSize
	cfg := scale.Config{Woven: woven, Size: size, Rules: groupRules, Log: slog.New(slog.DiscardHandler)}
	own, err := scale.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	var stock *scale.Cloud
	missing := missingStock()
	if missing == "" {
		cfg.Stock = true
		if stock, err = scale.New(ctx, cfg); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stock.Close()) }()
	}
	tables, err := joins(ctx, own, stock, e.changes)
	if err != nil {
		return err
	}
	for _, kind := range groupKinds {
		table := tables[kind]
		table.Title = fmt.Sprintf("%s with %d rules, %v", kind, groupRules, size)
		if stock == nil {
			table.Rows = append(table.Rows, report.SpreadRow{Name: "ovn-controller, ovs-vswitchd", Note: missing + " is not installed"})
		}
		if err := out.spread(*table); err != nil {
			return err
		}
	}
	return nil
}

// missingStock names what a stock node needs and the machine lacks; "": it has all.
func missingStock() string {
	for _, program := range []string{"ovs-vswitchd", "ovn-controller"} {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// joins measures both nodes by turns, so that neither meets the other's work. The tables are by kind of change; stock may be nil.
func joins(ctx context.Context, own, stock *scale.Cloud, rounds int) (map[string]*report.Spread, error) {
	tables := map[string]*report.Spread{}
	for _, kind := range groupKinds {
		tables[kind] = &report.Spread{Unit: "ms"}
	}
	for i := range rounds {
		round, err := own.JoinRound(ctx)
		if err != nil {
			return nil, err
		}
		for kind, s := range round {
			half := float64(groupSoon)
			if kind == scale.JoinedHere { // ovn-northd alone takes longer
				half = 0
			}
			addSamples(tables[kind], []stage{
				{name: "Woven, to the kernel's table", took: s.Total, half: half},
				{name: "  of it: the Northbound database", took: s.Northbound},
				{name: "  of it: ovn-northd and the Southbound database", took: s.Northd},
				{name: "  of it: Woven", took: s.Woven, always: true},
				{name: "Woven, to the generation (nb_cfg)", took: s.Carried},
				{name: "  of it: until ovn-northd has passed it on", took: s.Passed},
				{name: "Woven, to ovn-installed", took: s.Installed},
			})
		}
		if stock == nil || i%stockRounds != 0 {
			continue
		}
		if round, err = stock.JoinRound(ctx); err != nil {
			return nil, err
		}
		for kind, s := range round {
			addSamples(tables[kind], []stage{
				{name: "ovn-controller, ovs-vswitchd, to the generation (nb_cfg)", took: s.Carried},
				{name: "ovn-controller, ovs-vswitchd, to ovn-installed", took: s.Installed},
			})
		}
	}
	return tables, nil
}
