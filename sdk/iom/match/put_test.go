package match_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
)

// address is the i-th of many.
func address(i int) match.Prefix {
	a := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+uint32(i))))
	return match.IP(netip.PrefixFrom(a, 32))
}

func addresses(n int) []match.Prefix {
	all := make([]match.Prefix, n)
	for i := range all {
		all[i] = address(i)
	}
	return all
}

func keys(n int) []match.Prefix {
	all := make([]match.Prefix, n)
	for i := range all {
		all[i] = match.Key(uint16(i + 1))
	}
	return all
}

// securityGroups is n rules as Neutron has them: ports of a group may be reached from the addresses of another one.
func securityGroups(n int, group, remote *match.Set) []match.Rule {
	rules := make([]match.Rule, n)
	for i := range rules {
		rules[i] = match.Rule{Value: uint32(i), Terms: []match.Term{
			{Dim: match.OutPort, Sets: []*match.Set{group}},
			{Dim: match.Src, Sets: []*match.Set{remote}},
			{Dim: match.Proto, Sets: []*match.Set{match.NewSet("", []match.Prefix{match.IPProto(0x0800, 6)})}},
			{Dim: match.DstPort, Sets: []*match.Set{match.NewSet("", []match.Prefix{match.Key(uint16(i + 1))})}},
		}}
	}
	return rules
}

// rows is what Put makes.
type rows struct {
	tables     *iom.Tables
	version    uint32
	generation uint64
}

func putRows(t testing.TB, rules []match.Rule) rows {
	t.Helper()
	r := rows{tables: &iom.Tables{}}
	var err error
	if r.version, r.generation, err = match.Put(r.tables, 1, 2, rules); err != nil {
		t.Fatal(err)
	}
	return r
}

// change counts the rows of b that a does not have, and those of a that b does not have, by table.
func change(a, b rows) string {
	var lines []string
	count := func(sign string, from, to *iom.Tables) {
		for _, table := range from.Order {
			n := 0
			for key, value := range from.Rows[table] {
				if have, ok := to.Rows[table][key]; !ok || sign == "+" && have != value {
					n++
				}
			}
			if n > 0 {
				lines = append(lines, fmt.Sprintf("%s%d %s", sign, n, strings.TrimPrefix(table, "iom_match_")))
			}
		}
	}
	count("+", b.tables, a.tables)
	count("-", a.tables, b.tables)
	return strings.Join(lines, ", ")
}

func TestMembersChangeFewRows(t *testing.T) {
	group, remote := match.NewSet("@web", keys(1000)), match.NewSet("$clients", addresses(10000))
	before := putRows(t, securityGroups(10, group, remote))
	for _, tt := range []struct {
		name          string
		group, remote *match.Set
		want          string
	}{
		{"nothing", group, remote, ""},
		{"equal sets", match.NewSet("@web", keys(1000)), match.NewSet("$clients", addresses(10000)), ""},
		{"an address joins", group, match.NewSet("$clients", addresses(10001)), "+1 addrs"},
		{"an address leaves", group, match.NewSet("$clients", addresses(9999)), "-1 addrs"},
		{"a port joins", match.NewSet("@web", keys(1001)), remote, "+1 ports"},
		{"a prefix around all of them joins", group, match.NewSet("$clients", append(addresses(10000),
			match.IP(netip.MustParsePrefix("10.0.0.0/8")))), "+1 addrs"},
		{"the last member leaves", match.NewSet("@web", nil), remote, "-1 classes, -1000 ports"},
	} {
		after := putRows(t, securityGroups(10, tt.group, tt.remote))
		if got := change(before, after); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if before.version != after.version {
			t.Errorf("%s: other version", tt.name)
		}
		if same := before.generation == after.generation; same != (tt.want == "") {
			t.Errorf("%s: same generation: %v", tt.name, same)
		}
	}
}

