package labtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"woven.dev/woven/internal/testutil"
)

// Woven builds the woven binary, for lab.Options.Woven, and returns its path. It is gone at the test's end.
func Woven(t testing.TB) string { return Variant(t, nil) }

// Variant is Woven for a build in which files of the test's directory, the values, stand in for files of the project, whose paths from the
// module's root are the keys.
func Variant(t testing.TB, replace map[string]string) string {
	t.Helper()
	testutil.RequireRoot(t)
	dir := t.TempDir()
	path, overlay := filepath.Join(dir, "woven"), filepath.Join(dir, "overlay.json")
	if err := writeOverlay(overlay, replace); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", path, "woven.dev/woven/cmd/woven")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build woven: %v\n%s", err, out)
	}
	return path
}

// writeOverlay writes what `go build -overlay` reads; `go help build`.
func writeOverlay(path string, replace map[string]string) error {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "woven.dev/woven").Output()
	if err != nil {
		return fmt.Errorf("find the module's root: %w", err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for old, other := range replace {
		old = filepath.Join(strings.TrimSpace(string(root)), old)
		if _, err := os.Stat(old); err != nil {
			return fmt.Errorf("replace a file: %w", err)
		}
		if overlay.Replace[old], err = filepath.Abs(other); err != nil {
			return err
		}
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
