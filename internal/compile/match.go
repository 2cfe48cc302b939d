package compile

import (
	"errors"
	"fmt"
	"slices"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom/match"
)

// matchNames says what the names in matches stand for at one switch or router.
type matchNames interface {
	// AddressSet is $name without "$"; nil: there is none. As long as it has the same members it is the same pointer or equal.
	AddressSet(name string) *logical.AddressSet
	// PortGroup is the keys of the ports of @name that are here, ascending; false: there is no such group.
	PortGroup(name string) ([]uint16, bool)
	// Port is the key of a port that is here; 0: there is none.
	Port(name string) uint16
	// Resident: a port is on this chassis.
	Resident(port string) bool
}

// matcher translates matches of one switch or router and remembers them: what names nothing that has changed gives the same again. It is
// not for concurrent use.
type matcher struct {
	sets   *matchSets // shared by all matchers
	groups map[string]*match.Set
	done   map[string]*translated // by text
}

// translated is what a match became.
type translated struct {
	rules []match.Rule // with Value 0
	err   error
	// What it became depends on.
	names []named
	used  bool // since the last call of forget
}

// named is a name and what it stood for.
type named struct {
	name  ovnexpr.Value // AddressSet, PortGroup; Text: a port
	set   *logical.AddressSet
	group []uint16
	key   uint16
	// isResident: asked whether it is on this chassis; ok is the answer. For groups ok is whether there is one.
	isResident, ok bool
}

func newMatcher(sets *matchSets) *matcher {
	return &matcher{sets: sets, groups: map[string]*match.Set{}, done: map[string]*translated{}}
}

// rules are those of which one has to match a packet for the match to be true, in any order; none: it never is. Their sets are those of the matcher: two
// rules with $set share one. An error is a *ovnexpr.SyntaxError, which tells the column. The caller must not change what it gets, but copies of
// the rules it may.
//
// As in OVN a set that does not exist makes the whole match invalid, and so does a member too wide for the field.
func (m *matcher) rules(text string, names matchNames) ([]match.Rule, error) {
	if have := m.done[text]; have != nil && !slices.ContainsFunc(have.names, func(n named) bool { return !n.same(names) }) {
		have.used = true
		return have.rules, have.err
	}
	t := translation{matcher: m, names: names, text: text, out: &translated{used: true}}
	t.out.rules, t.out.err = t.translate()
	m.done[text] = t.out
	return t.out.rules, t.out.err
}

// mentioned are the names that matches which were asked for since the last forget depend on, each once.
func (m *matcher) mentioned() (names []named) {
	type key struct {
		name       ovnexpr.Value
		isResident bool
	}
	seen := map[key]bool{}
	for _, t := range m.done {
		if !t.used {
			continue
		}
		for _, n := range t.names {
			if k := (key{n.name, n.isResident}); !seen[k] {
				seen[k] = true
				names = append(names, n)
			}
		}
	}
	return names
}

// forget drops matches that were not asked for since the last call.
func (m *matcher) forget() {
	for text, t := range m.done {
		if !t.used {
			delete(m.done, text)
		}
		t.used = false
	}
}

// same: the name stands for what it stood for.
func (n named) same(names matchNames) bool {
	switch name := n.name.(type) {
	case ovnexpr.AddressSet:
		return names.AddressSet(string(name)) == n.set
	case ovnexpr.PortGroup:
		group, ok := names.PortGroup(string(name))
		return ok == n.ok && slices.Equal(group, n.group)
	case ovnexpr.Text:
		if n.isResident {
			return names.Resident(string(name)) == n.ok
		}
		return names.Port(string(name)) == n.key
	}
	return false
}

// translation is a match on its way to rules. It notes each name that it looks up.
type translation struct {
	matcher *matcher
	names   matchNames
	text    string
	out     *translated
	tried   int // ways
}

func (t *translation) translate() ([]match.Rule, error) {
	e, err := ovnexpr.Parse(t.text)
	if err != nil {
		return nil, err
	}
	ways, err := t.expr(e)
	var syntax *ovnexpr.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, syntax
	case err != nil:
		return nil, &ovnexpr.SyntaxError{Text: t.text, Reason: err.Error()}
	}
	rules := make([]match.Rule, len(ways))
	for i, w := range ways {
		if len(w.checks) > match.MaxChecks {
			return nil, &ovnexpr.SyntaxError{Text: t.text, Reason: errTooManyChecks.Error()}
		}
		rules[i] = match.Rule{Terms: w.terms, Checks: w.checks}
	}
	return rules, nil
}

func (t *translation) addressSet(name ovnexpr.AddressSet) (*logical.AddressSet, error) {
	set := t.names.AddressSet(string(name))
	t.out.names = append(t.out.names, named{name: name, set: set})
	if set == nil {
		return nil, ovnexpr.Fault(t.text, name.String(), fmt.Sprintf("address set %s does not exist", name))
	}
	return set, nil
}

// group is a port group as a set of keys.
func (t *translation) group(name ovnexpr.PortGroup) (*match.Set, error) {
	keys, ok := t.names.PortGroup(string(name))
	t.out.names = append(t.out.names, named{name: name, group: keys, ok: ok})
	if !ok {
		return nil, ovnexpr.Fault(t.text, name.String(), fmt.Sprintf("port group %s does not exist", name))
	}
	prefixes := make([]match.Prefix, len(keys))
	for i, key := range keys {
		prefixes[i] = match.Key(key)
	}
	have := t.matcher.groups[string(name)]
	if have == nil || !slices.Equal(have.Prefixes(), prefixes) {
		have = match.NewSet(name.String(), prefixes)
		t.matcher.groups[string(name)] = have
	}
	return have, nil
}

func (t *translation) port(name ovnexpr.Text) uint16 {
	key := t.names.Port(string(name))
	t.out.names = append(t.out.names, named{name: name, key: key})
	return key
}

func (t *translation) resident(port string) bool {
	ok := t.names.Resident(port)
	t.out.names = append(t.out.names, named{name: ovnexpr.Text(port), isResident: true, ok: ok})
	return ok
}
