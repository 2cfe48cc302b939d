package agent

import (
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/slowpath"
	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/meter"
)

// handleACLs has what ACLs decide written down and answered.
func (l *loop) handleACLs(p punts) {
	p.Handle(config.Kind, acl.PuntLog, func(p punt.Punt) {
		if told, err := acl.ReadTold(p.About); err == nil {
			l.aclLog.Log(p, slowpath.ACLDecision(told))
		}
	})
	p.Handle(config.Kind, acl.PuntReject, func(p punt.Punt) {
		if told, err := acl.ReadTold(p.About); err == nil {
			l.rejecter.Reject(p, told.ToLport)
		}
	})
}

// keepACLs tells the user-space part of ACLs which are logged, and where the ports of their switches are.
func (l *loop) keepACLs(r *round, instances []hover.Instance) {
	acls := map[uint64]slowpath.LoggedACL{}
	names, places := map[punt.Port]slowpath.PortName{}, map[punt.Port]slowpath.Place{}
	for _, in := range instances {
		sw := l.live.network.Switches[in.Module.ID]
		if sw == nil || len(sw.ACLs) == 0 {
			continue
		}
		for _, a := range sw.ACLs {
			if a.Log != nil {
				acls[config.Number(a.UUID)] = l.loggedACL(r, a)
			}
		}
		for _, p := range sw.Ports {
			if slot, here := in.Ports[p.Key]; here {
				at := punt.Port{Module: sw.UUID, Key: p.Key}
				names[at], places[at] = slowpath.PortName{Switch: sw.Name, Port: p.Name}, slowpath.Place{Instance: in.Slot, Port: slot}
			}
		}
	}
	l.aclLog.Configure(acls, names)
	l.rejecter.Configure(l.relay(), places)
}

func (l *loop) loggedACL(r *round, a *logical.ACL) slowpath.LoggedACL {
	logged := slowpath.LoggedACL{UUID: a.UUID, Name: a.Name, Severity: a.Log.Severity}
	if a.Log.Meter == "" {
		return logged
	}
	m := l.live.network.Meters[a.Log.Meter]
	if m == nil || m.Rate == 0 {
		r.problems.Add("acl", a.UUID, "there is no meter %s with a rate: the built-in limit of its log holds", logical.Quote(a.Log.Meter))
		return logged
	}
	logged.Meter = &slowpath.LogMeter{Name: m.Name, Meter: meter.Meter{Rate: m.Rate, Burst: m.Burst, Bits: m.Bits}, Fair: m.Fair}
	return logged
}
