package docs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/modules/std"
	"woven.dev/woven/sdk/iom"
)

// sections of a module's README, in their order.
var sections = []string{"Description", "Ports", "Configuration", "Tables", "Counters and drop reasons", "Limits", "Example", "Packet path"}

// TestModulePages: the README of each built-in module has the fixed sections, and lists its tables and drop reasons as
// the object's BTF has them.
func TestModulePages(t *testing.T) {
	spec := newSpec(t)
	for _, kind := range spec.Kinds {
		t.Run(kind.Name, func(t *testing.T) {
			page := readPage(t, "modules/"+kind.Name+"/README.md")
			var have []string
			for line := range strings.Lines(page.text) {
				if title, ok := strings.CutPrefix(line, "## "); ok {
					have = append(have, strings.TrimSpace(title))
				}
			}
			if d := cmp.Diff(sections, have); d != "" {
				t.Errorf("sections (-want +got):\n%s", d)
			}
			expectRows(t, page.section("## Tables"), tablesOf(spec, kind.Name+"_"))
			expectRows(t, page.section("## Counters and drop reasons"), dropsOf(t, spec, kind.Name))
		})
	}
}

// TestPlatformPage: docs/architecture.md lists the platform's tables, counters and drop reasons.
func TestPlatformPage(t *testing.T) {
	spec := newSpec(t)
	page := readPage(t, "docs/architecture.md")
	expectRows(t, page.section("### Shared tables"), tablesOf(spec, "iom_"))
	expectRows(t, page.section("### Platform drop reasons"), dropsOf(t, spec, "iom"))
	counters, err := iom.Members(spec.Maps["iom_port_stats"].Value)
	if err != nil {
		t.Fatal(err)
	}
	expectRows(t, page.section("### Port counters"), textsOf(counters))
}

func newSpec(t *testing.T) *iom.Spec {
	t.Helper()
	spec, err := iom.NewSpec(std.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// tablesOf gives a row for each table whose name begins with prefix: type, entries, key, value.
func tablesOf(spec *iom.Spec, prefix string) map[string]string {
	out := map[string]string{}
	for name, m := range spec.Maps {
		if strings.HasPrefix(name, prefix) {
			out[name] = fmt.Sprintf("%s | %d | %s | %s", m.Type, m.MaxEntries, typeName(m.Key), typeName(m.Value))
		}
	}
	return out
}

// typeName is a BTF type's name, "-" for none.
func typeName(t btf.Type) string {
	if t == nil {
		return "-"
	}
	return t.TypeName()
}

func dropsOf(t *testing.T, spec *iom.Spec, kind string) map[string]string {
	t.Helper()
	reasons, err := spec.Drops(kind)
	if err != nil {
		t.Fatal(err)
	}
	return textsOf(reasons)
}

// textsOf are the texts of counters by name.
func textsOf(members []iom.Member) map[string]string {
	out := map[string]string{}
	for _, m := range members {
		out[m.Name] = m.Text
	}
	return out
}

// expectRows compares the table of a section with rows by their first column. A row of the page may have one more cell, for people.
func expectRows(t *testing.T, section string, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, row := range rows(section) {
		name := code(row[0])
		cells := row[1:]
		if n := strings.Count(want[name], "|") + 1; len(cells) > n {
			cells = cells[:n]
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "`", "")
		}
		got[name] = strings.Join(cells, " | ")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
}
