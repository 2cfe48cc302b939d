package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
)

// TestLogical compares what ingest makes of the rows of testdata/logical with the sections network and problems.
func TestLogical(t *testing.T) {
	paths, err := filepath.Glob("testdata/logical/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("find cases: %v (%d found)", err, len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range networkSections(parseInput(t, a)) {
				if *update {
					setSection(a, got.Name, got.Data)
				} else if d := cmp.Diff(section(a, got.Name), string(got.Data)); d != "" {
					t.Errorf("%s (-want +got):\n%s", got.Name, d)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// networkSections are the texts of a network and of its problems.
func networkSections(in ingest.Input) []txtar.File {
	var r ingest.Reader
	plugs, wrong := r.Plugs(in)
	n := r.Network(in, plugs)
	var text, problems strings.Builder
	for _, p := range append(logical.Problems(n.Problems), wrong...).Sorted() {
		fmt.Fprintf(&problems, "%s: %s\n", p.Object, p.Reason)
	}
	shown := *n
	shown.Problems = nil
	describe(&text, "", "network", reflect.ValueOf(shown))
	return []txtar.File{{Name: "network", Data: []byte(text.String())}, {Name: "problems", Data: []byte(problems.String())}}
}

// describe writes a value as a line, or as a heading with its fields or elements under it; zero ones are left out.
func describe(w *strings.Builder, indent, name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.IsZero() || isEmptyList(v) {
		return
	}
	if text, ok := oneLine(v); ok {
		fmt.Fprintf(w, "%s%s %s\n", indent, name, text)
		return
	}
	fmt.Fprintf(w, "%s%s\n", indent, name)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			describe(w, indent+"  ", v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, key := range keys {
			describe(w, indent+"  ", key.String(), v.MapIndex(key))
		}
	default:
		for i := range v.Len() {
			describe(w, indent+"  ", "-", v.Index(i))
		}
	}
}

func isEmptyList(v reflect.Value) bool {
	return (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

// oneLine is the text of a value that needs no lines of its own.
func oneLine(v reflect.Value) (string, bool) {
	switch x := v.Interface().(type) {
	case [6]byte:
		return logical.MAC(x), true
	case logical.Address:
		return fmt.Sprint(logical.MAC(x.MAC), " ", x.Prefixes), true
	case fmt.Stringer:
		return x.String(), true
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Map:
		return "", false
	case reflect.Slice:
		switch v.Type().Elem().Kind() {
		case reflect.Pointer:
			return "", false
		case reflect.Struct:
			if _, plain := oneLine(v.Index(0)); !plain {
				return "", false
			}
			texts := make([]string, v.Len())
			for i := range texts {
				texts[i], _ = oneLine(v.Index(i))
			}
			return strings.Join(texts, ", "), true
		}
	case reflect.String:
		return fmt.Sprintf("%q", v.String()), true
	}
	return fmt.Sprint(v.Interface()), true
}
