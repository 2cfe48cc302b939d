package dns

import (
	"errors"
	"fmt"
	"net/netip"

	mdns "github.com/miekg/dns"

	"woven.dev/woven/internal/slowpath/frame"
)

const (
	serverPort = 53
	hopLimit   = 64
	ttl        = 3600 // seconds, OVN's
)

// Sizes of replies in bytes: without EDNS, and how much we take and give with it.
const (
	plainSize = mdns.MinMsgSize
	edns      = 1232
)

// Answer makes the reply to a frame, as if the server that it is for had sent it. Without one the frame is to go on to that server. why
// says in either case what was done, for people.
func Answer(z *Zone, request []byte) (reply []byte, why string) {
	p, err := frame.Whole(request)
	if err != nil {
		return nil, err.Error()
	}
	d, err := p.Datagram()
	if err != nil {
		return nil, err.Error()
	}
	if d.Dst != serverPort || p.Src.IsUnspecified() || p.DstMAC[0]&1 != 0 {
		return nil, "packet is no DNS request"
	}
	q, err := accept(d.Payload)
	if err != nil {
		return nil, err.Error()
	}
	m := z.lookup(q)
	if m == nil {
		return nil, fmt.Sprintf("no record for %s", q.Question[0].Name)
	}
	b, err := pack(q, m)
	if err != nil {
		return nil, err.Error()
	}
	e := frame.Envelope{SrcMAC: p.DstMAC, DstMAC: p.SrcMAC, Src: p.Dst, Dst: p.Src, HopLimit: hopLimit}
	return e.Datagram(serverPort, d.Src, b), fmt.Sprintf("answer for %s", q.Question[0].Name)
}

// accept reads a message that is a plain question for something in the Internet.
func accept(b []byte) (*mdns.Msg, error) {
	q := new(mdns.Msg)
	if err := q.Unpack(b); err != nil {
		return nil, fmt.Errorf("read DNS message: %w", err)
	}
	if q.Response || q.Opcode != mdns.OpcodeQuery || len(q.Question) != 1 {
		return nil, errors.New("DNS message is no plain question")
	}
	if class := q.Question[0].Qclass; class != mdns.ClassINET && class != mdns.ClassANY {
		return nil, fmt.Errorf("DNS class %d", class)
	}
	if o := q.IsEdns0(); o != nil && o.Version() != 0 {
		return nil, fmt.Errorf("EDNS version %d", o.Version())
	}
	return q, nil
}

// lookup makes the answer to a question; nil: the server is to be asked.
func (z *Zone) lookup(q *mdns.Msg) *mdns.Msg {
	question := q.Question[0]
	e, known := z.names[mdns.CanonicalName(question.Name)]
	if !known {
		return nil
	}
	m := new(mdns.Msg)
	m.SetReply(q)
	m.Compress = true
	t := question.Qtype
	if t == mdns.TypeA || t == mdns.TypeANY {
		m.Answer = addresses(m.Answer, question.Name, mdns.TypeA, e.ip4, q.Id)
	}
	if t == mdns.TypeAAAA || t == mdns.TypeANY {
		m.Answer = addresses(m.Answer, question.Name, mdns.TypeAAAA, e.ip6, q.Id)
	}
	if t == mdns.TypePTR || t == mdns.TypeANY {
		for _, name := range e.pointers {
			m.Answer = append(m.Answer, &mdns.PTR{Hdr: header(question.Name, mdns.TypePTR), Ptr: name})
		}
	}
	if len(m.Answer) == 0 {
		if !e.owned || t != mdns.TypeA && t != mdns.TypeAAAA {
			return nil
		}
		m.Rcode = mdns.RcodeRefused
	}
	return m
}

// addresses appends records; which one comes first changes from request to request, so that clients spread.
func addresses(list []mdns.RR, name string, t uint16, addrs []netip.Addr, id uint16) []mdns.RR {
	for i := range addrs {
		a := addrs[(i+int(id))%len(addrs)].AsSlice()
		if t == mdns.TypeA {
			list = append(list, &mdns.A{Hdr: header(name, t), A: a})
		} else {
			list = append(list, &mdns.AAAA{Hdr: header(name, t), AAAA: a})
		}
	}
	return list
}

func header(name string, t uint16) mdns.RR_Header {
	return mdns.RR_Header{Name: name, Rrtype: t, Class: mdns.ClassINET, Ttl: ttl}
}

// pack writes the answer, with EDNS if the question has it (RFC 6891 section 6.1.1), cut to what the client takes.
func pack(q, m *mdns.Msg) ([]byte, error) {
	size := plainSize
	if o := q.IsEdns0(); o != nil {
		size = min(max(int(o.UDPSize()), plainSize), edns)
		m.SetEdns0(edns, o.Do())
	}
	m.Truncate(size)
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("write DNS message: %w", err)
	}
	return b, nil
}
