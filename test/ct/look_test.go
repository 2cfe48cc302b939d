package ct

import (
	"fmt"
	"strings"
	"testing"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
)

// lookAndFlush: connections are seen in the zones of both ends, with an agent and without; those that are flushed while they flow are taken up again
// where ACLs allow what comes next, and others are not disturbed.
func lookAndFlush(t *testing.T, l *lab.Lab) {
	c := newCloud(t, l, "look")
	c.open(2000)
	web := c.connections(c.web)
	if len(web) != 4 || len(c.connections(c.near)) != 2 {
		t.Fatalf("web has %+v", web)
	}
	for _, one := range web {
		if one.Port != c.web.Port || one.Switch != c.Name || one.Protocol != "tcp" || one.State != "established" || !one.Protected || one.Blocked ||
			one.Direction != "to-lport" || one.ACLName != "web" || !strings.HasSuffix(one.Source, ":2000") || !strings.HasSuffix(one.Destination, ":80") {
			t.Errorf("web has %+v", one)
		}
	}
	c.byREST(web)
	if z := c.zone(c.web); z.Established != 4 || z.Limit != 65536 || z.Refused != 0 || z.Zone != web[0].Zone {
		t.Errorf("zone of web: %+v", z)
	}

	far := fmt.Sprintf("tcp %s:2000 %s:80", c.far.IP4, c.web.IP4)
	if one := c.connections(c.web, "--zone", web[0].Zone, "--tuple", far); len(one) != 1 || one[0].Source != c.far.IP4.String()+":2000" {
		t.Errorf("%s finds %+v", far, one)
	}
	if out := c.Woven("hv1", "ct", "flush", "--tuple", far); !strings.Contains(out, "Forgot 1 connection") {
		t.Errorf("flush says %q", out)
	}
	c.flow("after a flush")
	if n := len(c.connections(c.web)); n != 4 {
		t.Errorf("web has %d connections again, want 4", n)
	}

	if err := l.KillAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	if n := len(c.connections(c.web)); n != 4 {
		t.Errorf("without an agent web has %d connections, want 4", n)
	}
	c.Woven("hv1", "ct", "flush", "--port", c.near.Port)
	c.Woven("hv1", "ct", "flush", "--port", c.web.Port)
	c.flow("after a flush without an agent")
	if err := l.StartAgent(t.Context(), "hv1"); err != nil {
		t.Fatal(err)
	}
}

// byREST: the agent says the same, page by page.
func (c *cloud) byREST(want []v1.Connection) {
	c.t.Helper()
	client := v1.NewClient(v1.SocketPath(c.Lab.RunDir("hv1")))
	for skip := range want {
		page, err := client.Connections(c.t.Context(), v1.ConnectionFilter{Port: c.web.Port}, skip, 1)
		if err != nil {
			c.t.Fatal(err)
		}
		if len(page.Connections) != 1 || page.Connections[0].Source != want[skip].Source || page.More != (skip < len(want)-1) {
			c.t.Errorf("page %d is %+v, want %+v", skip, page, want[skip])
		}
	}
}
