// Package bulk fills a lab with ports by the thousand: rows go straight into the databases, many in one transaction, and
// devices are made without a process for each.
package bulk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"

	"woven.dev/woven/internal/lab"
)

// rowsAtOnce bounds a transaction.
const rowsAtOnce = 1000

// Filler fills one lab.
type Filler struct {
	lab    *lab.Lab
	nb, sb *database
	local  map[string]*database  // of hypervisors, by name
	rows   map[string]ovsdb.UUID // of Logical_Switch_Port, by name
	// chassis are the UUIDs of those that AddChassis made.
	chassis []string
}

// Open connects to a lab's databases.
func Open(ctx context.Context, l *lab.Lab) (*Filler, error) {
	f := &Filler{lab: l, rows: map[string]ovsdb.UUID{}}
	if err := f.connect(ctx); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Reconnect connects again, after a database was restarted.
func (f *Filler) Reconnect(ctx context.Context) error {
	f.Close()
	return f.connect(ctx)
}

func (f *Filler) connect(ctx context.Context) (err error) {
	f.local = map[string]*database{}
	f.nb, err = connect(ctx, "OVN_Northbound", filepath.Join(f.lab.Dir(), "central", "ovnnb_db.sock"))
	if err == nil {
		f.sb, err = connect(ctx, "OVN_Southbound", filepath.Join(f.lab.Dir(), "central", "ovnsb_db.sock"))
	}
	return err
}

// Close ends the connections; all else stays, and goes with the lab.
func (f *Filler) Close() {
	for _, db := range []*database{f.nb, f.sb} {
		if db != nil {
			db.Close()
		}
	}
	for _, db := range f.local {
		db.Close()
	}
	f.nb, f.sb, f.local = nil, nil, nil
}

// Port is a logical switch port.
type Port struct {
	// Name: at most 13 bytes.
	Name, Switch string
	MAC          net.HardwareAddr
	Addrs        []netip.Addr
}

// Numbered is port n (1..65,000) of a switch: MAC address 0a:00:00:01:n, 10.1.n and fd00:10:1::n, in two bytes where needed.
func Numbered(sw string, n int) Port {
	high, low := byte(n>>8), byte(n)
	ip6 := netip.MustParseAddr("fd00:10:1::").As16()
	ip6[14], ip6[15] = high, low
	return Port{
		Name: fmt.Sprintf("%s.%d", sw, n), Switch: sw, MAC: net.HardwareAddr{0x0a, 0, 0, 1, high, low},
		Addrs: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, high, low}), netip.AddrFrom16(ip6)},
	}
}

// Device is the port's device on a hypervisor.
func (p Port) Device() string { return "b-" + p.Name }

// addresses are the port's as in Logical_Switch_Port.addresses.
func (p Port) addresses() string {
	text := p.MAC.String()
	for _, a := range p.Addrs {
		text += " " + a.String()
	}
	return text
}

// row is the port's in the Northbound database.
func (p Port) row() ovsdb.Row {
	return ovsdb.Row{"name": p.Name, "addresses": p.addresses(), "port_security": p.addresses()}
}

// AddSwitch adds a logical switch.
func (f *Filler) AddSwitch(ctx context.Context, name string) error {
	_, err := f.nb.transact(ctx, insert("Logical_Switch", "", ovsdb.Row{"name": name}))
	return wrap(err, "add switch %s", name)
}

// AddPorts adds ports of one switch, with port security for their addresses.
func (f *Filler) AddPorts(ctx context.Context, ports ...Port) error {
	return chunks(ports, func(ports []Port) error {
		var ops []ovsdb.Operation
		var names []ovsdb.UUID
		for i, p := range ports {
			name := fmt.Sprintf("row%d", i)
			names = append(names, ovsdb.UUID{GoUUID: name})
			ops = append(ops, insert("Logical_Switch_Port", name, p.row()))
		}
		ops = append(ops, mutateSet("Logical_Switch", "name", ports[0].Switch, "ports", ovsdb.MutateOperationInsert, names))
		results, err := f.nb.transact(ctx, ops...)
		if err != nil {
			return wrap(err, "add %d ports", len(ports))
		}
		for i, p := range ports {
			f.rows[p.Name] = results[i].UUID
		}
		return nil
	})
}

// RemovePorts removes ports of one switch that AddPorts or AddMember has added; groups lose them as members.
func (f *Filler) RemovePorts(ctx context.Context, ports ...Port) error {
	return chunks(ports, func(ports []Port) error {
		var uuids []ovsdb.UUID
		for _, p := range ports {
			uuid, ok := f.rows[p.Name]
			if !ok {
				return fmt.Errorf("remove port %s: %w", p.Name, errMissing)
			}
			uuids = append(uuids, uuid)
		}
		_, err := f.nb.transact(ctx, mutateSet("Logical_Switch", "name", ports[0].Switch, "ports", ovsdb.MutateOperationDelete, uuids))
		return wrap(err, "remove %d ports", len(ports))
	})
}

// SetAddresses changes a port's addresses and port security in the Northbound database.
func (f *Filler) SetAddresses(ctx context.Context, p Port) error {
	_, err := f.nb.transact(ctx, update("Logical_Switch_Port", "_uuid", f.rows[p.Name], ovsdb.Row{
		"addresses": p.addresses(), "port_security": p.addresses()}))
	return wrap(err, "set addresses of %s", p.Name)
}

// Generation is NB_Global.nb_cfg.
func (f *Filler) Generation(ctx context.Context) (int, error) {
	results, err := f.nb.transact(ctx, ovsdb.Operation{Op: ovsdb.OperationSelect, Table: "NB_Global", Where: anyRow(), Columns: []string{"nb_cfg"}})
	if err != nil {
		return 0, wrap(err, "read generation")
	}
	for _, row := range results[0].Rows {
		if n, ok := row["nb_cfg"].(float64); ok {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("read generation: %w", errMissing)
}

// NextGeneration raises NB_Global.nb_cfg.
func (f *Filler) NextGeneration(ctx context.Context) error {
	_, err := f.nb.transact(ctx, count("NB_Global", "nb_cfg"))
	return wrap(err, "raise generation")
}

// Sync returns when every hypervisor that runs carries out what the databases say.
func (f *Filler) Sync(ctx context.Context) error {
	_, err := f.lab.NBCtl(ctx, "--timeout=600", "--wait=hv", "sync")
	return err
}

// chunks calls do with parts of a list.
func chunks(ports []Port, do func([]Port) error) error {
	for len(ports) > 0 {
		n := min(len(ports), rowsAtOnce)
		if err := do(ports[:n]); err != nil {
			return err
		}
		ports = ports[n:]
	}
	return nil
}

func namesOf(ports []Port) []string {
	names := make([]string, len(ports))
	for i, p := range ports {
		names[i] = p.Name
	}
	return names
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// errMissing: a transaction has found fewer rows than it is about.
var errMissing = errors.New("rows are missing")
