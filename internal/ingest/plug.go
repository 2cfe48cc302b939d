package ingest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// defaultBridge is the integration bridge when external_ids:ovn-bridge names no other.
const defaultBridge = "br-int"

// Plug is an interface of the integration bridge that names a logical port in external_ids:iface-id.
type Plug struct {
	Interface *vsw.Interface
	// Port is the logical port's name.
	Port string
	// Binding is the port's row; nil when the Southbound database has none.
	Binding *sb.PortBinding
	// Device is the interface on this host; nil when there is none.
	Device *logical.Device
	// Refusal says why this chassis does not hold the port; "" when it does: then Binding and Device are set, and
	// the port is to be claimed.
	Refusal string
}

// Plugs says which local interfaces have which logical port, in the order of the interfaces' names. A port is held
// when its interface exists, no other interface has it, and its binding may be on this chassis. The problems are
// those that a person has to mend.
func Plugs(in Input) ([]Plug, []logical.Problem) {
	plugs := candidates(in.VS)
	byName := bindingsOf(in.SB, plugs)
	self := chassisByName(in.SB, in.Chassis)
	held := map[string]string{} // interface by logical port
	var found logical.Problems
	for i := range plugs {
		p := &plugs[i]
		p.Binding = byName[p.Port]
		if d, ok := in.Devices[p.Interface.Name]; ok {
			p.Device = &d
		}
		switch other, taken := held[p.Port]; {
		case p.Device == nil:
			p.Refusal = fmt.Sprintf("there is no network device %s", logical.Quote(p.Interface.Name))
		case taken:
			p.Refusal = fmt.Sprintf("logical port %s is plugged by interface %s already", logical.Quote(p.Port), logical.Quote(other))
			found.Add("interface", p.Interface.Name, "%s: remove external_ids:iface-id from one; this one is not used", p.Refusal)
		default:
			held[p.Port] = p.Interface.Name
			p.Refusal = in.refusal(p, self, &found)
		}
	}
	slices.SortFunc(plugs, func(a, b Plug) int { return strings.Compare(a.Interface.Name, b.Interface.Name) })
	return plugs, found.Sorted()
}

// candidates are the interfaces of the integration bridge with an iface-id; of several with the same one the first is to win: the
// lowest ofport, those without one last, then the name.
func candidates(rows *vsw.Rows) []Plug {
	var plugs []Plug
	for _, b := range rows.Bridge {
		if b.Name != integrationBridge(rows) {
			continue
		}
		for _, port := range b.Ports {
			for _, iface := range interfacesOf(rows, port) {
				if id := iface.ExternalIDs["iface-id"]; id != "" {
					plugs = append(plugs, Plug{Interface: iface, Port: id})
				}
			}
		}
	}
	slices.SortFunc(plugs, func(a, b Plug) int {
		return cmp.Or(cmp.Compare(ofport(a.Interface), ofport(b.Interface)), strings.Compare(a.Interface.Name, b.Interface.Name))
	})
	return plugs
}

// integrationBridge is the name of the bridge whose interfaces are plugs.
func integrationBridge(rows *vsw.Rows) string {
	for _, o := range rows.OpenvSwitch {
		if name := o.ExternalIDs["ovn-bridge"]; name != "" {
			return name
		}
	}
	return defaultBridge
}

// interfacesOf are the interfaces of a Port row.
func interfacesOf(rows *vsw.Rows, port string) []*vsw.Interface {
	p := rows.Port[port]
	if p == nil {
		return nil
	}
	var ifaces []*vsw.Interface
	for _, uuid := range p.Interfaces {
		if iface := rows.Interface[uuid]; iface != nil {
			ifaces = append(ifaces, iface)
		}
	}
	return ifaces
}

// ofport orders interfaces; -1 is Open vSwitch's mark of an error.
func ofport(iface *vsw.Interface) int {
	if iface.Ofport == nil || *iface.Ofport <= 0 {
		return math.MaxInt
	}
	return *iface.Ofport
}

// bindingsOf finds the Port_Binding of each plug by the logical port's name.
func bindingsOf(rows *sb.Rows, plugs []Plug) map[string]*sb.PortBinding {
	found := make(map[string]*sb.PortBinding, len(plugs))
	for _, p := range plugs {
		found[p.Port] = nil
	}
	for _, pb := range rows.PortBinding {
		if _, wanted := found[pb.LogicalPort]; wanted {
			found[pb.LogicalPort] = pb
		}
	}
	return found
}

// refusal says why a plug with a device and a port of its own is not held; "" when it is.
func (in Input) refusal(p *Plug, self *sb.Chassis, found *logical.Problems) string {
	pb := p.Binding
	if pb == nil {
		return "the Southbound database has no such logical port"
	}
	dp := in.SB.DatapathBinding[pb.Datapath]
	switch {
	case dp == nil:
		return "the logical port's datapath is not known yet"
	case dp.ExternalIDs["logical-router"] != "":
		return "the logical port belongs to a router"
	case pb.Type != "" || pb.ParentPort != nil:
		reason := fmt.Sprintf("ports of type %s are not supported", portKind(pb))
		found.Add("interface", p.Interface.Name, "logical port %s: %s: it is not bound here", logical.Quote(p.Port), reason)
		return reason
	}
	if want := pb.Options["iface-id-ver"]; want != "" && want != p.Interface.ExternalIDs["iface-id-ver"] {
		return fmt.Sprintf("external_ids:iface-id-ver is not %s, as the logical port demands", logical.Quote(want))
	}
	if reason := placement(pb, self, in.Chassis); reason != "" {
		return reason
	}
	return in.Refused[p.Port]
}

// placement says why options:requested-chassis forbids that a chassis binds a port; "" when it may. self is
// nil as long as the chassis has no row. ovn-northd resolves the option to references where it can.
func placement(pb *sb.PortBinding, self *sb.Chassis, name string) string {
	option := pb.Options["requested-chassis"]
	if option == "" || self != nil && pb.RequestedChassis != nil && *pb.RequestedChassis == self.UUID {
		return ""
	}
	index := slices.IndexFunc(strings.Split(option, ","), func(want string) bool {
		return want == name || self != nil && want == self.Hostname
	})
	switch {
	case index > 0, self != nil && slices.Contains(pb.RequestedAdditionalChassis, self.UUID):
		return "this is an additional chassis of options:requested-chassis, which is not supported"
	case index < 0:
		return fmt.Sprintf("options:requested-chassis asks for %s", logical.Quote(option))
	}
	return ""
}
