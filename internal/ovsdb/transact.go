package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ovn-kubernetes/libovsdb/client"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// ErrNoTable is why an operation was refused: the server's schema, of another release, lacks the table.
var ErrNoTable = errors.New("server has no such table")

// RefusedError is a server's refusal of a transaction that lies in the transaction: a constraint of the database, or
// rights that this client lacks. It will be refused again until something has changed.
type RefusedError struct {
	// What was refused: "insert Encap", or "commit" for the transaction as a whole.
	What string
	// Err is libovsdb's: *ConstraintViolation and so on.
	Err error
}

func (e *RefusedError) Error() string { return e.What + ": " + e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// refusals are the errors (RFC 7047 section 5.1; ovsdb-server(1), RBAC) that make a *RefusedError.
var refusals = []string{"constraint violation", "referential integrity violation", "domain error", "range error", "permission error"}

// Transact carries out all operations or, on an error, none. Without a connection it fails at once with ErrNotConnected. When the
// connection ends or ctx does before the server's answer, it fails and the outcome is unknown. What the server refused is
// a *RefusedError. A standalone server sends the change before its answer, so
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
	if err == nil {
		return nil
	}
	what := "commit"
	if len(failed) > 0 {
		op := failed[0].Operation()
		what, err = op.Op+" "+op.Table, failed[0]
	}
	if slices.ContainsFunc(results, func(r ovsdb.OperationResult) bool { return slices.Contains(refusals, r.Error) }) {
		return &RefusedError{what, err}
	}
	return fmt.Errorf("%s: %w", what, err)
}
