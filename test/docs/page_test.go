// Package docs compares the documents with what they describe, so that they can't drift: schemas, tables and drop
// reasons, names of tests and files.
package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the project's directory, seen from here.
const root = "../.."

// page is a Markdown document.
type page struct {
	path string // relative to root
	text string
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return page{path, string(text)}
}

// section returns what follows a heading line up to the next heading that is not below it; "" when there is none.
func (p page) section(heading string) string {
	_, rest, found := strings.Cut("\n"+p.text, "\n"+heading+"\n")
	if !found {
		return ""
	}
	level := strings.Index(heading, " ")
	var b strings.Builder
	for line := range strings.Lines(rest) {
		if depth := strings.Index(line, " "); strings.HasPrefix(line, "#") && strings.Trim(line[:max(depth, 0)], "#") == "" && depth <= level {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}

// rows are the cells of the tables in a text, without heads.
func rows(text string) [][]string {
	var out [][]string
	inTable := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case strings.HasPrefix(line, "|---"):
			inTable = true
		case inTable:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			out = append(out, cells)
		}
	}
	return out
}

// code is the first text between backticks of a cell.
func code(cell string) string {
	_, rest, _ := strings.Cut(cell, "`")
	text, _, _ := strings.Cut(rest, "`")
	return text
}

// codes are all texts between backticks of a cell.
func codes(cell string) []string {
	var out []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			out = append(out, part)
		}
	}
	return out
}
