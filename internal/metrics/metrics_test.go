package metrics

import (
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/hover/punt"
)

// fakeSource answers with what a test put in it.
type fakeSource struct {
	status v1.Status
	ports  []v1.Port
	drops  []v1.DatapathDrops
	punts  []hover.PuntCount
	read   punt.Counts
	usage  []hover.Usage
	zones  []v1.ConnectionZone
	flows  hover.FlowCounts
	err    error
}

func (f *fakeSource) ConnectionZones() ([]v1.ConnectionZone, error) { return f.zones, f.err }

func (f *fakeSource) FlowCounts() (hover.FlowCounts, error) { return f.flows, f.err }

func (f *fakeSource) Usage() []hover.Usage { return f.usage }

func (f *fakeSource) Punts() ([]hover.PuntCount, punt.Counts, error) { return f.punts, f.read, f.err }

func (f *fakeSource) Status() v1.Status                  { return f.status }
func (f *fakeSource) Ports() ([]v1.Port, error)          { return f.ports, f.err }
func (f *fakeSource) Drops() ([]v1.DatapathDrops, error) { return f.drops, f.err }

func TestTables(t *testing.T) {
	compare(t, tableCollector{&fakeSource{usage: []hover.Usage{{Table: "iom_groups", Rows: 3, Max: 8}, {Table: "l2switch_fdbs", Max: 16}}}}, `
# HELP woven_table_max_rows How many rows the table has room for; what needs more is refused, and a problem.
# TYPE woven_table_max_rows gauge
woven_table_max_rows{table="iom_groups"} 8
woven_table_max_rows{table="l2switch_fdbs"} 16
# HELP woven_table_rows Rows of a table of the data plane that are in use.
# TYPE woven_table_rows gauge
woven_table_rows{table="iom_groups"} 3
woven_table_rows{table="l2switch_fdbs"} 0
`)
}

func TestConnections(t *testing.T) {
	compare(t, connectionCollector{&fakeSource{zones: []v1.ConnectionZone{
		{Port: "p1", Switch: "sw0", Established: 5, Limit: 65536}, {Port: "p2", Switch: "sw0", Established: 7, Limit: 7, Refused: 3}}}}, `
# HELP woven_port_connections Established connections of a port.
# TYPE woven_port_connections gauge
woven_port_connections{port="p1",switch="sw0"} 5
woven_port_connections{port="p2",switch="sw0"} 7
# HELP woven_port_connections_limit How many established connections the port may have.
# TYPE woven_port_connections_limit gauge
woven_port_connections_limit{port="p1",switch="sw0"} 65536
woven_port_connections_limit{port="p2",switch="sw0"} 7
# HELP woven_port_connections_refused_total Connections of a port that found no room among the established ones.
# TYPE woven_port_connections_refused_total counter
woven_port_connections_refused_total{port="p1",switch="sw0"} 0
woven_port_connections_refused_total{port="p2",switch="sw0"} 3
`)
}

func TestFlowCache(t *testing.T) {
	compare(t, flowCollector{&fakeSource{flows: hover.FlowCounts{Hits: 100, Notes: 7, Checks: 5, Differences: 1}}}, `
# HELP woven_flow_cache_checks_total Packets that passed all modules to be compared with what the flow cache had (woven-flow-cache=check=N).
# TYPE woven_flow_cache_checks_total counter
woven_flow_cache_checks_total 5
# HELP woven_flow_cache_differences_total Of the packets that were compared, those that came out differently.
# TYPE woven_flow_cache_differences_total counter
woven_flow_cache_differences_total 1
# HELP woven_flow_cache_hits_total Packets that the flow cache sent on at once.
# TYPE woven_flow_cache_hits_total counter
woven_flow_cache_hits_total 100
# HELP woven_flow_cache_notes_total Packets that passed all modules and were noted in the flow cache.
# TYPE woven_flow_cache_notes_total counter
woven_flow_cache_notes_total 7
`)
}

