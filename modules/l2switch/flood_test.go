package l2switch_test

import (
	"fmt"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iomtest"
)

// crowd is a switch of ports p1, p2, ... that all are in its flood group; there is another one with a port other1.
func crowd(t *testing.T, size int) *iomtest.Kit {
	k := iomtest.New(t, l2switch.Kind())
	for i, name := range []string{"p", "other"} {
		in := iomtest.Instance{Kind: config.Kind, VNI: uint32(i + 1), Groups: map[uint16][]uint16{32768: nil},
			Config: &config.Config{FloodGroup: 32768, Ports: map[uint16]config.Port{}}}
		for key := uint16(1); int(key) <= size; key++ {
			in.Config.(*config.Config).Ports[key] = config.Port{Enabled: true}
			in.Groups[32768] = append(in.Groups[32768], key)
			in.Ports = append(in.Ports, iomtest.Port{Name: fmt.Sprint(name, key), Key: key})
		}
		k.Add(in)
	}
	return k
}

// A port floods as much as its bucket holds, then waits; other ports and other switches don't.
func TestFloodLimit(t *testing.T) {
	const members, rate = 10, 4000 // a bucket of 1,000 copies: 100 floods
	broadcasts := func(k *iomtest.Kit, dp uint32, port string, n int) (dropped uint64) {
		bt := &iom.Tables{}
		iom.Put(bt, "iom_bindings", uint32(1), k.Slot(port))
		k.Write(bt)
		frame := iomtest.Frame(t, iomtest.Eth(mac1, broadcast, layers.EthernetTypeLinkLayerDiscovery))
		for range n {
			k.Run("vif_in", 1, 0, frame)
		}
		return k.Counter("iom", "flood_limit", dp, k.Slot(port))
	}
	limited := func(rate uint32) *iomtest.Kit {
		k := crowd(t, members)
		bt := &iom.Tables{}
		iom.Put(bt, "iom_flood_rate", uint32(0), rate)
		k.Write(bt)
		return k
	}
	k := limited(rate)
	if dropped := broadcasts(k, 1, "p1", 5000); dropped == 0 || dropped > 4900 {
		t.Errorf("%d of 5000 floods were dropped, of which at least 100 fit in the bucket", dropped)
	}
	for port, dp := range map[string]uint32{"p2": 1, "other1": 2} {
		if dropped := broadcasts(k, dp, port, 50); dropped > 0 {
			t.Errorf("%s suffers from the storm of p1: %d drops", port, dropped)
		}
	}
	k = limited(1) // a bucket smaller than the group: one flood, then a debt of ten seconds
	if dropped := broadcasts(k, 1, "p1", 3); dropped != 2 {
		t.Errorf("a bucket smaller than the group: %d of 3 floods were dropped", dropped)
	}
	if dropped := broadcasts(limited(0), 1, "p1", 5000); dropped > 0 {
		t.Errorf("%d drops without a limit", dropped)
	}
}
