package netstate

import (
	"strconv"
	"strings"
)

// Row is a database row that decides about packets, with what people want to know of it: as a text one of Module.Objects.
type Row struct {
	Table string
	// Columns in the order in which people read them.
	Columns []Column
}

// Column is a column of a Row. Those without a value are not told.
type Column struct{ Name, Value string }

// RowsText is rows in one line: acl uuid=... match="ip4 && tcp"; acl ...
func RowsText(rows ...Row) string {
	var b strings.Builder
	for i, r := range rows {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(r.Table)
		for _, c := range r.Columns {
			if c.Value != "" {
				b.WriteString(" " + c.Name + "=" + quoted(c.Value))
			}
		}
	}
	return b.String()
}

// quoted is a value, in quotes where it would not be a word.
func quoted(value string) string {
	q := strconv.Quote(value)
	switch {
	case strings.Contains(value, `"`) && strconv.CanBackquote(value):
		return "`" + value + "`"
	case strings.ContainsAny(value, " ;=`") || q != `"`+value+`"`:
		return q
	}
	return value
}

// ParseRows reads what RowsText wrote, even when the end was cut off; nil: it is no such text.
func ParseRows(text string) []Row {
	var rows []Row
	for text != "" {
		var r Row
		r.Table, text, _ = strings.Cut(text, " ")
		for text != "" && !strings.HasPrefix(text, "; ") {
			var c Column
			c.Name, text, _ = strings.Cut(text, "=")
			c.Value, text = cutValue(text)
			text = strings.TrimPrefix(text, " ")
			r.Columns = append(r.Columns, c)
		}
		text = strings.TrimPrefix(text, "; ")
		if len(r.Columns) == 0 || r.Columns[0].Value == "" {
			return nil
		}
		rows = append(rows, r)
	}
	return rows
}

// cutValue takes a value off the beginning of a text.
func cutValue(text string) (value, rest string) {
	if q, err := strconv.QuotedPrefix(text); err == nil {
		value, _ = strconv.Unquote(q)
		return value, text[len(q):]
	}
	if text != "" && strings.ContainsAny(text[:1], "\"`") { // cut off
		return text[1:], ""
	}
	end := strings.IndexAny(text, " ;")
	if end < 0 {
		end = len(text)
	}
	return text[:end], text[end:]
}
