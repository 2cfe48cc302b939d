package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPinLink(t *testing.T) {
	dir := t.TempDir()
	if _, err := BPFFS(dir); err == nil || !strings.Contains(err.Error(), "--bpffs") {
		t.Errorf("no link: %v", err)
	}
	t.Chdir(dir)
	for _, bpffs := range []string{"/sys/fs/bpf/a", "/sys/fs/bpf/b", "pins"} {
		if err := linkPins(dir, bpffs); err != nil {
			t.Fatal(err)
		}
		want := bpffs
		if bpffs == "pins" {
			want = filepath.Join(dir, bpffs)
		}
		if got, err := BPFFS(dir); err != nil || got != want {
			t.Errorf("link to %s: %s, %v", bpffs, got, err)
		}
	}
	for range 2 {
		if err := unlinkPins(dir); err != nil {
			t.Error(err)
		}
	}
	if err := linkPins(filepath.Join(dir, "nosuch"), "/x"); err == nil {
		t.Error("a link in no directory")
	}
	if err := os.Mkdir(filepath.Join(dir, pinLink), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := BPFFS(dir); err == nil {
		t.Error("a directory is no link")
	}
}
