package bulk

import (
	"context"
	"fmt"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// AddGroup adds a port group whose members receive, as a security group has it, new TCP connections from each other: by a number of rules, each
// for a port from 8000 on, of IPv4 and IPv6 by turns. All else that they receive is dropped. Ports are members that AddPorts has added.
func (f *Filler) AddGroup(ctx context.Context, name string, rules int, ports ...Port) error {
	var ops []ovsdb.Operation
	var acls, members []ovsdb.UUID
	add := func(priority int, match, action string) {
		row := fmt.Sprintf("acl%d", len(acls))
		acls = append(acls, ovsdb.UUID{GoUUID: row})
		ops = append(ops, insert("ACL", row, ovsdb.Row{"direction": "to-lport", "priority": priority, "match": match, "action": action}))
	}
	for i := range rules {
		family := []string{"ip4", "ip6"}[i%2]
		add(1002, fmt.Sprintf("outport == @%s && %s && %s.src == $%s_%s && tcp.dst == %d", name, family, family, name, family, 8000+i), "allow-related")
	}
	add(1001, fmt.Sprintf("outport == @%s && ip", name), "drop")
	for _, p := range ports {
		uuid, ok := f.rows[p.Name]
		if !ok {
			return fmt.Errorf("add group of port %s: %w", p.Name, errMissing)
		}
		members = append(members, uuid)
	}
	_, err := f.nb.transact(ctx, append(ops, insert("Port_Group", "", ovsdb.Row{"name": name, "acls": set(acls), "ports": set(members)}))...)
	return wrap(err, "add group %s", name)
}

// AddMember adds a port that is a member of a group, and raises the generation, in one transaction.
func (f *Filler) AddMember(ctx context.Context, group string, p Port) error {
	row := []ovsdb.UUID{{GoUUID: "row"}}
	results, err := f.nb.transact(ctx, insert("Logical_Switch_Port", "row", p.row()),
		mutateSet("Logical_Switch", "name", p.Switch, "ports", ovsdb.MutateOperationInsert, row),
		mutateSet("Port_Group", "name", group, "ports", ovsdb.MutateOperationInsert, row), count("NB_Global", "nb_cfg"))
	if err != nil {
		return wrap(err, "add port %s to group %s", p.Name, group)
	}
	f.rows[p.Name] = results[0].UUID
	return nil
}

// Join makes a port that is there a member of a group, and raises the generation, in one transaction.
func (f *Filler) Join(ctx context.Context, group string, p Port) error {
	return wrap(f.changeMembers(ctx, group, p, ovsdb.MutateOperationInsert), "add port %s to group %s", p.Name, group)
}

// Leave takes a port out of a group, and raises the generation, in one transaction.
func (f *Filler) Leave(ctx context.Context, group string, p Port) error {
	return wrap(f.changeMembers(ctx, group, p, ovsdb.MutateOperationDelete), "take port %s out of group %s", p.Name, group)
}

func (f *Filler) changeMembers(ctx context.Context, group string, p Port, how ovsdb.Mutator) error {
	_, err := f.nb.transact(ctx, mutateSet("Port_Group", "name", group, "ports", how, []ovsdb.UUID{f.rows[p.Name]}), count("NB_Global", "nb_cfg"))
	return err
}
