package agent

import (
	"net"
	"strconv"
	"time"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/l2switch/config"
)

// fdbEvery is the least time between two looks at learned addresses, lookShare the share of the time that they may take.
const (
	fdbEvery  = 100 * time.Millisecond
	lookShare = 10
)

// fdbState is what rounds remember of looks at learned addresses.
type fdbState struct {
	*fdb
	problems logical.Problems
	at       time.Time // no look before
	again    time.Time // a look not after; the zero Time: at any
}

// keepFDB takes a look at learned addresses when one is due. Each round is a reason to look, as is the time: a lost punt costs no more than that.
// It returns what to write to the Southbound database.
func (l *loop) keepFDB(r *round) []piece {
	if r.now.Before(l.fdb.at) {
		l.fdb.again = l.fdb.at
		r.problems = append(r.problems, l.fdb.problems...)
		return nil
	}
	l.learnedMore.Store(false)
	in, problems := l.lookAtFDB(r)
	var plan *fdbPlan
	l.fdb.again = time.Time{}
	if in != nil {
		plan = l.fdb.decide(in)
		problems = append(problems, plan.problems...)
		problems = append(problems, l.learn(plan)...)
		l.fdb.again = r.now.Add(in.patience())
	}
	l.fdb.at = r.now.Add(max(fdbEvery, lookShare*l.now().Sub(r.now)))
	l.fdb.problems = problems
	r.problems = append(r.problems, problems...)
	if plan == nil {
		return nil
	}
	return plan.pieces
}

// patience is the time to the next look when nothing happens: ageing needs some.
func (in *fdbLook) patience() time.Duration {
	next := countersEvery
	for _, sw := range in.switches {
		if sw.ageAfter > 0 {
			next = min(next, max(time.Second, sw.ageAfter/4))
		}
	}
	return next
}

// lookAtFDB reads what there is; nil when no switch here learns.
func (l *loop) lookAtFDB(r *round) (*fdbLook, logical.Problems) {
	var problems logical.Problems
	in := &fdbLook{now: r.now, uptime: l.plane.Uptime(), writable: l.sbDB.ready(r.now), switches: map[string]*fdbSwitch{}}
	bySlot, byKey := map[uint32]string{}, map[int]string{}
	for _, instance := range l.plane.Instances() {
		if sw := fdbSwitchOf(&instance); sw != nil {
			sw.ageAfter = ageThreshold(r.nb, l.live.network.Switches[instance.Module.ID], &problems)
			in.switches[instance.Module.ID] = sw
			bySlot[sw.slot], byKey[sw.key] = instance.Module.ID, instance.Module.ID
		}
	}
	if len(in.switches) == 0 {
		return nil, nil
	}
	if err := l.readLearned(in, bySlot); err != nil {
		problems.Add("data_plane", "learned addresses", "%v", err)
		return nil, problems
	}
	in.rows = fdbRows(r.sb, byKey, &problems)
	return in, problems
}

// readLearned reads the kernel's tables.
func (l *loop) readLearned(in *fdbLook, modules map[uint32]string) error {
	rows, err := l.plane.ReadTable(l2switch.LearnedTable)
	if err != nil {
		return err
	}
	list, err := l2switch.ReadLearned(rows)
	if err != nil {
		return err
	}
	in.learned = make(map[station]l2switch.Learned, len(list))
	for _, entry := range list {
		if module, ok := modules[entry.Instance]; ok {
			in.learned[station{module, entry.MAC}] = entry
		}
	}
	if rows, err = l.plane.ReadTable(l2switch.LearnCountTable); err != nil {
		return err
	}
	in.counts, err = l2switch.ReadLearnCounts(rows)
	return err
}

// learn writes the kernel's tables.
func (l *loop) learn(p *fdbPlan) logical.Problems {
	var problems logical.Problems
	rows := map[string]string{}
	for _, entry := range p.learn {
		key, value := entry.Row()
		rows[key] = value
	}
	var gone []string
	for _, entry := range p.forget {
		key, _ := entry.Row()
		gone = append(gone, key)
	}
	if err := l.plane.WriteTable(l2switch.LearnedTable, rows, gone); err != nil {
		problems.Add("data_plane", "learned addresses", "%v: frames for addresses that are not in it are flooded", err)
	}
	counts := map[string]string{}
	for slot, count := range p.counts {
		key, value := count.Row(slot)
		counts[key] = value
	}
	if err := l.plane.WriteTable(l2switch.LearnCountTable, counts, nil); err != nil {
		problems.Add("data_plane", "learned addresses", "%v", err)
	}
	return problems
}

// fdbSwitchOf is what decisions need of a switch; nil for one that learns nothing, and for what is no switch.
func fdbSwitchOf(in *hover.Instance) *fdbSwitch {
	c, ok := in.Module.Config.(*config.Config)
	if !ok || c.UnknownGroup == 0 {
		return nil
	}
	sw := &fdbSwitch{name: in.Module.Name, key: int(in.Module.Key), slot: in.Slot, ports: map[uint16]*fdbPort{}, bySlot: map[uint32]uint16{}}
	for _, p := range in.Module.Ports {
		ref, plugged := in.Refs[p.Key]
		if !plugged {
			continue
		}
		port := &fdbPort{name: p.Name, ref: ref}
		if slot, here := in.Ports[p.Key]; here {
			port.slot, port.learns = slot, c.Ports[p.Key].Learn
			sw.bySlot[slot] = p.Key
		}
		sw.ports[p.Key] = port
	}
	return sw
}

// ageThreshold reads other_config:fdb_age_threshold of a Logical_Switch, seconds.
func ageThreshold(rows *nb.Rows, sw *logical.Switch, problems *logical.Problems) time.Duration {
	if sw == nil || rows.LogicalSwitch[sw.NBUUID] == nil {
		return 0
	}
	text := rows.LogicalSwitch[sw.NBUUID].OtherConfig["fdb_age_threshold"]
	if text == "" {
		return 0
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		problems.Add("logical_switch", sw.Name, "other_config:fdb_age_threshold %s is no number of seconds: learned addresses stay", logical.Quote(text))
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// fdbRows are the rows of the table FDB that belong to switches, which modules gives by dp_key.
func fdbRows(rows *sb.Rows, modules map[int]string, problems *logical.Problems) map[station]*sb.FDBEntry {
	out := map[station]*sb.FDBEntry{}
	for _, row := range rows.FDB {
		module, ours := modules[row.DpKey]
		if !ours {
			continue
		}
		mac, err := net.ParseMAC(row.MAC)
		if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			problems.Add("fdb", row.MAC, "is no unicast MAC address: the row is not used")
			continue
		}
		out[station{module, [6]byte(mac)}] = row
	}
	return out
}
