package agent

import (
	"woven.dev/woven/internal/ovsdb"
)

// writeSouth tells the Southbound database what is live.
func (l *loop) writeSouth(r *round) {
	if r.sb == nil || !r.decided {
		return
	}
	pieces := bindingPieces(r.sb, l.bindings.ops(r.sb, r.self, l.virtualClaims(r), l.live.ports))
	if l.live.known {
		cfg := nbCfgOps(findChassisPrivate(r.sb, r.settings.Name), l.live.nbCfg, r.now)
		pieces = append(pieces, piece{subject{"chassis_private", r.settings.Name + " nb_cfg"}, cfg})
	}
	pieces = append(pieces, activationPieces(r.claims.ours, l.activated, r.settings.Name)...)
	pieces = append(pieces, l.keepFDB(r)...)
	pieces = append(pieces, l.keepMulticast(r)...)
	if l.live.network != nil {
		instances := l.plane.Instances()
		pieces = append(pieces, l.keepRouting(r, instances)...)
		l.keepServing(r, instances)
		l.keepACLs(r, instances)
		l.keepAnnouncements(r, instances)
	}
	l.sbDB.write(r.now, pieces...)
}

// writeLocal tells the local database's clients what is live, and the counters.
func (l *loop) writeLocal(r *round) {
	var reports []ovsdb.Op
	if r.decided {
		reports = l.installed.ops(&l.plugs, r.self, r.claims, l.live.ports, r.now)
		if l.live.known {
			reports = append(reports, bridgeNbCfgOps(r.bridge, l.live.nbCfg, r.now)...)
		}
	}
	l.ovsDB.write(r.now, piece{subject{"open_vswitch", "reports"}, reports}, piece{subject{"open_vswitch", "statistics"}, l.counters(r)})
}

// counters are due from time to time, when they can be written.
func (l *loop) counters(r *round) []ovsdb.Op {
	if r.now.Sub(l.countersAt) < countersEvery || !l.ovsDB.ready(r.now) {
		return nil
	}
	l.countersAt = r.now
	all, err := l.host.Counters()
	if err != nil {
		r.problems.Add("host", "counters", "%v", err)
		return nil
	}
	return statisticsOps(r.plugs, all)
}
