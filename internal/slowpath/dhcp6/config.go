// Package dhcp6 answers the DHCPv6 requests of one logical port, whose address is known beforehand (RFC 8415). It remembers nothing.
package dhcp6

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/option"
)

// Row is what the Northbound database says about DHCPv6 at a port (ovn-nb(5), "DHCP_Options TABLE").
type Row struct {
	// MAC is the port's; Addresses are those of the port that belong to it: the first one in CIDR is given.
	MAC       frame.MAC
	Addresses []netip.Addr
	CIDR      netip.Prefix
	Options   map[string]string
}

// Config is what the answers consist of. The zero value answers nothing.
type Config struct {
	MAC, ServerMAC frame.MAC
	// Network is the prefix whose addresses are right on the link, Addr the port's in it.
	Network netip.Prefix
	Addr    netip.Addr
	// Stateless: clients get no address from here.
	Stateless bool
	DNS       []netip.Addr
	// Search and FQDN are domain names as RFC 1035 section 3.1 encodes them; nil for none.
	Search, FQDN []byte
	// Bootfile is the URL for iPXE, BootfileAlt that for other clients; "" for none.
	Bootfile, BootfileAlt string
}

// MaxOptions is how many bytes the values of a configuration may have, so that a reply fits into a packet of 1,280 bytes.
const MaxOptions = 800

// NewConfig reads a row. What can't be read is told and left out; when that is the address or the server's, the configuration is the
// zero value.
func NewConfig(row Row) (Config, []error) {
	i := slices.IndexFunc(row.Addresses, func(a netip.Addr) bool { return a.Is6() && row.CIDR.Contains(a) })
	if i < 0 {
		return Config{}, []error{fmt.Errorf("cidr: no IPv6 address of the port is in %s", row.CIDR)}
	}
	c := Config{MAC: row.MAC, Network: row.CIDR.Masked(), Addr: row.Addresses[i]}
	var err error
	if c.ServerMAC, err = option.MAC(row.Options["server_id"]); err != nil {
		return Config{}, []error{fmt.Errorf("server_id: %w", err)}
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(row.Options)) {
		with := c
		err := with.set(name, row.Options[name])
		if err == nil && with.size() > MaxOptions {
			err = fmt.Errorf("all options together have more than %d bytes", MaxOptions)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		c = with
	}
	return c, problems
}

// size is how many bytes the values have in a reply.
func (c *Config) size() int {
	const addrBytes = 16
	return addrBytes*len(c.DNS) + len(c.Search) + len(c.FQDN) + max(len(c.Bootfile), len(c.BootfileAlt))
}

func (c *Config) set(name, v string) (err error) {
	switch name {
	case "server_id": // NewConfig has it
	case "dhcpv6_stateless":
		c.Stateless = option.Text(v) == "true"
	case "dns_server":
		c.DNS, err = option.Addresses(v, false)
	case "domain_search":
		c.Search, err = option.Domains(v)
	case "fqdn":
		c.FQDN, err = option.Domains(v)
	case "bootfile_name":
		c.Bootfile = option.Text(v)
	case "bootfile_name_alt":
		c.BootfileAlt = option.Text(v)
	default:
		err = errors.New("no such option")
	}
	return err
}
