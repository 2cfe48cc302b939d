package compile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/match"
	"woven.dev/woven/sdk/iom/match/matchtest"
)

// forms are the ways in which a match may use a symbol; those that its level of measurement forbids are no expressions.
func forms(s *ovnexpr.Symbol) []string {
	name := s.Name
	if s.Width == 0 {
		return []string{name + ` == "p1"`, name + ` == @pg`, name + ` == {"p3", @pg}`, `"p2" == ` + name, `!(` + name + ` == "p1")`, name + ` != "p1"`}
	}
	out := []string{name, "!" + name, name + " == 0", name + " != 0"}
	if s.Width == 1 {
		return append(out, name+" == 1", "ip4 || "+name)
	}
	values := valuesOf(name)
	if values == nil {
		values = []string{"0", "1", "100", fmt.Sprint(uint64(1)<<min(s.Width, 48) - 1)}
	}
	for i, v := range values[:min(3, len(values))] {
		next := values[(i+1)%len(values)]
		out = append(out, fmt.Sprintf("%s == %s", name, v), fmt.Sprintf("%s != %s", name, v), fmt.Sprintf("%s == {%s, %s}", name, v, next),
			fmt.Sprintf("%s != {%s, %s}", name, v, next), fmt.Sprintf("%s < %s", name, v), fmt.Sprintf("%s <= %s", name, v), fmt.Sprintf("%s > %s", name, v),
			fmt.Sprintf("%s >= %s", name, v), fmt.Sprintf("%s <= %s <= %s", v, name, next), fmt.Sprintf("%s == %s/%s", name, v, next),
			fmt.Sprintf("!(%s == %s) && (ip || arp)", name, v), fmt.Sprintf("%s[1] == 1", name), fmt.Sprintf("%s[0..1] == {1, 2}", name))
	}
	for _, set := range setNames {
		out = append(out, name+" == "+set, name+" != "+set)
	}
	return out
}

// isVariable: the symbol is one of OVN's own pipeline, which no packet brings along.
func isVariable(name string) bool {
	return strings.HasPrefix(name, "reg") || strings.HasPrefix(name, "xreg") || strings.HasPrefix(name, "xxreg") || strings.HasPrefix(name, "flags")
}

// TestMatchEveryField: every symbol of OVN's language, in every form that it may have, means to the program in the kernel what it means to OVN.
func TestMatchEveryField(t *testing.T) {
	k := matchtest.Load(t)
	names, r := newNames(), matchRandom{rand.New(rand.NewPCG(6, 6))}
	pool := make([]ovnexpr.Fields, 3000)
	for i := range pool {
		pool[i] = r.fields()
	}
	m := newMatcher(&matchSets{})
	list := matchtest.List{List: 1}
	const each = 3 // packets of each outcome
	for _, name := range ovnexpr.Symbols() {
		symbol, _ := ovnexpr.Lookup(name)
		outcomes, valid := map[bool]int{}, 0
		for _, text := range forms(symbol) {
			rules, err := m.rules(text, names)
			e, wrong := readMatch(text, names)
			if isVariable(name) {
				if err == nil {
					t.Errorf("%s is translated", text)
				}
				continue
			}
			if (err == nil) != (wrong == nil) {
				t.Fatalf("%s\n  translated: %v\n  evaluated: %v", text, err, wrong)
			}
			if err != nil {
				continue
			}
			valid++
			list.DP++
			tables := &iom.Tables{}
			if list.Version, _, err = match.Put(tables, list.DP, list.List, rules); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			k.Write(tables)
			asked := map[bool]int{}
			for i := range pool {
				f := pool[(i+valid*61)%len(pool)]
				want := ovnexpr.Eval(e, exprPacket{f, names})
				if asked[want]++; asked[want] > each {
					if asked[!want] >= each {
						break
					}
					continue
				}
				outcomes[want]++
				if first := k.First(list, rulePacket(t, f, names), 0); (first >= 0) != want {
					t.Fatalf("%s\n  is %v for %s, but the program finds rule %d of\n  %v", text, want, f, first, rules)
				}
			}
		}
		if !isVariable(name) && (valid == 0 || outcomes[true] == 0 || outcomes[false] == 0) {
			t.Errorf("%s: %d forms, outcomes %v: nothing is proved", name, valid, outcomes)
		}
	}
}