func TestNode(t *testing.T) {
	source := &fakeSource{status: v1.Status{
		Version:    "1.2.3",
		Generation: 17,
		Databases: []v1.Database{
			{Name: "OVN_Northbound", Connected: true, Synced: true},
			{Name: "OVN_Southbound", Connected: true},
			{Name: "Open_vSwitch"},
		},
		NBCfg:    v1.NBCfg{Seen: 5, Applied: 4},
		Ports:    v1.PortCounts{Up: 1, Down: 2, Waiting: 3, Failed: 4, Unplugged: 5},
		Tunnel:   &v1.Tunnel{Peers: []v1.Peer{{Device: "eth0"}, {Device: "eth0"}, {}}},
		Problems: []v1.Problem{{Object: "acl 1"}, {Object: "acl 2"}},
	}}
	compare(t, nodeCollector{source}, `
# HELP woven_build_info Always 1; the label says which version runs.
# TYPE woven_build_info gauge
woven_build_info{version="1.2.3"} 1
# HELP woven_database_connected 1: there is a connection to the database.
# TYPE woven_database_connected gauge
woven_database_connected{database="OVN_Northbound"} 1
woven_database_connected{database="OVN_Southbound"} 1
woven_database_connected{database="Open_vSwitch"} 0
# HELP woven_database_synced 1: the database's contents were read completely.
# TYPE woven_database_synced gauge
woven_database_synced{database="OVN_Northbound"} 1
woven_database_synced{database="OVN_Southbound"} 0
woven_database_synced{database="Open_vSwitch"} 0
# HELP woven_generation_total Desired states made live since the agent was started.
# TYPE woven_generation_total counter
woven_generation_total 17
# HELP woven_nb_cfg_applied The nb_cfg that is live in the data plane.
# TYPE woven_nb_cfg_applied gauge
woven_nb_cfg_applied 4
# HELP woven_nb_cfg_seen SB_Global.nb_cfg as last read.
# TYPE woven_nb_cfg_seen gauge
woven_nb_cfg_seen 5
# HELP woven_ports Ports of this node by state.
# TYPE woven_ports gauge
woven_ports{state="down"} 2
woven_ports{state="failed"} 4
woven_ports{state="unplugged"} 5
woven_ports{state="up"} 1
woven_ports{state="waiting"} 3
# HELP woven_problems What Woven saw and could not carry out; `+"`woven status`"+` names it.
# TYPE woven_problems gauge
woven_problems 2
# HELP woven_tunnel_peers Other chassis with a usable tunnel end, by whether there is a route to them.
# TYPE woven_tunnel_peers gauge
woven_tunnel_peers{route="no"} 1
woven_tunnel_peers{route="yes"} 2
`)
}

// A remote port has no series; a port's name may hold anything.
func TestPorts(t *testing.T) {
	source := &fakeSource{ports: []v1.Port{
		{Name: "far", Switch: "sw0", State: v1.PortRemote, Counters: v1.Counters{RxPackets: 9}},
		{Name: `p"1`, Switch: "sw0", Device: "veth1", State: v1.PortUp,
			Counters: v1.Counters{RxPackets: 1, RxBytes: 2, TxPackets: 3, TxBytes: 4},
			Drops:    []v1.Drop{{Module: "l2switch", Reason: "PORT_SECURITY", Text: "spoofed", Packets: 7}}},
	}}
	compare(t, portCollector{source}, `
# HELP woven_port_bytes_total Bytes of a local port; rx comes from the workload, tx goes to it.
# TYPE woven_port_bytes_total counter
woven_port_bytes_total{direction="rx",port="p\"1",switch="sw0"} 2
woven_port_bytes_total{direction="tx",port="p\"1",switch="sw0"} 4
# HELP woven_port_dropped_packets_total Packets dropped on a local port.
# TYPE woven_port_dropped_packets_total counter
woven_port_dropped_packets_total{module="l2switch",port="p\"1",reason="PORT_SECURITY",switch="sw0"} 7
# HELP woven_port_packets_total Packets of a local port; rx comes from the workload, tx goes to it.
# TYPE woven_port_packets_total counter
woven_port_packets_total{direction="rx",port="p\"1",switch="sw0"} 1
woven_port_packets_total{direction="tx",port="p\"1",switch="sw0"} 3
`)
}

