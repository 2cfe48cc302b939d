package ingest

import (
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// dhcp is the DHCP_Options row with a UUID; nil when there is none, or it is unusable.
func (n *network) dhcp(uuid *string) *logical.DHCPOptions {
	if uuid == nil {
		return nil
	}
	row := n.NB.DHCPOptions[*uuid]
	if row == nil {
		return nil
	}
	prefix, ok := parsePrefix(row.Cidr)
	if !ok {
		n.Add("dhcp_options", row.UUID, "cidr: %s is no network: requests of its ports are not answered", logical.Quote(row.Cidr))
		return nil
	}
	return n.dhcpRows.keep(row.UUID, &logical.DHCPOptions{UUID: row.UUID, CIDR: prefix.Masked(), Options: row.Options})
}

// readDHCPCodes reads the two dictionaries of the Southbound database.
func (n *network) readDHCPCodes() (dhcpv4, dhcpv6 map[string]logical.DHCPCode) {
	v4, v6 := make(map[string]logical.DHCPCode, len(n.SB.DHCPOptions)), make(map[string]logical.DHCPCode, len(n.SB.DHCPv6Options))
	for _, row := range n.SB.DHCPOptions {
		v4[row.Name] = logical.DHCPCode{Code: uint8(row.Code), Type: row.Type}
	}
	for _, row := range n.SB.DHCPv6Options {
		v6[row.Name] = logical.DHCPCode{Code: uint8(row.Code), Type: row.Type}
	}
	n.dhcpv4, n.dhcpv6 = keepEqualMap(n.dhcpv4, v4), keepEqualMap(n.dhcpv6, v6)
	return n.dhcpv4, n.dhcpv6
}

// findDNS gives the local switches their records.
func (n *network) findDNS() {
	for _, row := range n.SB.DNS {
		for _, datapath := range row.Datapaths {
			if l := n.locals[datapath]; l != nil {
				l.dns = append(l.dns, n.dns(row))
			}
		}
	}
	for _, l := range n.locals {
		slices.SortFunc(l.dns, func(a, b *logical.DNS) int { return strings.Compare(a.UUID, b.UUID) })
	}
}

// knownDNS is what a Reader remembers of a row of DNS.
type knownDNS struct {
	row    *sb.DNSEntry
	result *logical.DNS
}

// dns is what a row says, whichever its datapaths are.
func (n *network) dns(row *sb.DNSEntry) *logical.DNS {
	k := n.knownDNS.get(row.UUID, func() *knownDNS { return &knownDNS{} })
	if k.row != row {
		k.row, k.result = row, keepEqual(k.result, readDNS(row), deepEqual)
	}
	return k.result
}

func readDNS(row *sb.DNSEntry) *logical.DNS {
	d := &logical.DNS{UUID: row.UUID, Records: make(map[string]string, len(row.Records)), Owned: row.Options["ovn-owned"] == "true"}
	for _, name := range sortedKeys(row.Records) {
		d.Records[strings.ToLower(name)] = row.Records[name]
	}
	return d
}

// copp is the meters of a row of Copp by kind of packet.
func (n *network) copp(uuid *string) map[string]string {
	if uuid == nil {
		return nil
	}
	row := n.NB.Copp[*uuid]
	if row == nil {
		return nil
	}
	return row.Meters
}

// readMeters reads all meters.
func (n *network) readMeters() map[string]*logical.Meter {
	out := make(map[string]*logical.Meter, len(n.NB.Meter))
	for _, row := range n.NB.Meter {
		m := &logical.Meter{Name: row.Name, Bits: row.Unit == nb.MeterUnitKbps, Fair: row.Fair != nil && *row.Fair}
		for _, uuid := range row.Bands {
			if band := n.NB.MeterBand[uuid]; band != nil && (m.Rate == 0 || uint32(band.Rate) < m.Rate) {
				m.Rate, m.Burst = uint32(band.Rate), uint32(band.BurstSize)
			}
		}
		out[row.Name] = n.meters.keep(row.UUID, m)
	}
	return out
}
