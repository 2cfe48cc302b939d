package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
)

// TestConnectionTracking runs the operator's sessions under testdata/ct. Beside testscript's own commands and TestSessions' exit they have:
//
//	node FILE  the node has the connections in FILE (see fakeNode); without it nothing is pinned
//	ct ARGS    run `woven ct`; stdout, stderr and cmp see its output
func TestConnectionTracking(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/ct",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"node": func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv("NODE", ts.MkAbs(args[0])) },
			"ct":   ctSession,
			"exit": exit,
		},
	})
}

// fakeNode is Connections of which those of the filter's port are meant, or all; it tells on stderr what it was asked for.
type fakeNode struct {
	Connections []v1.Connection     `json:"connections"`
	ZoneList    []v1.ConnectionZone `json:"zones"`
	PortNames   []string            `json:"ports"`

	log *bytes.Buffer
}

func (n *fakeNode) List(f v1.ConnectionFilter, limit int) ([]v1.Connection, bool, error) {
	fmt.Fprintf(n.log, "list %+v\n", f)
	meant, err := n.meant(f)
	return meant[:min(limit, len(meant))], len(meant) > limit, err
}

func (n *fakeNode) Flush(f v1.ConnectionFilter) (int, error) {
	fmt.Fprintf(n.log, "flush %+v\n", f)
	meant, err := n.meant(f)
	return len(meant), err
}

func (n *fakeNode) meant(f v1.ConnectionFilter) ([]v1.Connection, error) {
	if f.Port != "" && !slices.Contains(n.PortNames, f.Port) {
		return nil, ErrUnknownPort
	}
	meant := []v1.Connection{}
	for _, c := range n.Connections {
		if f.Port == "" || c.Port == f.Port {
			meant = append(meant, c)
		}
	}
	return meant, nil
}

func (n *fakeNode) Zones() ([]v1.ConnectionZone, error) { return n.ZoneList, nil }
func (n *fakeNode) Ports() ([]string, error)            { return n.PortNames, nil }
func (n *fakeNode) Close() error {
	n.log.WriteString("closed\n")
	return nil
}

func ctSession(ts *testscript.TestScript, _ bool, args []string) {
	var stdout, stderr bytes.Buffer
	env := Env{Stdout: &stdout, Stderr: &stderr, RunDir: "/run/test", Now: time.Now}
	tracking := ConnectionTracking{
		Check: func(f v1.ConnectionFilter) error {
			if f.Tuple == "nonsense" {
				return errors.New("tuple is nonsense")
			}
			return nil
		},
		Open: func(runDir, bpffs string) (Connections, error) {
			if ts.Getenv("NODE") == "" {
				return nil, fmt.Errorf("nothing is pinned: run directory %q, pins %q", runDir, bpffs)
			}
			node := &fakeNode{log: &stderr}
			ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.Getenv("NODE"))), node))
			return node, nil
		},
	}
	env.Commands = []*cobra.Command{ConnectionTrackingCommand(env, tracking)}
	code := Execute(context.Background(), env, append([]string{"ct"}, args...))
	ts.Setenv("CODE", fmt.Sprint(code))
	fmt.Fprint(ts.Stdout(), stdout.String())
	fmt.Fprint(ts.Stderr(), stderr.String())
}
