package labtest

import (
	"os/exec"
	"testing"
)

// RequireStock skips a test that needs hypervisors of kind lab.Stock where their programs are not installed.
func RequireStock(t testing.TB) {
	t.Helper()
	for _, program := range []string{"ovs-vswitchd", "ovn-controller"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
}
