package slowpath_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/internal/slowpath/frametest"
	"woven.dev/woven/sdk/iom/wire"
)

// answers are what went back into the network.
type answers struct {
	t    *testing.T
	list []string
}

func (a *answers) Resume(relay int, r wire.Resume, frame []byte) error {
	a.list = append(a.list, fmt.Sprintf("relay %d dp %d port %d leaves %d: %s", relay, r.Dp, r.Port, r.Leaves, frametest.Text(a.t, frame)))
	return errors.New("relay is away") // which changes nothing
}

// A packet that is rejected where it comes in is answered out of that port; one that is rejected on its way out, from the port that it was
// to leave by.
func TestReject(t *testing.T) {
	sent := &answers{t: t}
	r := slowpath.NewRejecter(sent, slog.New(slog.DiscardHandler))
	request := frametest.UDP(t, macA, macB, "10.0.0.1", "10.0.0.2", 1000, 53, nil)
	broadcast := frametest.UDP(t, macA, "ff:ff:ff:ff:ff:ff", "10.0.0.1", "10.0.0.255", 1000, 53, nil)
	const reply = "0a:00:00:00:00:02 > 0a:00:00:00:00:01 10.0.0.2 > 10.0.0.1 ttl 255 icmp 3/3"
	r.Reject(punt.Punt{Port: portA, Data: request, Length: len(request)}, false)
	r.Configure(5, map[punt.Port]slowpath.Place{portA: {Instance: 3, Port: 11}, portB: {Instance: 3, Port: 12}})
	for _, c := range []struct {
		name    string
		p       punt.Punt
		toLport bool
		want    string
	}{
		{"from-lport", punt.Punt{Port: portA, Data: request}, false, "relay 5 dp 3 port 11 leaves 1: " + reply},
		{"to-lport", punt.Punt{Port: portA, Out: portB, Data: request}, true, "relay 5 dp 3 port 12 leaves 0: " + reply},
		{"to-lport, from another node", punt.Punt{Out: portB, Data: request}, true, "relay 5 dp 3 port 12 leaves 0: " + reply},
		{"port that is gone", punt.Punt{Port: punt.Port{Module: "sw", Key: 9}, Data: request}, false, ""},
		{"broadcast", punt.Punt{Port: portA, Data: broadcast}, false, ""},
		{"cut", punt.Punt{Port: portA, Data: request[:20]}, false, ""},
	} {
		sent.list = nil
		c.p.Length = len(c.p.Data)
		r.Reject(c.p, c.toLport)
		if got := strings.Join(sent.list, "\n"); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}
