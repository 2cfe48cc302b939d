package dhcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"woven.dev/woven/internal/slowpath/option"
)

// kind is the type of an option's value, as in DHCP_Options.type (ovn-sb(5)).
type kind string

const (
	kindBool    kind = "bool"
	kindUint8   kind = "uint8"
	kindUint16  kind = "uint16"
	kindUint32  kind = "uint32"
	kindIP4     kind = "ipv4"
	kindRoutes  kind = "static_routes"
	kindText    kind = "str"
	kindHost    kind = "host_id"
	kindDomains kind = "domains"
)

type definition struct {
	code uint8
	kind kind
}

// Codes that this package treats specially.
const (
	codeNetmask   = 1
	codeLeaseTime = 51
	codeServerID  = 54
	codeT1        = 58
	codeT2        = 59
	codeBootfile  = 67
	codeEtherboot = 175 // in the requests of iPXE
)

// dictionary has the options that DHCP_Options.options may have, and that ovn-northd lists in the Southbound table of that name.
// Those without a code of their own are something else in the reply.
var dictionary = map[string]definition{
	"netmask":                   {codeNetmask, kindIP4},
	"router":                    {3, kindIP4},
	"dns_server":                {6, kindIP4},
	"log_server":                {7, kindIP4},
	"lpr_server":                {9, kindIP4},
	"hostname":                  {12, kindText},
	"domain_name":               {15, kindText},
	"swap_server":               {16, kindIP4},
	"ip_forward_enable":         {19, kindBool},
	"policy_filter":             {21, kindIP4},
	"default_ttl":               {23, kindUint8},
	"mtu":                       {26, kindUint16},
	"broadcast_address":         {28, kindIP4},
	"router_discovery":          {31, kindBool},
	"router_solicitation":       {32, kindIP4},
	"arp_cache_timeout":         {35, kindUint32},
	"ethernet_encap":            {36, kindBool},
	"tcp_ttl":                   {37, kindUint8},
	"tcp_keepalive_interval":    {38, kindUint32},
	"nis_server":                {41, kindIP4},
	"ntp_server":                {42, kindIP4},
	"netbios_name_server":       {44, kindIP4},
	"netbios_node_type":         {46, kindUint8},
	"lease_time":                {codeLeaseTime, kindUint32},
	"server_id":                 {codeServerID, kindIP4},
	"T1":                        {codeT1, kindUint32},
	"T2":                        {codeT2, kindUint32},
	"tftp_server":               {66, kindHost},
	"domain_search_list":        {119, kindDomains},
	"classless_static_route":    {121, kindRoutes},
	"tftp_server_address":       {150, kindIP4},
	"bootfile_name":             {codeBootfile, kindText},
	"bootfile_name_alt":         {kind: kindText},
	"next_server":               {kind: kindIP4},
	"path_prefix":               {210, kindText},
	"ms_classless_static_route": {249, kindRoutes},
	"wpad":                      {252, kindText},
}

// encode gives the bytes of an option's value (RFC 2132).
func (k kind) encode(v string) ([]byte, error) {
	switch k {
	case kindBool:
		return number(v, 1, 1)
	case kindUint8:
		return number(v, 8, 1)
	case kindUint16:
		return number(v, 16, 2)
	case kindUint32:
		return number(v, 32, 4)
	case kindIP4:
		return addresses(v)
	case kindRoutes:
		return routes(v)
	case kindHost:
		if a, err := netip.ParseAddr(option.Text(v)); err == nil && a.Is4() {
			return a.AsSlice(), nil
		}
	case kindDomains:
		return option.Domains(v)
	}
	return []byte(option.Text(v)), nil
}

// number reads a number of so many bits and writes it in so many bytes.
func number(v string, bits, size int) ([]byte, error) {
	n, err := strconv.ParseUint(option.Text(v), 10, bits)
	if err != nil {
		return nil, fmt.Errorf("read number %q: not one of %d bits", v, bits)
	}
	return binary.BigEndian.AppendUint32(nil, uint32(n))[4-size:], nil
}

func addresses(v string) ([]byte, error) {
	list, err := option.Addresses(v, true)
	var b []byte
	for _, a := range list {
		b = append(b, a.AsSlice()...)
	}
	return b, err
}

// routes encodes pairs of prefix and gateway as RFC 3442 does.
func routes(v string) ([]byte, error) {
	list := option.List(v)
	if len(list)%2 != 0 {
		return nil, errors.New("read routes: one has no gateway")
	}
	var b []byte
	for ; len(list) > 0; list = list[2:] {
		p, err := prefix(list[0])
		if err != nil {
			return nil, err
		}
		gateway, err := netip.ParseAddr(list[1])
		if err != nil || !gateway.Is4() {
			return nil, fmt.Errorf("read gateway %q: no IPv4 address", list[1])
		}
		b = append(b, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
		b = append(b, gateway.AsSlice()...)
	}
	return b, nil
}

// prefix reads an IPv4 address alone, with the length of a prefix, or with a netmask.
func prefix(s string) (netip.Prefix, error) {
	text, mask, masked := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || !addr.Is4() {
		return netip.Prefix{}, fmt.Errorf("read prefix %q: no IPv4 address", s)
	}
	bits := 32
	if masked {
		if bits, err = maskBits(mask); err != nil {
			return netip.Prefix{}, fmt.Errorf("read prefix %q: %w", s, err)
		}
	}
	return netip.PrefixFrom(addr, bits).Masked(), nil
}

func maskBits(mask string) (int, error) {
	if a, err := netip.ParseAddr(mask); err == nil && a.Is4() {
		m := binary.BigEndian.Uint32(a.AsSlice())
		for bits := range 33 {
			if m == netmask(bits) {
				return bits, nil
			}
		}
		return 0, fmt.Errorf("mask %s has holes", mask)
	}
	bits, err := strconv.Atoi(mask)
	if err != nil || bits < 0 || bits > 32 {
		return 0, fmt.Errorf("mask %q is none", mask)
	}
	return bits, nil
}

// netmask is the mask of a prefix of 0 to 32 bits.
func netmask(bits int) uint32 { return uint32(uint64(0xffffffff) << (32 - bits)) }
