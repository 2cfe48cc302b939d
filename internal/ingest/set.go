package ingest

import (
	"net/netip"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
)

// Endings of the address sets that stand for the addresses of a port group's ports, ovn-nb(5) Port_Group name.
const (
	ip4Suffix = "_ip4"
	ip6Suffix = "_ip6"
)

// knownSet is what a Reader remembers of an address set.
type knownSet struct {
	row     *nb.AddressSet // nil for a set of a group's ports
	group   *nb.PortGroup
	read    readRow[logical.AddressSet]
	members map[string]memberAddresses // of group, by Logical_Switch_Port UUID
}

// memberAddresses are the addresses of a port in one family.
type memberAddresses struct {
	row      *nb.LogicalSwitchPort
	prefixes []netip.Prefix
}

// mention notes address sets that are to be read.
func (n *network) mention(names []string) {
	for _, name := range names {
		n.mentioned[name] = true
	}
}

// mentionRouter notes those of a router's policies and ports.
func (n *network) mentionRouter(r *logical.Router) {
	var names []string
	for _, p := range r.Policies {
		names = appendSets(names, p.Match)
	}
	for _, p := range r.Ports {
		names = appendSets(names, p.MTUBypass)
	}
	n.mention(names)
}

// readSets reads the address sets that were mentioned. A row of Address_Set goes before a group's ports.
func (n *network) readSets() map[string]*logical.AddressSet {
	out := make(map[string]*logical.AddressSet, len(n.mentioned))
	if len(n.mentioned) == 0 {
		return out
	}
	add := func(name string) *knownSet { return n.knownSets.get(name, func() *knownSet { return &knownSet{} }) }
	for _, row := range n.NB.AddressSet {
		if n.mentioned[row.Name] {
			s := add(row.Name)
			s.readRow(row)
			n.Problems = append(n.Problems, s.read.problems...)
		}
	}
	for _, row := range n.NB.PortGroup {
		for _, suffix := range []string{ip4Suffix, ip6Suffix} {
			if name := row.Name + suffix; n.mentioned[name] && n.knownSets.now[name] == nil {
				add(name).readGroup(n, name, row)
			}
		}
	}
	for name, s := range n.knownSets.now {
		out[name] = s.read.value
	}
	return out
}

// readRow reads a row of Address_Set unless it is the known one.
func (s *knownSet) readRow(row *nb.AddressSet) {
	if s.row == row {
		return
	}
	next := readSet(row)
	next.value = keepEqual(s.read.value, next.value, sameSet)
	*s = knownSet{row: row, read: next}
}

func sameSet(a, b *logical.AddressSet) bool {
	return a.Name == b.Name && slices.Equal(a.Prefixes, b.Prefixes) && slices.Equal(a.MACs, b.MACs)
}

// readSet parses the elements of an address set.
func readSet(row *nb.AddressSet) readRow[logical.AddressSet] {
	var problems logical.Problems
	set := &logical.AddressSet{Name: row.Name}
	for _, text := range row.Addresses {
		if prefix, ok := parsePrefix(text); ok {
			set.Prefixes = append(set.Prefixes, prefix.Masked())
		} else if mac, ok := parseMAC(text); ok {
			set.MACs = append(set.MACs, mac)
		} else {
			problems.Add("address_set", row.Name, "SECURITY: %s is no address, network or MAC address: the set is taken WITHOUT it", logical.Quote(text))
		}
	}
	sortSet(set)
	return readRow[logical.AddressSet]{value: set, problems: problems}
}

// sortSet puts the elements in order, each once.
func sortSet(set *logical.AddressSet) {
	slices.SortFunc(set.Prefixes, netip.Prefix.Compare)
	set.Prefixes = slices.Compact(set.Prefixes)
	slices.SortFunc(set.MACs, func(a, b [6]byte) int { return slices.Compare(a[:], b[:]) })
	set.MACs = slices.Compact(set.MACs)
}

// readGroup makes the set of the addresses that a group's ports have, as ovn-northd does it, of the ports that it did not know.
func (s *knownSet) readGroup(n *network, name string, group *nb.PortGroup) {
	if s.group == group && (n.same.ports || s.current(n)) {
		return
	}
	members, set := make(map[string]memberAddresses, len(group.Ports)), &logical.AddressSet{Name: name}
	for _, uuid := range group.Ports {
		row := n.NB.LogicalSwitchPort[uuid]
		if row == nil {
			continue
		}
		m := s.members[uuid]
		if m.row != row {
			m = memberAddresses{row, addressesOf(row, strings.HasSuffix(name, ip6Suffix))}
		}
		members[uuid] = m
		set.Prefixes = append(set.Prefixes, m.prefixes...)
	}
	sortSet(set)
	value := keepEqual(s.read.value, set, sameSet)
	*s = knownSet{group: group, members: members, read: readRow[logical.AddressSet]{value: value}}
}

// current says whether the ports of the known group are those that were read.
func (s *knownSet) current(n *network) bool {
	count := 0
	for _, uuid := range s.group.Ports {
		row := n.NB.LogicalSwitchPort[uuid]
		if row == nil {
			continue
		}
		if s.members[uuid].row != row {
			return false
		}
		count++
	}
	return count == len(s.members)
}

// addressesOf are the addresses of a port in one family. ovn-northd takes them as they stand, odd ones too.
func addressesOf(row *nb.LogicalSwitchPort, six bool) []netip.Prefix {
	elements := row.Addresses
	if row.DynamicAddresses != nil {
		elements = append(slices.Clone(elements), *row.DynamicAddresses)
	}
	var prefixes []netip.Prefix
	for _, element := range elements {
		if isDynamic(element) {
			continue
		}
		a, _, _ := parseAddress(element)
		for _, p := range a.Prefixes {
			if p.Addr().Is6() == six {
				prefixes = append(prefixes, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
			}
		}
	}
	return prefixes
}
