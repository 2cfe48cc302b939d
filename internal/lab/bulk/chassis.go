package bulk

import (
	"context"
	"fmt"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// maxChassis is what the underlay's prefix leaves beside hypervisors.
const maxChassis = 100

// AddChassis adds rows of n chassis (1..100) that nobody runs, with tunnel addresses on the underlay, in place of those of
// an earlier call.
func (f *Filler) AddChassis(ctx context.Context, n int) error {
	if n < 1 || n > maxChassis {
		return fmt.Errorf("add %d chassis: outside 1..%d", n, maxChassis)
	}
	var ops []ovsdb.Operation
	for i := range n {
		name, encap := fmt.Sprintf("absent%d", i+1), fmt.Sprintf("encap%d", i)
		ops = append(ops,
			insert("Encap", encap, ovsdb.Row{"type": "geneve", "ip": fmt.Sprintf("172.31.0.%d", 255-maxChassis+i), "chassis_name": name,
				"options": pairs("csum", "true")}),
			insert("Chassis", fmt.Sprintf("chassis%d", i), ovsdb.Row{"name": name, "hostname": name, "encaps": ovsdb.UUID{GoUUID: encap},
				"other_config": pairs("port-up-notif", "true")}))
	}
	results, err := f.sb.transact(ctx, ops...)
	if err != nil {
		return wrap(err, "add %d chassis", n)
	}
	f.chassis = nil
	for i := range n {
		f.chassis = append(f.chassis, results[2*i+1].UUID.GoUUID)
	}
	return nil
}

// BindElsewhere binds ports to the chassis that nobody runs, in turns, when ovn-northd has them all. Then they are up.
func (f *Filler) BindElsewhere(ctx context.Context, ports ...Port) error {
	if _, err := f.lab.NBCtl(ctx, "--timeout=600", "--wait=sb", "sync"); err != nil {
		return err
	}
	rows, err := f.sb.find(ctx, "Port_Binding", "logical_port", namesOf(ports))
	if err != nil {
		return wrap(err, "find bindings")
	}
	for len(rows) > 0 {
		n := min(len(rows), rowsAtOnce)
		var ops []ovsdb.Operation
		for i, row := range rows[:n] {
			chassis := ovsdb.UUID{GoUUID: f.chassis[i%len(f.chassis)]}
			ops = append(ops, update("Port_Binding", "_uuid", row, ovsdb.Row{"chassis": chassis, "up": true}))
		}
		if _, err := f.sb.transact(ctx, ops...); err != nil {
			return wrap(err, "bind %d ports", n)
		}
		rows = rows[n:]
	}
	return nil
}
