// Package archtest holds the table of who may import whom, and checks packages against it. Its test checks the
// whole project.
package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// Rule says which packages of the project the packages that match Package may import. Patterns are import paths
// relative to the module, in which * stands for one element, and a final /... for the package and all below it.
type Rule struct {
	Package string
	// May are patterns of packages; "./x" is x below the importing package, "..." any package of the project.
	May []string
	// Not are patterns of packages that it may not import although May has them.
	Not []string
	// Why the rule is so.
	Why string
}

// Package is a package with its direct imports, without those of its tests. Paths are relative to the module.
type Package struct {
	Path    string
	Imports []string
}

// Check returns what in packages is against rules, one sentence for each, in the order of packages. The first
// rule that matches a package counts. Packages that match testOnly are for tests: the others may not import them,
// whatever the rules say.
func Check(rules []Rule, testOnly []string, packages []Package) []string {
	var violations []string
	for _, p := range packages {
		i := slices.IndexFunc(rules, func(r Rule) bool { return match(r.Package, p.Path) })
		if i < 0 {
			violations = append(violations, fmt.Sprintf("%s has no rule: say in the table what it may import", p.Path))
			continue
		}
		for _, imported := range p.Imports {
			switch {
			case !rules[i].allows(p.Path, imported):
				violations = append(violations, fmt.Sprintf("%s imports %s: %s", p.Path, imported, rules[i].Why))
			case matchAny(testOnly, imported) && !matchAny(testOnly, p.Path):
				violations = append(violations, fmt.Sprintf("%s imports %s: only tests may", p.Path, imported))
			}
		}
	}
	return violations
}

// allows says whether the rule lets the package at path import another.
func (r Rule) allows(path, imported string) bool {
	may := make([]string, len(r.May))
	for i, pattern := range r.May {
		may[i] = pattern
		if below, ok := strings.CutPrefix(pattern, "./"); ok {
			may[i] = path + "/" + below
		}
	}
	return matchAny(may, imported) && !matchAny(r.Not, imported)
}

func matchAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, path) })
}

// match says whether path has the form of pattern.
func match(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, element := range want {
		if element == "..." && i == len(want)-1 {
			return true
		}
		if i >= len(have) || element != "*" && element != have[i] {
			return false
		}
	}
	return len(want) == len(have)
}
