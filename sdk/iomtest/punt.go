package iomtest

import (
	"errors"
	"os"
	"slices"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/ringbuf"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Punt is word of a packet to user space.
type Punt struct {
	Kind   string
	Reason uint32
	About  [4]uint32
	Mark   uint32
	Data   []byte // of the packet
}

// Punts gives those that came since the last call, in their order.
func (k *Kit) Punts() []Punt {
	k.t.Helper()
	r, err := ringbuf.NewReader(k.set.Maps["iom_punts"])
	if err != nil {
		k.t.Fatal(err)
	}
	defer r.Close()
	r.SetDeadline(time.Now())
	var punts []Punt
	for {
		record, err := r.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return punts
		}
		if err != nil {
			k.t.Fatalf("read punt: %v", err)
		}
		size := int(unsafe.Sizeof(wire.Punt{}))
		if len(record.RawSample) < size {
			k.t.Fatalf("read punt: it has %d bytes", len(record.RawSample))
		}
		head, err := iom.Get[wire.Punt](string(record.RawSample[:size]))
		if err != nil {
			k.t.Fatalf("read punt: %v", err)
		}
		data := record.RawSample[size:]
		punts = append(punts, Punt{Kind: k.spec.Kinds[head.Kind-1].Name, Reason: head.Reason, About: head.About.A, Mark: head.Mark,
			Data: slices.Clone(data[:min(int(head.Caplen), len(data))])})
	}
}
