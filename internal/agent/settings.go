package agent

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// Settings are what the local Open_vSwitch row asks of this chassis. ovn-controller(8), section Configuration, names the keys.
type Settings struct {
	// Name of the chassis (system-id); "" while nobody has set it.
	Name     string
	Hostname string
	// SB and NB are the remotes of the databases; empty while unknown.
	SB, NB []string
	// TLS is for their remotes "ssl:".
	TLS ovsdb.TLS
	// Bridge is the integration bridge (ovn-bridge).
	Bridge string
	// Encap is how this chassis tunnels.
	Encap Encap
	// TransportZones of the chassis (ovn-transport-zones).
	TransportZones []string
	// FloodLimit is netstate.State.FloodLimit (woven-flood-limit).
	FloodLimit uint32
	// FlowCache is netstate.State.FlowCache (woven-flow-cache).
	FlowCache netstate.FlowCache
	// BridgeMappings are bridges by physical network (ovn-bridge-mappings).
	BridgeMappings map[string]string
	// AnnouncePause is the longest pause between announcements of a port, which then never end; 0: five are made (garp-max-timeout-sec).
	AnnouncePause time.Duration
	// Advertised goes into other_config and external_ids of the Chassis row.
	Advertised map[string]string
}

// Overrides are settings that the command line gives. Empty: as the row says.
type Overrides struct {
	Name     string
	NB, SB   []string
	TLS      ovsdb.TLS
	Hostname string // where the row has none
}

// features are what ovn-northd turns on only when every chassis advertises it.
var features = []string{
	"port-up-notif", "mac-binding-timestamp", "ct-no-masked-label", "ovn-ct-lb-related", "ct-commit-nat-v2", "ct-commit-to-zone",
	"ct-next-zone", "ct-label-flush", "ct-state-save", "fdb-timestamp", "ls-dpg-column", "ovn-sample-with-registers",
}

// copiedKeys are external_ids that other readers of the Chassis row look for, with what they are when absent.
var copiedKeys = map[string]string{
	"ovn-bridge-mappings": "", "ovn-cms-options": "", "ovn-chassis-mac-mappings": "", "ovn-monitor-all": "false",
}

// unsupportedKeys change what ovn-controller does and not what Woven does; with the value that asks for nothing.
var unsupportedKeys = map[string]string{
	"ovn-is-interconn": "false",
}

// defaultFloodLimit leaves other tenants nine tenths of a CPU (bench, "while another tenant sends").
const defaultFloodLimit = 50_000

// ifaceTypes are the interface types that Woven carries out.
var ifaceTypes = []string{"internal", "system"}

// settingsReader looks keys up in the external_ids and collects what is wrong.
type settingsReader struct {
	ids      map[string]string
	name     string
	problems logical.Problems
}

// get returns a key's value; one with the chassis' name appended goes before the bare one.
func (r *settingsReader) get(key string) string {
	if v, ok := r.ids[key+"-"+r.name]; ok && r.name != "" {
		return v
	}
	return r.ids[key]
}

func (r *settingsReader) problem(key, format string, args ...any) {
	r.problems.Add("open_vswitch", "external_ids:"+key, format, args...)
}

// readSettings reads the row, which is nil while the database has none.
func readSettings(row *vsw.OpenvSwitch, over Overrides) (Settings, []logical.Problem) {
	r := &settingsReader{}
	if row != nil {
		r.ids = row.ExternalIDs
	}
	r.name = or(over.Name, r.ids["system-id"])
	if r.name == "" {
		r.problem("system-id", "is not set: this node registers no chassis and claims no ports until it is")
	}
	s := Settings{
		Name:     r.name,
		Hostname: or(r.ids["hostname"], over.Hostname),
		Bridge:   or(r.ids["ovn-bridge"], "br-int"),
		TLS:      over.TLS,
	}
	s.SB, s.NB = r.remotes(over)
	s.Encap = r.encap()
	s.TransportZones = splitList(r.get("ovn-transport-zones"))
	s.FloodLimit, s.FlowCache = r.floodLimit(), r.flowCache()
	s.BridgeMappings, s.AnnouncePause = r.bridgeMappings(), r.announcePause()
	s.Advertised = r.advertised()
	for _, key := range slices.Sorted(maps.Keys(unsupportedKeys)) {
		if v := r.get(key); v != "" && v != unsupportedKeys[key] {
			r.problem(key, "is not supported: %q is ignored", v)
		}
	}
	return s, r.problems
}

