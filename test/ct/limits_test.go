package ct

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// limits: a port has as many established connections as it may, further ones work all the same, and operators see it, as long as it is so.
func limits(t *testing.T, l *lab.Lab) {
	c := newCloud(t, l, "limit")
	c.NB("set", "Logical_Switch", c.Name, "other_config:ct-zone-limit=7")
	c.NB("set", "Logical_Switch_Port", c.web.Port, "options:ct-zone-limit=3")
	c.Sync()
	c.open(2000)
	c.flow("beyond the limit")
	if z := c.zone(c.web); z.Established != 3 || z.Limit != 3 || z.Refused == 0 {
		t.Errorf("zone of web: %+v", z)
	}
	if z := c.zone(c.near); z.Established != 2 || z.Limit != 7 || z.Refused != 0 {
		t.Errorf("zone of near, which has the switch's limit: %+v", z)
	}
	c.metric(fmt.Sprintf("woven_port_connections{port=%q,switch=%q} 3", c.web.Port, c.Name))
	c.metric(fmt.Sprintf("woven_port_connections_limit{port=%q,switch=%q} 3", c.web.Port, c.Name))
	unprotected := 0
	for _, one := range c.connections(c.web) {
		if !one.Protected {
			unprotected++
		}
	}
	if unprotected != 1 {
		t.Errorf("%d connections of web are unprotected, want 1", unprotected)
	}
	const full = "it has 3 established connections, its limit"
	c.Eventually("the full port becomes a problem", func() error { return c.problem(c.web, full, true) })
	c.metric(`woven_table_max_rows{table="iom_cts"} 262144`)
	c.NB("remove", "Logical_Switch_Port", c.web.Port, "options", "ct-zone-limit")
	c.Sync()
	c.Eventually("the problem goes", func() error { return c.problem(c.web, full, false) })
	if z := c.zone(c.web); z.Limit != 7 {
		t.Errorf("zone of web: %+v", z)
	}
	c.NB("set", "Logical_Switch_Port", c.web.Port, "options:ct-zone-limit=some")
	c.Eventually("a bad limit is a problem", func() error { return c.problem(c.web, `options:ct-zone-limit: "some" is no number`, true) })
}

// metric checks that the metrics of hv1 have a line.
func (c *cloud) metric(line string) {
	c.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", v1.SocketPath(c.Lab.RunDir("hv1")))
	}}}
	answer, err := client.Get("http://woven/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	if all, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(all), line+"\n") {
		c.t.Errorf("the metrics lack %s (%v)", line, err)
	}
}

// problem is an error unless there is a problem of a VM's port that begins so, or none.
func (c *cloud) problem(vm *labtest.VM, begins string, want bool) error {
	problems := c.problems(vm)
	for _, p := range problems {
		if strings.HasPrefix(p, begins) {
			if want {
				return nil
			}
			return fmt.Errorf("there is still: %s", p)
		}
	}
	if want {
		return errors.New("no such problem: " + strings.Join(problems, "; "))
	}
	return nil
}
