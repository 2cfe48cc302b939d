package agent

import (
	"time"

	"woven.dev/woven/internal/hostnet"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb"
)

// view is what a round leaves for people to look at. Nobody changes it once it is published.
type view struct {
	settings  Settings
	chassis   string // "" while our row is missing
	self      string // UUID of that row
	databases []databaseView
	seen      int // SB_Global.nb_cfg
	live      liveState
	plugged   []ingest.Plug
	claims    claims
	links     map[string]hostnet.Link
	problems  []problemView
}

// linksByIndex are the interfaces of this host.
func (v *view) linksByIndex() map[int]hostnet.Link {
	byIndex := make(map[int]hostnet.Link, len(v.links))
	for _, link := range v.links {
		byIndex[link.Index] = link
	}
	return byIndex
}

type databaseView struct {
	name    string
	remotes []string
	status  ovsdb.Status
}

type problemView struct {
	logical.Problem
	since time.Time
}

// noteDatabases adds what went wrong between us and the databases, and in the data plane.
func (l *loop) noteDatabases(r *round) {
	for name, err := range map[string]error{
		l.ovsDB.name: l.ovsDB.retry.err, l.nbDB.name: l.nbDB.retry.err, l.sbDB.name: l.sbDB.retry.err,
	} {
		if err != nil {
			r.problems.Add("database", name, "%v: it is tried again", err)
		}
	}
	for name, refused := range map[string]refusals{l.ovsDB.name: l.ovsDB.refusals, l.sbDB.name: l.sbDB.refusals} {
		r.problems = append(r.problems, refused.problems(name)...)
	}
	if l.applyRetry.err != nil && len(l.live.failures) == 0 {
		r.problems.Add("data_plane", "state", "%v: it is tried again, and what was live before goes on", l.applyRetry.err)
	}
	r.problems = append(r.problems, l.sweeper.last().problems...)
	for _, f := range l.live.failures {
		r.problems.Add("data_plane", l.failureName(f.Module, f.Port), "%v: it is tried again", f.Err)
	}
}

func (l *loop) failureName(module, port string) string {
	if port != "" {
		return port
	}
	if sw := l.live.network.Switches[module]; sw != nil {
		return sw.Name
	}
	return or(module, "tunnel")
}

// missing names what has to come before the first state can be decided.
func (l *loop) missing(r *round) string {
	switch {
	case r.vs == nil:
		return l.ovsDB.name
	case r.settings.Name == "":
		return "a chassis name"
	case r.sb == nil:
		return l.sbDB.name
	case r.nb == nil:
		return l.nbDB.name
	}
	return "the first state to be carried out"
}

// publish lets people see the round. A problem that lasts keeps the time it was first seen, and is logged once.
func (l *loop) publish(r *round) {
	v := &view{
		settings: r.settings, live: l.live, plugged: r.plugged, claims: *r.claims, links: r.snap.Links,
		databases: []databaseView{
			{l.ovsDB.name, l.ovsDB.remotes, l.ovsDB.status()},
			{l.nbDB.name, l.nbDB.remotes, l.nbDB.status()},
			{l.sbDB.name, l.sbDB.remotes, l.sbDB.status()},
		},
	}
	if r.self != nil {
		v.chassis, v.self = r.self.Name, r.self.UUID
	}
	if r.sb != nil {
		for _, g := range r.sb.SBGlobal {
			v.seen = g.NbCfg
		}
	}
	since := map[logical.Problem]time.Time{}
	for _, p := range r.problems.Sorted() {
		first, known := l.problemSince[p]
		if !known {
			first = r.now
			l.log.Warn("problem", "object", p.Object, "reason", p.Reason)
		}
		since[p] = first
		v.problems = append(v.problems, problemView{p, first})
	}
	for p := range l.problemSince {
		if _, still := since[p]; !still {
			l.log.Info("problem solved", "object", p.Object, "reason", p.Reason)
		}
	}
	l.problemSince = since
	if l.live.state == nil { // not logged: ordinarily it lasts for moments only, and the databases' clients log theirs
		var waits logical.Problems
		waits.Add("data_plane", "state", "waits for %s: what is pinned goes on forwarding, nothing new is claimed", l.missing(r))
		v.problems = append(v.problems, problemView{waits[0], l.started})
	}
	l.published.Store(v)
}
