package ovnexpr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Values of eth.type that Frame knows.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeARP  = 0x0806
	typeRARP = 0x8035
	typeVLAN = 0x8100
)

// vlanPresent is the bit of vlan.tci that says that there is a tag; on the wire it is the DEI.
const vlanPresent = 1 << 12

// ErrNoInport is the error about a microflow without inport; ovn-trace refuses it, too.
var ErrNoInport = errors.New("microflow does not say inport")

// Frame writes the packet as an Ethernet frame, with lengths and checksums computed, and tells the port where it comes
// in. The fields have to come with their prerequisites, as Microflow gives them.
//
// What the fields don't determine is so: no payload; ARP is for Ethernet and IPv4; a first fragment is filled up
// to 8 bytes or a multiple, a later one carries 8 bytes at offset 1480; neighbour discovery has the link-layer option of nd.sll or nd.tll if that
// is known, an advertisement is solicited and overriding; without eth.type the frame is an empty IEEE 802.3 one. A field
// other than 0 that no frame can carry (registers, ct_state, ...) is an error.
func (f Fields) Frame() (frame []byte, inport string, err error) {
	if f.Texts["inport"] == "" {
		return nil, "", ErrNoInport
	}
	b := frameBuilder{fields: f, read: map[string]bool{}}
	frame, err = b.ethernet()
	if err != nil {
		return nil, "", fmt.Errorf("make frame: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Ints)) {
		if !b.read[name] && !f.Ints[name].isZero() {
			return nil, "", fmt.Errorf("make frame: %s is in no %s", name, b.what())
		}
	}
	return frame, f.Texts["inport"], nil
}

// frameBuilder writes headers and notes which fields went into them.
type frameBuilder struct {
	fields Fields
	read   map[string]bool
}

// int is the value of a field of at most 64 bits.
func (b *frameBuilder) int(name string) uint64 {
	b.read[name] = true
	return b.fields.Int(name).Lo
}

// bytes is the value of a field in n bytes.
func (b *frameBuilder) bytes(name string, n int) []byte {
	b.read[name] = true
	return b.fields.Int(name).bytes(n)
}

func (b *frameBuilder) what() string {
	return fmt.Sprintf("frame of type %#x and IP protocol %d", b.int("eth.type"), b.int("ip.proto"))
}

func (b *frameBuilder) ethernet() ([]byte, error) {
	frame := slices.Concat(b.bytes("eth.dst", 6), b.bytes("eth.src", 6))
	if tci := b.int("vlan.tci"); tci&vlanPresent != 0 {
		frame = binary.BigEndian.AppendUint16(frame, typeVLAN)
		frame = binary.BigEndian.AppendUint16(frame, uint16(tci&^vlanPresent))
	} else if tci != 0 {
		return nil, fmt.Errorf("vlan.tci is %#x without vlan.present", tci)
	}
	frame = append(frame, b.bytes("eth.type", 2)...)
	var payload []byte
	var err error
	switch b.int("eth.type") {
	case typeIPv4:
		payload, err = b.ipv4()
	case typeIPv6:
		payload, err = b.ipv6()
	case typeARP:
		payload = b.arp("arp")
	case typeRARP:
		payload = b.arp("rarp")
	}
	return append(frame, payload...), err
}

// arp writes ARP and RARP (RFC 826, RFC 903) for Ethernet and IPv4.
func (b *frameBuilder) arp(header string) []byte {
	return slices.Concat([]byte{0, 1, 8, 0, 6, 4}, b.bytes(header+".op", 2), b.bytes(header+".sha", 6), b.bytes(header+".spa", 4),
		b.bytes(header+".tha", 6), b.bytes(header+".tpa", 4))
}
