package ovsdb

import (
	"context"
	"errors"
	"fmt"

	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// ErrNoTable is why an operation was refused: the server's schema, of another release, lacks the table.
var ErrNoTable = errors.New("server has no such table")

// Transact carries out all operations or, on an error, none. Without a connection it fails at once with ErrNotConnected. When the
// connection ends or ctx does before the server's answer, it fails and the outcome is unknown. What the server refused is
// wrapped (libovsdb's *ConstraintViolation and so on). A standalone server sends the change before its answer, so
// Rows has it when Transact returns; behind a cluster or relay it may come later.
func (db *DB[R]) Transact(ctx context.Context, ops []Op) error {
	if err := db.transact(ctx, ops); err != nil {
		return fmt.Errorf("write to database %s: %w", db.cfg.Name, err)
	}
	return nil
}

func (db *DB[R]) transact(ctx context.Context, ops []Op) error {
	s := db.session()
	if s == nil {
		return ErrNotConnected
	}
	wire, err := db.catalog.operations(s.dialect, ops)
	if err != nil || len(wire) == 0 {
		return err
	}
	comment := "woven"
	wire = append(wire, ovsdb.Operation{Op: ovsdb.OperationComment, Comment: &comment})
	ctx, cancel := context.WithTimeout(ctx, db.timing.call)
	defer cancel()
	results, err := s.data.transact(ctx, wire)
	if errors.Is(err, client.ErrNotConnected) {
		return ErrNotConnected
	}
	if err != nil {
		return fmt.Errorf("await answer: %w", err)
	}
	if err := checkResults(results, wire); err != nil {
		return err
	}
	for _, op := range wire {
		s.replica.touch(op.Table)
	}
	return nil
}

// checkResults returns the first error of an answer, with the operation that it is about.
func checkResults(results []ovsdb.OperationResult, ops []ovsdb.Operation) error {
	failed, err := ovsdb.CheckOperationResults(results, ops)
	if len(failed) > 0 {
		op := failed[0].Operation()
		return fmt.Errorf("%s %s: %w", op.Op, op.Table, failed[0])
	}
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
