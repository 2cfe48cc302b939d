package ingest

import (
	"strconv"
	"strings"

	"woven.dev/woven/internal/logical"
)

// vrrpWord begins an element of port_security that is about virtual routers (ovn-nb(5) of OVN 26.03).
const vrrpWord = "VRRPv3"

// vrrpRanges are the MAC addresses of virtual routers (RFC 9568 section 7.3), by the address that stands for the range.
var vrrpRanges = [][6]byte{{0, 0, 0x5e, 0, 1, 0}, {0, 0, 0x5e, 0, 2, 0}}

// parseVRRP parses "VRRPv3 MAC [VIRTUAL-MAC[/plen]]... [IP[/plen]]...". Without virtual MAC addresses it is about both ranges. A word that is
// wrong spoils the element: it is returned as bad.
func parseVRRP(element string) (a logical.Address, bad string, ok bool) {
	_, rest := nextWord(element)
	word, rest := nextWord(rest)
	if a.MAC, ok = parseMAC(word); !ok || a.MAC[0]&1 != 0 {
		return logical.Address{}, logical.Quote(word), false
	}
	for {
		if word, rest = nextWord(rest); word == "" {
			break
		}
		if prefix, ok := parsePrefix(word); ok {
			a.Prefixes = append(a.Prefixes, prefix)
			continue
		}
		virtual := parseVirtualMACs(word)
		if virtual == nil {
			return logical.Address{}, logical.Quote(word), false
		}
		a.VRRP = append(a.VRRP, virtual...)
	}
	if a.VRRP == nil {
		a.VRRP = vrrpRanges
	}
	return a, "", true
}

// parseVirtualMACs parses a MAC address of VRRP's ranges, with a prefix length of 40 to 48 perhaps; nil: it is none. Number 0 is no virtual router's.
func parseVirtualMACs(word string) [][6]byte {
	text, mask, masked := strings.Cut(word, "/")
	mac, ok := parseMAC(text)
	bits := uint64(48)
	if masked {
		var err error
		bits, err = strconv.ParseUint(mask, 10, 8)
		ok = ok && err == nil
	}
	base := mac
	base[5] = 0
	if !ok || bits < 40 || bits > 48 || base != vrrpRanges[0] && base != vrrpRanges[1] {
		return nil
	}
	count := 1 << (48 - bits)
	if int(mac[5])&(count-1) != 0 || count == 1 && mac[5] == 0 {
		return nil
	}
	if count == 256 {
		return [][6]byte{base}
	}
	var list [][6]byte
	for i := range count {
		one := mac
		if one[5] += byte(i); one[5] != 0 {
			list = append(list, one)
		}
	}
	return list
}
