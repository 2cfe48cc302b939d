package agent

import (
	"fmt"
	"slices"
	"strings"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
)

// portView is a port as people see it, still without counters.
type portView struct {
	v1.Port
	module string // Datapath_Binding UUID; "" when the port is in no switch of this node
}

// ports lists the ports of this node's switches, and those that its interfaces name, by name.
func (v *view) ports() []portView {
	plugs := map[string]*ingest.Plug{}
	for i := range v.plugged {
		if p := &v.plugged[i]; plugs[p.Port] == nil || p.Refusal == "" {
			plugs[p.Port] = p
		}
	}
	links := v.linksByIndex()
	var list []portView
	if n := v.live.network; n != nil {
		for id, sw := range n.Switches {
			for _, p := range sw.Ports {
				list = append(list, portView{v.logicalPort(id, sw, p, plugs[p.Name], links), id})
				delete(plugs, p.Name)
			}
		}
	}
	for name, plug := range plugs {
		p := v1.Port{Name: name, State: v1.PortWaiting, Error: plug.Refusal, Addresses: []string{}, Drops: []v1.Drop{}}
		if plug.Refusal == "" {
			p.Error = "the data plane does not hold it yet"
		}
		v.addDevice(&p, plug)
		list = append(list, portView{Port: p})
	}
	slices.SortFunc(list, func(a, b portView) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (v *view) logicalPort(module string, sw *logical.Switch, p *logical.Port, plug *ingest.Plug, links map[int]hostnet.Link) v1.Port {
	out := v1.Port{Name: p.Name, Switch: sw.Name, Key: p.Key, Chassis: p.Chassis, Addresses: []string{}, Drops: []v1.Drop{}}
	if len(p.Addresses) > 0 {
		out.MAC = logical.MAC(p.Addresses[0].MAC)
	}
	for _, a := range p.Addresses {
		for _, prefix := range a.Prefixes {
			if prefix.IsSingleIP() {
				out.Addresses = append(out.Addresses, prefix.Addr().String())
			} else {
				out.Addresses = append(out.Addresses, prefix.String())
			}
		}
	}
	addRouter(&out, p.Link)
	if plug != nil {
		v.addDevice(&out, plug)
		out.Error = plug.Refusal
	}
	switch {
	case p.Device != nil:
		out.State, out.Error = v.localState(module, p, plug, links[p.Device.Ifindex])
	case p.VirtualParent != "" && p.Chassis == v.chassis && v.live.ports[p.VirtualParent]:
		out.State = v1.PortUp
	case p.Chassis != "":
		out.State = v1.PortRemote
	case plug != nil:
		out.State = v1.PortWaiting
	default:
		out.State = v1.PortUnplugged
	}
	return out
}

// addRouter tells of the router at the other end of a port.
func addRouter(p *v1.Port, link *logical.Link) {
	if link == nil || !link.Router {
		return
	}
	p.MAC = logical.MAC(link.MAC)
	for _, n := range link.Networks {
		p.Networks = append(p.Networks, n.String())
	}
}

func (v *view) addDevice(p *v1.Port, plug *ingest.Plug) {
	p.Device = plug.Interface.Name
	if plug.Device != nil {
		p.Ifindex = plug.Device.Ifindex
	}
}

// localState says how far a port that we carry out has come.
func (v *view) localState(module string, p *logical.Port, plug *ingest.Plug, link hostnet.Link) (v1.PortState, string) {
	for _, f := range v.live.failures {
		if f.Module == module && (f.Port == p.Name || f.Port == "") {
			return v1.PortFailed, f.Err.Error()
		}
	}
	switch {
	case p.NBUUID == "":
		return v1.PortWaiting, "the Northbound database has no such logical port yet"
	case !v.live.ports[p.Name]:
		return v1.PortWaiting, "its turn to get programs has not come yet"
	case plug == nil || plug.Refusal != "" || plug.Role != ingest.Everywhere && !isBound(&claim{Plug: *plug}, v.self):
		return v1.PortWaiting, "the Southbound database does not say yet that it is up"
	case len(p.Activation) > 0:
		return v1.PortWaiting, "it is being migrated here, and its workload has not announced itself: options:activation-strategy"
	case !p.Enabled:
		return v1.PortDown, "it is disabled"
	case !link.Up || !link.Carrier:
		return v1.PortDown, fmt.Sprintf("interface %s has no link", p.Device.Name)
	}
	return v1.PortUp, ""
}
