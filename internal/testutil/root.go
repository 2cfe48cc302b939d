// Package testutil is what tests share.
package testutil

import (
	"os"
	"testing"
)

// RequireRoot skips a test that needs root and has it not; with REQUIRE_PRIVILEGED=1 in the environment, as in CI, it fails instead.
func RequireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("REQUIRE_PRIVILEGED") == "1" {
		t.Fatal("REQUIRE_PRIVILEGED=1, but this test needs root: run it as root")
	}
	t.Skip("needs root")
}
