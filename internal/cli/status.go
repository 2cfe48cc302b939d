package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// statusCommand is `woven status`.
func statusCommand(env Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the agent is: problems, databases, ports, tunnel",
		Long: `Say how the agent is. The first line says OK or DEGRADED and why. The exit code is 0 in both cases:
the agent answered.`,
		Args: cobra.NoArgs,
	}
	q := newQuery(env, cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		status, err := q.client().Status(cmd.Context())
		if err != nil {
			return err
		}
		return q.print(status, func(t *table) { statusTable(t, status, env.Now()) })
	}
	return cmd
}

func statusTable(t *table, s *v1.Status, now time.Time) {
	t.line(headline(s))
	if len(s.Problems) > 0 {
		t.section()
		t.row("PROBLEM", "REASON", "AGE")
		for _, p := range s.Problems {
			t.row(p.Object, p.Reason, age(now, p.Since))
		}
	}
	t.section()
	t.row("Chassis", dash(s.Chassis))
	t.row("Version", s.Version+", running for "+age(now, s.StartedAt))
	t.row("Generation", s.Generation)
	t.row("nb_cfg", fmt.Sprintf("seen %d, applied %d", s.NBCfg.Seen, s.NBCfg.Applied))
	t.row("Ports", fmt.Sprintf("%d up, %d down, %d waiting, %d failed, %d unplugged",
		s.Ports.Up, s.Ports.Down, s.Ports.Waiting, s.Ports.Failed, s.Ports.Unplugged))
	if s.Tunnel == nil {
		t.row("Tunnel", "-")
	} else {
		t.row("Tunnel", fmt.Sprintf("%s %s on %s", s.Tunnel.Type, s.Tunnel.Address, dash(strings.Join(s.Tunnel.Devices, ", "))))
	}
	databaseTable(t, s.Databases, now)
	if s.Tunnel != nil && len(s.Tunnel.Peers) > 0 {
		peerTable(t, s.Tunnel.Peers)
	}
}

// headline is the one line to read when there is time for one.
func headline(s *v1.Status) string {
	if !s.Degraded() {
		return s.Node + ": OK"
	}
	var why []string
	for _, db := range s.Databases {
		if !db.Connected {
			why = append(why, db.Name+" away")
		} else if !db.Synced {
			why = append(why, db.Name+" not read yet")
		}
	}
	if n := len(s.Problems); n > 0 {
		why = append(why, count(n, "problem"))
	}
	if n := s.Ports.Failed; n > 0 {
		why = append(why, count(n, "failed port"))
	}
	return fmt.Sprintf("%s: DEGRADED (%s)", s.Node, strings.Join(why, ", "))
}

func databaseTable(t *table, databases []v1.Database, now time.Time) {
	t.section()
	t.row("DATABASE", "REMOTE", "STATE", "FOR", "ERROR")
	for _, db := range databases {
		state := "away"
		if db.Connected {
			state = "reading"
		}
		if db.Connected && db.Synced {
			state = "synced"
		}
		t.row(db.Name, dash(db.Remote), state, age(now, db.Since), db.Error)
	}
}

func peerTable(t *table, peers []v1.Peer) {
	t.section()
	t.row("PEER", "ADDRESS", "DEVICE", "MTU")
	for _, p := range peers {
		if p.Device == "" {
			t.row(p.Chassis, p.Address, "no route")
			continue
		}
		t.row(p.Chassis, p.Address, p.Device, p.MTU)
	}
}
