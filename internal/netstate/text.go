package netstate

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// Text is the whole state for people and tests, one line per object, in a fixed order. Equal states give
// equal texts.
func (s *State) Text() string {
	var b strings.Builder
	if s.FloodLimit != 0 {
		fmt.Fprintf(&b, "flood-limit %d\n", s.FloodLimit)
	}
	if s.FlowCache != (FlowCache{}) {
		fmt.Fprintf(&b, "flow-cache %s\n", s.FlowCache)
	}
	if s.Tunnel != nil {
		fmt.Fprintf(&b, "tunnel %s\n", s.Tunnel)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Nodes)) {
		fmt.Fprintf(&b, "node %s\n", s.Nodes[name])
	}
	for _, id := range slices.Sorted(maps.Keys(s.Modules)) {
		s.Modules[id].write(&b)
	}
	return b.String()
}

// String is the use of the flow cache in a few words.
func (c FlowCache) String() string {
	switch {
	case c.Off:
		return "off"
	case c.Check > 0:
		return fmt.Sprintf("check 1/%d", c.Check)
	}
	return "on"
}

// String is the tunnel end in one line.
func (t *Tunnel) String() string {
	var words []string
	for _, a := range t.Addrs {
		words = append(words, a.String())
	}
	if t.InheritTOS {
		words = append(words, "tos inherit")
	} else if t.TOS != 0 {
		words = append(words, fmt.Sprintf("tos %#x", t.TOS))
	}
	if t.MayFragment {
		words = append(words, "may fragment")
	}
	for _, d := range t.Devices {
		words = append(words, "device "+d.String())
	}
	return strings.Join(words, " ")
}

// String is the node in one line.
func (n *Node) String() string {
	if n.Ifindex == 0 {
		return fmt.Sprintf("%q %s no route", n.Name, n.Addr)
	}
	from := ""
	if n.Local.IsValid() {
		from = " from " + n.Local.String()
	}
	return fmt.Sprintf("%q %s%s via %s ifindex %d mtu %d", n.Name, n.Addr, from, n.NextHop, n.Ifindex, n.MTU)
}

// String names the module in one line: kind, name, ID and key.
func (m *Module) String() string {
	return fmt.Sprintf("%s %q %s key %d", m.Kind, m.Name, m.ID, m.Key)
}

// String is the port in one line.
func (p Port) String() string {
	s := fmt.Sprintf("%d %q", p.Key, p.Name)
	if p.Device != nil {
		s += " device " + p.Device.String()
	}
	if p.Tag != 0 {
		s += fmt.Sprintf(" tag %d", p.Tag)
	}
	if p.Peer != nil {
		s += fmt.Sprintf(" peer %s port %d", p.Peer.Module, p.Peer.Key)
	}
	for _, node := range p.Nodes {
		s += fmt.Sprintf(" node %q", node)
	}
	if p.HereOnly {
		s += " here only"
	}
	return s
}

// String is the device in one line.
func (d Device) String() string {
	s := fmt.Sprintf("%q ifindex %d", d.Name, d.Ifindex)
	if d.PeerMAC != [6]byte{} {
		s += " peer " + net.HardwareAddr(d.PeerMAC[:]).String()
	}
	return s
}

// String is the group in one line.
func (g Group) String() string {
	return fmt.Sprintf("%d %q ports %v", g.Key, g.Name, g.Ports)
}

// write prints the module and what it holds. A Config that is a fmt.Stringer gives its own lines.
func (m *Module) write(b *strings.Builder) {
	fmt.Fprintf(b, "module %s\n", m)
	for _, p := range m.Ports {
		fmt.Fprintf(b, "  port %s\n", p)
	}
	for _, g := range m.Groups {
		fmt.Fprintf(b, "  group %s\n", g)
	}
	writeConfig(b, "config", m.Config)
	writeObjects(b, "object", m.Objects)
	for _, s := range m.Services {
		writeConfig(b, s.Kind, s.Config)
		writeObjects(b, s.Kind+" object", s.Objects)
	}
}

// writeObjects prints names by number.
func writeObjects(b *strings.Builder, word string, objects map[uint32]string) {
	for _, number := range slices.Sorted(maps.Keys(objects)) {
		fmt.Fprintf(b, "  %s %d %s\n", word, number, objects[number])
	}
}

// writeConfig prints a configuration, each line behind a word.
func writeConfig(b *strings.Builder, word string, config any) {
	if config == nil {
		return
	}
	for line := range strings.Lines(fmt.Sprint(config)) {
		fmt.Fprintf(b, "  %s %s\n", word, strings.TrimSuffix(line, "\n"))
	}
}
