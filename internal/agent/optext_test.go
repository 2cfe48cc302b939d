package agent

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb"
)

// opText is an operation in one line: kind, table, row, what is written, condition.
func opText(op ovsdb.Op) string {
	row := reflect.ValueOf(op.Row).Elem()
	words := []string{string(op.Kind), row.Type().Name(), row.FieldByName("UUID").String()}
	columns := op.Columns
	if op.Kind == ovsdb.Insert && columns == nil {
		for i := range row.NumField() {
			if name := row.Type().Field(i).Tag.Get("ovsdb"); name != "_uuid" && !row.Field(i).IsZero() {
				columns = append(columns, name)
			}
		}
	}
	for _, c := range columns {
		words = append(words, c+"="+columnText(row, c))
	}
	for _, c := range slices.Sorted(maps.Keys(op.SetKeys)) {
		for _, k := range slices.Sorted(maps.Keys(op.SetKeys[c])) {
			words = append(words, fmt.Sprintf("%s:%s=%s", c, k, op.SetKeys[c][k]))
		}
	}
	for _, c := range slices.Sorted(maps.Keys(op.DelKeys)) {
		for _, k := range op.DelKeys[c] {
			words = append(words, fmt.Sprintf("-%s:%s", c, k))
		}
	}
	if op.If != nil {
		for _, c := range op.If.Columns {
			words = append(words, "if "+c+"="+columnText(reflect.ValueOf(op.If.Row).Elem(), c))
		}
	}
	return strings.Join(words, " ")
}

func columnText(row reflect.Value, column string) string {
	for i := range row.NumField() {
		if row.Type().Field(i).Tag.Get("ovsdb") != column {
			continue
		}
		v := row.Field(i)
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "none"
			}
			v = v.Elem()
		}
		return fmt.Sprint(v.Interface())
	}
	return "no such column"
}

// lines is a text without indentation and empty lines. A line that begins with "+ " goes on with the one before.
func lines(s string) []string {
	var list []string
	for _, line := range strings.Split(s, "\n") {
		line = strings.TrimSpace(line)
		if more, ok := strings.CutPrefix(line, "+ "); ok {
			list[len(list)-1] += " " + more
		} else if line != "" {
			list = append(list, line)
		}
	}
	return list
}

// expectOps compares operations with their texts, one a line.
func expectOps(t *testing.T, ops []ovsdb.Op, want string) {
	t.Helper()
	var got []string
	for _, op := range ops {
		got = append(got, strings.Join(strings.Fields(opText(op)), " "))
	}
	if diff := cmp.Diff(lines(want), got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// expectProblems compares problems with "object: reason", one a line.
func expectProblems(t *testing.T, problems []logical.Problem, want string) {
	t.Helper()
	var got []string
	for _, p := range problems {
		got = append(got, p.Object+": "+p.Reason)
	}
	if diff := cmp.Diff(lines(want), got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func ptr[T any](v T) *T { return &v }
