package iom

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"unsafe"

	"github.com/cilium/ebpf"
)

// batchRows is how many rows are read from the kernel in one call.
const batchRows = 1024

// SumCPUs reads a row of a per-CPU table of counters, whose value is a struct of 64-bit members, and adds up those of all CPUs.
func SumCPUs[V any](m *ebpf.Map, key uint32) (sum V, err error) {
	var values [][]byte
	if err := m.Lookup(key, &values); err != nil {
		return sum, err
	}
	counters := unsafe.Slice((*uint64)(unsafe.Pointer(&sum)), unsafe.Sizeof(sum)/8)
	for _, value := range values {
		for i := range counters {
			counters[i] += binary.NativeEndian.Uint64(value[8*i:])
		}
	}
	return sum, nil
}

// EachRow calls f for each row of a map, with raw bytes. An array's rows of zeros are left out; the value of a per-CPU array is that of all
// CPUs, one after the other.
func EachRow(m *ebpf.Map, f func(key, value string)) error {
	zero, each := "", 1 // each: values of a row
	switch m.Type() {
	case ebpf.Hash, ebpf.LRUHash:
	case ebpf.PerCPUArray:
		each = ebpf.MustPossibleCPU()
		fallthrough
	case ebpf.Array:
		zero = strings.Repeat("\x00", each*int(m.ValueSize()))
	default: // it has no batches
		var key, value []byte
		it := m.Iterate()
		for it.Next(&key, &value) {
			f(string(key), string(value))
		}
		return it.Err()
	}
	var cursor ebpf.MapBatchCursor
	keySize, valueSize := int(m.KeySize()), each*int(m.ValueSize())
	keys, values := ByteArrays(int(m.KeySize()), batchRows), ByteArrays(int(m.ValueSize()), batchRows*each)
	allKeys, allValues := bytesOf(keys), bytesOf(values)
	for {
		n, err := m.BatchLookup(&cursor, keys.Interface(), values.Interface(), nil)
		for i := range n {
			if value := allValues[i*valueSize:][:valueSize]; string(value) != zero {
				f(string(allKeys[i*keySize:][:keySize]), string(value))
			}
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ByteArrays makes a [][size]byte of n elements, as calls for batches of rows take it.
func ByteArrays(size, n int) reflect.Value {
	return reflect.MakeSlice(reflect.SliceOf(reflect.ArrayOf(size, reflect.TypeFor[byte]())), n, n)
}

// bytesOf is the memory of such a slice.
func bytesOf(arrays reflect.Value) []byte {
	return unsafe.Slice((*byte)(arrays.UnsafePointer()), arrays.Len()*int(arrays.Type().Elem().Size()))
}
