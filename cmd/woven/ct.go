package main

import (
	"errors"
	"fmt"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/agent"
	"woven.dev/woven/internal/cli"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/modules/std"
)

// ctCommand carries out `woven ct` by package hover.
var ctCommand = cli.ConnectionTracking{
	Check: func(f v1.ConnectionFilter) error {
		_, err := hover.ParseConnectionFilter(f.Port, f.Zone, f.Tuple)
		return err
	},
	Open: openConnections,
}

func openConnections(runDir, bpffs string) (cli.Connections, error) {
	if bpffs == "" {
		var err error
		if bpffs, err = agent.BPFFS(runDir); err != nil {
			return nil, err
		}
	}
	c, err := hover.OpenConnections(bpffs, std.Kinds())
	if err != nil {
		return nil, err
	}
	return connections{c}, nil
}

// connections shows hover.Connections to the command line.
type connections struct{ *hover.Connections }

// List implements cli.Connections.
func (c connections) List(f v1.ConnectionFilter, limit int) ([]v1.Connection, bool, error) {
	filter, err := hover.ParseConnectionFilter(f.Port, f.Zone, f.Tuple)
	if err != nil {
		return nil, false, err
	}
	list, more, err := c.Connections.List(filter, 0, limit)
	return agent.ViewConnections(list), more, named(err)
}

// Flush implements cli.Connections.
func (c connections) Flush(f v1.ConnectionFilter) (int, error) {
	filter, err := hover.ParseConnectionFilter(f.Port, f.Zone, f.Tuple)
	if err != nil {
		return 0, err
	}
	n, err := c.Connections.Flush(filter)
	return n, named(err)
}

// Zones implements cli.Connections.
func (c connections) Zones() ([]v1.ConnectionZone, error) {
	zones, err := c.Connections.Zones()
	return agent.ViewZones(zones), err
}

// named makes the error for a port that there is not the command line's.
func named(err error) error {
	if errors.Is(err, hover.ErrUnknown) {
		return fmt.Errorf("%w: %w", cli.ErrUnknownPort, err)
	}
	return err
}
