package slowpath

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// igmpFrame is an IGMP message in a frame; its checksum is set.
func igmpFrame(message ...byte) []byte {
	binary.BigEndian.PutUint16(message[2:], checksum(0, message))
	ip := []byte{0x46, 0xc0, 0, byte(24 + len(message)), 0, 0, 0x40, 0, 1, 2, 0, 0, 10, 0, 0, 1, 224, 0, 0, 22, 0x94, 4, 0, 0}
	return append(append([]byte{1, 0, 0x5e, 0, 0, 22, 2, 0, 0, 0, 0, 1, 8, 0}, ip...), message...)
}

// mldFrame is an MLD message in a frame, behind a hop-by-hop header.
func mldFrame(message ...byte) []byte {
	src, dst := netip.MustParseAddr("fe80::1").As16(), netip.MustParseAddr("ff02::16").As16()
	ip := append(append([]byte{0x60, 0, 0, 0, 0, byte(8 + len(message)), 0, 1}, src[:]...), dst[:]...)
	binary.BigEndian.PutUint16(message[2:], checksum(pseudoSum(ip[8:40], len(message), protoICMP6), message))
	ip = append(ip, 58, 0, 5, 2, 0, 0, 1, 0)
	return append(append([]byte{0x33, 0x33, 0, 0, 0, 22, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}, ip...), message...)
}

// pimFrame is a PIM message in a frame.
func pimFrame(message ...byte) []byte {
	frame := spoil(igmpFrame(append(message, make([]byte, 4)...)...), 23, protoPIM)
	frame = frame[:len(frame)-4]
	frame[17] -= 4
	return frame
}

// noSource takes the sender's address out of an IPv6 packet; the checksum follows.
func noSource(frame []byte) []byte {
	frame = slices.Clone(frame)
	clear(frame[22:38])
	message := frame[14+40+8:]
	message[2], message[3] = 0, 0
	binary.BigEndian.PutUint16(message[2:], checksum(pseudoSum(frame[22:54], len(message), protoICMP6), message))
	return frame
}

func bytes16(addr string) []byte { b := netip.MustParseAddr(addr).As16(); return b[:] }

// record4 and record6 are records of reports.
func record4(kind, sources byte, group ...byte) []byte {
	return append(append([]byte{kind, 0, 0, sources}, group...), make([]byte, 4*int(sources))...)
}

func record6(kind, sources byte, group string) []byte {
	return append(append([]byte{kind, 0, 0, sources}, bytes16(group)...), make([]byte, 16*int(sources))...)
}

func report3(records ...[]byte) []byte {
	return igmpFrame(append([]byte{0x22, 0, 0, 0, 0, 0, 0, byte(len(records))}, slices.Concat(records...)...)...)
}

func reportMLD2(records ...[]byte) []byte {
	return mldFrame(append([]byte{143, 0, 0, 0, 0, 0, 0, byte(len(records))}, slices.Concat(records...)...)...)
}

// spoil changes one byte of a copy.
func spoil(frame []byte, at int, value byte) []byte {
	frame = slices.Clone(frame)
	frame[at] = value
	return frame
}