// Two switches may have the same name; the key keeps them apart.
func TestDatapaths(t *testing.T) {
	drop := []v1.Drop{{Module: "l2switch", Reason: "NO_PORT", Packets: 1}}
	source := &fakeSource{drops: []v1.DatapathDrops{
		{Drops: []v1.Drop{{Module: "entry", Reason: "UNKNOWN_KEY", Packets: 3}}},
		{Datapath: "sw0", Key: 1, Drops: drop},
		{Datapath: "sw0", Key: 2, Drops: drop},
	}}
	compare(t, datapathCollector{source}, `
# HELP woven_datapath_dropped_packets_total Packets dropped in a datapath, those of its ports included; without datapath: those that reached none.
# TYPE woven_datapath_dropped_packets_total counter
woven_datapath_dropped_packets_total{datapath="",key="",module="entry",reason="UNKNOWN_KEY"} 3
woven_datapath_dropped_packets_total{datapath="sw0",key="1",module="l2switch",reason="NO_PORT"} 1
woven_datapath_dropped_packets_total{datapath="sw0",key="2",module="l2switch",reason="NO_PORT"} 1
`)
}

func TestPunts(t *testing.T) {
	source := &fakeSource{read: punt.Counts{Handled: 5, Lost: 2, Stray: 1}, punts: []hover.PuntCount{
		{Module: "dp", Name: "sw0", Key: 7, Kind: "l2switch", Reason: "learned", Sent: 8, Lost: 3}}}
	compare(t, puntCollector{source}, `
# HELP woven_punts_read_total What the agent did with them since it was started; lost: their handler was busy, stray: of no port here.
# TYPE woven_punts_read_total counter
woven_punts_read_total{outcome="handled"} 5
woven_punts_read_total{outcome="lost"} 2
woven_punts_read_total{outcome="stray"} 1
# HELP woven_punts_total Packets, or word of packets, that programs gave to the agent; lost: over the rate limit, or the buffer was full.
# TYPE woven_punts_total counter
woven_punts_total{datapath="sw0",key="7",module="l2switch",outcome="lost",reason="learned"} 3
woven_punts_total{datapath="sw0",key="7",module="l2switch",outcome="sent",reason="learned"} 8
`)
}

// Counters that can't be read are an error of the scrape; the other metrics still arrive. Neither does a name that
// is no UTF-8 end the agent.
func TestScrapeSurvivesErrors(t *testing.T) {
	for name, source := range map[string]*fakeSource{
		"source fails": {err: errors.New("read map: no such file")},
		"bad name":     {ports: []v1.Port{{Name: "\xff", Device: "veth1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := testutil.CollectAndLint(portCollector{source}); err == nil {
				t.Error("the error of the source is lost")
			}
			m := New(source)
			m.ObserveApply(3 * time.Millisecond)
			body := scrape(m)
			for _, want := range []string{
				"woven_problems 0\n",
				`woven_apply_duration_seconds_bucket{le="0.002"} 0`,
				`woven_apply_duration_seconds_bucket{le="0.004"} 1`,
			} {
				if !strings.Contains(body, want) {
					t.Errorf("the answer lacks %s:\n%s", want, body)
				}
			}
		})
	}
}

// Names and help follow Prometheus' conventions.
func TestLint(t *testing.T) {
	found, err := testutil.GatherAndLint(New(&fakeSource{}).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func compare(t *testing.T, c prometheus.Collector, want string) {
	t.Helper()
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// scrape is the body of the answer to one scrape.
func scrape(m *Metrics) string {
	answer := httptest.NewRecorder()
	m.Handler(slog.New(slog.NewTextHandler(io.Discard, nil))).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}
