package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// database is a connection that only writes: it keeps no copy, and so costs nothing while others change rows.
type database struct {
	client.Client
}

// connect opens a connection to a database at a unix socket.
func connect(ctx context.Context, name, socket string) (*database, error) {
	m, err := model.NewClientDBModel(name, nil)
	if err != nil {
		return nil, fmt.Errorf("build model of %s: %w", name, err)
	}
	c, err := client.NewOVSDBClient(m, client.WithEndpoint("unix:"+socket))
	if err == nil {
		err = c.Connect(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", name, err)
	}
	return &database{c}, nil
}

// transact carries out all operations, or none.
func (db *database) transact(ctx context.Context, ops ...ovsdb.Operation) ([]ovsdb.OperationResult, error) {
	results, err := db.Transact(ctx, ops...)
	if err != nil {
		return nil, err
	}
	if _, err := ovsdb.CheckOperationResults(results, ops); err != nil {
		var errs []error
		for _, r := range results {
			if r.Error != "" {
				errs = append(errs, fmt.Errorf("%s: %s", r.Error, r.Details))
			}
		}
		return nil, errors.Join(append(errs, err)...)
	}
	return results, nil
}

// find are the UUIDs of the rows that have names in a column, in their order. One listing of the table is less work for the server
// than to look for each: it has no index by names.
func (db *database) find(ctx context.Context, table, column string, names []string) ([]ovsdb.UUID, error) {
	results, err := db.transact(ctx, ovsdb.Operation{Op: ovsdb.OperationSelect, Table: table, Where: anyRow(), Columns: []string{"_uuid", column}})
	if err != nil {
		return nil, err
	}
	byName := make(map[any]ovsdb.UUID, len(results[0].Rows))
	for _, row := range results[0].Rows {
		if uuid, ok := row["_uuid"].(ovsdb.UUID); ok {
			byName[row[column]] = uuid
		}
	}
	uuids := make([]ovsdb.UUID, len(names))
	for i, name := range names {
		uuid, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("find %s %q: %w", table, name, errMissing)
		}
		uuids[i] = uuid
	}
	return uuids, nil
}

func is(column string, value any) []ovsdb.Condition {
	return []ovsdb.Condition{ovsdb.NewCondition(column, ovsdb.ConditionEqual, value)}
}

// any row: a singleton's.
func anyRow() []ovsdb.Condition {
	return []ovsdb.Condition{ovsdb.NewCondition("_uuid", ovsdb.ConditionNotEqual, ovsdb.UUID{GoUUID: "00000000-0000-0000-0000-000000000000"})}
}

func insert(table, name string, row ovsdb.Row) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationInsert, Table: table, UUIDName: name, Row: row}
}

func update(table, column string, value any, row ovsdb.Row) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationUpdate, Table: table, Where: is(column, value), Row: row}
}

// mutateSet adds references to a set, or takes them away.
func mutateSet(table, key, value, column string, how ovsdb.Mutator, refs []ovsdb.UUID) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationMutate, Table: table, Where: is(key, value),
		Mutations: []ovsdb.Mutation{*ovsdb.NewMutation(column, how, set(refs))}}
}

// set is a column of references.
func set(refs []ovsdb.UUID) ovsdb.OvsSet {
	s := ovsdb.OvsSet{GoSet: make([]any, len(refs))}
	for i, ref := range refs {
		s.GoSet[i] = ref
	}
	return s
}

// count raises a counter of a singleton row.
func count(table, column string) ovsdb.Operation {
	return ovsdb.Operation{Op: ovsdb.OperationMutate, Table: table, Where: anyRow(),
		Mutations: []ovsdb.Mutation{*ovsdb.NewMutation(column, ovsdb.MutateOperationAdd, 1)}}
}

// pairs is a column of pairs.
func pairs(kv ...string) ovsdb.OvsMap {
	m := ovsdb.OvsMap{GoMap: map[any]any{}}
	for i := 0; i+1 < len(kv); i += 2 {
		m.GoMap[kv[i]] = kv[i+1]
	}
	return m
}
