package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab/labtest"
)

// TestFullTable has a tenant outgrow a table: that is a problem and shows in the metrics. What the tenant had goes on without a loss, other tenants'
// ports come and go, and when the tenant makes room what it asked for is carried out.
func TestFullTable(t *testing.T) {
	c := up(t, labtest.Variant(t, map[string]string{"modules/std/std.go": "testdata/small.go"}), "ful")
	big := labtest.NewSwitch(t, c.Lab, "big")
	a, b := big.Add(1, "hv1"), big.Add(2, "hv2")
	c.Sync()
	w := c.watch(c.vm1, c.vm2, c.vm3, a, b)
	flows := c.send(both(c.vm1, c.vm2), both(c.vm1, c.vm3), both(a, b))

	more := big.VM(20, "hv1")
	more.AddPort()
	more.Start()
	more.WaitUp(true)
	own := more.MAC + " " + more.IP4.String() + " " + more.IP6.String()
	addresses := []string{"lsp-set-addresses", more.Port, own}
	for i := range 16 {
		addresses = append(addresses, fmt.Sprintf("0a:00:00:00:01:%02x", i))
	}
	c.NB(addresses...)
	c.problem("hv1", `data_plane big: set module "big": write table "l2switch_fdbs": 6 rows and 16 more, of at most 16: full`)
	c.problem("hv2", `data_plane big: `)
	c.measured("hv1", "woven_problems 1", `woven_table_rows{table="l2switch_fdbs"} 6`, `woven_table_max_rows{table="l2switch_fdbs"} 16`)

	vm4, vm5 := c.VM(4, "hv1"), c.VM(5, "hv2")
	for _, vm := range []*labtest.VM{vm4, vm5} {
		vm.AddPort()
		vm.Start()
		c.bound(vm)
	}
	c.opened(both(vm4, vm5), both(vm4, c.vm2))
	c.send(both(vm4, vm5), both(vm4, c.vm2), both(more, b)).finish()
	vm5.Unplug()
	vm5.WaitUp(false)
	c.problem("hv1", "data_plane big: ")
	flows.goOn(packets / 2)

	c.NB("lsp-set-addresses", more.Port, own)
	c.Sync()
	c.healthy("hv1")
	c.healthy("hv2")
	last := big.Add(21, "hv2")
	c.Sync()
	c.send(both(last, a), both(last, b)).finish()
	flows.finish()
	w.steady()
}

// measured waits until an agent's metrics have lines.
func (c *cloud) measured(hv string, lines ...string) {
	c.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", v1.SocketPath(c.Lab.RunDir(hv)))
	}}}
	c.Eventually(hv+" is measured", func() error {
		answer, err := client.Get("http://woven/metrics")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		for _, line := range lines {
			if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
				return fmt.Errorf("no %q in\n%s", line, text)
			}
		}
		return err
	})
}