func TestParse(t *testing.T) {
	join := igmpFrame(0x16, 0, 0, 0, 239, 1, 2, 3)
	done := mldFrame(append([]byte{132, 0, 0, 0, 0, 0, 0, 0}, bytes16("ff05::7")...)...)
	for _, tt := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"IGMPv1 report", igmpFrame(0x12, 0, 0, 0, 239, 1, 2, 3), "[{239.1.2.3 true IGMPv1}]"},
		{"IGMPv2 report", join, "[{239.1.2.3 true IGMPv2}]"},
		{"IGMPv2 leave", igmpFrame(0x17, 0, 0, 0, 239, 1, 2, 3), "[{239.1.2.3 false IGMPv2}]"},
		{"padded", append(slices.Clone(join), make([]byte, 14)...), "[{239.1.2.3 true IGMPv2}]"},
		{"IGMPv3 report", report3(record4(4, 0, 239, 1, 1, 1), record4(3, 0, 239, 1, 1, 2), record4(3, 1, 239, 1, 1, 3),
			record4(5, 2, 239, 1, 1, 4), record4(6, 1, 239, 1, 1, 5), record4(1, 0, 239, 1, 1, 6), record4(2, 0, 239, 1, 1, 7), record4(9, 0, 239, 1, 1, 8)),
			"[{239.1.1.1 true IGMPv3} {239.1.1.2 false IGMPv3} {239.1.1.3 true IGMPv3} {239.1.1.4 true IGMPv3} {239.1.1.6 false IGMPv3} {239.1.1.7 true IGMPv3}]"},
		{"MLDv1 report", mldFrame(append([]byte{131, 0, 0, 0, 0, 0, 0, 0}, bytes16("ff05::7")...)...), "[{ff05::7 true MLDv1}]"},
		{"MLDv1 done", done, "[{ff05::7 false MLDv1}]"},
		{"MLDv2 report", reportMLD2(record6(4, 0, "ff05::1"), record6(3, 0, "ff05::2"), record6(5, 1, "ff02::1:ff00:1")),
			"[{ff05::1 true MLDv2} {ff05::2 false MLDv2} {ff02::1:ff00:1 true MLDv2}]"},
		{"IGMP query", igmpFrame(0x11, 100, 0, 0, 0, 0, 0, 0), "[{invalid IP true }]"},
		{"MLD query", mldFrame(append([]byte{130, 0, 0, 0, 0, 0, 0, 0}, bytes16("::")...)...), "[{invalid IP true }]"},
		{"MLD query without an address", noSource(mldFrame(append([]byte{130, 0, 0, 0, 0, 0, 0, 0}, bytes16("::")...)...)), "[]"},
		{"PIM hello", pimFrame(0x20, 0, 0, 0), "[{invalid IP true }]"},
		{"PIM join", pimFrame(0x23, 0, 0, 0), "[]"},
		{"PIM, checksum", spoil(pimFrame(0x20, 0, 0, 0), 38, 0x21), "checksum is wrong"},
		{"flooded anyway", report3(record4(4, 0, 224, 0, 0, 251)), "[]"},
		{"flooded anyway, IPv6", reportMLD2(record6(4, 0, "ff02::1"), record6(4, 0, "ff01::5")), "[]"},
		{"no multicast", igmpFrame(0x16, 0, 0, 0, 10, 1, 2, 3), "[]"},
		{"no multicast, IPv6", reportMLD2(record6(4, 0, "fd00::5")), "[]"},

		{"checksum", spoil(join, 41, 4), "checksum is wrong"},
		{"checksum of MLD", spoil(done, 85, 8), "checksum is wrong"},
		{"more records than there are", report3(record4(4, 0, 239, 1, 1, 1), record4(4, 0, 239, 1)), "packet is cut"},
		{"more sources than there are", report3([]byte{4, 0, 0xff, 0xff, 239, 1, 1, 1}), "packet is cut"},
		{"type", igmpFrame(0x30, 0, 0, 0, 239, 1, 2, 3), "IGMP type is 0x30"},
		{"type of ICMPv6", mldFrame(128, 0, 0, 0, 0, 0, 0, 0), "ICMPv6 type is 128"},
		{"short", igmpFrame(0x16, 0, 0, 0), "packet is cut"},
		{"length of the IP packet", spoil(join, 17, 200), "packet is cut"},
		{"a fragment", spoil(join, 20, 0x20), "packet is neither IGMP nor PIM"},
		{"another protocol", spoil(join, 23, 17), "packet is neither IGMP nor PIM"},
		{"header length", spoil(join, 14, 0x44), "packet is cut"},
		{"hop limit", spoil(done, 21, 64), "MLD from off the link"},
		{"another extension header", spoil(done, 20, 43), "packet is neither MLD nor PIM"},
		{"extension header's length", spoil(done, 55, 200), "packet is cut"},
		{"ethertype", spoil(join, 12, 9), "ethertype is 0x0900"},
		{"nothing", nil, "packet is cut"},
	} {
		got, err := Parse(tt.frame, len(tt.frame))
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
		}
		if text != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, text, tt.want)
		}
	}
}

