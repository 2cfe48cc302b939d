package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// runLab runs one `woven lab` command on a lab that writes down what it is asked, and returns that, what was printed
// and the exit code.
func runLab(args ...string) (asked, printed string, code int) {
	note := func(format string, a ...any) error {
		asked += fmt.Sprintf(format, a...)
		return nil
	}
	lab := Lab{
		Up:   func(_ context.Context, o LabOptions) error { return note("up %+v", o) },
		Down: func(_ context.Context, dir string) error { return errors.New("no lab in " + dir) },
		Exec: func(_ context.Context, dir, node string, argv []string) error {
			return note("exec %s %s %q", dir, node, argv)
		},
		List: func(string) ([]LabNode, error) {
			return []LabNode{
				{Name: "hv1", Kind: "woven", Namespace: "l-hv1", Addresses: []string{"172.31.0.11"}, Processes: []string{"woven(7)"}},
				{Name: "vm1", Kind: "vm", Namespace: "l-vm1", Plugged: "hv1/vif-vm1"},
			}, nil
		},
		AddVM:      func(_ context.Context, dir string, vm LabVM) error { return note("add %s %+v", dir, vm) },
		RemoveVM:   func(_ context.Context, dir, name string) error { return note("remove %s %s", dir, name) },
		DefaultDir: "/d", DefaultPrefix: "l-",
	}
	var out bytes.Buffer
	env := Env{Stdout: &out, Stderr: &out}
	env.Commands = []*cobra.Command{LabCommand(env, lab)}
	code = Execute(context.Background(), env, append([]string{"lab"}, args...))
	return asked, out.String(), code
}

func TestLabAsks(t *testing.T) {
	vm := LabVM{Name: "vm1", Hypervisor: "hv2", MAC: "0a:00:00:00:00:01",
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")}}
	for line, want := range map[string]string{
		"up": fmt.Sprintf("up %+v", LabOptions{Dir: "/d", Prefix: "l-", Hypervisors: 2}),
		"up --dir /x --hypervisors 3 --stock 2,3 --agent /w --foreground": fmt.Sprintf("up %+v",
			LabOptions{Dir: "/x", Prefix: "l-", Hypervisors: 3, Stock: []int{2, 3}, Agent: "/w", Foreground: true}),
		"exec hv1 ping -c 1 10.0.0.1":    `exec /d hv1 ["ping" "-c" "1" "10.0.0.1"]`,
		"exec --dir /x hv1 -- ls --help": `exec /x hv1 ["ls" "--help"]`,
		"add-vm vm1 --hypervisor hv2 --mac 0a:00:00:00:00:01 --ip 10.0.0.1/24 --ip fd00::1/64": fmt.Sprintf("add /d %+v", vm),
		"remove-vm vm1": "remove /d vm1",
	} {
		asked, printed, code := runLab(strings.Fields(line)...)
		if asked != want || printed != "" || code != exitOK {
			t.Errorf("woven lab %s: asked %s, want %s; exit %d: %s", line, asked, want, code, printed)
		}
	}
}

func TestLabUsage(t *testing.T) {
	for _, line := range []string{"", "up --stock one", "up hv1", "exec hv1", "add-vm", "add-vm vm1 --mac 0a:00:00:00:00:01 --ip 10.0.0", "ls -o xml"} {
		if asked, printed, code := runLab(strings.Fields(line)...); code != exitUsage || asked != "" {
			t.Errorf("woven lab %s: exit %d, asked %q: %s", line, code, asked, printed)
		}
	}
}

func TestLabError(t *testing.T) {
	_, printed, code := runLab("down")
	if printed != "woven: no lab in /d\n" || code != exitError {
		t.Errorf("exit %d: %s", code, printed)
	}
}

func TestLabList(t *testing.T) {
	_, printed, code := runLab("ls")
	want := `NODE  KIND   NAMESPACE  ADDRESSES    PLUGGED      PROCESSES
hv1   woven  l-hv1      172.31.0.11  -            woven(7)
vm1   vm     l-vm1      -            hv1/vif-vm1  -
`
	if diff := cmp.Diff(want, printed); diff != "" || code != exitOK {
		t.Errorf("exit %d: %s", code, diff)
	}
}
