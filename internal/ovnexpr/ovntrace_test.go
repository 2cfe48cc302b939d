package ovnexpr

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"woven.dev/woven/internal/testutil/ovsdbtest"
)

// ovnTrace is a Southbound database and OVN's own ovn-trace in daemon mode: the oracle.
type ovnTrace struct {
	t      testing.TB
	server *ovsdbtest.Server
	dir    string
}

// testSets are the sets of the oracle's database, and of the tests.
type testSets struct {
	addresses map[string][]string
	ports     map[string][]string
}

var sets = testSets{
	addresses: map[string][]string{
		"as4": {"10.0.0.1", "10.0.0.2", "10.9.0.0/16"}, "as6": {"fd00::1", "fd00:9::/64"}, "macs": {"0a:00:00:00:00:01"}, "empty": {},
		"one": {"10.0.0.1"}, "mixed": {"10.0.0.1", "fd00::1"}, "odd": {"10.0.0.2", "nonsense"}, "set.1_x": {"10.0.0.1"},
	},
	ports: map[string][]string{"pg": {"p1", "p2"}, "pgone": {"p1"}, "pgempty": {}},
}

func (s testSets) AddressSet(name string) ([]Integer, bool) {
	texts, ok := s.addresses[name]
	var all []Integer
	for _, text := range texts {
		if i, err := ParseInteger(text); err == nil {
			all = append(all, i)
		}
	}
	return all, ok
}

func (s testSets) PortGroup(name string) ([]string, bool) {
	ports, ok := s.ports[name]
	return ports, ok
}

// startOVNTrace makes a switch "ls" with the ports p1 and p2, and the test sets.
func startOVNTrace(t testing.TB) *ovnTrace {
	t.Helper()
	o := &ovnTrace{t: t, server: ovsdbtest.Start(t, ovsdbtest.SB)}
	dir, err := os.MkdirTemp("", "ovntrace")
	if err != nil {
		t.Fatal(err)
	}
	o.dir = dir
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ids := []any{"map", [][]string{{"name", "ls"}, {"logical-switch", "9f1c5d0e-2a60-4b7e-8f0e-0d7d3b8f5b11"}}}
	ops := []any{"OVN_Southbound", insert("Datapath_Binding", "ls", map[string]any{"tunnel_key": 1, "external_ids": ids})}
	for i, port := range []string{"p1", "p2"} {
		ops = append(ops, insert("Port_Binding", port, map[string]any{"logical_port": port, "tunnel_key": i + 1, "datapath": []string{"named-uuid", "ls"}}))
	}
	for name, members := range sets.addresses {
		ops = append(ops, insert("Address_Set", "", map[string]any{"name": name, "addresses": []any{"set", members}}))
	}
	for name, members := range sets.ports {
		ops = append(ops, insert("Port_Group", "", map[string]any{"name": name, "ports": []any{"set", members}}))
	}
	o.transact(ops)
	return o
}

func insert(table, uuidName string, row map[string]any) map[string]any {
	op := map[string]any{"op": "insert", "table": table, "row": row}
	if uuidName != "" {
		op["uuid-name"] = uuidName
	}
	return op
}

func (o *ovnTrace) transact(ops []any) {
	o.t.Helper()
	text, err := json.Marshal(ops)
	if err != nil {
		o.t.Fatal(err)
	}
	if answer := o.server.Transact(string(text)); strings.Contains(answer, `"error"`) {
		o.t.Fatalf("transact: %s", answer)
	}
}

// matches makes one logical flow of each match, in a table of its own; all packets go on to the next table. The flow does
// a bit more, as ovn-trace hides flows for all packets that only go on.
func (o *ovnTrace) matches(matches []string) {
	o.t.Helper()
	flow := func(table, priority int, match, actions string) any {
		return insert("Logical_Flow", "", map[string]any{"logical_datapath": []any{"set", []any{o.datapath()}}, "pipeline": "ingress",
			"table_id": table, "priority": priority, "match": match, "actions": actions})
	}
	ops := []any{"OVN_Southbound", map[string]any{"op": "delete", "table": "Logical_Flow", "where": []any{}}}
	for i, m := range matches {
		ops = append(ops, flow(i, 1, "1", "next;"), flow(i, 100, m, "reg6 = 0; next;"))
	}
	o.transact(ops)
}

func (o *ovnTrace) datapath() any {
	o.t.Helper()
	answer := o.server.Transact(`["OVN_Southbound", {"op": "select", "table": "Datapath_Binding", "where": [], "columns": ["_uuid"]}]`)
	var rows []struct {
		Rows []map[string]any `json:"rows"`
	}
	if err := json.Unmarshal([]byte(answer), &rows); err != nil {
		o.t.Fatal(err)
	}
	return rows[0].Rows[0]["_uuid"]
}

// run starts a daemon that has read the database as it is now, and ends it after the function.
func (o *ovnTrace) run(f func(trace func(microflow string) string)) {
	o.t.Helper()
	ctl := filepath.Join(o.dir, "ctl")
	cmd := exec.Command("ovn-trace", "--db="+o.server.Remote(), "--detach", "--no-chdir", "--unixctl="+ctl, "--pidfile="+filepath.Join(o.dir, "pid"),
		"-vconsole:off")
	if out, err := cmd.CombinedOutput(); err != nil {
		o.t.Fatalf("start ovn-trace: %v\n%s", err, out)
	}
	defer o.call(ctl, "exit")
	f(func(microflow string) string { return o.call(ctl, "trace", "ls", microflow) })
}

// call speaks to the daemon (ovs-appctl(8)); errors are answers, too.
func (o *ovnTrace) call(ctl, method string, params ...string) string {
	o.t.Helper()
	c, err := net.Dial("unix", ctl)
	if err != nil {
		o.t.Fatalf("connect to ovn-trace: %v", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		o.t.Fatal(err)
	}
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 0, "method": method, "params": append([]string{}, params...)}); err != nil {
		o.t.Fatalf("call ovn-trace: %v", err)
	}
	var answer struct{ Result, Error *string }
	if err := json.NewDecoder(c).Decode(&answer); err != nil {
		o.t.Fatalf("call ovn-trace %s %q: %v", method, params, err)
	}
	if answer.Error != nil {
		return *answer.Error
	}
	return *answer.Result
}

// accepts asks whether a match is well formed. It adds something that the parser has to stumble over after the match:
// an accepted microflow would be brought in disjunctive form, which can take OVN minutes.
func accepts(trace func(string) string, match string) (ok bool, reason string) {
	reason = trace("(" + match + "\n) && stop")
	return strings.Contains(reason, "`stop' expecting field name"), reason
}
