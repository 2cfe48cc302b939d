package match_test

import (
	"fmt"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
)

// BenchmarkFirst is what the first packet of a connection costs, with parsing; it matches the last of n rules. "none" is a list without
// rules, to subtract.
func BenchmarkFirst(b *testing.B) {
	group, remote := match.NewSet("@web", keys(1000)), match.NewSet("$clients", addresses(10000))
	p := tcp(b, "10.0.0.1", "10.0.0.2", 4000, 0)
	for i, n := range []int{0, 10, 500, 10000} {
		name := fmt.Sprintf("rules=%d", n)
		p := tcp(b, "10.0.0.1", "10.0.0.2", 4000, uint16(n))
		benchmarkFirst(b, name, uint32(i+1), securityGroups(n, group, remote), p)
	}
	many := securityGroups(10000, group, remote)
	for i := range many {
		many[i].Terms[1].Sets = []*match.Set{match.NewSet("", []match.Prefix{address(i)})}
		many[i].Terms[3].Sets = []*match.Set{match.NewSet("", []match.Prefix{match.Key(uint16(i % 100))})}
	}
	benchmarkFirst(b, "rules=10000/own-addresses", 100, many, p)
}

func benchmarkFirst(b *testing.B, name string, dp uint32, rules []match.Rule, p matchtest.Packet) {
	k := matchtest.Load(b)
	l := put(b, k, dp, rules)
	b.Run(name, func(b *testing.B) {
		p.In, p.Out = 3, 4
		if got, want := k.First(l, p, 0), matchtest.First(rules, p, 0); got != want {
			b.Fatalf("rule %d, want %d", got, want)
		}
		k.Ask(l, p, 0, 0)
		const repeat = 10000
		runs := 0
		for b.Loop() {
			if _, err := k.Program().Run(&ebpf.RunOptions{Data: p.Frame, Repeat: repeat}); err != nil {
				b.Fatal(err)
			}
			runs++
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(runs)/repeat, "ns/packet")
	})
}

func BenchmarkPut(b *testing.B) {
	group, remote := match.NewSet("@web", keys(1000)), match.NewSet("$clients", addresses(10000))
	own := securityGroups(10000, group, remote)
	for i := range own {
		own[i].Terms[1].Sets = []*match.Set{match.NewSet("", []match.Prefix{address(i)})}
	}
	for name, rules := range map[string][]match.Rule{
		"rules=10/addresses=10000":    securityGroups(10, group, remote),
		"rules=10000/addresses=10000": securityGroups(10000, group, remote),
		"rules=10000/own-addresses":   own,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := match.Put(&iom.Tables{}, 1, 1, rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewSet(b *testing.B) {
	for b.Loop() {
		match.NewSet("$clients", addresses(10000))
	}
}
