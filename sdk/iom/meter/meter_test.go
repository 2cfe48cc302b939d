package meter_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/meter"
	"woven.dev/woven/sdk/iom/wire"
)

func TestPut(t *testing.T) {
	punts := map[string][]meter.Punts{"names": {{Reason: 5}, {Reason: 5, IP6: true}}, "groups": {{Reason: 6}}, "others": {{Reason: 7}}}
	meters := map[string]meter.Meter{"names": {Rate: 10}, "groups": {Rate: 8, Burst: 80, Bits: true}, "unknown": {Rate: 1}}
	tables := &iom.Tables{}
	meter.Put(tables, iom.Instance{Slot: 3, Kind: 2}, meters, punts)
	got := map[wire.PuntKey]wire.PuntMeter{}
	for k, v := range tables.Rows["iom_punt_meters"] {
		key, err := iom.Get[wire.PuntKey](k)
		if err != nil {
			t.Fatal(err)
		}
		if got[key], err = iom.Get[wire.PuntMeter](v); err != nil {
			t.Fatal(err)
		}
	}
	want := map[wire.PuntKey]wire.PuntMeter{
		{Dp: 3, Kind: 2, Reason: 5}:         {Rate: 10, Burst: 10},
		{Dp: 3, Kind: 2, Reason: 5, Ip6: 1}: {Rate: 10, Burst: 10},
		{Dp: 3, Kind: 2, Reason: 6}:         {Rate: 8, Burst: 80, Bits: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}

func TestValidate(t *testing.T) {
	kinds := []string{"names"}
	for _, c := range []struct {
		meters map[string]meter.Meter
		want   string // part of the error; "": none
	}{
		{nil, ""},
		{map[string]meter.Meter{"names": {Rate: 1}}, ""},
		{map[string]meter.Meter{"names": {Burst: 1}}, `meter for "names" has no rate`},
		{map[string]meter.Meter{"groups": {Rate: 1}}, `meter for "groups"`},
	} {
		err := meter.Validate(c.meters, kinds)
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.meters, err, c.want)
		}
	}
}

func TestString(t *testing.T) {
	for m, want := range map[meter.Meter]string{{Rate: 10, Burst: 20}: "10 pktps burst 20", {Rate: 5, Bits: true}: "5 kbps burst 5"} {
		if got := m.String(); got != want {
			t.Errorf("%#v is %q, want %q", m, got, want)
		}
	}
}
