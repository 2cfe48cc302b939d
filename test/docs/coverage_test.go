package docs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"

	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
)

// TestCoverage: docs/ovn-coverage.md says something about every table and column of the schemas that the row types were made
// from, about nothing else, and is right about which tables are copied.
func TestCoverage(t *testing.T) {
	page := readPage(t, "docs/ovn-coverage.md")
	t.Run("Northbound", func(t *testing.T) {
		m, err := nb.FullDatabaseModel()
		checkDatabase(t, page.section("## Northbound"), nb.Schema(), copied[nb.Rows](t, m, nb.Newer(), err))
	})
	t.Run("Southbound", func(t *testing.T) {
		m, err := sb.FullDatabaseModel()
		checkDatabase(t, page.section("## Southbound"), sb.Schema(), copied[sb.Rows](t, m, sb.Newer(), err))
	})
}

// copied are the tables of a database that the agent copies to an R, whose rows are those of the model or newer ones.
func copied[R any](t *testing.T, m model.ClientDBModel, newer map[string]model.Model, err error) map[string]bool {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]bool{}
	rows := reflect.TypeFor[R]()
	for i := range rows.NumField() {
		for table, row := range m.Types() {
			if elem := rows.Field(i).Type.Elem(); elem == row || newer[table] != nil && elem == reflect.TypeOf(newer[table]) {
				tables[table] = true
			}
		}
	}
	return tables
}

// statuses are the words of the page for what becomes of a column.
var statuses = []string{"supported", "written", "Problem", "not applicable", "silent"}

var tableHeading = regexp.MustCompile(`(?m)^### (\w+)( \(copied\))?$`)

// checkDatabase compares a section of the page with a schema.
func checkDatabase(t *testing.T, section string, schema ovsdb.DatabaseSchema, copied map[string]bool) {
	t.Helper()
	var got, want []string
	for name, table := range schema.Tables {
		for column := range table.Columns {
			want = append(want, name+"."+column)
		}
	}
	headings := tableHeading.FindAllStringSubmatchIndex(section, -1)
	for i, at := range headings {
		name, end := section[at[2]:at[3]], len(section)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		if says := at[4] >= 0; says != copied[name] {
			t.Errorf("table %s: the page says copied: %v; the code: %v", name, says, copied[name])
		}
		got = append(got, columnsOf(t, name, section[at[1]:end])...)
	}
	report(t, "is missing in the page", want, got)
	report(t, "is in no schema, or stands twice", got, want)
}

// columnsOf lists the columns that the page names for a table.
func columnsOf(t *testing.T, table, text string) []string {
	t.Helper()
	var columns []string
	for _, row := range rows(text) {
		if len(row) != 3 {
			t.Errorf("table %s: row %q has %d cells, want 3", table, row, len(row))
			continue
		}
		for _, column := range codes(row[0]) {
			columns = append(columns, table+"."+column)
		}
		for _, status := range strings.Split(row[1], ", ") {
			if !slices.Contains(statuses, status) {
				t.Errorf("table %s: %q is no status of the page", table, status)
			}
		}
	}
	return columns
}

// report tells the elements of one list that another lacks, or has fewer times.
func report(t *testing.T, problem string, list, lacking []string) {
	t.Helper()
	count := map[string]int{}
	for _, name := range lacking {
		count[name]++
	}
	var missing []string
	for _, name := range list {
		if count[name]--; count[name] < 0 {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		t.Error(fmt.Sprint(name, " ", problem))
	}
}
