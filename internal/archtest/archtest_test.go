package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	module = "woven.dev/woven/"
	root   = "../.." // of the project, from here
)

func TestProject(t *testing.T) {
	dependOnSources(t)
	packages := listProject(t)
	if !slices.ContainsFunc(packages, func(p Package) bool { return p.Path == "internal/archtest" }) {
		t.Fatalf("the list of packages lacks this one: %v", packages)
	}
	for _, v := range Check(Rules, TestOnly, packages) {
		t.Error(v)
	}
}

// dependOnSources looks at every source file: go test takes a result from its cache unless a file changed that the
// test itself looked at, and it doesn't see what the go command reads.
func dependOnSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".go" {
			_, err = os.Stat(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since its folder was read
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// listProject asks the go command for the packages of the project. A package that doesn't compile at present is
// listed too.
func listProject(t *testing.T) []Package {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []Package
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if p := ours(listed.ImportPath, listed.Imports); p.Path != "internal/zdeps" { // pins modules only
			packages = append(packages, p)
		}
	}
}

// ours is a package without the imports that are not of the project.
func ours(path string, imports []string) Package {
	p := Package{Path: strings.TrimPrefix(path, module)}
	for _, imported := range imports {
		if relative, ok := strings.CutPrefix(imported, module); ok {
			p.Imports = append(p.Imports, relative)
		}
	}
	return p
}

// The real table refuses what it is there to refuse.
func TestRulesRefuse(t *testing.T) {
	for _, test := range []struct{ path, imported, want string }{
		{"internal/netstate", "internal/logical", "internal/netstate imports internal/logical: the waist is plain data and depends on nothing"},
		{"internal/ingest", "internal/netstate", "internal/ingest imports internal/netstate: ingest turns rows into logical networks, and does no I/O"},
		{"internal/ingest", "internal/ovsdb", "internal/ingest imports internal/ovsdb: ingest turns rows into logical networks, and does no I/O"},
		{"internal/compile", "modules/l2switch", "internal/compile imports modules/l2switch: compile turns logical networks into state; it knows neither databases nor the kernel"},
		{"internal/hover", "modules/l2switch/config", "internal/hover imports modules/l2switch/config: hover carries states out; it knows neither OVN nor any module by name"},
		{"internal/hover/wire", "internal/agent", "internal/hover/wire imports internal/agent: hover carries states out; it knows neither OVN nor any module by name"},
		{"modules/router", "modules/l2switch/config", "modules/router imports modules/l2switch/config: a built-in module has what a third party's has, and no private door"},
		{"modules/router", "internal/hover", "modules/router imports internal/hover: a built-in module has what a third party's has, and no private door"},
		{"modules/router/config", "sdk/iom", "modules/router/config imports sdk/iom: a module's configuration is plain data"},
		{"internal/slowpath/dhcp", "internal/slowpath", "internal/slowpath/dhcp imports internal/slowpath: it decides what the answer to a frame is, and knows neither where frames come from nor where they go"},
		{"internal/slowpath", "internal/slowpath/frametest", "internal/slowpath imports internal/slowpath/frametest: only tests may"},
		{"internal/cli", "internal/rest", "internal/cli imports internal/rest: it is a client; what runs in this process comes as arguments"},
		{"internal/agent", "internal/cli", "internal/agent imports internal/cli: cmd/woven joins it with what shows it"},
		{"api/v1", "internal/hover", "api/v1 imports internal/hover: clients import it, and get nothing else with it"},
		{"internal/agent", "internal/testutil", "internal/agent imports internal/testutil: only tests may"},
		{"cmd/woven", "internal/lab/labtest", "cmd/woven imports internal/lab/labtest: only tests may"},
		{"modules/router", "sdk/iomtest", "modules/router imports sdk/iomtest: only tests may"},
		{"internal/helpers", "internal/logical", "internal/helpers has no rule: say in the table what it may import"},
	} {
		got := Check(Rules, TestOnly, []Package{{test.path, []string{test.imported}}})
		if diff := cmp.Diff([]string{test.want}, got); diff != "" {
			t.Errorf("%s imports %s (-want +got):\n%s", test.path, test.imported, diff)
		}
	}
}

// The real table allows what the design says.
func TestRulesAllow(t *testing.T) {
	packages := []Package{
		{"internal/ingest", []string{"internal/ovsdb/nb", "internal/logical"}},
		{"internal/compile", []string{"internal/netstate", "modules/l2switch/config"}},
		{"internal/hover", []string{"internal/netstate", "internal/hover/wire", "sdk/iom"}},
		{"internal/slowpath", []string{"sdk/iom", "internal/hover/punt", "internal/slowpath/dhcp"}},
		{"internal/slowpath/dhcp", []string{"internal/slowpath/frame", "internal/slowpath/option"}},
		{"internal/ovsdb", []string{"internal/ovsdb/sb"}},
		{"modules/l2switch", []string{"modules/l2switch/config", "sdk/iom"}},
		{"modules/std", []string{"modules/l2switch", "sdk/iom"}},
		{"internal/agent", []string{"internal/hover", "modules/std", "api/v1"}},
		{"internal/lab/labtest", []string{"internal/lab", "internal/testutil"}},
		{"cmd/woven", []string{"internal/agent", "internal/cli", "internal/rest"}},
	}
	for _, v := range Check(Rules, TestOnly, packages) {
		t.Error(v)
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, path string
		want          bool
	}{
		{"internal/hover", "internal/hover", true},
		{"internal/hover", "internal/hover/punt", false},
		{"internal/hover", "internal/hovercraft", false},
		{"internal/hover/...", "internal/hover", true},
		{"internal/hover/...", "internal/hover/punt/ring", true},
		{"internal/hover/...", "internal/hovercraft", false},
		{"modules/*", "modules/router", true},
		{"modules/*", "modules", false},
		{"modules/*", "modules/router/config", false},
		{"modules/*/config", "modules/router/config", true},
		{"modules/*/config", "modules/router/driver", false},
		{"...", "anything/at/all", true},
	} {
		if got := match(test.pattern, test.path); got != test.want {
			t.Errorf("%s matches %s: %v, want %v", test.pattern, test.path, got, test.want)
		}
	}
}
