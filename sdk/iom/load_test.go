package iom_test

import (
	"testing"

	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/sdk/iom"
)

func TestLoad(t *testing.T) {
	s, err := iom.NewSpec([]iom.Kind{l2switch.Kind()})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s.Layout, s.Release)
	maps, err := s.NewMaps()
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.Load(maps)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer set.Close()
	d, _ := s.Drops("l2switch")
	t.Log(d)
	for n, p := range set.Progs {
		i, _ := p.Info()
		x, _ := i.VerifiedInstructions()
		t.Log(n, x)
	}
}
