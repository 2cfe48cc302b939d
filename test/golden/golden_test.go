package golden

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"woven.dev/woven/internal/compile"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
)

var update = flag.Bool("update", false, "rewrite the sections plugs, state, problems and network of testdata")

// TestGolden compares the plugs, the state and the problems of each case with its text; where it has a section network, what
// ingest makes of the rows, too.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("find cases: %v (%d found)", err, len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			in := parseInput(t, a)
			outs := outputs(t, in)
			if section(a, "network") != "" {
				outs = append(outs, txtar.File{Name: "network", Data: []byte(networkText(in))})
			}
			for _, got := range outs {
				if *update {
					setSection(a, got.Name, got.Data)
				} else if d := cmp.Diff(section(a, got.Name), string(got.Data)); d != "" {
					t.Errorf("%s (-want +got):\n%s", got.Name, d)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// outputs are the sections that ingest and compile give. All that it gives is valid for the modules.
func outputs(t *testing.T, in ingest.Input) []txtar.File {
	t.Helper()
	var plugs, problems strings.Builder
	var r ingest.Reader
	list, wrong := r.Plugs(in)
	for _, p := range list {
		verdict := "held as " + string(p.Role)
		if p.Refusal != "" {
			verdict = "refused: " + p.Refusal
		}
		if p.Parent != "" {
			verdict = fmt.Sprintf("in %q tag %d ", p.Parent, p.Tag) + verdict
		}
		fmt.Fprintf(&plugs, "%s %q %s\n", p.Interface.Name, p.Port, verdict)
	}
	var c compile.Compiler
	state, found := c.Compile(r.Network(in, list))
	found = append(logical.Problems(found), wrong...).Sorted()
	for _, m := range state.Modules {
		if err := m.Config.(interface{ Validate() error }).Validate(); err != nil {
			t.Errorf("module %s: %v", m, err)
		}
	}
	for _, p := range found {
		fmt.Fprintf(&problems, "%s: %s\n", p.Object, p.Reason)
	}
	return []txtar.File{
		{Name: "plugs", Data: []byte(plugs.String())},
		{Name: "state", Data: []byte(state.Text())},
		{Name: "problems", Data: []byte(problems.String())},
	}
}
