package differential

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// patience bounds every wait.
const patience = 30 * time.Second

// central is both databases with ovn-northd, and copies of them as an agent has.
type central struct {
	t      testing.TB
	nb, sb *ovsdbtest.Server
	north  *ovsdb.DB[nb.Rows]
	south  *ovsdb.DB[sb.Rows]
	cfg    int // nb_cfg of what was written last
}

func newCentral(t testing.TB) *central {
	t.Helper()
	c := &central{t: t, nb: ovsdbtest.Start(t, ovsdbtest.NB), sb: ovsdbtest.Start(t, ovsdbtest.SB)}
	dir := shortDir(t)
	c.start("ovn-northd", "--ovnnb-db="+c.nb.Remote(), "--ovnsb-db="+c.sb.Remote(), "--unixctl="+filepath.Join(dir, "ctl"), "-vconsole:off", "-vsyslog:off")
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	c.north = ovsdb.NewNB(ovsdb.Config{Name: "nb", Remotes: []string{c.nb.Remote()}})
	c.south = ovsdb.NewSB(ovsdb.Config{Name: "sb", Remotes: []string{c.sb.Remote()}})
	for _, run := range []func(context.Context) error{c.north.Run, c.south.Run} {
		go func() {
			if err := run(ctx); err != nil {
				t.Errorf("run database client: %v", err)
			}
		}()
	}
	if err := c.nbctl([]row{{"init"}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// shortDir is a directory that ends with the test; the path of a socket may have 107 bytes only, less than some names of tests.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wvtdiff")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// start runs a daemon in the foreground until the test ends.
func (c *central) start(argv ...string) {
	c.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("start %s: %v", argv[0], err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // tells that it was killed
	})
}

// row is a command of ovn-nbctl(8), or several with "--" between them, that makes a row or changes one; or the word of learned, a router port, an
// address and its MAC address, for a row of the Southbound database.
type row []string

// learned begins a row of MAC_Binding. (ovn-trace 23.03 does not know static ones.)
const learned = "learned"

// String writes the row as commands for a shell.
func (r row) String() string {
	if r[0] == learned {
		return fmt.Sprintf("ovn-sbctl create MAC_Binding logical_port=%s ip='%q' mac='%q' datapath=$(ovn-sbctl get Port_Binding %[1]s datapath)", r[1], r[2], r[3])
	}
	words := make([]string, len(r))
	for i, w := range r {
		if words[i] = w; strings.ContainsAny(w, " \t$&|!<>(){}*?\"\\;") || w == "" {
			words[i] = "'" + w + "'"
		}
	}
	return "ovn-nbctl " + strings.Join(words, " ")
}

// tables are those of the Northbound database that rows are written to.
var tables = []string{"Logical_Switch", "Logical_Router", "Port_Group", "Address_Set"}

// replace makes the Northbound database hold the rows and nothing else, and returns when the Southbound one says what they mean. Rows that
// ovn-nbctl refuses are an error.
func (c *central) replace(rows []row) error {
	clear := []row{{"remove", "NB_Global", ".", "options", "default_acl_drop"}}
	for _, table := range tables {
		clear = append(clear, row{"--all", "destroy", table})
	}
	// Before the rows are written ovn-northd must have seen that the old ones went: when it finds a port gone and there again in another network,
	// links of its first transaction lack an end, until the next.
	if err := c.write(clear); err != nil {
		return err
	}
	isLearned := func(r row) bool { return r[0] == learned }
	if err := c.write(slices.DeleteFunc(slices.Clone(rows), isLearned)); err != nil {
		return err
	}
	for _, r := range rows {
		if isLearned(r) {
			if err := c.learn(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// learn makes a row of MAC_Binding.
func (c *central) learn(r row) error {
	for _, pb := range c.south.Rows().PortBinding {
		if pb.LogicalPort == r[1] {
			b := &sb.MACBinding{LogicalPort: r[1], Datapath: pb.Datapath, IP: r[2], MAC: r[3]}
			return c.south.Transact(context.Background(), []ovsdb.Op{{Kind: ovsdb.Insert, Row: b}})
		}
	}
	return fmt.Errorf("learn %s: no such port", r)
}

// write carries commands out as one transaction, and waits until both copies have what ovn-northd made of it.
func (c *central) write(rows []row) error {
	rows = append(slices.Clone(rows), row{"sync"}) // a generation of its own, though the rows may be there already
	if err := c.nbctl(rows, "--wait=sb", fmt.Sprintf("--timeout=%d", int(patience.Seconds()))); err != nil {
		return err
	}
	c.cfg++
	for deadline := time.After(patience); !c.synced(); {
		select {
		case <-c.north.Changed():
		case <-c.south.Changed():
		case <-deadline:
			return fmt.Errorf("wait for generation %d: the copies do not have it", c.cfg)
		}
	}
	return nil
}

func (c *central) nbctl(rows []row, args ...string) error {
	args = append(args, "--db="+c.nb.Remote())
	for _, r := range rows {
		args = append(append(args, "--"), r...)
	}
	out, err := exec.Command("ovn-nbctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("write rows: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// synced says whether both copies have the newest generation.
func (c *central) synced() bool {
	north, south := c.north.Rows(), c.south.Rows()
	if north == nil || south == nil {
		return false
	}
	for _, g := range north.NBGlobal {
		for _, s := range south.SBGlobal {
			return g.NbCfg >= c.cfg && s.NbCfg >= c.cfg
		}
	}
	return false
}
