package agent

import (
	"context"
	"errors"
	"slices"
	"time"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// piece is a part of a transaction that makes sense without the others.
type piece struct {
	about subject
	ops   []ovsdb.Op
}

// subject is what a piece is about, in the words of a Problem.
type subject struct{ kind, name string }

// bindingPieces makes the operations of bindingOps on each port a piece.
func bindingPieces(rows *sb.Rows, ops []ovsdb.Op) []piece {
	var pieces []piece
	for _, op := range ops {
		about := subject{"logical_switch_port", rows.PortBinding[op.Row.(*sb.PortBinding).UUID].LogicalPort}
		if n := len(pieces); n > 0 && pieces[n-1].about == about {
			pieces[n-1].ops = append(pieces[n-1].ops, op)
			continue
		}
		pieces = append(pieces, piece{about, []ovsdb.Op{op}})
	}
	return pieces
}

// outcome is what became of pieces.
type outcome struct {
	err     error             // of the last attempt that failed for reasons that don't lie in the pieces
	refused map[subject]error // pieces that the server refused
	done    []subject
}

// commit carries pieces out in one transaction. If the server refuses that, each gets its own: one without a right to it doesn't
// stop the others.
func commit(ctx context.Context, f func(context.Context, []ovsdb.Op) error, pieces []piece) outcome {
	o := outcome{refused: map[subject]error{}}
	var all []ovsdb.Op
	for _, p := range pieces {
		all = append(all, p.ops...)
	}
	err := transact(ctx, f, all)
	var refusal *ovsdb.RefusedError
	if !errors.As(err, &refusal) {
		if o.err = err; err == nil {
			for _, p := range pieces {
				o.done = append(o.done, p.about)
			}
		}
		return o
	}
	for _, p := range pieces {
		if len(pieces) > 1 {
			err = transact(ctx, f, p.ops)
		}
		switch {
		case errors.As(err, &refusal):
			o.refused[p.about] = err
		case err != nil:
			o.err = err
		default:
			o.done = append(o.done, p.about)
		}
	}
	return o
}

// refusals are the pieces that the server refused last, each with its own time to try again.
type refusals map[subject]*refusal

type refusal struct {
	backoff
	wanted bool // since the last round began
}

// note records what became of pieces.
func (r refusals) note(o outcome, now time.Time) {
	for _, about := range o.done {
		delete(r, about)
	}
	for about, err := range o.refused {
		if r[about] == nil {
			r[about] = &refusal{wanted: true}
		}
		r[about].note(err, now)
	}
}

// forget drops what nobody has wanted since the last call: it has settled itself.
func (r refusals) forget() {
	for about, of := range r {
		if !of.wanted {
			delete(r, about)
		}
		of.wanted = false
	}
}

// due returns the pieces to carry out now: those that have operations and were not refused a short time ago.
func (r refusals) due(pieces []piece, now time.Time) []piece {
	return slices.DeleteFunc(slices.Clone(pieces), func(p piece) bool {
		of := r[p.about]
		if of == nil || len(p.ops) == 0 {
			return len(p.ops) == 0
		}
		of.wanted = true
		return now.Before(of.until)
	})
}

// problems tells people what is refused.
func (r refusals) problems(database string) logical.Problems {
	var problems logical.Problems
	for about, of := range r {
		problems.Add(about.kind, about.name, "%s refuses it: %v", database, of.err)
	}
	return problems
}
