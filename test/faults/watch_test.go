package faults

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"woven.dev/woven/internal/lab/labtest"
)

// watch looks for flaps of ports. It reads the files of both databases, to which ovsdb-server appends every transaction before it
// answers: unlike a monitor it misses nothing, also while a server is away.
type watch struct {
	c    *cloud
	logs []*transactions
}

// transactions are those of one database's file from a position on.
type transactions struct {
	file    *os.File
	table   string
	columns []string
	ports   map[string]string // name by UUID of the row
}

// watch begins to watch ports that are up.
func (c *cloud) watch(vms ...*labtest.VM) *watch {
	c.t.Helper()
	w := &watch{c: c}
	for _, l := range []*transactions{
		{table: "Logical_Switch_Port", columns: []string{"up"}},
		{table: "Port_Binding", columns: []string{"up", "chassis"}},
	} {
		ctl, name, base := c.NB, "name", "ovnnb_db.db"
		if l.table == "Port_Binding" {
			ctl, name, base = c.SB, "logical_port", "ovnsb_db.db"
		}
		l.ports = map[string]string{}
		for _, vm := range vms {
			uuid := strings.TrimSpace(ctl("--bare", "--columns=_uuid", "find", l.table, name+"="+vm.Port, "up=true"))
			if uuid == "" {
				c.t.Fatalf("port %s is not up", vm.Port)
			}
			l.ports[uuid] = vm.Port
		}
		file, err := os.Open(filepath.Join(c.Lab.Dir(), "central", base))
		c.ok(err)
		c.t.Cleanup(func() { file.Close() })
		_, err = file.Seek(0, io.SeekEnd)
		c.ok(err)
		l.file = file
		w.logs = append(w.logs, l)
	}
	return w
}

// steady fails the test if a port was not up, or changed its chassis, at any time since watch or the last call.
func (w *watch) steady() {
	w.c.t.Helper()
	for _, l := range w.logs {
		flaps, err := l.flaps()
		w.c.ok(err)
		for _, flap := range flaps {
			w.c.t.Error(flap)
		}
	}
}

// flaps reads on to the end of the file and lists changes of watched columns.
func (l *transactions) flaps() ([]string, error) {
	now, err := os.Stat(l.file.Name())
	if err != nil {
		return nil, err
	}
	if then, err := l.file.Stat(); err != nil || !os.SameFile(now, then) {
		return nil, errors.Join(fmt.Errorf("%s was replaced: its history is lost", l.file.Name()), err)
	}
	var flaps []string
	in := bufio.NewReader(l.file)
	for {
		record, err := readRecord(in)
		if errors.Is(err, io.EOF) {
			return flaps, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", l.file.Name(), err)
		}
		found, err := l.changes(record)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", l.file.Name(), err)
		}
		flaps = append(flaps, found...)
	}
}

// readRecord reads a line "OVSDB JSON <length> <SHA-1>" and the length bytes after it; ovsdb(5).
func readRecord(in *bufio.Reader) ([]byte, error) {
	header, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var length int
	if _, err := fmt.Sscanf(header, "OVSDB JSON %d ", &length); err != nil {
		return nil, fmt.Errorf("parse header %q: %w", header, err)
	}
	record := make([]byte, length)
	_, err = io.ReadFull(in, record)
	return record, err
}

// changes lists the watched columns that a transaction changed.
func (l *transactions) changes(record []byte) ([]string, error) {
	var tables map[string]json.RawMessage
	if err := json.Unmarshal(record, &tables); err != nil {
		return nil, err
	}
	if tables[l.table] == nil {
		return nil, nil
	}
	var rows map[string]map[string]json.RawMessage // nil: the row was deleted
	if err := json.Unmarshal(tables[l.table], &rows); err != nil {
		return nil, err
	}
	var found []string
	for uuid, row := range rows {
		port, watched := l.ports[uuid]
		if watched && row == nil {
			found = append(found, fmt.Sprintf("port %s: row in %s deleted", port, l.table))
		}
		for _, column := range l.columns {
			if value, changed := row[column]; watched && changed {
				found = append(found, fmt.Sprintf("port %s: %s:%s became %s by %s", port, l.table, column, value, tables["_comment"]))
			}
		}
	}
	return found, nil
}
