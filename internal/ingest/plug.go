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

// Role says how a chassis has a port.
type Role string

const (
	// Main: it is Port_Binding.chassis.
	Main Role = "main"
	// Additional: it is one of Port_Binding.additional_chassis, where a port is that is being migrated.
	Additional Role = "additional"
	// Everywhere: the port is on every chassis, and bound to none (OVN's localport).
	Everywhere Role = "everywhere"
)

// Plug is a logical port that an interface of the integration bridge has: by external_ids:iface-id, or as a sub-port of the
// port that is named there.
type Plug struct {
	Interface *vsw.Interface
	// Port is the logical port's name.
	Port string
	// Parent is the logical port whose frames on the interface are untagged, Tag the VLAN of this port's; "" and 0: it is
	// that port itself.
	Parent string
	Tag    uint16
	// Binding is the port's row; nil when the Southbound database has none.
	Binding *sb.PortBinding
	// Device is the interface on this host; nil when there is none.
	Device *logical.Device
	// Role says how the port is to be claimed.
	Role Role
	// Refusal says why this chassis does not hold the port; "" when it does: then Binding, Device and Role are set, and
	// the port is to be claimed.
	Refusal string
}

func holdOf(p *Plug) hold { return hold{p.Device, p.Tag, p.Role} }

// Plugs says which local interfaces have which logical ports, in the order of the interfaces' and ports' names; sub-ports come after
// their parents. A port is held when its interface exists, no other interface has it, and its binding may be on this chassis. The
// problems are those that a person has to mend. Nobody may change the result.
func (r *Reader) Plugs(in Input) ([]Plug, []logical.Problem) {
	if r.plugging.same(&in) {
		return r.plugging.plugs, r.plugging.problems
	}
	p := plugger{Input: in, self: chassisByName(in.SB, in.Chassis), holders: map[string]string{}, plugs: candidates(in.VS)}
	p.findBindings()
	for i := range p.plugs {
		p.decide(&p.plugs[i])
	}
	for _, parent := range p.plugs {
		p.addSubPorts(&parent)
	}
	p.noteOrphans()
	slices.SortStableFunc(p.plugs, func(a, b Plug) int {
		return cmp.Or(strings.Compare(a.Interface.Name, b.Interface.Name), strings.Compare(a.Parent, b.Parent), strings.Compare(a.Port, b.Port))
	})
	r.plugging = plugging{in: in, plugs: p.plugs, problems: p.problems.Sorted()}
	return r.plugging.plugs, r.plugging.problems
}

// plugger is one call of Plugs under way.
type plugger struct {
	Input
	problems logical.Problems
	plugs    []Plug
	self     *sb.Chassis
	holders  map[string]string // interface by logical port
	bindings map[string]*sb.PortBinding
	subPorts map[string][]*sb.PortBinding // by parent
}

// decide says whether a plug's port is held.
func (in *plugger) decide(p *Plug) {
	p.Binding = in.bindings[p.Port]
	if d, ok := in.Devices[p.Interface.Name]; ok {
		p.Device = &d
	}
	switch other, taken := in.holders[p.Port]; {
	case p.Device == nil:
		p.Refusal = fmt.Sprintf("there is no network device %s", logical.Quote(p.Interface.Name))
	case taken:
		p.Refusal = fmt.Sprintf("logical port %s is plugged by interface %s already", logical.Quote(p.Port), logical.Quote(other))
		in.problems.Add("interface", p.Interface.Name, "%s: remove external_ids:iface-id from one; this one is not used", p.Refusal)
	default:
		in.holders[p.Port] = p.Interface.Name
		p.Refusal = in.refusal(p)
	}
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

// findBindings finds the Port_Binding of each plug by the logical port's name, and those of all sub-ports.
func (in *plugger) findBindings() {
	in.bindings = make(map[string]*sb.PortBinding, len(in.plugs))
	for _, p := range in.plugs {
		in.bindings[p.Port] = nil
	}
	in.subPorts = map[string][]*sb.PortBinding{}
	for _, pb := range in.SB.PortBinding {
		if _, wanted := in.bindings[pb.LogicalPort]; wanted {
			in.bindings[pb.LogicalPort] = pb
		}
		if isSubPort(pb) {
			in.subPorts[*pb.ParentPort] = append(in.subPorts[*pb.ParentPort], pb)
		}
	}
}

// isSubPort: the port's frames go by another port's interface, with a VLAN tag.
func isSubPort(pb *sb.PortBinding) bool {
	return pb.Type == "" && pb.ParentPort != nil && *pb.ParentPort != ""
}

// refusal says why a plug with a device and a port of its own is not held, "" when it is, and sets its role.
func (in *plugger) refusal(p *Plug) string {
	pb := p.Binding
	if pb == nil {
		return "the Southbound database has no such logical port"
	}
	if reason := in.datapathRefusal(pb); reason != "" {
		return reason
	}
	switch {
	case isSubPort(pb):
		reason := fmt.Sprintf("the logical port is a sub-port of %s, whose interface has its frames", logical.Quote(*pb.ParentPort))
		in.problems.Add("interface", p.Interface.Name, "external_ids:iface-id: %s: this one is not used", reason)
		return reason
	case pb.Type == localportType:
		p.Role = Everywhere
	case pb.Type != "":
		reason := fmt.Sprintf("ports of type %s are not supported", portType(pb))
		in.problems.Add("interface", p.Interface.Name, "logical port %s: %s: it is not bound here", logical.Quote(p.Port), reason)
		return reason
	}
	if want := pb.Options["iface-id-ver"]; want != "" && want != p.Interface.ExternalIDs["iface-id-ver"] {
		return fmt.Sprintf("external_ids:iface-id-ver is not %s, as the logical port demands", logical.Quote(want))
	}
	if p.Role == Everywhere {
		return ""
	}
	var reason string
	p.Role, reason = placement(pb, in.self, in.Chassis)
	return reason
}

// datapathRefusal says why no port of a binding's datapath can be held.
func (in *plugger) datapathRefusal(pb *sb.PortBinding) string {
	dp := in.SB.DatapathBinding[pb.Datapath]
	switch {
	case dp == nil:
		return "the logical port's datapath is not known yet"
	case dp.ExternalIDs["logical-router"] != "":
		return "the logical port belongs to a router"
	}
	return ""
}

// placement says in which role a chassis may have a port, or why it may not, ovn-nb(5) options:requested-chassis. self is
// nil as long as the chassis has no row. ovn-northd resolves the option to references where it can.
func placement(pb *sb.PortBinding, self *sb.Chassis, name string) (role Role, refusal string) {
	option := pb.Options["requested-chassis"]
	switch {
	case self != nil && pb.RequestedChassis != nil && *pb.RequestedChassis == self.UUID:
		return Main, ""
	case self != nil && slices.Contains(pb.RequestedAdditionalChassis, self.UUID):
		return Additional, ""
	case option == "":
		return Main, ""
	}
	index := slices.IndexFunc(strings.Split(option, ","), func(want string) bool {
		return want == name || self != nil && want == self.Hostname
	})
	switch {
	case index < 0:
		return "", fmt.Sprintf("options:requested-chassis asks for %s", logical.Quote(option))
	case index > 0:
		return Additional, ""
	}
	return Main, ""
}
