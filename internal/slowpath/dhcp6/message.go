package dhcp6

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"woven.dev/woven/internal/slowpath/frame"
)

// Limits of a request: what is beyond is not read. Each identity association costs bytes of the reply.
const (
	maxAssociations = 4
	maxAddresses    = 4   // of each
	maxDUID         = 130 // RFC 8415 section 11.1
)

// request is what of a client's message matters.
type request struct {
	kind         dhcpv6.MessageType
	id           dhcpv6.TransactionID
	client       []byte // DUID; nil: none
	server       []byte // DUID that the client names; nil: none
	associations []association
	ipxe         bool
	fqdn         bool // the client asks about its name
	fqdnFlags    byte
}

// association is an IA_NA (RFC 8415 section 21.4) with the addresses that the client mentions.
type association struct {
	id    [4]byte
	addrs []netip.Addr
}

// raw keeps options as they are. The library's own parsers of options would work on what nobody here looks at.
func raw(code dhcpv6.OptionCode, data []byte) (dhcpv6.Option, error) {
	return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: data}, nil
}

func parse(b []byte) (*request, error) {
	if len(b) < 4 {
		return nil, frame.ErrShort
	}
	r := &request{kind: dhcpv6.MessageType(b[0]), id: dhcpv6.TransactionID(b[1:4])}
	var options dhcpv6.Options
	if err := options.FromBytesWithParser(b[4:], raw); err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	for _, o := range options {
		if err := r.option(o.Code(), o.ToBytes()); err != nil {
			return nil, fmt.Errorf("read option %s: %w", o.Code(), err)
		}
	}
	return r, nil
}

func (r *request) option(code dhcpv6.OptionCode, data []byte) error {
	switch code {
	case dhcpv6.OptionClientID:
		if len(data) == 0 || len(data) > maxDUID {
			return fmt.Errorf("identifier of %d bytes", len(data))
		}
		r.client = data
	case dhcpv6.OptionServerID:
		r.server = append([]byte{}, data...)
	case dhcpv6.OptionIANA:
		return r.association(data)
	case dhcpv6.OptionUserClass: // RFC 8415 section 21.15: texts, each behind its length
		r.ipxe = len(data) >= 6 && bytes.HasPrefix(data[2:], []byte("iPXE"))
	case dhcpv6.OptionFQDN:
		if len(data) == 0 {
			return frame.ErrShort
		}
		r.fqdn, r.fqdnFlags = true, data[0]
	}
	return nil
}

func (r *request) association(data []byte) error {
	if len(data) < 12 {
		return frame.ErrShort
	}
	if len(r.associations) == maxAssociations {
		return nil
	}
	a := association{id: [4]byte(data)}
	var options dhcpv6.Options
	if err := options.FromBytesWithParser(data[12:], raw); err != nil {
		return err
	}
	for _, o := range options {
		if o.Code() != dhcpv6.OptionIAAddr || len(a.addrs) == maxAddresses {
			continue
		}
		data := o.ToBytes()
		if len(data) < 24 {
			return frame.ErrShort
		}
		a.addrs = append(a.addrs, netip.AddrFrom16([16]byte(data)))
	}
	r.associations = append(r.associations, a)
	return nil
}

// forUs says whether the message names a server as its type demands, and if so us (RFC 8415 section 16); duid is ours.
func (r *request) forUs(duid []byte) error {
	switch r.kind {
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		if !bytes.Equal(r.server, duid) {
			return errors.New("for another server")
		}
	case dhcpv6.MessageTypeInformationRequest:
		if r.server != nil && !bytes.Equal(r.server, duid) {
			return errors.New("for another server")
		}
		if len(r.associations) > 0 {
			return errors.New("information is asked for with an address")
		}
		return nil // and the client may have no identifier
	case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeRebind:
		if r.server != nil {
			return errors.New("message must not name a server")
		}
	}
	if r.client == nil {
		return errors.New("client has no identifier")
	}
	return nil
}

// serverID is our DUID, made of the link-layer address (RFC 8415 section 11.4).
func serverID(mac frame.MAC) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(dhcpv6.DUID_LL))
	return append(binary.BigEndian.AppendUint16(b, 1), mac[:]...)
}
