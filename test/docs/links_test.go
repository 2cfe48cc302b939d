package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
	// file is a path of the project in backticks.
	file = regexp.MustCompile("`((?:api|bench|cmd|docs|hack|internal|modules|sdk|test)/[\\w./*-]+)`")
	// testName is a test with the file that is said to hold it, as a link or in words.
	testName = regexp.MustCompile("\\[(Test\\w+)[^]]*\\]\\(([\\w./-]+_test\\.go)\\)|`(Test\\w+)` in\\s+`([\\w./-]+_test\\.go)`")
)

// pages are the project's documents.
func pages(t *testing.T) []page {
	t.Helper()
	var list []page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if filepath.Ext(path) == ".md" {
			relative, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			list = append(list, readPage(t, relative))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 10 {
		t.Fatalf("found %d documents only", len(list))
	}
	return list
}

// TestReferences: links, files and tests that the documents name exist.
func TestReferences(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			if !strings.Contains(m[1], "://") {
				p.expectFile(t, filepath.Join(filepath.Dir(p.path), m[1]))
			}
		}
		for _, m := range file.FindAllStringSubmatch(p.text, -1) {
			p.expectFile(t, m[1])
		}
		for _, m := range testName.FindAllStringSubmatch(p.text, -1) {
			name, path := m[3], m[4]
			if m[1] != "" {
				name, path = m[1], filepath.Join(filepath.Dir(p.path), m[2])
			}
			source, err := os.ReadFile(filepath.Join(root, path))
			if err != nil || !strings.Contains(string(source), "\nfunc "+name+"(") {
				t.Errorf("%s: %s does not hold %s (%v)", p.path, path, name, err)
			}
		}
	}
}

// expectFile fails the test unless a file that matches the pattern exists.
func (p page) expectFile(t *testing.T, pattern string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(found) == 0 {
		t.Errorf("%s names %s, which does not exist (%v)", p.path, pattern, err)
	}
}
