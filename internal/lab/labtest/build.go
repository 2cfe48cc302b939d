package labtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"woven.dev/woven/internal/testutil"
)

// Woven builds the woven binary, for lab.Options.Woven, and returns its path. It is gone at the test's end.
func Woven(t testing.TB) string {
	t.Helper()
	testutil.RequireRoot(t)
	path := filepath.Join(t.TempDir(), "woven")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "woven.dev/woven/cmd/woven")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build woven: %v\n%s", err, out)
	}
	return path
}
