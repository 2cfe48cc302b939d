package matchtest

import (
	"math/bits"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
)

// Kernel is the program of match.bpf.c with its tables, loaded.
type Kernel struct {
	t    testing.TB
	coll *ebpf.Collection
}

// Load loads the program; the test fails or is skipped where that can't be done.
func Load(t testing.TB) *Kernel {
	t.Helper()
	testutil.RequireRoot(t)
	spec, err := match.LoadMatch()
	if err != nil {
		t.Fatal(err)
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(coll.Close)
	return &Kernel{t, coll}
}

// Program is the loaded program.
func (k *Kernel) Program() *ebpf.Program { return k.coll.Programs["match_first"] }

// Write writes rows.
func (k *Kernel) Write(t *iom.Tables) {
	k.t.Helper()
	for _, table := range t.Order {
		for key, value := range t.Rows[table] {
			if err := k.coll.Maps[table].Put([]byte(key), []byte(value)); err != nil {
				k.t.Fatalf("write table %q: %v", table, err)
			}
		}
	}
}

// Delete removes rows.
func (k *Kernel) Delete(table string, keys ...string) {
	k.t.Helper()
	for _, key := range keys {
		if err := k.coll.Maps[table].Delete([]byte(key)); err != nil {
			k.t.Fatalf("delete from table %q: %v", table, err)
		}
	}
}

// List names a list for the program.
type List struct{ DP, Version, List uint32 }

// First asks the program about a packet: the index of the first rule from a given one on; -1: none, -2: there is no such list.
func (k *Kernel) First(l List, p Packet, from int) int {
	k.t.Helper()
	return k.ask(l, p, from, 0)
}

// FirstSwapped asks about the other direction of the packet's connection.
func (k *Kernel) FirstSwapped(l List, p Packet) int {
	k.t.Helper()
	return k.ask(l, p, 0, 1)
}

func (k *Kernel) ask(l List, p Packet, from int, swap uint16) int {
	k.t.Helper()
	k.Ask(l, p, from, swap)
	answer, err := k.Program().Run(&ebpf.RunOptions{Data: p.Frame, DataOut: make([]byte, len(p.Frame)+64)})
	if err != nil {
		k.t.Fatalf("run match_first: %v", err)
	}
	return int(int32(answer))
}

// Ask leaves a question about a packet for the next runs.
func (k *Kernel) Ask(l List, p Packet, from int, swap uint16) {
	k.t.Helper()
	row := match.MatchMatchAsked{From: uint32(from), InKey: p.In, OutKey: p.Out, Tag: p.VLAN, Swap: swap,
		CtState: bits.ReverseBytes32(p.CTState), CtMark: bits.ReverseBytes32(p.CTMark), Mark: bits.ReverseBytes32(p.Mark),
		CtLabel: [2]uint64{bits.ReverseBytes64(p.CTLabel.Hi), bits.ReverseBytes64(p.CTLabel.Lo)}}
	row.List.Dp, row.List.Version, row.List.List = l.DP, l.Version, l.List
	if err := k.coll.Maps["match_asks"].Put(uint32(0), row); err != nil {
		k.t.Fatal(err)
	}
}
