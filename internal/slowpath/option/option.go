// Package option reads the values of options as a Northbound database has them: those that ovn-northd copies into actions, in OVN's
// match language (ovn-sb(5)). It is more forgiving: a text needs no quotes.
package option

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Text is a text, without the double quotes around it.
func Text(v string) string {
	v = strings.TrimSpace(v)
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(v[1 : len(v)-1])
	}
	return v
}

// List are the elements of a set, {a, b}, or a single one. Commas and spaces separate.
func List(v string) []string {
	v = strings.TrimSpace(v)
	if inner, ok := strings.CutPrefix(v, "{"); ok {
		v = strings.TrimSuffix(inner, "}")
	}
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// Addresses is a list of at least one address, all of one family.
func Addresses(v string, v4 bool) ([]netip.Addr, error) {
	list := List(v)
	if len(list) == 0 {
		return nil, errors.New("read addresses: none")
	}
	addrs := make([]netip.Addr, len(list))
	for i, s := range list {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("read address: %w", err)
		}
		if a.Is4() != v4 || a.Zone() != "" {
			return nil, fmt.Errorf("read address %q: wrong family or zone", s)
		}
		addrs[i] = a
	}
	return addrs, nil
}

// MAC is the Ethernet address of a station.
func MAC(v string) (m [6]byte, err error) {
	mac, err := net.ParseMAC(Text(v))
	if err != nil || len(mac) != len(m) || mac[0]&1 != 0 {
		return m, fmt.Errorf("read %q: not the address of a station", v)
	}
	return [6]byte(mac), nil
}

// Limits of domain names, RFC 1035 section 2.3.4.
const (
	maxLabel = 63
	maxName  = 255
)

// Domains encodes a comma separated list of domain names as RFC 1035 section 3.1 does, without compression.
func Domains(v string) ([]byte, error) { return DomainList(strings.Split(Text(v), ",")) }

// DomainList is Domains for a list that has been taken apart.
func DomainList(names []string) ([]byte, error) {
	var encoded []byte
	for _, name := range names {
		start := len(encoded)
		name = strings.TrimSuffix(strings.TrimSpace(name), ".")
		for label := range strings.SplitSeq(name, ".") {
			if len(label) == 0 || len(label) > maxLabel {
				return nil, fmt.Errorf("read domain name %q: label of %d bytes", name, len(label))
			}
			encoded = append(append(encoded, byte(len(label))), label...)
		}
		encoded = append(encoded, 0)
		if len(encoded)-start > maxName {
			return nil, fmt.Errorf("read domain name %q: more than %d bytes", name, maxName)
		}
	}
	return encoded, nil
}
