// Package iom is the Go side of the IOModule contract: what a module kind provides, how its programs are loaded, its
// tables, drop reasons and traces. The C side is sdk/include/iom.
package iom

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"github.com/cilium/ebpf"
)

// Kind is an IOModule kind.
type Kind struct {
	// Name is the kind's name; its object holds the programs <Name>_in and <Name>_out and the table <Name>_drops. A kind that can be the
	// host of services has <Name>_next and <Name>_leave, too.
	Name string
	// Load returns the object, built ahead of time.
	Load func() (*ebpf.CollectionSpec, error)
	// Entries turns an instance's configuration into table entries. It is pure: no clock, no I/O. An error refuses the whole instance.
	Entries func(Instance, *Tables) error
}

// Ref names a port from anywhere, see <iom/meta.h>.
type Ref uint32

// GroupRef is the Ref of a group of the same instance, for a port that is in several places.
func GroupRef(key uint16) Ref { return Ref(1<<30 | uint32(key)) }

// Group is the key of a Ref made by GroupRef; ok is false for another one.
func (r Ref) Group() (key uint16, ok bool) { return uint16(r), r>>30 == 1 }

// RemoteRef is the Ref of a port or group of another node. node is the slot of the tunnel peer.
func RemoteRef(node uint32, key uint16) Ref { return Ref(1<<31 | node<<16 | uint32(key)) }

// Remote splits a Ref made by RemoteRef; ok is false for a port of this node.
func (r Ref) Remote() (node uint32, key uint16, ok bool) {
	return uint32(r) >> 16 & 0x7fff, uint16(r), r>>31 == 1
}

// Instance is what Entries knows of a module instance beside its configuration.
type Instance struct {
	// Slot is the instance's number in table keys (m->dp).
	Slot uint32
	// Kind is the number of the kind whose Config it is.
	Kind uint32
	// Local are the slots of the ports plugged on this node, by key.
	Local map[uint16]uint32
	// Refs are the ways to all ports that are plugged somewhere, by key.
	Refs map[uint16]Ref
	// Config is the kind's configuration.
	Config any
}

// Tables collects table entries: raw bytes by table and key, tables in the order in which they were first written to.
type Tables struct {
	Order []string
	Rows  map[string]map[string]string
	// Expected is how many rows there may come to be, by table; an absent one: not known.
	Expected map[string]int
}

// Put adds an entry. K and V are laid out as the C structs: made by bpf2go, or fixed-size integers.
func Put[K, V any](t *Tables, table string, key K, value V) {
	if t.Rows == nil {
		t.Rows = map[string]map[string]string{}
	}
	rows, ok := t.Rows[table]
	if !ok {
		rows = make(map[string]string, t.Expected[table])
		t.Rows[table] = rows
		t.Order = append(t.Order, table)
	}
	rows[Bytes(key)] = Bytes(value)
}

// Get reads an entry back as the C struct it is.
func Get[V any](value string) (V, error) {
	var v V
	if len(value) != int(unsafe.Sizeof(v)) {
		return v, fmt.Errorf("read %T: have %d bytes, want %d", v, len(value), unsafe.Sizeof(v))
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v)), value)
	return v, nil
}

// Bytes is the inverse of Get.
func Bytes[V any](v V) string {
	return string(unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v)))
}

// Addr is struct iom_addr: network byte order in memory, IPv4 as v4-mapped.
func Addr(a netip.Addr) [4]uint32 {
	var words [4]uint32
	b := a.As16()
	for i := range words {
		words[i] = binary.NativeEndian.Uint32(b[4*i:])
	}
	return words
}

// NetipAddr is the inverse of Addr.
func NetipAddr(words [4]uint32) netip.Addr {
	var b [16]byte
	for i, w := range words {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	return netip.AddrFrom16(b).Unmap()
}
