package icmperr

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"woven.dev/woven/internal/slowpath/frame"
)

// Reject makes the answer to a frame that an ACL rejects, of which the beginning is enough, as if whom it was for had sent it: a TCP reset,
// an SCTP abort, or an ICMP error (ovn-sb(5), action reject). nil: nothing may be said, and why.
func Reject(original []byte) (reply []byte, why string) {
	p, err := frame.Head(original)
	if err == nil {
		err = mayAnswer(&p, PortUnreachable)
	}
	if err != nil {
		return nil, err.Error()
	}
	switch {
	case p.Protocol == frame.TCP:
		return sealed(&p, reset)
	case p.Protocol == frame.SCTP:
		return sealed(&p, abort)
	case p.Protocol == frame.UDP:
		return build(&p, PortUnreachable, p.Dst, 0), PortUnreachable.String()
	case p.Is4():
		return build(&p, HostUnreachable, p.Dst, 0), HostUnreachable.String()
	default:
		return build(&p, AdminProhibited, p.Dst, 0), AdminProhibited.String()
	}
}

// Reset makes the TCP reset, or SCTP abort, for a frame, as if whom it was for knew no such connection. nil: nothing may be said, and why.
func Reset(original []byte) (reply []byte, why string) {
	p, err := frame.Head(original)
	if err == nil {
		err = mayAnswer(&p, PortUnreachable)
	}
	switch {
	case err != nil:
		return nil, err.Error()
	case p.Protocol == frame.TCP:
		return sealed(&p, reset)
	case p.Protocol == frame.SCTP:
		return sealed(&p, abort)
	}
	return nil, "packet has no connection"
}

// sealed is the frame with an answer of the same protocol.
func sealed(p *frame.Packet, answer func(*frame.Packet) ([]byte, error)) ([]byte, string) {
	b, err := answer(p)
	if err != nil {
		return nil, err.Error()
	}
	return envelope(p).Seal(p.Protocol, b), "connection reset"
}

// TCP flags, RFC 9293 section 3.1.
const (
	fin = 0x01
	syn = 0x02
	rst = 0x04
	ack = 0x10
)

const tcpLength = 20 // of a header without options

// reset is the segment that a closed port answers with (RFC 9293 section 3.10.7.1), without its checksum.
func reset(p *frame.Packet) ([]byte, error) {
	b := p.Transport
	if len(b) < tcpLength {
		return nil, frame.ErrShort
	}
	header, flags := int(b[12]>>4)*4, b[13]
	length := transportLength(p) - header
	if header < tcpLength || length < 0 {
		return nil, frame.ErrShort
	}
	if flags&rst != 0 {
		return nil, errError
	}
	r := append(append(make([]byte, 0, tcpLength), b[2:4]...), b[:2]...)
	if flags&ack != 0 {
		r = append(append(r, b[8:12]...), 0, 0, 0, 0)
		flags = rst
	} else {
		if flags&syn != 0 {
			length++
		}
		if flags&fin != 0 {
			length++
		}
		r = append(r, 0, 0, 0, 0)
		r = binary.BigEndian.AppendUint32(r, binary.BigEndian.Uint32(b[4:])+uint32(length))
		flags = rst | ack
	}
	return append(r, tcpLength/4<<4, flags, 0, 0, 0, 0, 0, 0), nil
}

// Chunks of SCTP, RFC 9260 section 3.2.
const (
	chunkInit     = 1
	chunkAbort    = 6
	chunkShutdown = 14 // the last message of an association
	tagReflected  = 1  // flag T
)

const (
	sctpLength = 12 // of the common header
	initLength = 20 // of a chunk INIT without options
)

// abort is the packet that answers one of no known association (RFC 9260 section 8.4).
func abort(p *frame.Packet) ([]byte, error) {
	b := p.Transport
	if len(b) < sctpLength+4 {
		return nil, frame.ErrShort
	}
	tag, flags := b[4:8], byte(tagReflected)
	switch b[sctpLength] {
	case chunkAbort, chunkShutdown:
		return nil, errError
	case chunkInit:
		if len(b) < sctpLength+initLength {
			return nil, frame.ErrShort
		}
		if binary.BigEndian.Uint32(tag) != 0 {
			return nil, errors.New("SCTP INIT with a tag")
		}
		tag, flags = b[sctpLength+4:sctpLength+8], 0
	}
	r := append(append(make([]byte, 0, sctpLength+4), b[2:4]...), b[:2]...)
	r = append(append(r, tag...), 0, 0, 0, 0, chunkAbort, flags, 0, 4)
	binary.LittleEndian.PutUint32(r[8:], crc32.Checksum(r, crc32.MakeTable(crc32.Castagnoli)))
	return r, nil
}
