// Package packaging builds the Debian package and takes it through its life in a throw-away copy of this system.
package packaging

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"woven.dev/woven/internal/testutil"
)

// files of the package, but for those below /usr/share/doc.
var files = []string{
	"/etc/default/woven-agent", "/usr/bin/woven", "/usr/lib/systemd/system/woven-agent.service",
	"/usr/share/bash-completion/completions/woven", "/usr/share/lintian/overrides/woven", "/usr/share/man/man8/woven.8.gz",
	"/usr/share/woven/precheck",
}

const (
	kept = "/var/lib/woven"           // between removal and purge
	pins = "/sys/fs/bpf/woven/v1/map" // stands for the data plane; in the copy it is a plain file
)

// TestDeb builds two versions of the package.
func TestDeb(t *testing.T) {
	testutil.RequireRoot(t)
	first, second := build(t, t.TempDir(), "0~test1"), build(t, t.TempDir(), "0~test2")
	t.Run("life", func(t *testing.T) { life(t, first, second) })
	t.Run("purge after cleanup", func(t *testing.T) { purgeAfterCleanup(t, first) })
	t.Run("reproducible", func(t *testing.T) { reproducible(t, first, "0~test1") })
}

// life: install, upgrade, remove, install again, purge.
func life(t *testing.T, first, second string) {
	c := newCopy(t)
	c.dpkg("--install", first)
	c.expect(files, true)
	if got, want := c.run("woven", "version"), "woven 0~test1\n"; got != want {
		t.Errorf("woven version prints %q, want %q", got, want)
	}
	if _, err := exec.LookPath("systemd-analyze"); err == nil {
		c.run("systemd-analyze", "verify", "woven-agent.service")
	}
	c.expect([]string{"/etc/systemd/system/multi-user.target.wants/woven-agent.service"}, false)

	c.write("/etc/default/woven-agent", "OPTIONS=--log-level=error\n")
	c.dpkg("--install", second)
	if got, want := c.run("woven", "version"), "woven 0~test2\n"; got != want {
		t.Errorf("after the upgrade woven version prints %q, want %q", got, want)
	}
	if got := c.run("cat", "/etc/default/woven-agent"); got != "OPTIONS=--log-level=error\n" {
		t.Errorf("the upgrade made /etc/default/woven-agent %q", got)
	}

	c.dpkg("--install", first) // back, and forth
	c.dpkg("--install", second)

	c.write(pins, "")
	c.dpkg("--remove", "woven")
	c.expect(files[1:], false)
	c.expect([]string{files[0], kept, pins}, true)

	c.dpkg("--install", second)
	c.expect(files, true)
	c.expect([]string{kept}, false)

	c.dpkg("--purge", "woven")
	c.expect(append([]string{kept, pins, "/usr/share/doc/woven"}, files...), false)
	if got := c.run("find", "/etc", "/var/lib/systemd", "-name", "woven-agent*"); got != "" {
		t.Errorf("purge leaves:\n%s", got)
	}
}

// purgeAfterCleanup: a node without a data plane of ours may be ovn-controller's again; purge leaves its databases alone.
func purgeAfterCleanup(t *testing.T, deb string) {
	c := newCopy(t)
	c.dpkg("--install", deb)
	c.dpkg("--remove", "woven")
	c.write(kept+"/woven", "#!/bin/sh\necho the agent was called with \"$@\"\n")
	if out := c.dpkg("--purge", "woven"); strings.Contains(out, "was called") {
		t.Errorf("purge has cleaned up: %s", out)
	}
}

// reproducible: time, umask and folder don't matter.
func reproducible(t *testing.T, deb, version string) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	again := build(t, t.TempDir(), version, "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8")
	a, errA := os.ReadFile(deb)
	b, errB := os.ReadFile(again)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("two builds of the same package differ")
	}
}

// TestInstall: make install for another place.
func TestInstall(t *testing.T) {
	testutil.RequireRoot(t)
	root := t.TempDir()
	makeTarget(t, "install", "BIN="+filepath.Join(t.TempDir(), "woven"), "DESTDIR="+root, "PREFIX=/opt/woven")
	unit, err := os.ReadFile(filepath.Join(root, "opt/woven/lib/systemd/system/woven-agent.service"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "\nExecStart=/opt/woven/bin/woven agent $OPTIONS\n"; !strings.Contains(string(unit), want) {
		t.Errorf("the unit has no line %q:\n%s", want, unit)
	}
	if out, err := exec.Command(filepath.Join(root, "opt/woven/bin/woven"), "version").CombinedOutput(); err != nil {
		t.Errorf("run the installed program: %v: %s", err, out)
	}
}

// build makes a package, packed loosely for speed, and returns its path.
func build(t *testing.T, dir, version string, env ...string) string {
	t.Helper()
	makeTarget(t, append([]string{"deb", "BIN=" + filepath.Join(t.TempDir(), "woven"), "VERSION=" + version,
		"DEB_VERSION=" + version, "SOURCE_DATE_EPOCH=1700000000", "DEB_DIR=" + dir, "DPKG_DEB_COMPRESSOR_LEVEL=0"}, env...)...)
	debs, err := filepath.Glob(filepath.Join(dir, "woven_"+version+"_*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("packages of version %s: %q, %v", version, debs, err)
	}
	return debs[0]
}

func makeTarget(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--directory=../.."}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// systemCopy is a copy of this system's root file system, of which changes go with the test.
type systemCopy struct {
	t    *testing.T
	root string
}

func newCopy(t *testing.T) *systemCopy {
	dir := t.TempDir()
	mount := func(source, target, kind, data string, flags uintptr) {
		t.Helper()
		if err := unix.Mount(source, target, kind, flags, data); err != nil {
			t.Fatalf("mount %s: %v", target, err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
				t.Errorf("unmount %s: %v", target, err)
			}
		})
	}
	// An overlay's upper layer can't lie on another overlay.
	mount("tmpfs", dir, "tmpfs", "", 0)
	c := &systemCopy{t, filepath.Join(dir, "root")}
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mount("overlay", c.root, "overlay", "lowerdir=/,upperdir="+dir+"/upper,workdir="+dir+"/work", 0)
	mount("/dev", filepath.Join(c.root, "dev"), "", "", unix.MS_BIND)
	mount("tmpfs", filepath.Join(c.root, "run"), "tmpfs", "", 0) // this machine's sockets are not to be found
	return c
}

// run runs a command in the copy, away from this machine's network.
func (c *systemCopy) run(argv ...string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "unshare", append([]string{"--net", "--root", c.root, "--"}, argv...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(out)
}

// dpkg runs dpkg, without the triggers of other packages. A package is given by its path on this machine.
func (c *systemCopy) dpkg(action, what string) string {
	c.t.Helper()
	if action == "--install" {
		deb, err := os.ReadFile(what)
		if err != nil {
			c.t.Fatal(err)
		}
		what = "/var/tmp/" + filepath.Base(what)
		c.write(what, string(deb))
	}
	return c.run("dpkg", "--no-triggers", action, what)
}

func (c *systemCopy) write(path, text string) {
	c.t.Helper()
	path = filepath.Join(c.root, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
		c.t.Fatal(err)
	}
}

// expect checks which files are there.
func (c *systemCopy) expect(paths []string, present bool) {
	c.t.Helper()
	var wrong []string
	for _, path := range paths {
		if _, err := os.Lstat(filepath.Join(c.root, path)); (err == nil) != present {
			wrong = append(wrong, path)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		c.t.Errorf("present is to be %v of %q", present, wrong)
	}
}
