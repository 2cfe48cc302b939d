package cli

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// table is text in columns, laid out when all of it is known.
type table struct {
	done strings.Builder
	rows [][]string // of the present section
}

// row adds a line of cells. Columns are as wide as the widest cell in the section.
func (t *table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = oneLine(fmt.Sprint(c))
	}
	t.rows = append(t.rows, text)
}

// line adds a line without columns.
func (t *table) line(text string) {
	t.layOut()
	t.done.WriteString(oneLine(text) + "\n")
}

// section ends the columns so far: a blank line stands before what comes next.
func (t *table) section() { t.line("") }

// text is the whole table.
func (t *table) text() string {
	t.layOut()
	return t.done.String()
}

// layOut writes the rows of the section, two blanks between columns and none at the end of a line.
func (t *table) layOut() {
	widths := map[int]int{}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		t.done.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	t.rows = nil
}

// oneLine keeps text from an error or a database row from breaking the layout or steering the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// dash stands for what is absent.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age is how long ago t was, to two units: "3d4h", "5m12s"; "-" for the zero time.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return duration(now.Sub(t))
}

// duration is a time to two units, as age has them.
func duration(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	switch {
	case s >= 86400:
		return fmt.Sprintf("%dd%dh", s/86400, s%86400/3600)
	case s >= 3600:
		return fmt.Sprintf("%dh%dm", s/3600, s%3600/60)
	case s >= 60:
		return fmt.Sprintf("%dm%ds", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// count is a number with its noun: "1 problem", "3 problems".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
