package golden

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/testutil/rowstest"
)

// parseInput reads the sections nb, sb, vsw and host of a case. In the first three a line is a row: table, _uuid, columns as a
// JSON object. In host a line is one of
//
//	chassis NAME
//	device NAME IFINDEX [elsewhere]
//	tunnel ADDR,... DEVICE IFINDEX
//	route ADDR IFINDEX NEXTHOP MTU [FROM]
//	activated PORT
func parseInput(t *testing.T, a *txtar.Archive) ingest.Input {
	t.Helper()
	in := ingest.Input{
		NB: rowstest.New[nb.Rows](), SB: rowstest.New[sb.Rows](), VS: rowstest.New[vsw.Rows](),
		Devices: map[string]logical.Device{}, Routes: map[netip.Addr]logical.Route{}, Activated: map[string]bool{},
	}
	for _, f := range a.Files {
		var add func(line string) error
		switch f.Name {
		case "nb":
			add = func(line string) error { return addRow(in.NB, line) }
		case "sb":
			add = func(line string) error { return addRow(in.SB, line) }
		case "vsw":
			add = func(line string) error { return addRow(in.VS, line) }
		case "host":
			add = func(line string) error { return addHost(&in, line) }
		default:
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := add(line); err != nil {
				t.Fatalf("section %s, line %s: %v", f.Name, line, err)
			}
		}
	}
	return in
}

// addRow adds the row of a line to rows, a pointer to nb.Rows, sb.Rows or vsw.Rows.
func addRow(rows any, line string) error {
	words := strings.SplitN(line, " ", 3)
	if len(words) != 3 {
		return fmt.Errorf("want table, _uuid and columns")
	}
	name := strings.ReplaceAll(words[0], "_", "")
	table := reflect.ValueOf(rows).Elem().FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, name) })
	if !table.IsValid() {
		return fmt.Errorf("no table %s", words[0])
	}
	row := reflect.New(table.Type().Elem().Elem())
	var columns map[string]json.RawMessage
	if err := json.Unmarshal([]byte(words[2]), &columns); err != nil {
		return fmt.Errorf("parse columns: %w", err)
	}
	columns["_uuid"] = json.RawMessage(strconv.Quote(words[1]))
	for i := range row.Elem().NumField() {
		column := row.Elem().Type().Field(i).Tag.Get("ovsdb")
		if data, ok := columns[column]; ok {
			if err := json.Unmarshal(data, row.Elem().Field(i).Addr().Interface()); err != nil {
				return fmt.Errorf("parse column %s: %w", column, err)
			}
			delete(columns, column)
		}
	}
	if len(columns) > 0 {
		return fmt.Errorf("unknown columns: %v", columns)
	}
	table.SetMapIndex(reflect.ValueOf(words[1]), row)
	return nil
}

// addHost takes in a line of the section host.
func addHost(in *ingest.Input, line string) error {
	w := strings.Fields(line)
	switch {
	case w[0] == "chassis" && len(w) == 2:
		in.Chassis = w[1]
	case w[0] == "device" && len(w) >= 3:
		ifindex, err := strconv.Atoi(w[2])
		in.Devices[w[1]] = logical.Device{Name: w[1], Ifindex: ifindex, PeerElsewhere: len(w) == 4 && w[3] == "elsewhere"}
		return err
	case w[0] == "tunnel" && len(w) == 4:
		ifindex, err := strconv.Atoi(w[3])
		in.Tunnel = &logical.Tunnel{Devices: []logical.Device{{Name: w[2], Ifindex: ifindex}}}
		for _, addr := range strings.Split(w[1], ",") {
			in.Tunnel.Addrs = append(in.Tunnel.Addrs, netip.MustParseAddr(addr))
		}
		return err
	case w[0] == "route" && len(w) >= 5:
		r := logical.Route{NextHop: netip.MustParseAddr(w[3])}
		if len(w) > 5 {
			r.From = netip.MustParseAddr(w[5])
		}
		_, err := fmt.Sscan(w[2]+" "+w[4], &r.Ifindex, &r.MTU)
		in.Routes[netip.MustParseAddr(w[1])] = r
		return err
	case w[0] == "activated" && len(w) == 2:
		in.Activated[w[1]] = true
	default:
		return fmt.Errorf("not understood")
	}
	return nil
}

// setSection replaces or appends a section.
func setSection(a *txtar.Archive, name string, text []byte) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = text
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: text})
}

// section is the text of a section; "" when there is none.
func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}
