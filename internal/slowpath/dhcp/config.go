// Package dhcp answers the DHCPv4 requests of one logical port, whose address is known beforehand (RFC 2131). It remembers nothing.
package dhcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/option"
)

// Row is what the Northbound database says about DHCP at a port (ovn-nb(5), "DHCP_Options TABLE").
type Row struct {
	// MAC is the port's; Addresses are those of the port that belong to it: the first one in CIDR is offered.
	MAC       frame.MAC
	Addresses []netip.Addr
	CIDR      netip.Prefix
	Options   map[string]string
	// Codes say how Options are encoded, by name.
	Codes map[string]Code
	// Hostname is Logical_Switch_Port.options:hostname; it goes before the option. "": none.
	Hostname string
}

// Config is what the answers consist of. The zero value answers nothing.
type Config struct {
	MAC, ServerMAC frame.MAC
	// Offer is the port's address, Server the server's, NextServer that of the boot server: the zero Addr for none.
	Offer, Server, NextServer netip.Addr
	// Bootfile is for all clients; BootfileAlt, if there, for those that are no iPXE.
	Bootfile, BootfileAlt string
	// Options are the others, by code.
	Options map[uint8][]byte
}

// MaxOptions is how many bytes the options of a configuration may have, so that a reply fits into a packet of 1,500 bytes.
const MaxOptions = 1200

// NewConfig reads a row. What can't be read is told and left out; when that is the address, or an option that must be there, the
// configuration is the zero value.
func NewConfig(row Row) (Config, []error) {
	i := slices.IndexFunc(row.Addresses, func(a netip.Addr) bool { return a.Is4() && row.CIDR.Contains(a) })
	if i < 0 {
		return Config{}, []error{fmt.Errorf("cidr: no IPv4 address of the port is in %s", row.CIDR)}
	}
	values := maps.Clone(row.Options)
	for _, name := range []string{"server_id", "server_mac", "lease_time"} {
		if values[name] == "" {
			return Config{}, []error{fmt.Errorf("%s: missing", name)}
		}
	}
	if row.Hostname != "" {
		values["hostname"] = row.Hostname
	}
	c := Config{MAC: row.MAC, Offer: row.Addresses[i], Options: map[uint8][]byte{}}
	var err error
	if c.ServerMAC, err = option.MAC(values["server_mac"]); err != nil {
		return Config{}, []error{fmt.Errorf("server_mac: %w", err)}
	}
	problems := c.read(values, row.Codes)
	c.Options[codeNetmask] = binary.BigEndian.AppendUint32(nil, netmask(row.CIDR.Bits()))
	if server := c.Options[codeServerID]; len(server) == 4 && c.Options[codeLeaseTime] != nil {
		c.Server = netip.AddrFrom4([4]byte(server))
		return c, problems
	}
	return Config{}, problems
}

// read takes over the options.
func (c *Config) read(values map[string]string, codes map[string]Code) (problems []error) {
	room := MaxOptions
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "server_mac" || name == "netmask" { // the one is none, the other follows from the network
			continue
		}
		code, known := codes[name]
		if !known {
			problems = append(problems, fmt.Errorf("%s: no such option", name))
			continue
		}
		used, err := c.set(name, code, values[name], room)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		room -= used
	}
	return problems
}

// set takes over one option (three have names but no code of their own) if there is room for its bytes, and says how many it has.
func (c *Config) set(name string, code Code, v string, room int) (used int, err error) {
	data, err := code.encode(v)
	if err != nil {
		return 0, err
	}
	if len(data) > room {
		return 0, fmt.Errorf("all options together have more than %d bytes", MaxOptions)
	}
	switch name {
	case "bootfile_name":
		c.Bootfile = string(data)
	case "bootfile_name_alt":
		c.BootfileAlt = string(data)
	case "next_server":
		if len(data) != 4 {
			return 0, errors.New("is not one IPv4 address")
		}
		c.NextServer = netip.AddrFrom4([4]byte(data))
	default:
		if slices.Contains([]uint8{codePad, codeMessageType, codeEnd}, code.Code) {
			return 0, fmt.Errorf("code %d is none of an option", code.Code)
		}
		c.Options[code.Code] = data
	}
	return len(data), nil
}
