package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"woven.dev/woven/bench/report"
	"woven.dev/woven/bench/scale"
)

// soonEnough is how long 99 of 100 changes may take until they are in the kernel's tables, in ms.
const soonEnough = 100

// scaled measures clouds of several sizes.
func scaled(ctx context.Context, e effort, out *output) error {
	if len(e.sizes) == 0 {
		return nil
	}
	woven, cleanUp, err := buildWoven(ctx)
	if err != nil {
		return err
	}
	defer cleanUp()
	memory := report.Spread{Title: "Memory of a node", Unit: "KiB"}
	var last *cloudMemory
	for _, size := range e.sizes {
		m, err := oneSize(ctx, woven, size, e.changes, out)
		if err != nil {
			return err
		}
		memory.Rows = append(memory.Rows, m.rows(last)...)
		last = m
	}
	return out.spread(memory)
}

// buildWoven builds the agent's binary, which cleanUp removes.
func buildWoven(ctx context.Context) (woven string, cleanUp func(), err error) {
	dir, err := os.MkdirTemp("", "wvb")
	if err != nil {
		return "", nil, fmt.Errorf("make directory: %w", err)
	}
	cleanUp = func() { os.RemoveAll(dir) }
	woven = filepath.Join(dir, "woven")
	build := exec.CommandContext(ctx, "go", "build", "-o", woven, "woven.dev/woven/cmd/woven")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		cleanUp()
		return "", nil, fmt.Errorf("build woven: %w: %s", err, text)
	}
	return woven, cleanUp, nil
}

// oneSize measures one cloud, and returns what its node used when all was done.
func oneSize(ctx context.Context, woven string, size scale.Size, changes int, out *output) (m *cloudMemory, err error) {
	c, err := scale.New(ctx, scale.Config{Woven: woven, Size: size, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	tables := map[string]*report.Spread{}
	for range changes {
		round, err := c.Round(ctx)
		if err != nil {
			return nil, err
		}
		for kind, stages := range round {
			if tables[kind] == nil {
				tables[kind] = &report.Spread{Title: fmt.Sprintf("%s, %v", kind, size), Unit: "ms"}
			}
			addStages(tables[kind], stages)
		}
	}
	for _, kind := range []string{scale.Added, scale.Moved, scale.Removed} {
		if t := tables[kind]; t != nil {
			if err := out.spread(*t); err != nil {
				return nil, err
			}
		}
	}
	used, err := c.Memory()
	if err != nil {
		return nil, err
	}
	r, err := c.Resync(ctx)
	if err != nil {
		return nil, err
	}
	return &cloudMemory{size, used}, out.spread(report.Spread{Title: fmt.Sprintf("In step with the databases again, %v", size), Unit: "ms", Rows: []report.SpreadRow{
		{Name: "agent killed and started", Samples: []float64{ms(r.Restart)}},
		{Name: "Southbound database killed and started", Samples: []float64{ms(r.Southbound)}},
		{Name: "agent started on an empty node", Samples: []float64{ms(r.Fresh)}},
	}})
}

// addStages adds a sample to each row, and makes the rows.
func addStages(t *report.Spread, s scale.Stages) {
	addSamples(t, []stage{
		{name: "to the kernel's table", took: s.Total, goal: soonEnough, always: true},
		{name: "  of it: the Northbound database", took: s.Northbound, always: true},
		{name: "  of it: ovn-northd and the Southbound database", took: s.Northd},
		{name: "  of it: Woven", took: s.Woven, goal: soonEnough, always: true},
		{name: "to the first ping", took: s.Ping},
		{name: "to ovn-installed, or its end", took: s.Installed},
	})
}

// stage is a row of a table of stages.
type stage struct {
	name       string
	took       time.Duration
	half, goal float64 // see report.SpreadRow
	always     bool    // or only where it is not 0
}

// addSamples adds a sample to each row, and makes the rows.
func addSamples(t *report.Spread, stages []stage) {
	for _, s := range stages {
		if s.took == 0 && !s.always {
			continue
		}
		i := slices.IndexFunc(t.Rows, func(r report.SpreadRow) bool { return r.Name == s.name })
		if i < 0 {
			i = len(t.Rows)
			t.Rows = append(t.Rows, report.SpreadRow{Name: s.name, Half: s.half, Goal: s.goal})
		}
		t.Rows[i].Samples = append(t.Rows[i].Samples, ms(s.took))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// cloudMemory is what a node of a cloud used.
type cloudMemory struct {
	size scale.Size
	used scale.Memory
}

// rows compare with a smaller cloud, if there was one.
func (m *cloudMemory) rows(smaller *cloudMemory) []report.SpreadRow {
	kib := func(bytes float64) []float64 { return []float64{bytes / 1024} }
	rows := []report.SpreadRow{
		{Name: fmt.Sprintf("agent, %v", m.size), Samples: kib(float64(m.used.Agent))},
		{Name: fmt.Sprintf("kernel's tables, %v", m.size), Samples: kib(float64(m.used.Kernel))},
	}
	if smaller == nil {
		return rows
	}
	each := func(now, before uint64) []float64 {
		return kib((float64(now) - float64(before)) / float64(m.size.Ports-smaller.size.Ports))
	}
	return append(rows,
		report.SpreadRow{Name: "agent, for each port more", Samples: each(m.used.Agent, smaller.used.Agent)},
		report.SpreadRow{Name: "kernel's tables, for each port more", Samples: each(m.used.Kernel, smaller.used.Kernel)})
}