// TestNewClassIsFewRows: an address that is the first in both of two sets brings a class, with a row for each 512 rules that use these sets.
func TestNewClassIsFewRows(t *testing.T) {
	rules := func(b ...match.Prefix) []match.Rule {
		all := securityGroups(5000, match.NewSet("@web", keys(10)), match.NewSet("$a", addresses(100)))
		for i := range 3 {
			all[i*1000].Terms[1].Sets = []*match.Set{match.NewSet("$b", b)}
		}
		return all
	}
	before, after := putRows(t, rules(address(1000))), putRows(t, rules(address(1000), address(5)))
	if got, want := change(before, after), "+10 chunks, +1 classes, +1 addrs"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestWorstCase: what a member of a set writes at most: a row for each value inside its prefix that rules know from other sets, and one for each class
// that is new. Rules don't multiply that.
func TestWorstCase(t *testing.T) {
	rules := func(b ...match.Prefix) []match.Rule {
		all := securityGroups(400, match.NewSet("@web", keys(10)), match.NewSet("$a", addresses(10000)))
		for i := range 100 {
			all[i].Terms[1].Sets = []*match.Set{match.NewSet("$b", b)}
		}
		return all
	}
	outside, half := match.IP(netip.MustParsePrefix("192.168.0.1/32")), match.IP(netip.MustParsePrefix("10.0.0.0/19"))
	for _, tt := range []struct {
		name         string
		before, then []match.Prefix
		want         string
	}{
		{"a prefix around 8192 of 10000 addresses joins another set", []match.Prefix{outside}, []match.Prefix{outside, half}, "+1 classes, +8193 addrs"},
		{"and leaves it", []match.Prefix{outside, half}, []match.Prefix{outside}, "+8192 addrs, -1 classes, -1 addrs"},
		{"a second one inside it joins", []match.Prefix{outside, half}, []match.Prefix{outside, half, address(7)}, ""},
	} {
		before, after := putRows(t, rules(tt.before...)), putRows(t, rules(tt.then...))
		if got := change(before, after); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if before.version != after.version {
			t.Errorf("%s: other version", tt.name)
		}
	}
}

func TestRulesChangeVersion(t *testing.T) {
	group, remote := match.NewSet("@web", keys(3)), match.NewSet("$clients", addresses(3))
	base := func() []match.Rule { return securityGroups(3, group, remote) }
	before := putRows(t, base())
	for name, alter := range map[string]func(rules []match.Rule) []match.Rule{
		"value":       func(r []match.Rule) []match.Rule { r[1].Value++; return r },
		"order":       func(r []match.Rule) []match.Rule { r[0], r[1] = r[1], r[0]; return r },
		"one less":    func(r []match.Rule) []match.Rule { return r[:2] },
		"not":         func(r []match.Rule) []match.Rule { r[1].Terms[0].Not = true; return r },
		"another set": func(r []match.Rule) []match.Rule { r[1].Terms[0].Sets = []*match.Set{remote}; return r[:0] },
		"another name": func(r []match.Rule) []match.Rule {
			r[1].Terms[1].Sets = []*match.Set{match.NewSet("$x", addresses(3))}
			return r
		},
		"a check": func(r []match.Rule) []match.Rule {
			r[1].Checks = []match.Check{{Field: match.FieldTTL, Mask: match.Ones(8)}}
			return r
		},
		"values without name": func(r []match.Rule) []match.Rule {
			r[1].Terms[3].Sets = []*match.Set{match.NewSet("", []match.Prefix{match.Key(9)})}
			return r
		},
	} {
		after := putRows(t, alter(base()))
		if before.version == after.version || before.generation == after.generation {
			t.Errorf("%s: version or generation is the same", name)
		}
		for table, had := range before.tables.Rows {
			for key := range maps.Keys(had) {
				if _, both := after.tables.Rows[table][key]; both {
					t.Errorf("%s: a row of %s belongs to both versions", name, table)
				}
			}
		}
	}
}

// TestOrderOfTables: a program that finds a row finds what the row leads to, and the list's row goes first.
func TestOrderOfTables(t *testing.T) {
	tables := &iom.Tables{}
	for list, n := range []int{1, 2000} {
		if _, _, err := match.Put(tables, 1, uint32(list), securityGroups(n, match.NewSet("@g", keys(1)), match.NewSet("$a", addresses(1)))); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"iom_match_chunks", "iom_match_classes", "iom_match_checks", "iom_match_rules", "iom_match_addrs", "iom_match_bits", "iom_match_ports",
		"iom_match_lists"}
	if !slices.Equal(tables.Order, want) {
		t.Errorf("order %q", tables.Order)
	}
}

func TestPutRefuses(t *testing.T) {
	term := func(d match.Dim, sets ...*match.Set) []match.Rule {
		return []match.Rule{{Terms: []match.Term{{Dim: d, Sets: sets}}}}
	}
	check := func(c match.Check) []match.Rule { return []match.Rule{{Checks: []match.Check{c}}} }
	for want, rules := range map[string][]match.Rule{
		"put rules: have 32769, at most 32768 are possible":                     make([]match.Rule, match.MaxRules+1),
		"put rule 0: it has 65 checks, at most 64 are possible":                 {{Checks: make([]match.Check, match.MaxChecks+1)}},
		"put rule 0: there is no dimension 9":                                   term(9),
		`put rule 0: two sets "$a" have different members`:                      term(match.Src, match.NewSet("$a", addresses(1)), match.NewSet("$a", addresses(2))),
		`put rule 0: set "": a prefix of 128 bits in a dimension of 16`:         term(match.DstPort, match.NewSet("", addresses(1))),
		`put rule 0: set "": a prefix of -1 bits in a dimension of 128`:         term(match.Src, match.NewSet("", []match.Prefix{match.IP(netip.Prefix{})})),
		`put rule 0: set "@g": ports have keys from 1 to 65535 and no prefixes`: term(match.InPort, match.NewSet("@g", []match.Prefix{match.Key(0)})),
		"put rule 0: a check of no field":                                       check(match.Check{}),
		"put rule 0: a check of 8 bits with an integer of more":                 check(match.Check{Field: match.FieldTTL, Mask: match.Uint128{Lo: 256}}),
	} {
		tables := &iom.Tables{}
		if _, _, err := match.Put(tables, 1, 1, rules); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		if len(tables.Order) > 0 {
			t.Errorf("%s: tables %q", want, tables.Order)
		}
	}
}

// TestBetween: the prefixes of a range are exactly its values.
func TestBetween(t *testing.T) {
	for _, r := range [][2]uint16{{0, 65535}, {0, 0}, {65535, 65535}, {1, 65534}, {80, 80}, {1024, 65535}, {7, 3}, {3, 12}} {
		all := match.Between(match.DstPort, match.Uint128{Lo: uint64(r[0])}, match.Uint128{Lo: uint64(r[1])})
		for v := range 65536 {
			n := 0
			for _, p := range all {
				if p.Contains(match.Key(uint16(v))) {
					n++
				}
			}
			if in := v >= int(r[0]) && v <= int(r[1]); in && n != 1 || !in && n != 0 {
				t.Fatalf("%d..%d: %d is in %d prefixes", r[0], r[1], v, n)
			}
		}
	}
	if all := match.Between(match.Src, match.Uint128{}, match.Ones(128)); len(all) != 1 || all[0].Len != 0 {
		t.Errorf("all addresses: %v", all)
	}
}

// FuzzPut: whatever the rules, Put refuses them or makes rows.
func FuzzPut(f *testing.F) {
	f.Add(uint64(1), uint16(3), uint8(0), uint8(200), int16(-5))
	f.Add(uint64(2), uint16(600), uint8(9), uint8(0), int16(300))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, dim, bits uint8, length int16) {
		r := newRandom(t, seed)
		rules := r.rules(int(n % 1024))
		odd := match.NewSet("", []match.Prefix{{Bits: match.Ones(int(bits % 129)), Len: int(length)}})
		rules = append(rules, match.Rule{Terms: []match.Term{{Dim: match.Dim(dim), Sets: []*match.Set{odd}}}},
			match.Rule{Checks: []match.Check{{Field: fields[int(dim)%len(fields)], Mask: match.Ones(int(bits % 129)), Low: match.Uint128{Hi: seed}}}})
		tables := &iom.Tables{}
		version, generation, err := match.Put(tables, 1, 1, rules)
		if (err == nil) != (version != 0) || (err == nil) != (generation != 0) || (err == nil) != (len(tables.Order) > 0) {
			t.Errorf("version %d, generation %d, %d tables, %v", version, generation, len(tables.Order), err)
		}
	})
}
