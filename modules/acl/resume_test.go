package acl_test

import (
	"testing"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/modules/l2switch"
	l2config "woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/wire"
	"woven.dev/woven/sdk/iomtest"
)

// What user space sends on from a port has passed the ACLs of that port, but not those of the port that it goes to. What it sends to a port
// itself, a DHCP reply say, passes.
func TestResumed(t *testing.T) {
	k := iomtest.New(t, l2switch.Kind(), acl.Kind())
	k.Tunnel(iom.Addr(a.ip(4)))
	drop := []config.ACL{{ID: "d0d0d0d0-0000-4000-8000-000000000001", Rules: []match.Rule{{}}, Action: config.Drop}}
	k.Add(iomtest.Instance{Kind: l2config.Kind, VNI: 7, Ports: []iomtest.Port{{Name: "a", Key: 1}, {Name: "b", Key: 2}},
		Config: &l2config.Config{Ports: map[uint16]l2config.Port{1: {Enabled: true}, 2: {Enabled: true}},
			FDB: map[[6]byte]uint16{[6]byte(a.mac()): 1, [6]byte(b.mac()): 2}},
		Services: []iomtest.Service{{Kind: config.Kind, Config: &config.Config{FromLport: drop, ToLport: drop}}}})
	frame := iomtest.UDP(t, a.mac(), b.mac(), a.ip(4), b.ip(4), 1000, 2000)
	const shot, redirect = 2, 7
	for name, c := range map[string]struct {
		resume wire.Resume
		want   uint32
	}{
		"from a port": {wire.Resume{Dp: 1, Port: k.Slot("a")}, shot},
		"to a port":   {wire.Resume{Dp: 1, Port: k.Slot("b"), Leaves: 1}, redirect},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := k.Run("relay_out", 1, uint32(wire.MarkResume), append(frame, iom.Bytes(c.resume)...)); got != c.want {
				t.Errorf("verdict %d, want %d", int32(got), c.want)
			}
		})
	}
}
