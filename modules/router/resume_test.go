package router_test

import (
	"testing"

	"woven.dev/woven/modules/router"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// TestOwnPackets: what user space has the router say is routed, from the router's own address, which nobody else may use; a packet whose next
// hop is not known goes back to user space, but none for the router itself.
func TestOwnPackets(t *testing.T) {
	const redirect, shot, instance = 7, 2, 5 // verdicts; the router is the fifth instance
	k := storyNetwork(t, nil)
	resume := wire.Resume{Dp: instance, Port: k.Slot("lrp0")}
	for _, test := range []struct {
		name    string
		frame   []byte
		verdict uint32
		reason  string // of the drop
		punts   uint64 // to resolve a next hop, and others
	}{
		{"to a host", udp(t, "10.0.0.1", "10.0.1.10"), redirect, "", 0},
		{"to a host of its own network", udp(t, "fd00:0::1", "fd00:0::10"), redirect, "", 0},
		{"to nobody known", udp(t, "10.0.0.1", "10.0.1.99"), shot, "unresolved", 1},
		{"to the router", udp(t, "10.0.0.1", "10.0.1.1"), shot, "own_address", 0},
		{"from nobody", udp(t, "127.0.0.1", "10.0.1.10"), shot, "src_invalid", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := punted(t, k.Set())
			if v, _ := k.Run("relay_out", 1, uint32(wire.MarkResume), append(test.frame, iom.Bytes(resume)...)); v != test.verdict {
				t.Errorf("verdict %d, want %d", int32(v), test.verdict)
			}
			if test.reason != "" && k.Counter("router", test.reason, instance, k.Slot("lrp0")) != 1 {
				t.Errorf("it is not dropped as %s", test.reason)
			}
			if n := punted(t, k.Set()) - before; n != test.punts {
				t.Errorf("user space gets %d packets, want %d", n, test.punts)
			}
		})
	}
	for _, spoofed := range []string{"10.0.0.1", "fd00:0::1"} {
		to := map[bool]string{true: "10.0.1.10", false: "fd00:1::10"}[ip(spoofed).Is4()]
		if got := k.Send("vm0", udp(t, spoofed, to)).Text; got != "enter l2switch\nenter router\ndrop router.src_invalid" {
			t.Errorf("%s by a VM: %s", spoofed, got)
		}
	}
}

// punted is how many packets user space got of the router, which are all to resolve a next hop.
func punted(t *testing.T, set *iom.Set) (n uint64) {
	t.Helper()
	var key wire.PuntKey
	var limit wire.PuntLimit
	for rows := set.Maps["iom_punt_limits"].Iterate(); rows.Next(&key, &limit); {
		if key.Reason != uint16(router.PuntResolve) && limit.Sent > 0 {
			t.Errorf("user space is told of reason %d", key.Reason)
		}
		n += limit.Sent
	}
	return n
}
