package acl_test

import (
	"testing"

	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/meter"
	"woven.dev/woven/sdk/iom/wire"
)

// The meter for rejects limits those of both families; it changes no decision, so connections are not decided on once more.
func TestMeter(t *testing.T) {
	entries := func(c *config.Config) *iom.Tables {
		t.Helper()
		tables := &iom.Tables{}
		if err := acl.Entries(iom.Instance{Slot: 4, Kind: 3, Config: c}, tables); err != nil {
			t.Fatal(err)
		}
		return tables
	}
	without, with := entries(&config.Config{}), entries(&config.Config{Meters: map[string]meter.Meter{"reject": {Rate: 7}}})
	rows := with.Rows["iom_punt_meters"]
	for ip6 := range uint8(2) {
		key := iom.Bytes(wire.PuntKey{Dp: 4, Kind: 3, Ip6: ip6, Reason: uint16(acl.PuntReject)})
		if rows[key] != iom.Bytes(wire.PuntMeter{Rate: 7, Burst: 7}) {
			t.Errorf("IPv6 %d: the row of the meter is %x", ip6, rows[key])
		}
	}
	if len(rows) != 2 || len(without.Rows["iom_punt_meters"]) != 0 {
		t.Errorf("%d rows of meters with one, %d without, want 2 and 0", len(rows), len(without.Rows["iom_punt_meters"]))
	}
	slot := iom.Bytes(uint32(4))
	if a, b := without.Rows["acl_generations"][slot], with.Rows["acl_generations"][slot]; a != b || a == "" {
		t.Errorf("generation is %x without, %x with a meter", a, b)
	}
}