// floodLimit reads woven-flood-limit: copies a second, 0 for any number.
func (r *settingsReader) floodLimit() uint32 {
	word := r.get("woven-flood-limit")
	if word == "" {
		return defaultFloodLimit
	}
	n, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		r.problem("woven-flood-limit", "%s is no number of copies a second: it is ignored", logical.Quote(word))
		return defaultFloodLimit
	}
	return uint32(n)
}

// flowCache reads woven-flow-cache: "true", "false", or "check=N" for one of N packets to be compared.
func (r *settingsReader) flowCache() netstate.FlowCache {
	switch word := r.get("woven-flow-cache"); word {
	case "", "true":
		return netstate.FlowCache{}
	case "false":
		return netstate.FlowCache{Off: true}
	default:
		number, isCheck := strings.CutPrefix(word, "check=")
		n, err := strconv.ParseUint(number, 10, 32)
		if !isCheck || err != nil || n == 0 {
			r.problem("woven-flow-cache", "%s is neither true nor false nor check=N with a number N from 1 on: it is ignored", logical.Quote(word))
			return netstate.FlowCache{}
		}
		return netstate.FlowCache{Check: uint32(n)}
	}
}

// bridgeMappings reads ovn-bridge-mappings: "NETWORK:BRIDGE,...".
func (r *settingsReader) bridgeMappings() map[string]string {
	var mappings map[string]string
	for _, word := range splitList(r.get("ovn-bridge-mappings")) {
		network, bridge, _ := strings.Cut(word, ":")
		if network == "" || bridge == "" {
			r.problem("ovn-bridge-mappings", "%s is no network and bridge: it is ignored", logical.Quote(word))
			continue
		}
		if mappings == nil {
			mappings = map[string]string{}
		}
		mappings[network] = bridge
	}
	return mappings
}

// announcePause reads garp-max-timeout-sec.
func (r *settingsReader) announcePause() time.Duration {
	word := r.get("garp-max-timeout-sec")
	if word == "" {
		return 0
	}
	n, err := strconv.ParseUint(word, 10, 31)
	if err != nil {
		r.problem("garp-max-timeout-sec", "%s is no number of seconds: it is ignored", logical.Quote(word))
		return 0
	}
	return time.Duration(n) * time.Second
}

func (r *settingsReader) remotes(over Overrides) (sb, nb []string) {
	sb, nb = over.SB, over.NB
	if len(sb) == 0 {
		sb = splitList(r.get("ovn-remote"))
	}
	if len(sb) == 0 {
		r.problem("ovn-remote", "is not set: there is no Southbound database until it is")
	}
	if len(nb) == 0 {
		nb = splitList(r.get("woven-nb-remote"))
	}
	if len(nb) > 0 {
		return sb, nb
	}
	for _, remote := range sb {
		if at, ok := strings.CutSuffix(remote, ":6642"); ok {
			nb = append(nb, at+":6641")
		}
	}
	if len(sb) > 0 && len(nb) == 0 {
		r.problem("woven-nb-remote", "is not set, and %q names no port 6642 to derive it from: there is no Northbound database until it is",
			strings.Join(sb, ","))
	}
	return sb, nb
}

// advertised is what northd, Neutron and other chassis read in the Chassis row.
func (r *settingsReader) advertised() map[string]string {
	m := map[string]string{"datapath-type": "system", "iface-types": strings.Join(ifaceTypes, ","), "is-interconn": "false"}
	for _, f := range features {
		m[f] = "true"
	}
	for key, absent := range copiedKeys {
		m[key] = or(r.get(key), absent)
	}
	return m
}

func splitList(s string) []string {
	var list []string
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
