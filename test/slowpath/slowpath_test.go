package slowpath

import (
	"testing"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

func TestSlowpath(t *testing.T) {
	l := labtest.Up(t, "slow", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	for _, c := range []struct {
		name string
		test func(*testing.T, *lab.Lab)
	}{{"learning", learning}, {"two places", twoPlaces}, {"multicast", multicast}, {"routers", routers}, {"announcement", announcement}, {"virtual", virtual}} {
		t.Run(c.name, func(t *testing.T) { c.test(t, l) })
	}
}
