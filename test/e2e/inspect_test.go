package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// inspection: the operator looks into the data plane of a node with one port, by command line and REST.
func inspection(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "look")
	vm, far := sw.Add(1, "hv1"), sw.Add(2, "hv2")
	sw.Sync()
	if err := vm.Ping(3, far.IP4); err != nil {
		t.Fatal(err)
	}
	for command, want := range inspections {
		sw.Eventually("woven "+command, func() error { // ports of earlier stories may still be leaving
			got := numberless(steady(l, sw.Woven("hv1", strings.Fields(command)...)))
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("-want +got:\n%s", diff)
			}
			return nil
		})
		sw.Eventually("the same in JSON and YAML", func() error { return sameDocument(sw, strings.Fields(command)) })
	}
	client := v1.NewClient(v1.SocketPath(l.RunDir("hv1")))
	inspectByREST(t, client, vm)
	badRequests(t, client, vm)
}

// inspections are outputs of commands on hv1, with N for numbers that differ from run to run.
var inspections = map[string]string{
	"table show look l2switch_fdbs": `DP MAC VALUE
N 0a:00:00:00:00:01 look-1
N 0a:00:00:00:00:02 look-2 on hv2
`,
	"table show look l2switch_neighs --limit 1": `DP ADDR MAC PORT OWNER
N 10.0.0.1 0a:00:00:00:00:01 N nowhere
There are more rows: --limit shows up to 10000.
`,
	"link ls": `MODULE PORT TO
look look-1 device vif-look-1
look look-2 peer hv2
`,
	"link show look-2": `Port look-2 (key N)
Module look (UUID)

Peer hv2
Address 172.31.0.12
Reached by eth0
`,
	"if ls": `INTERFACE IFINDEX KIND STATE INGRESS EGRESS PORTS
eth0 N veth up underlay_in - -
vif-look-1 N veth up vif_in vif_out look-1
woven-in N veth up relay_in - -
woven-out N veth up - relay_out -
`,
	"module ls": `MODULE KIND KEY SLOT PORTS LOCAL FROM-WORKLOADS TO-WORKLOADS DROPPED ID
look l2switch N N N N N N N UUID
`,
}

var aloneNumber = regexp.MustCompile(`(?m)(^|[ (])\d+\b([ )]|$)`)

// numberless replaces numbers that stand alone. Twice: the blank between two numbers counts only for the first.
func numberless(out string) string {
	return aloneNumber.ReplaceAllString(aloneNumber.ReplaceAllString(out, "${1}N${2}"), "${1}N${2}")
}

// inspectByREST wants the port's traffic wherever it belongs.
func inspectByREST(t *testing.T, client *v1.Client, vm *labtest.VM) {
	t.Helper()
	ctx := t.Context()
	module, err := client.Module(ctx, "look")
	if err != nil {
		t.Fatal(err)
	}
	in, err := client.Interface(ctx, vm.Device())
	if err != nil {
		t.Fatal(err)
	}
	if module.PortCount != 2 || module.LocalPortCount != 1 || len(module.Ports) != 2 || len(in.Ports) != 1 {
		t.Fatalf("module %+v, interface %+v", module, in)
	}
	for what, c := range map[string]v1.Counters{"module": module.Counters, "its port": module.Ports[0].Counters, "interface's port": in.Ports[0].Counters} {
		if c.RxPackets < 3 || c.TxPackets < 3 || c.RxBytes < 3*64 || c.TxBytes < 3*64 {
			t.Errorf("%s after three pings: %+v", what, c)
		}
	}
	if in.Ports[0].ModuleID != module.ID || in.Ports[0].Slot != module.Ports[0].Slot || in.Ifindex != vm.Show().Ifindex {
		t.Errorf("interface %+v, module %+v", in, module)
	}
	types, err := client.Types(ctx)
	if err != nil || len(types) < 2 || types[1].Name != "l2switch" || types[1].Modules != 1 {
		t.Errorf("types %+v, %v", types, err)
	}
	tables, err := client.Tables(ctx, module.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		rows, err := client.Rows(ctx, module.ID, table.Name, v1.MaxRows)
		if err != nil || len(rows.Rows) != table.Rows {
			t.Errorf("%s: %d rows are told, %+v come: %v", table.Name, table.Rows, rows, err)
		}
	}
}

// badRequests are refused, and the agent answers on.
func badRequests(t *testing.T, client *v1.Client, vm *labtest.VM) {
	t.Helper()
	ctx := t.Context()
	for want, ask := range map[int]func() error{
		http.StatusUnprocessableEntity: func() error { _, err := client.Rows(ctx, "look", "l2switch_fdbs", 0); return err },
		http.StatusNotFound:            func() error { _, err := client.Rows(ctx, "look", "nosuch", 1); return err },
		http.StatusRequestURITooLong:   func() error { _, err := client.Module(ctx, strings.Repeat("x", 1<<14)); return err },
	} {
		var problem *v1.Error
		if err := ask(); !errors.As(err, &problem) || problem.Status != want {
			t.Errorf("answer is %v, want status %d", err, want)
		}
	}
	if err := inState(vm, v1.PortUp); err != nil {
		t.Error(err)
	}
}
