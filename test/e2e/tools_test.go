package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// tools: what an operator reads on a node that has one port up, one down, one waiting, one on the other node, and a thief.
func tools(t *testing.T, l *lab.Lab) {
	sw := labtest.NewSwitch(t, l, "ops")
	vm, disabled := sw.Add(1, "hv1"), sw.Add(2, "hv1")
	sw.Add(3, "hv2")
	waiting := sw.VM(4, "hv1")
	waiting.Start()
	sw.NB("--wait=hv", "lsp-set-enabled", disabled.Port, "disabled")
	for range 3 {
		openWire(t, vm).send(t, lies(t, vm, disabled)[0].frame)
	}
	sw.Eventually("drops", func() error { return atLeast(vm, "port_security_mac", 3) })

	for command, want := range outputs {
		argv := strings.Fields(command)
		if diff := cmp.Diff(want, steady(l, sw.Woven("hv1", argv...))); diff != "" {
			t.Errorf("woven %s (-want +got):\n%s", command, diff)
		}
		sw.Eventually("the same in JSON and YAML", func() error { return sameDocument(sw, argv) })
	}
	checkMetrics(t, vm)
}

// outputs of commands on the node of tools, made steady.
var outputs = map[string]string{
	"status": `hv1: OK

Chassis hv1
Version devel, running for AGE
Generation N
nb_cfg seen N, applied N
Ports 1 up, 1 down, 1 waiting, 0 failed, 0 unplugged
Tunnel geneve 172.31.0.11 on eth0

DATABASE REMOTE STATE FOR ERROR
Open_vSwitch unix:DIR/hv1/db.sock synced AGE
OVN_Northbound tcp:172.31.0.1:6641 synced AGE
OVN_Southbound tcp:172.31.0.1:6642 synced AGE

PEER ADDRESS DEVICE MTU
hv2 172.31.0.12 eth0 1500
`,
	"port ls": `PORT STATE SWITCH DEVICE CHASSIS MAC ADDRESSES ERROR
ops-1 up ops vif-ops-1 hv1 0a:00:00:00:00:01 10.0.0.1,fd00:10::1
ops-2 down ops vif-ops-2 hv1 0a:00:00:00:00:02 10.0.0.2,fd00:10::2 it is disabled
ops-3 remote ops - hv2 0a:00:00:00:00:03 10.0.0.3,fd00:10::3
ops-4 waiting - vif-ops-4 - - - the Southbound database has no such logical port
`,
	"port show ops-1": `Port ops-1
State up
Switch ops
Key 1
Chassis hv1
Device vif-ops-1 (ifindex N)
MAC 0a:00:00:00:00:01
Addresses 10.0.0.1, fd00:10::1

 PACKETS BYTES
from workload N N
to workload N N

DROPPED MODULE REASON MEANING
3 l2switch port_security_mac source MAC is not allowed by port security
`,
	"map": `logical_switch ops (UUID), key N -> l2switch slot N
 port ops-1 key 1 slot N device vif-ops-1
 port ops-2 key 2 slot N device vif-ops-2
 port ops-3 key 3 slot 0 node hv2
`,
}

// steady replaces what differs from run to run in a command's output, and the alignment of its columns.
func steady(l *lab.Lab, out string) string {
	out = strings.ReplaceAll(out, l.Dir(), "DIR")
	for _, r := range []struct{ pattern, by string }{
		{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "UUID"},
		{`(synced +|running for )\d+s`, "${1}AGE"},
		{`(Generation +|seen |applied |ifindex |, key |slot )[1-9]\d*`, "${1}N"},
		{`(workload +)\d+( +)\d+`, "${1}N${2}N"},
		{` +`, " "},
		{`(?m) $`, ""},
	} {
		out = regexp.MustCompile(r.pattern).ReplaceAllString(out, r.by)
	}
	return out
}

// sameDocument is an error unless a command's answer is the same in JSON and in YAML; counters may move in between.
func sameDocument(sw *labtest.Switch, argv []string) error {
	var fromJSON, fromYAML, document any
	err := json.Unmarshal([]byte(sw.Woven("hv1", append(argv, "-o", "json")...)), &fromJSON)
	if err == nil {
		err = yaml.Unmarshal([]byte(sw.Woven("hv1", append(argv, "-o", "yaml")...)), &document)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", argv, err)
	}
	text, err := json.Marshal(document) // so that numbers are of one type
	if err == nil {
		err = json.Unmarshal(text, &fromYAML)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", argv, err)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		return fmt.Errorf("%v: JSON and YAML differ:\n%s", argv, diff)
	}
	return nil
}

// checkMetrics wants what the tools say also in /metrics.
func checkMetrics(t *testing.T, vm *labtest.VM) {
	t.Helper()
	text, err := scrape(t.Context(), v1.SocketPath(vm.Switch.Lab.RunDir(vm.Hypervisor)))
	if err != nil {
		t.Fatal(err)
	}
	nbCfg := strings.TrimSpace(vm.Switch.NB("get", "NB_Global", ".", "nb_cfg"))
	for _, want := range []string{
		`woven_port_dropped_packets_total{module="l2switch",port="ops-1",reason="port_security_mac",switch="ops"} 3`,
		`woven_datapath_dropped_packets_total{datapath="ops",key="` + fmt.Sprint(tunnelKey(vm)) + `",module="l2switch",reason="port_security_mac"} 3`,
		`woven_database_connected{database="OVN_Northbound"} 1`,
		`woven_database_synced{database="OVN_Southbound"} 1`,
		`woven_nb_cfg_applied ` + nbCfg,
		`woven_nb_cfg_seen ` + nbCfg,
		`woven_ports{state="up"} 1`, `woven_ports{state="down"} 1`, `woven_ports{state="waiting"} 1`,
		`woven_tunnel_peers{route="yes"} 1`,
		`woven_problems 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if port := regexp.MustCompile(`woven_port_packets_total{direction="rx",port="ops-1",switch="ops"} [1-9]`); !port.MatchString(text) {
		t.Errorf("/metrics lacks %s", port)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// scrape asks an agent for its metrics.
func scrape(ctx context.Context, socket string) (string, error) {
	var dialer net.Dialer
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("scrape: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("scrape: %s", response.Status)
	}
	return string(text), err
}

// tunnelKey is the key (Geneve VNI) of a VM's switch, as `woven map` on its hypervisor says.
func tunnelKey(vm *labtest.VM) uint32 {
	var entries []v1.MapEntry
	if err := json.Unmarshal([]byte(vm.Switch.Woven(vm.Hypervisor, "map", "-o", "json")), &entries); err != nil {
		return 0
	}
	for _, entry := range entries {
		if entry.Object.Name == vm.Switch.Name {
			return entry.Key
		}
	}
	return 0
}
