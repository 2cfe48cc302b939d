package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
	// file is a path of the project in backticks.
	file = regexp.MustCompile("`((?:api|bench|cmd|docs|hack|internal|modules|sdk|test)/[\\w./*-]+)`")
	// testLink is a link to a test, "[TestX: story, story](file)"; testName one in words, "`TestX` in `file`".
	testLink = regexp.MustCompile(`\[(Test\w+)(?:: ([^]]+))?\]\(([\w./-]+_test\.go)\)`)
	testName = regexp.MustCompile("`(Test\\w+)` in\\s+`([\\w./-]+_test\\.go)`")
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
		for _, m := range testLink.FindAllStringSubmatch(p.text, -1) {
			p.expectTest(t, filepath.Join(filepath.Dir(p.path), m[3]), m[1], m[2])
		}
		for _, m := range testName.FindAllStringSubmatch(p.text, -1) {
			p.expectTest(t, m[2], m[1], "")
		}
	}
}

// expectTest fails the test unless a file has the named test, and the names of its stories.
func (p page) expectTest(t *testing.T, path, name, stories string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, path))
	if err != nil || !strings.Contains(string(source), "\nfunc "+name+"(") {
		t.Errorf("%s: %s does not hold %s (%v)", p.path, path, name, err)
	}
	for story := range strings.SplitSeq(stories, ", ") {
		if story != "" && !strings.Contains(string(source), strconv.Quote(story)) {
			t.Errorf("%s: %s has no story %q", p.path, path, story)
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
