package golden

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
)

// networkText is what ingest makes of rows, as a case with a section network shows it.
func networkText(in ingest.Input) string {
	var r ingest.Reader
	plugs, _ := r.Plugs(in)
	shown := *r.Network(in, plugs)
	shown.Problems = nil
	var text strings.Builder
	describe(&text, "", "network", reflect.ValueOf(shown))
	return text.String()
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
