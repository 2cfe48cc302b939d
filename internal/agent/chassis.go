package agent

import (
	"strconv"
	"time"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// geneve is the one type of encapsulation that Woven speaks.
const geneve = "geneve"

// registration is what decides about our rows in Chassis, Chassis_Private and Encap.
type registration struct {
	settings *Settings
	rows     *sb.Rows
	// former is the name under which this process registered before; its rows go when the name changes.
	former string
	// nbCfg is the live generation, for a row that somebody deleted; 0: nothing is live yet.
	nbCfg int
	now   time.Time
}

// findChassis returns the chassis of that name, or nil.
func findChassis(rows *sb.Rows, name string) *sb.Chassis {
	for _, c := range rows.Chassis {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func findChassisPrivate(rows *sb.Rows, name string) *sb.ChassisPrivate {
	for _, c := range rows.ChassisPrivate {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// pieces make our rows as they have to be: they are empty when the rows are so. Rows that exist under our name
// are adopted, keys of others in them stay. What the role ovn-controller has no right to (RBAC) is a piece of its own.
func (r *registration) pieces() ([]piece, logical.Problems) {
	if r.settings.Name == "" || len(r.settings.Encap.IPs) == 0 {
		return nil, nil // readSettings has said so
	}
	chassis := findChassis(r.rows, r.settings.Name)
	if taken := r.takenEncap(); taken != nil {
		var problems logical.Problems
		problems.Add("chassis", r.settings.Name, "tunnel address %s belongs to chassis %s: not registered; "+
			"if that one is gone, remove it with ovn-sbctl chassis-del", taken.IP, logical.Quote(taken.ChassisName))
		return nil, problems
	}
	name := r.settings.Name
	pieces := []piece{{subject{"chassis", r.former}, r.removeFormer()}}
	if chassis == nil {
		return append(pieces, piece{subject{"chassis", name}, r.insert()}), nil
	}
	return append(pieces,
		piece{subject{"chassis", name}, r.adopt(chassis)},
		piece{subject{"chassis", name + " hostname"}, r.rename(chassis)},
		piece{subject{"chassis_private", name}, r.private(chassis.UUID)}), nil
}

// takenEncap is another chassis' row with one of our tunnel addresses, or nil: (type, ip) is unique.
func (r *registration) takenEncap() *sb.Encap {
	for _, want := range r.settings.Encap.IPs {
		for _, e := range r.rows.Encap {
			if e.Type == geneve && e.IP == want.String() && e.ChassisName != r.settings.Name && e.ChassisName != r.former {
				return e
			}
		}
	}
	return nil
}

func (r *registration) removeFormer() []ovsdb.Op {
	if r.former == "" || r.former == r.settings.Name {
		return nil
	}
	return deleteChassisOps(r.rows, r.former)
}

// deleteChassisOps removes the rows of a chassis; its Encap rows go with them, references in Port_Binding become empty.
func deleteChassisOps(rows *sb.Rows, name string) []ovsdb.Op {
	var ops []ovsdb.Op
	if c := findChassis(rows, name); c != nil {
		ops = append(ops, ovsdb.Op{Kind: ovsdb.Delete, Row: c})
	}
	if c := findChassisPrivate(rows, name); c != nil {
		ops = append(ops, ovsdb.Op{Kind: ovsdb.Delete, Row: c})
	}
	return ops
}

// Names of rows in the transaction that inserts them; that of an Encap has a number appended.
const (
	newEncap   = "woven_encap"
	newChassis = "woven_chassis"
)

func (r *registration) insert() []ovsdb.Op {
	ops, encaps := r.encapOps(nil)
	ops = append(ops, ovsdb.Op{Kind: ovsdb.Insert, Row: &sb.Chassis{
		UUID: newChassis, Name: r.settings.Name, Hostname: r.settings.Hostname, Encaps: encaps,
		TransportZones: r.settings.TransportZones,
		ExternalIDs:    r.settings.Advertised, OtherConfig: r.settings.Advertised,
	}})
	return append(ops, r.private(newChassis)...)
}

// encapOps makes our Encap rows as they have to be, and returns their UUIDs. chassis is our row, or nil.
func (r *registration) encapOps(chassis *sb.Chassis) (ops []ovsdb.Op, uuids []string) {
	for i, want := range r.settings.Encap.rows(r.settings.Name) {
		have := r.ourEncap(chassis, want.IP)
		if have == nil {
			want.UUID = newEncap + strconv.Itoa(i)
			ops, uuids = append(ops, ovsdb.Op{Kind: ovsdb.Insert, Row: want}), append(uuids, want.UUID)
			continue
		}
		uuids = append(uuids, have.UUID)
		if set := changedKeys(have.Options, want.Options); len(set) > 0 {
			ops = append(ops, ovsdb.Op{Kind: ovsdb.Update, Row: &sb.Encap{UUID: have.UUID},
				SetKeys: map[string]map[string]string{"options": set}})
		}
	}
	return ops, uuids
}

// adopt changes what differs in the Chassis row and its Encaps.
func (r *registration) adopt(chassis *sb.Chassis) []ovsdb.Op {
	ops, encaps := r.encapOps(chassis)
	write := ovsdb.Op{Kind: ovsdb.Update, Row: &sb.Chassis{UUID: chassis.UUID}, SetKeys: map[string]map[string]string{}}
	row := write.Row.(*sb.Chassis)
	if !sameSet(chassis.Encaps, encaps) {
		row.Encaps, write.Columns = encaps, append(write.Columns, "encaps")
	}
	if !sameSet(chassis.TransportZones, r.settings.TransportZones) {
		row.TransportZones, write.Columns = r.settings.TransportZones, append(write.Columns, "transport_zones")
	}
	if set := changedKeys(chassis.ExternalIDs, r.settings.Advertised); len(set) > 0 {
		write.SetKeys["external_ids"] = set
	}
	if set := changedKeys(chassis.OtherConfig, r.settings.Advertised); len(set) > 0 {
		write.SetKeys["other_config"] = set
	}
	if len(write.Columns)+len(write.SetKeys) > 0 {
		ops = append(ops, write)
	}
	return ops
}

// rename changes the host name, which the role ovn-controller may set at insert only.
func (r *registration) rename(chassis *sb.Chassis) []ovsdb.Op {
	if chassis.Hostname == r.settings.Hostname {
		return nil
	}
	return update(&sb.Chassis{UUID: chassis.UUID, Hostname: r.settings.Hostname}, []string{"hostname"})
}

// ourEncap returns the row of our chassis that describes a tunnel end, or nil. One without our name, as older tools make them, can't be
// changed by the role ovn-controller: it is replaced.
func (r *registration) ourEncap(chassis *sb.Chassis, ip string) *sb.Encap {
	if chassis == nil {
		return nil
	}
	for _, uuid := range chassis.Encaps {
		if e := r.rows.Encap[uuid]; e != nil && e.Type == geneve && e.IP == ip && e.ChassisName == r.settings.Name {
			return e
		}
	}
	return nil
}

// private makes the Chassis_Private row. nb_cfg and its timestamp are set at insert already: Neutron ignores an
// update whose old value is 0.
func (r *registration) private(chassis string) []ovsdb.Op {
	row := findChassisPrivate(r.rows, r.settings.Name)
	if row != nil {
		if value(row.Chassis) == chassis {
			return nil
		}
		return update(&sb.ChassisPrivate{UUID: row.UUID, Chassis: &chassis}, []string{"chassis"})
	}
	nbCfg := r.nbCfg
	for _, global := range r.rows.SBGlobal {
		if nbCfg == 0 {
			nbCfg = global.NbCfg
		}
	}
	return []ovsdb.Op{{Kind: ovsdb.Insert, Row: &sb.ChassisPrivate{
		Name: r.settings.Name, Chassis: &chassis, NbCfg: nbCfg, NbCfgTimestamp: int(r.now.UnixMilli()),
	}}}
}