// Of a report that was cut on its way to us, what is there counts.
func TestParseCut(t *testing.T) {
	frame := report3(record4(4, 0, 239, 1, 1, 1), record4(4, 0, 239, 1, 1, 2))
	for cut, want := range map[int]int{1: 1, 8: 1, 9: 0} {
		got, err := Parse(frame[:len(frame)-cut], len(frame))
		if err != nil || len(got) != want {
			t.Errorf("cut by %d: %v, %v; want %d", cut, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(igmpFrame(0x16, 0, 0, 0, 239, 1, 2, 3), 46)
	f.Add(report3(record4(4, 1, 239, 1, 1, 1)), 2000)
	f.Add(reportMLD2(record6(4, 1, "ff05::1")), 2000)
	f.Fuzz(func(t *testing.T, frame []byte, length int) {
		got, err := Parse(frame, length)
		if err != nil && got != nil {
			t.Errorf("both %v and %v", got, err)
		}
		for _, m := range got {
			if !m.Group.IsMulticast() || m.Protocol == "" || m.Group.Is4() != (m.Protocol[0] == 'I') {
				t.Errorf("%+v", m)
			}
		}
	})
}

// Queries are such that Parse, and so the kernel, takes them for what they are.
func TestQueries(t *testing.T) {
	q := Querier{Interval: 150 * time.Second, MaxResponse: time.Second, MAC: [6]byte{2, 0, 0, 0, 0, 9},
		IP4: netip.MustParseAddr("10.0.0.254"), IP6: netip.MustParseAddr("fe80::fe")}
	for tag, length := range map[uint16][2]int{0: {50, 90}, 7: {54, 94}} {
		frames := q.queries(tag)
		if len(frames) != 2 || len(frames[0]) != length[0] || len(frames[1]) != length[1] {
			t.Fatalf("tag %d: %x", tag, frames)
		}
		for _, frame := range frames {
			if tag != 0 {
				if got := binary.BigEndian.Uint32(frame[12:]); got != 0x81000007 {
					t.Errorf("tag: %#x", got)
				}
				frame = append(frame[:12:12], frame[16:]...)
			}
			if got, err := Parse(frame, len(frame)); err != nil || len(got) != 1 || got[0].Group != MulticastRouters {
				t.Errorf("%x: %v, %v", frame, got, err)
			}
			if len(frame) == 50 && checksum(0, frame[14:38]) != 0 {
				t.Error("checksum of the IP header is wrong")
			}
		}
	}
	frame := q.queries(0)[0]
	if frame[39] != 10 || frame[47] != 0x82+0x00 {
		t.Errorf("response time %d, interval %#x", frame[39], frame[47])
	}
	q.IP4, q.IP6 = netip.Addr{}, netip.MustParseAddr("fd00::1")
	if got := q.queries(0); len(got) != 0 {
		t.Errorf("without addresses: %x", got)
	}
}

func TestFloating(t *testing.T) {
	for n, want := range map[time.Duration]byte{-1: 0, 0: 0, 127: 127, 128: 0x80, 150: 0x82, 255: 0x8f, 256: 0x90, 31744: 0xff, 1 << 40: 0xff} {
		if got := floating8(n); got != want {
			t.Errorf("floating8(%d) = %#x, want %#x", n, got, want)
		}
	}
	for n, want := range map[time.Duration]uint16{0: 0, 32767: 0x7fff, 32768: 0x8000, 65535: 0x8fff, 65536: 0x9000, 1 << 40: 0xffff} {
		if got := floating16(n); got != want {
			t.Errorf("floating16(%d) = %#x, want %#x", n, got, want)
		}
	}
}
