package iom

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// Value is a table's key or value decoded by its layout: a uint64, a string, a Ref, or Fields.
type Value any

// Field is a member of a decoded struct.
type Field struct {
	Name  string
	Value Value
}

// Fields are the members of a decoded struct in their order. Padding is left out.
type Fields []Field

// Get returns a member; nil if there is none.
func (f Fields) Get(name string) Value {
	for _, m := range f {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// MarshalJSON writes an object with the members in their order.
func (f Fields) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range f {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.Value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// Decode reads a row's bytes by its BTF type. Addresses (struct iom_addr, iom_ip4) become IP addresses, an iom_ref a Ref, arrays of six bytes
// hardware addresses, char arrays text, other arrays hexadecimal, enums the names of the bits that are set or of the value.
func Decode(t btf.Type, data []byte) (Value, error) {
	size, err := btf.Sizeof(t)
	if err != nil || len(data) < size {
		return nil, fmt.Errorf("decode %v: have %d bytes, want %d: %w", t, len(data), size, err)
	}
	if td, ok := t.(*btf.Typedef); ok {
		switch td.Name {
		case "iom_ip4":
			return netip.AddrFrom4([4]byte(data[:4])).String(), nil
		case "iom_ref":
			return Ref(decodeInt(data[:4])), nil
		}
	}
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		return decodeStruct(t, data)
	case *btf.Array:
		return decodeArray(t, data)
	case *btf.Enum:
		return enumName(t, decodeInt(data[:t.Size])), nil
	case *btf.Int:
		return decodeInt(data[:t.Size]), nil
	default:
		return nil, fmt.Errorf("decode %v: no way to show it", t)
	}
}

func decodeStruct(t *btf.Struct, data []byte) (Value, error) {
	if t.Name == "iom_addr" {
		var words [4]uint32
		for i := range words {
			words[i] = binary.NativeEndian.Uint32(data[4*i:])
		}
		return NetipAddr(words).String(), nil
	}
	var out Fields
	for _, m := range t.Members {
		if m.Name == "pad" || m.Name == "" {
			continue
		}
		v, err := Decode(m.Type, data[m.Offset.Bytes():])
		if err != nil {
			return nil, err
		}
		out = append(out, Field{m.Name, v})
	}
	return out, nil
}

func decodeArray(t *btf.Array, data []byte) (Value, error) {
	elem, ok := btf.UnderlyingType(t.Type).(*btf.Int)
	if !ok {
		return nil, fmt.Errorf("decode %v: only arrays of integers can be shown", t)
	}
	if elem.Size > 1 {
		words := make([]string, t.Nelems)
		for i := range words {
			words[i] = fmt.Sprintf("%x", decodeInt(data[i*int(elem.Size):][:elem.Size]))
		}
		return strings.Join(words, " "), nil
	}
	data = data[:t.Nelems]
	switch {
	case elem.Encoding == btf.Char || elem.Encoding == btf.Signed:
		text, _, _ := strings.Cut(string(data), "\x00")
		return text, nil
	case t.Nelems == 6:
		return net.HardwareAddr(data).String(), nil
	}
	return fmt.Sprintf("%x", data), nil
}

func decodeInt(data []byte) uint64 {
	var b [8]byte
	copy(b[:], data)
	return binary.LittleEndian.Uint64(b[:])
}

// enumName names a value, or the bits of a set, in lower case.
func enumName(t *btf.Enum, v uint64) string {
	var names []string
	rest := v
	for _, e := range t.Values {
		if e.Value == v {
			return strings.ToLower(e.Name)
		}
		if e.Value != 0 && v&e.Value == e.Value {
			names = append(names, strings.ToLower(e.Name))
			rest &^= e.Value
		}
	}
	if rest != 0 || len(names) == 0 {
		return fmt.Sprintf("%#x", v)
	}
	return strings.Join(names, "|")
}
