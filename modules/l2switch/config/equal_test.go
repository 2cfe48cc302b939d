package config

import (
	"net/netip"
	"reflect"
	"testing"

	"woven.dev/woven/sdk/iom/meter"
)

// A difference in any one field makes configurations differ: a new field that Equal forgets fails here.
func TestEqual(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.1")
	base := func() *Config {
		return &Config{
			Ports: map[uint16]Port{1: {Security: []Address{{Prefixes: []netip.Prefix{netip.PrefixFrom(addr, 32)}}}}},
			FDB:   map[[6]byte]uint16{{2}: 1}, Neighbours: map[netip.Addr]Neighbour{addr: {Port: 1}},
			Snooping: &Snooping{Groups: map[netip.Addr]uint16{addr: 32769}},
			Proxies:  map[netip.Prefix]Neighbour{netip.PrefixFrom(addr, 32): {Port: 1}},
			Meters:   map[string]meter.Meter{"dns": {Rate: 1}},
		}
	}
	if !base().Equal(base()) || base().Equal(nil) || base().Equal(*base()) {
		t.Error("a configuration equals its like, and nothing else")
	}
	for i := range reflect.TypeFor[Config]().NumField() {
		c := base()
		reflect.ValueOf(c).Elem().Field(i).Set(other(reflect.ValueOf(c).Elem().Field(i)))
		if c.Equal(base()) || base().Equal(c) {
			t.Errorf("field %s makes no difference", reflect.TypeFor[Config]().Field(i).Name)
		}
	}
	for i := range reflect.TypeFor[Port]().NumField() {
		c, p := base(), base().Ports[1]
		reflect.ValueOf(&p).Elem().Field(i).Set(other(reflect.ValueOf(&p).Elem().Field(i)))
		c.Ports[1] = p
		if c.Equal(base()) || base().Equal(c) {
			t.Errorf("field %s of a port makes no difference", reflect.TypeFor[Port]().Field(i).Name)
		}
	}
	for name, change := range map[string]func(*Config){
		"MAC":      func(c *Config) { c.Ports[1].Security[0].MAC[0] = 2 },
		"prefix":   func(c *Config) { c.Ports[1].Security[0].Prefixes[0] = netip.PrefixFrom(addr, 24) },
		"virtual":  func(c *Config) { c.Ports[1].Security[0].VRRP = [][6]byte{{}} },
		"port key": func(c *Config) { c.FDB[[6]byte{2}] = 2 },
		"owner":    func(c *Config) { c.Neighbours[addr] = Neighbour{Port: 2} },
		"proxy":    func(c *Config) { c.Proxies[netip.PrefixFrom(addr, 32)] = Neighbour{Port: 2} },
		"rate":     func(c *Config) { c.Meters["dns"] = meter.Meter{Rate: 2} },
		"group":    func(c *Config) { c.Snooping.Groups[addr]++ },
	} {
		c := base()
		change(c)
		if c.Equal(base()) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

// other is a value that v is not.
func other(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Bool:
		return reflect.ValueOf(!v.Bool())
	case reflect.Uint8, reflect.Uint16:
		return reflect.ValueOf(v.Uint() + 1).Convert(v.Type())
	}
	return reflect.Zero(v.Type()) // a map, slice or pointer: base has something in each
}
