package agent

import (
	"slices"
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
	if r.settings.Name == "" || !r.settings.EncapIP.IsValid() {
		return nil, nil // readSettings has said so
	}
	chassis := findChassis(r.rows, r.settings.Name)
	if owner := r.encapOwner(); owner != "" {
		var problems logical.Problems
		problems.Add("chassis", r.settings.Name, "tunnel address %s belongs to chassis %s: not registered; "+
			"if that one is gone, remove it with ovn-sbctl chassis-del", r.settings.EncapIP, logical.Quote(owner))
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

// encapOwner names another chassis that has our tunnel address: (type, ip) is unique.
func (r *registration) encapOwner() string {
	for _, e := range r.rows.Encap {
		if e.Type == geneve && e.IP == r.settings.EncapIP.String() && e.ChassisName != r.settings.Name && e.ChassisName != r.former {
			return e.ChassisName
		}
	}
	return ""
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

func (r *registration) encapOptions() map[string]string {
	return map[string]string{"csum": strconv.FormatBool(r.settings.EncapCsum)}
}

// insertEncap inserts our Encap row by the name newEncap.
func (r *registration) insertEncap() ovsdb.Op {
	return ovsdb.Op{Kind: ovsdb.Insert, Row: &sb.Encap{
		UUID: newEncap, Type: geneve, IP: r.settings.EncapIP.String(), ChassisName: r.settings.Name, Options: r.encapOptions(),
	}}
}

// Names of rows in the transaction that inserts them.
const (
	newEncap   = "woven_encap"
	newChassis = "woven_chassis"
)

func (r *registration) insert() []ovsdb.Op {
	ops := []ovsdb.Op{r.insertEncap(), {Kind: ovsdb.Insert, Row: &sb.Chassis{
		UUID: newChassis, Name: r.settings.Name, Hostname: r.settings.Hostname, Encaps: []string{newEncap},
		TransportZones: r.settings.TransportZones,
		ExternalIDs:    r.settings.Advertised, OtherConfig: r.settings.Advertised,
	}}}
	return append(ops, r.private(newChassis)...)
}

// adopt changes what differs in the Chassis row and its Encap.
func (r *registration) adopt(chassis *sb.Chassis) []ovsdb.Op {
	var ops []ovsdb.Op
	write := ovsdb.Op{Kind: ovsdb.Update, Row: &sb.Chassis{UUID: chassis.UUID}, SetKeys: map[string]map[string]string{}}
	row := write.Row.(*sb.Chassis)
	if encap := r.ourEncap(chassis); encap == nil {
		ops = append(ops, r.insertEncap())
		row.Encaps, write.Columns = []string{newEncap}, append(write.Columns, "encaps")
	} else {
		if set := changedKeys(encap.Options, r.encapOptions()); len(set) > 0 {
			ops = append(ops, ovsdb.Op{Kind: ovsdb.Update, Row: &sb.Encap{UUID: encap.UUID},
				SetKeys: map[string]map[string]string{"options": set}})
		}
		if !slices.Equal(chassis.Encaps, []string{encap.UUID}) {
			row.Encaps, write.Columns = []string{encap.UUID}, append(write.Columns, "encaps")
		}
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

// ourEncap returns the row of the chassis that describes our tunnel end, or nil. One without our name, as older tools make them, can't be
// changed by the role ovn-controller: it is replaced.
func (r *registration) ourEncap(chassis *sb.Chassis) *sb.Encap {
	for _, uuid := range chassis.Encaps {
		if e := r.rows.Encap[uuid]; e != nil && e.Type == geneve && e.IP == r.settings.EncapIP.String() && e.ChassisName == r.settings.Name {
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
