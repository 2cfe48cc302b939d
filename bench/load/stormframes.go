package load

import "encoding/binary"

// stormProto is an ethertype for experiments (IEEE 802, clause 9.2.3), which no stack listens to.
const stormProto = 0x88b5

// Broadcasts is a frame to all.
func Broadcasts() [][]byte { return [][]byte{stormFrame(0, allStations, stormProto)} }

// Sources are frames of n sources to an address that nobody has.
func Sources(n int) [][]byte {
	return repeat(n, func(i uint32) []byte { return stormFrame(i, 0x0aff000000ff, stormProto) })
}

// ARPRequests ask for n addresses that nobody has.
func ARPRequests(n int) [][]byte {
	return repeat(n, func(i uint32) []byte {
		b := stormFrame(0, allStations, 0x0806)
		copy(b[14:], []byte{0, 1, 8, 0, 6, 4, 0, 1})
		copy(b[22:28], b[6:12])
		copy(b[28:], []byte{10, 9, 0, 1})
		binary.BigEndian.PutUint32(b[38:], 0x0a0a0000|i)
		return b
	})
}

// Reports are IGMPv2 reports of n groups.
func Reports(n int) [][]byte {
	return repeat(n, func(i uint32) []byte {
		group := 0xef010000 | i
		b := stormFrame(0, 0x01005e000000|uint64(group&0x7fffff), 0x0800)
		copy(b[14:], []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2, 0, 0, 10, 9, 0, 1})
		binary.BigEndian.PutUint32(b[30:], group)
		b[34] = 0x16
		binary.BigEndian.PutUint32(b[38:], group)
		sum := 0x1600 + group>>16 + group&0xffff
		binary.BigEndian.PutUint16(b[36:], ^uint16(sum&0xffff+sum>>16))
		return b
	})
}

const allStations = 0xffffffffffff

func repeat(n int, frame func(i uint32) []byte) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = frame(uint32(i))
	}
	return frames
}

// stormFrame is an Ethernet frame of 60 bytes; from numbers its source.
func stormFrame(from uint32, to uint64, proto uint16) []byte {
	b := make([]byte, 60)
	copy(b, binary.BigEndian.AppendUint64(nil, to)[2:])
	b[6] = 0x0a
	binary.BigEndian.PutUint32(b[8:], from)
	binary.BigEndian.PutUint16(b[12:], proto)
	return b
}
