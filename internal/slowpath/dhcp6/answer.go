package dhcp6

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"woven.dev/woven/internal/slowpath/frame"
)

const (
	clientPort = 546
	serverPort = 547
	hopLimit   = 64
)

// forever is the lifetime of addresses: they end with the port (RFC 8415 section 7.7).
const forever = math.MaxUint32 * time.Second

// Flags of the option that carries a client's name, RFC 4704 section 4.1.
const (
	fqdnServerUpdates = 1 << 0
	fqdnOverridden    = 1 << 1
	fqdnNoUpdates     = 1 << 2
)

var allServers = netip.MustParseAddr("ff02::1:2") // RFC 8415 section 7.1

// Answer makes the reply to a frame that the port sent. Without one the frame is to go on as if there was no server here. why says in
// either case what was done, for people.
func Answer(c *Config, request []byte) (reply []byte, why string) {
	p, err := frame.Whole(request)
	if err != nil {
		return nil, err.Error()
	}
	r, err := c.accept(&p)
	if err != nil {
		return nil, err.Error()
	}
	m, err := c.decide(r)
	if err != nil {
		return nil, fmt.Sprintf("%s: %v", r.kind, err)
	}
	e := frame.Envelope{SrcMAC: c.ServerMAC, DstMAC: c.MAC, Src: frame.LinkLocal(c.ServerMAC), Dst: p.Src, HopLimit: hopLimit}
	return e.Datagram(serverPort, clientPort, m.ToBytes()), fmt.Sprintf("%s to %s", m.MessageType, r.kind)
}

// accept reads the message of a packet that is for us (ovn-northd(8), "DHCP option processing").
func (c *Config) accept(p *frame.Packet) (*request, error) {
	d, err := p.Datagram()
	if err != nil {
		return nil, err
	}
	switch {
	case !c.Addr.IsValid():
		return nil, errors.New("DHCPv6 is not configured")
	case p.SrcMAC != c.MAC:
		return nil, errors.New("from a MAC address that is not the port's")
	case p.Dst != allServers || d.Src != clientPort || d.Dst != serverPort:
		return nil, errors.New("packet is no DHCPv6 request")
	case p.Src.IsUnspecified() || p.Src.IsMulticast():
		return nil, fmt.Errorf("from %s, where no answer can go", p.Src)
	}
	r, err := parse(d.Payload)
	if err != nil {
		return nil, err
	}
	return r, r.forUs(serverID(c.ServerMAC))
}

// decide makes the answer to a message that is for us.
func (c *Config) decide(r *request) (*dhcpv6.Message, error) {
	m := &dhcpv6.Message{MessageType: dhcpv6.MessageTypeReply, TransactionID: r.id}
	if r.client != nil {
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionClientID, OptionData: r.client})
	}
	m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionServerID, OptionData: serverID(c.ServerMAC)})
	switch r.kind {
	case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind:
		if r.kind == dhcpv6.MessageTypeSolicit {
			m.MessageType = dhcpv6.MessageTypeAdvertise
		}
		if len(r.associations) == 0 {
			return nil, errors.New("no address is asked for")
		}
		c.addresses(m, r)
		c.others(m, r)
	case dhcpv6.MessageTypeInformationRequest:
		c.others(m, r)
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		m.AddOption(status(iana.StatusSuccess))
	case dhcpv6.MessageTypeConfirm:
		return m, c.confirm(m, r)
	default:
		return nil, errors.New("is not answered")
	}
	return m, nil
}

// addresses gives the port's address to the first identity association, and none to others. What a client still has from before is
// taken away (RFC 8415 section 18.3.4).
func (c *Config) addresses(m *dhcpv6.Message, r *request) {
	for i, a := range r.associations {
		ia := &dhcpv6.OptIANA{IaId: a.id}
		if i > 0 || c.Stateless {
			ia.Options.Add(status(iana.StatusNoAddrsAvail))
			m.AddOption(ia)
			continue
		}
		ia.T1, ia.T2 = forever, forever
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: c.Addr.AsSlice(), PreferredLifetime: forever, ValidLifetime: forever})
		for _, old := range a.addrs {
			if old != c.Addr && r.kind != dhcpv6.MessageTypeSolicit {
				ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: old.AsSlice()})
			}
		}
		m.AddOption(ia)
	}
}

// confirm says whether a client's addresses are right on this link (RFC 8415 section 18.3.3).
func (c *Config) confirm(m *dhcpv6.Message, r *request) error {
	some, right := false, true
	for _, a := range r.associations {
		some = some || len(a.addrs) > 0
		right = right && !slices.ContainsFunc(a.addrs, func(addr netip.Addr) bool { return !c.Network.Contains(addr) })
	}
	switch {
	case !some:
		return errors.New("has no address")
	case right:
		m.AddOption(status(iana.StatusSuccess))
	default:
		m.AddOption(status(iana.StatusNotOnLink))
	}
	return nil
}

// others adds all options but addresses.
func (c *Config) others(m *dhcpv6.Message, r *request) {
	if len(c.DNS) > 0 {
		list := make([]net.IP, len(c.DNS))
		for i, a := range c.DNS {
			list[i] = a.AsSlice()
		}
		m.AddOption(dhcpv6.OptDNS(list...))
	}
	if c.Search != nil {
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionDomainSearchList, OptionData: c.Search})
	}
	url := c.BootfileAlt
	if r.ipxe {
		url = c.Bootfile
	}
	if url != "" {
		m.AddOption(dhcpv6.OptBootFileURL(url))
	}
	if c.FQDN != nil && r.fqdn {
		flags := byte(fqdnNoUpdates)
		if r.fqdnFlags&fqdnServerUpdates != 0 {
			flags |= fqdnOverridden
		}
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionFQDN, OptionData: append([]byte{flags}, c.FQDN...)})
	}
}

func status(code iana.StatusCode) dhcpv6.Option { return &dhcpv6.OptStatusCode{StatusCode: code} }
