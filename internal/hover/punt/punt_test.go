package punt

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// record is a punt as a program writes it, that goes nowhere.
func record(kind, reason, in, length, caplen uint32, data string) []byte {
	return recordTo(kind, reason, in, 0, length, caplen, data)
}

// recordTo is one for a packet on its way out.
func recordTo(kind, reason, in, out, length, caplen uint32, data string) []byte {
	var b []byte
	for _, v := range []uint32{kind, reason, 7, in, out, length, caplen, 11, 12, 13, 14, 77} {
		b = binary.NativeEndian.AppendUint32(b, v)
	}
	return append(b, data...)
}

// where knows port slot 3.
func where(slot uint32) (Port, bool) { return Port{"sw", 9}, slot == 3 }

func TestDispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(nil, []string{"bridge", "switch"}, where)
		var got []Punt
		for _, reason := range []uint32{1, 2} {
			r.Handle("switch", reason, func(p Punt) { got = append(got, p) })
		}
		ctx, cancel := context.WithCancel(t.Context())
		for _, q := range r.queues {
			go r.serve(ctx, q)
		}
		for _, b := range [][]byte{
			record(2, 1, 3, 60, 3, "abc"),
			record(2, 2, 3, 1500, 2, "xyz"), // a ring buffer's records are padded
			recordTo(2, 1, 3, 3, 60, 0, ""),
			recordTo(2, 1, 1<<31|3, 3, 60, 0, ""), // from another node
			record(1, 1, 3, 60, 0, ""),            // nobody's
			record(2, 3, 3, 60, 0, ""),
			record(2, 1, 4, 60, 0, ""),           // a port that has gone
			record(2, 1, 1<<31|3, 60, 0, ""),     // of another node
			record(0, 1, 3, 60, 0, ""),           // no kind
			record(3, 1, 3, 60, 0, ""),           // no such kind
			record(2, 1, 3, 60, 4, "abc"),        // cut
			record(2, 1, 3, 60, 0, "")[:23], nil, // no header
		} {
			r.take(b)
			synctest.Wait()
		}
		cancel()
		about := [4]uint32{11, 12, 13, 14}
		want := []Punt{
			{Kind: "switch", Reason: 1, Port: Port{"sw", 9}, About: about, Mark: 77, Length: 60, Data: []byte("abc")},
			{Kind: "switch", Reason: 2, Port: Port{"sw", 9}, About: about, Mark: 77, Length: 1500, Data: []byte("xy")},
			{Kind: "switch", Reason: 1, Port: Port{"sw", 9}, Out: Port{"sw", 9}, About: about, Mark: 77, Length: 60, Data: []byte{}},
			{Kind: "switch", Reason: 1, Out: Port{"sw", 9}, About: about, Mark: 77, Length: 60, Data: []byte{}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if c := r.Counts(); c != (Counts{Handled: 4, Stray: 9}) {
			t.Errorf("counts %+v", c)
		}
	})
}

// A handler that hangs costs its own punts, and no others.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReader(nil, []string{"switch"}, where)
		hang, other := make(chan struct{}), 0
		r.Handle("switch", 1, func(Punt) { <-hang })
		r.Handle("switch", 2, func(Punt) { other++ })
		ctx, cancel := context.WithCancel(t.Context())
		for _, q := range r.queues {
			go r.serve(ctx, q)
		}
		r.take(record(1, 1, 3, 0, 0, ""))
		synctest.Wait() // it hangs
		for range queueLength + 5 {
			r.take(record(1, 1, 3, 0, 0, ""))
		}
		r.take(record(1, 2, 3, 0, 0, ""))
		synctest.Wait()
		if c := r.Counts(); c.Lost != 5 || other != 1 {
			t.Errorf("lost %d, want 5; the other handler got %d, want 1", c.Lost, other)
		}
		close(hang)
		synctest.Wait()
		if c := r.Counts(); c.Handled != queueLength+2 {
			t.Errorf("handled %d", c.Handled)
		}
		cancel()
	})
}

func FuzzParse(f *testing.F) {
	f.Add(record(1, 1, 3, 60, 3, "abc"))
	r := NewReader(nil, []string{"switch"}, where)
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := r.parse(b); ok && (p.Port != Port{"sw", 9} && p.Out != Port{"sw", 9} || len(p.Data) > len(b)) {
			t.Errorf("%+v", p)
		}
	})
}
