package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/rest"
)

// now is the time in all sessions.
var now = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

// TestSessions runs the operator's sessions under testdata. Beside testscript's own commands they have:
//
//	serve FILE     run a REST server in run/ that answers with the JSON in FILE (see answers)
//	woven ARGS     run the command line in process with run/ as run directory; stdout, stderr and cmp see its output
//	exit CODE      fail unless the last woven ended with CODE
func TestSessions(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve,
			"woven": woven,
			"exit":  exit,
		},
	})
}

// answers is a rest.Source that says what a session's file says.
type answers struct {
	StatusAnswer v1.Status          `json:"status"`
	PortsAnswer  []v1.Port          `json:"ports"`
	MapAnswer    []v1.MapEntry      `json:"map"`
	DropsAnswer  []v1.DatapathDrops `json:"drops"`
	ACLsAnswer   []v1.ACL           `json:"acls"`
	inspection
	rest.Tracking // `woven ct` reads the kernel, not this
	// Error, unless empty, is why counters can't be read.
	Error string `json:"error"`
}

func (a *answers) Status() v1.Status                  { return a.StatusAnswer }
func (a *answers) Map() []v1.MapEntry                 { return a.MapAnswer }
func (a *answers) Ports() ([]v1.Port, error)          { return a.PortsAnswer, a.err() }
func (a *answers) Drops() ([]v1.DatapathDrops, error) { return a.DropsAnswer, a.err() }

// ACLs are those of a switch, whatever the port, if that is one of the switch.
func (a *answers) ACLs(of v1.ACLFilter) (list []v1.ACL, err error) {
	at := of.Switch
	for _, p := range a.PortsAnswer {
		if p.Name == of.Port && (at == "" || at == p.Switch) {
			at, of.Port = p.Switch, ""
		}
	}
	for _, acl := range a.ACLsAnswer {
		if at == "" || acl.Switch == at {
			list = append(list, acl)
		}
	}
	if of.Port != "" || len(list) == 0 && at != "" {
		return nil, hover.ErrUnknown
	}
	return list, a.err()
}

func (a *answers) Modules() ([]v1.ModuleInstance, error) { return a.modules(), a.err() }
func (a *answers) Interfaces() ([]v1.Interface, error)   { return a.InterfacesAnswer, a.err() }

// No session asks for connections here: `woven ct` reads the pins.
func (a *answers) ConnectionZones() ([]v1.ConnectionZone, error) { return nil, a.err() }
func (a *answers) Connections(hover.ConnectionFilter, int, int) (v1.Connections, error) {
	return v1.Connections{}, a.err()
}

func (a *answers) err() error {
	if a.Error == "" {
		return nil
	}
	return errors.New(a.Error)
}

// serve runs a server until the session ends.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	decoder.DisallowUnknownFields()
	source := &answers{}
	ts.Check(decoder.Decode(source))
	server, err := rest.Listen(rest.Config{
		RunDir:  runDir(ts),
		Source:  source,
		Metrics: http.NotFoundHandler(),
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()
	ts.Defer(func() {
		cancel()
		ts.Check(<-done)
	})
}

// runDir is the run directory of a session, under a short name: the path of a unix socket has at most 107 bytes.
func runDir(ts *testscript.TestScript) string {
	if dir := ts.Getenv("SESSION_RUN_DIR"); dir != "" {
		return dir
	}
	dir, err := os.MkdirTemp("", "woven")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	ts.Setenv("SESSION_RUN_DIR", filepath.Join(dir, "run"))
	return ts.Getenv("SESSION_RUN_DIR")
}

// woven runs one command line. What it prints goes to stdout and stderr with the run directory written as RUN-DIR.
func woven(ts *testscript.TestScript, _ bool, args []string) {
	dir := runDir(ts)
	var stdout, stderr bytes.Buffer
	code := Execute(context.Background(), Env{
		Stdout:   &stdout,
		Stderr:   &stderr,
		Version:  "1.2.3",
		RunDir:   dir,
		Now:      func() time.Time { return now },
		Agent:    func(_ context.Context, o AgentOptions) error { return fakeAgent(&stdout, o) },
		Commands: []*cobra.Command{{Use: "elsewhere", RunE: func(*cobra.Command, []string) error { return errors.New("elsewhere ran") }}},
	}, args)
	ts.Setenv("CODE", fmt.Sprint(code))
	clean := strings.NewReplacer(dir, "RUN-DIR")
	_, _ = clean.WriteString(ts.Stdout(), stdout.String())
	_, _ = clean.WriteString(ts.Stderr(), stderr.String())
}

// fakeAgent prints its options, and fails when it is named so.
func fakeAgent(w io.Writer, o AgentOptions) error {
	o.Log.Info("agent starts")
	o.Log.Debug("a detail")
	o.Log = nil
	fmt.Fprintf(w, "%+v\n", o)
	if o.Name == "broken" {
		return errors.New("lock run directory: in use")
	}
	return nil
}

// exit compares the exit code of the last woven.
func exit(ts *testscript.TestScript, _ bool, args []string) {
	if got := ts.Getenv("CODE"); got != args[0] {
		ts.Fatalf("woven ended with %s, want %s", got, args[0])
	}
}
