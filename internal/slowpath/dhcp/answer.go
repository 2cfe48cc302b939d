package dhcp

import (
	"fmt"
	"maps"
	"net"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"woven.dev/woven/internal/slowpath/frame"
)

const (
	clientPort = 68
	serverPort = 67
	hopLimit   = 64
)

var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Answer makes the reply to a frame that the port sent. Without one the frame is to go on as if there was no server here. why says in
// either case what was done, for people.
func Answer(c *Config, request []byte) (reply []byte, why string) {
	m, err := c.accept(request)
	if err != nil {
		return nil, err.Error()
	}
	answer, why := c.decide(m)
	if answer == nil {
		return nil, why
	}
	e := frame.Envelope{SrcMAC: c.ServerMAC, DstMAC: c.MAC, Src: c.Server, Dst: c.Offer, HopLimit: hopLimit}
	if m.IsBroadcast() || answer.MessageType() == dhcpv4.MessageTypeNak { // whose client may not have the address
		e.Dst = everybody
	}
	return e.Datagram(serverPort, clientPort, answer.ToBytes()), why
}

// accept reads the message of a frame that is for us (ovn-northd(8), "DHCP option processing"): from the port's own addresses or before it
// has one, to the server or to everybody.
func (c *Config) accept(request []byte) (*dhcpv4.DHCPv4, error) {
	p, err := frame.Whole(request)
	if err != nil {
		return nil, err
	}
	d, err := p.Datagram()
	if err != nil {
		return nil, err
	}
	switch {
	case !c.Offer.IsValid():
		return nil, fmt.Errorf("DHCP is not configured")
	case p.SrcMAC != c.MAC:
		return nil, fmt.Errorf("from a MAC address that is not the port's")
	case d.Src != clientPort || d.Dst != serverPort:
		return nil, fmt.Errorf("packet is no DHCP request")
	case p.Src != c.Offer && p.Src != netip.IPv4Unspecified() || p.Dst != c.Server && p.Dst != everybody:
		return nil, fmt.Errorf("from %s to %s: not for this server", p.Src, p.Dst)
	}
	m, err := dhcpv4.FromBytes(d.Payload)
	if err != nil {
		return nil, fmt.Errorf("read DHCP message: %w", err)
	}
	if m.OpCode != dhcpv4.OpcodeBootRequest || m.HWType != iana.HWTypeEthernet || len(m.ClientHWAddr) != len(c.MAC) {
		return nil, fmt.Errorf("message is no request of an Ethernet station")
	}
	return m, nil
}

// decide makes the answer; nil: none.
func (c *Config) decide(m *dhcpv4.DHCPv4) (answer *dhcpv4.DHCPv4, why string) {
	server, named := netip.AddrFromSlice(m.ServerIdentifier())
	if named && server != c.Server {
		return nil, fmt.Sprintf("%s for server %s", m.MessageType(), server)
	}
	requested, _ := netip.AddrFromSlice(m.RequestedIPAddress())
	if !requested.IsValid() || requested.IsUnspecified() {
		requested, _ = netip.AddrFromSlice(m.ClientIPAddr.To4())
	}
	switch t := m.MessageType(); t {
	case dhcpv4.MessageTypeDiscover:
		answer = c.lease(m, dhcpv4.MessageTypeOffer)
	case dhcpv4.MessageTypeRequest:
		if requested != c.Offer {
			return c.reply(m, dhcpv4.MessageTypeNak), fmt.Sprintf("DHCPNAK: %s requested, %s is the port's", requested, c.Offer)
		}
		answer = c.lease(m, dhcpv4.MessageTypeAck)
		answer.ClientIPAddr = m.ClientIPAddr
	case dhcpv4.MessageTypeInform:
		answer = c.inform(m)
	case dhcpv4.MessageTypeRelease:
		return nil, fmt.Sprintf("DHCPRELEASE of %s", requested)
	case dhcpv4.MessageTypeDecline:
		return nil, fmt.Sprintf("DHCPDECLINE: %s is in use by somebody else", requested)
	default:
		return nil, fmt.Sprintf("message type %s is not answered", t)
	}
	return answer, fmt.Sprintf("DHCP%s %s", answer.MessageType(), c.Offer)
}

// reply is an answer with no more than every answer has.
func (c *Config) reply(m *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	return &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootReply,
		HWType:        m.HWType,
		ClientHWAddr:  m.ClientHWAddr,
		TransactionID: m.TransactionID,
		Flags:         m.Flags,
		GatewayIPAddr: m.GatewayIPAddr,
		ClientIPAddr:  net.IPv4zero,
		YourIPAddr:    net.IPv4zero,
		ServerIPAddr:  net.IPv4zero,
		Options: dhcpv4.Options{
			dhcpv4.OptionDHCPMessageType.Code(): {byte(t)},
			codeServerID:                        c.Server.AsSlice(),
		},
	}
}

// lease is an answer with the address and all options.
func (c *Config) lease(m *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r := c.reply(m, t)
	r.YourIPAddr = c.Offer.AsSlice()
	if c.NextServer.IsValid() {
		r.ServerIPAddr = c.NextServer.AsSlice()
	}
	maps.Copy(r.Options, c.Options)
	bootfile := c.Bootfile
	if c.BootfileAlt != "" && (bootfile == "" || !m.Options.Has(dhcpv4.GenericOptionCode(codeEtherboot))) {
		bootfile = c.BootfileAlt
	}
	if bootfile != "" {
		r.Options[codeBootfile] = []byte(bootfile)
	}
	return r
}

// inform is an answer with the options that have nothing to do with the address, which the client has from elsewhere (RFC 2131 section 3.4).
func (c *Config) inform(m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	r := c.lease(m, dhcpv4.MessageTypeAck)
	r.YourIPAddr, r.ClientIPAddr = net.IPv4zero, m.ClientIPAddr
	for _, code := range []uint8{codeNetmask, codeLeaseTime, codeT1, codeT2} {
		delete(r.Options, code)
	}
	return r
}
