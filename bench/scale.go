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
	dir, err := os.MkdirTemp("", "wvb")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	defer os.RemoveAll(dir)
	woven := filepath.Join(dir, "woven")
	build := exec.CommandContext(ctx, "go", "build", "-o", woven, "woven.dev/woven/cmd/woven")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build woven: %w: %s", err, out)
	}
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

// oneSize measures one cloud, and returns what its node used when all was done.
func oneSize(ctx context.Context, woven string, size scale.Size, changes int, out *output) (m *cloudMemory, err error) {
	c, err := scale.New(ctx, woven, size, slog.New(slog.DiscardHandler))
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
	stages := slices.DeleteFunc([]stage{
		{"to the kernel's table", s.Total, soonEnough, true},
		{"  of it: the Northbound database", s.Northbound, 0, true},
		{"  of it: ovn-northd and the Southbound database", s.Northd, 0, false},
		{"  of it: Woven", s.Woven, soonEnough, true},
		{"to the first ping", s.Ping, 0, false},
		{"to ovn-installed, or its end", s.Installed, 0, false},
	}, func(s stage) bool { return s.took == 0 && !s.always })
	for i, stage := range stages {
		if len(t.Rows) == i {
			t.Rows = append(t.Rows, report.SpreadRow{Name: stage.name, Goal: stage.goal})
		}
		t.Rows[i].Samples = append(t.Rows[i].Samples, ms(stage.took))
	}
}

// stage is a row of a table of stages.
type stage struct {
	name   string
	took   time.Duration
	goal   float64
	always bool // or only where it is not 0
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
