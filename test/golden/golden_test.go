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
	"woven.dev/woven/modules/l2switch/config"
)

var update = flag.Bool("update", false, "rewrite the sections plugs, state and problems of testdata")

// TestGolden compares the plugs, the state and the problems of each case with its text.
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
			for _, got := range outputs(t, parseInput(t, a)) {
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
		if err := m.Config.(*config.Config).Validate(); err != nil {
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
