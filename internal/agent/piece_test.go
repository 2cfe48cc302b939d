package agent

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// named is a piece with one operation, on the chassis of that name.
func named(name string) piece {
	return piece{subject{"chassis", name}, []ovsdb.Op{{Kind: ovsdb.Delete, Row: &sb.Chassis{UUID: name}}}}
}

// server is a database that notes transactions, and answers with an error to those in which an operation has one.
type server struct {
	errs map[string]error // by the name of a chassis
	seen []string
}

func (s *server) transact(_ context.Context, ops []ovsdb.Op) error {
	var names []string
	var err error
	for _, op := range ops {
		name := op.Row.(*sb.Chassis).UUID
		names = append(names, name)
		if err == nil {
			err = s.errs[name]
		}
	}
	s.seen = append(s.seen, strings.Join(names, "+"))
	return err
}

func TestCommit(t *testing.T) {
	denied, lost := &ovsdb.RefusedError{What: "delete Chassis", Err: errors.New("denied")}, errors.New("lost")
	for _, c := range []struct {
		name    string
		errs    map[string]error
		pieces  []piece
		seen    []string
		refused []string
		err     error
	}{
		{"all at once", nil, []piece{named("a"), named("b")}, []string{"a+b"}, nil, nil},
		{"one is refused", map[string]error{"b": denied}, []piece{named("a"), named("b"), named("c")}, []string{"a+b+c", "a", "b", "c"}, []string{"b"}, nil},
		{"the only one is refused", map[string]error{"b": denied}, []piece{named("b")}, []string{"b"}, []string{"b"}, nil},
		{"connection lost", map[string]error{"a": lost, "b": denied}, []piece{named("a"), named("b")}, []string{"a+b"}, nil, lost},
		{"connection lost after a refusal", map[string]error{"a": denied, "b": lost}, []piece{named("a"), named("b")}, []string{"a+b", "a", "b"}, []string{"a"}, lost},
	} {
		s := &server{errs: c.errs}
		o := commit(t.Context(), s.transact, c.pieces)
		var refused []string
		for about := range o.refused {
			refused = append(refused, about.name)
		}
		if !slices.Equal(s.seen, c.seen) || !slices.Equal(refused, c.refused) || o.err != c.err {
			t.Errorf("%s: transactions %q, refused %q, error %v; want %q, %q, %v", c.name, s.seen, refused, o.err, c.seen, c.refused, c.err)
		}
	}
}

// A refused piece waits longer each time and holds no other up; it is forgotten when nobody wants it any more.
func TestRefusals(t *testing.T) {
	r, now := refusals{}, testNow
	due := func() []string {
		var names []string
		for _, p := range r.due([]piece{named("a"), named("b"), {about: subject{"chassis", "empty"}}}, now) {
			names = append(names, p.about.name)
		}
		return names
	}
	b := subject{"chassis", "b"}
	for _, wait := range []time.Duration{minBackoff, 2 * minBackoff, 4 * minBackoff} {
		if got := due(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("due %q, want both", got)
		}
		r.note(outcome{refused: map[subject]error{b: errors.New("denied")}, done: []subject{{"chassis", "a"}}}, now)
		r.forget()
		now = now.Add(wait - 1)
		if got := due(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("due %v after the refusal: %q, want a", wait-1, got)
		}
		now = now.Add(1)
	}
	expectProblems(t, r.problems("OVN_Southbound"), "chassis b: OVN_Southbound refuses it: denied")
	r.forget()
	r.forget()
	if len(r) != 0 {
		t.Errorf("remembered: %v", slices.Collect(maps.Keys(r)))
	}
	r.note(outcome{refused: map[subject]error{b: errors.New("denied")}}, now)
	r.note(outcome{done: []subject{b}}, now)
	if len(r) != 0 {
		t.Errorf("remembered after success: %v", slices.Collect(maps.Keys(r)))
	}
}

// Operations on one port stay together.
func TestBindingPieces(t *testing.T) {
	rows := &sb.Rows{PortBinding: map[string]*sb.PortBinding{"1": {UUID: "1", LogicalPort: "p1"}, "2": {UUID: "2", LogicalPort: "p2"}}}
	op := func(uuid string) ovsdb.Op { return ovsdb.Op{Kind: ovsdb.Update, Row: &sb.PortBinding{UUID: uuid}} }
	var got []string
	for _, p := range bindingPieces(rows, []ovsdb.Op{op("1"), op("1"), op("2")}) {
		got = append(got, p.about.name+strings.Repeat("*", len(p.ops)))
	}
	if diff := cmp.Diff([]string{"p1**", "p2*"}, got); diff != "" {
		t.Errorf("pieces (-want +got):\n%s", diff)
	}
}

func TestTLSOf(t *testing.T) {
	row := &vsw.SSL{UUID: "s", PrivateKey: "rk", Certificate: "rc", CaCert: "ra", BootstrapCaCert: true}
	uuid := "s"
	with := &vsw.Rows{OpenvSwitch: map[string]*vsw.OpenvSwitch{"o": {SSL: &uuid}}, SSL: map[string]*vsw.SSL{"s": row}}
	dangling := &vsw.Rows{OpenvSwitch: with.OpenvSwitch}
	without := &vsw.Rows{OpenvSwitch: map[string]*vsw.OpenvSwitch{"o": {}}, SSL: with.SSL}
	flags := ovsdb.TLS{PrivateKey: "fk", Certificate: "fc", CACert: "fa"}
	for _, c := range []struct {
		name  string
		rows  *vsw.Rows
		flags ovsdb.TLS
		want  ovsdb.TLS
	}{
		{"row", with, ovsdb.TLS{}, ovsdb.TLS{PrivateKey: "rk", Certificate: "rc", CACert: "ra", Bootstrap: true}},
		{"flags", with, flags, flags},
		{"CA by flag", with, ovsdb.TLS{CACert: "fa"}, ovsdb.TLS{PrivateKey: "rk", Certificate: "rc", CACert: "fa"}},
		{"key by flag", with, ovsdb.TLS{PrivateKey: "fk", Certificate: "fc"}, ovsdb.TLS{PrivateKey: "fk", Certificate: "fc", CACert: "ra", Bootstrap: true}},
		{"no row", without, flags, flags},
		{"dangling reference", dangling, ovsdb.TLS{}, ovsdb.TLS{}},
		{"empty database", &vsw.Rows{}, flags, flags},
	} {
		if got := tlsOf(c.rows, c.flags); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
