package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"woven.dev/woven/internal/lab"
	"woven.dev/woven/internal/lab/labtest"
)

// TestTrace: `woven trace` says what becomes of packets, with and without an agent, and as ovn-trace has it.
func TestTrace(t *testing.T) {
	l := labtest.Up(t, "trace", lab.Options{Hypervisors: 2, Woven: labtest.Woven(t)})
	sw := labtest.NewSwitch(t, l, "trc")
	sw.Add(1, "hv1")
	sw.Add(2, "hv1")
	sw.Add(3, "hv2")
	sw.Sync()
	t.Run("words", func(t *testing.T) { traceWords(t, sw) })
	t.Run("as ovn-trace", func(t *testing.T) { traceAsOVN(t, sw) })
	t.Run("errors", func(t *testing.T) { traceErrors(t, sw) })
	if err := l.StopAgent("hv1"); err != nil {
		t.Fatal(err)
	}
	t.Run("words without an agent", func(t *testing.T) { traceWords(t, sw) })
	if err := l.StartAgent(t.Context(), "hv1"); err != nil { // unplugging needs it
		t.Fatal(err)
	}
}

// trcMicroflow is a microflow from VM 1 of the switch trc, to an Ethernet address; rest says what is in the frame.
func trcMicroflow(dst, rest string) string {
	return fmt.Sprintf(`inport == "trc-1" && eth.src == 0a:00:00:00:00:01 && eth.dst == %s && %s`, dst, rest)
}

// traceWords: what the command prints, whole.
func traceWords(t *testing.T, sw *labtest.Switch) {
	for _, tt := range []struct{ name, microflow, want string }{
		{"unicast here", trcMicroflow("0a:00:00:00:00:02", "ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && tcp.dst == 80"),
			`from port "trc-1"
packet eth.src=0a:00:00:00:00:01 eth.dst=0a:00:00:00:00:02 ip4.src=10.0.0.1 ip4.dst=10.0.0.2 ip.proto=6 ip.ttl=64 tcp.src=0 tcp.dst=80 tcp.flags=0x0
 54 bytes: HEX
l2switch "trc" (datapath UUID)
 output to port "trc-2"
outputs port "trc-2"
`},
		{"unicast to another node", trcMicroflow("0a:00:00:00:00:03", "ip6.src == fd00:10::1 && ip6.dst == fd00:10::3 && udp.dst == 53"),
			`from port "trc-1"
packet eth.src=0a:00:00:00:00:01 eth.dst=0a:00:00:00:00:03 ip6.src=fd00:10::1 ip6.dst=fd00:10::3 ip.proto=17 ip.ttl=64 udp.src=0 udp.dst=53
 62 bytes: HEX
l2switch "trc" (datapath UUID)
 output to port "trc-3" on chassis "hv2": tunnel to 172.31.0.12, VNI N, key N
outputs port "trc-3" on chassis "hv2"
`},
		{"broadcast", trcMicroflow("ff:ff:ff:ff:ff:ff", "ip4.src == 10.0.0.1 && ip4.dst == 255.255.255.255 && udp.dst == 9"),
			`from port "trc-1"
packet eth.src=0a:00:00:00:00:01 eth.dst=ff:ff:ff:ff:ff:ff ip4.src=10.0.0.1 ip4.dst=255.255.255.255 ip.proto=17 ip.ttl=64 udp.src=0 udp.dst=9
 42 bytes: HEX
l2switch "trc" (datapath UUID)
 flood to group "_MC_flood"
 copy to port "trc-2"
 output to port "trc-2"
 copy to group "_MC_flood" on chassis "hv2"
 output to group "_MC_flood" on chassis "hv2": tunnel to 172.31.0.12, VNI N, key N
outputs port "trc-2", group "_MC_flood" on chassis "hv2"
`},
		{"port security", trcMicroflow("0a:00:00:00:00:02", "ip4.src == 10.0.0.66 && ip4.dst == 10.0.0.2"),
			`from port "trc-1"
packet eth.src=0a:00:00:00:00:01 eth.dst=0a:00:00:00:00:02 ip4.src=10.0.0.66 ip4.dst=10.0.0.2 ip.proto=0 ip.ttl=64
 34 bytes: HEX
l2switch "trc" (datapath UUID)
 drop at port "trc-1": source IP is not allowed by port security (l2switch.port_security_ip)
outputs -
`},
		{"receiver's port security", trcMicroflow("0a:00:00:00:00:02", "ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.66"),
			`from port "trc-1"
packet eth.src=0a:00:00:00:00:01 eth.dst=0a:00:00:00:00:02 ip4.src=10.0.0.1 ip4.dst=10.0.0.66 ip.proto=0 ip.ttl=64
 34 bytes: HEX
l2switch "trc" (datapath UUID)
 drop at port "trc-2": destination is not allowed by the receiving port's port security (l2switch.dst_security)
outputs -
`},
		{"ARP for a port of another node", trcMicroflow("ff:ff:ff:ff:ff:ff",
			"arp.op == 1 && arp.sha == 0a:00:00:00:00:01 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.3"),
			`from port "trc-1"
packet eth.src=0a:00:00:00:00:01 eth.dst=ff:ff:ff:ff:ff:ff arp.op=1 arp.sha=0a:00:00:00:00:01 arp.spa=10.0.0.1 arp.tha=00:00:00:00:00:00 arp.tpa=10.0.0.3
 42 bytes: HEX
l2switch "trc" (datapath UUID)
 the switch answers ARP and ND for the port with that address: "trc-3"
 rewrite of 42 bytes at 0
 output to port "trc-1"
result eth.src=0a:00:00:00:00:03 eth.dst=0a:00:00:00:00:01 arp.op=2 arp.sha=0a:00:00:00:00:03 arp.spa=10.0.0.3 arp.tha=0a:00:00:00:00:01 arp.tpa=10.0.0.1
 42 bytes: HEX
changed ` + strings.Join([]string{
				"eth.src 0a:00:00:00:00:01 -> 0a:00:00:00:00:03", "eth.dst ff:ff:ff:ff:ff:ff -> 0a:00:00:00:00:01", "arp.op 1 -> 2",
				"arp.sha 0a:00:00:00:00:01 -> 0a:00:00:00:00:03", "arp.spa 10.0.0.1 -> 10.0.0.3",
				"arp.tha 00:00:00:00:00:00 -> 0a:00:00:00:00:01", "arp.tpa 10.0.0.3 -> 10.0.0.1"}, ", ") + `
outputs port "trc-1"
`},
	} {
		got := steady(sw.Lab, sw.Woven("hv1", "trace", tt.microflow))
		got = regexp.MustCompile(`bytes: [0-9a-f]+`).ReplaceAllString(got, "bytes: HEX")
		got = regexp.MustCompile(`VNI \d+`).ReplaceAllString(got, "VNI N")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, diff)
		}
	}
}

// traceAsOVN: the packets go to the ports that ovn-trace says.
func traceAsOVN(t *testing.T, sw *labtest.Switch) {
	const ip4, ip6 = "ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.%d", "ip6.src == fd00:10::1 && ip6.dst == fd00:10::%d"
	const arp = "arp.op == 1 && arp.sha == 0a:00:00:00:00:01 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.%d"
	const all, nobody = "ff:ff:ff:ff:ff:ff", "0a:00:00:00:00:99"
	to := func(n int) string { return fmt.Sprintf("0a:00:00:00:00:%02x", n) }
	delivered := 0
	for _, microflow := range []string{
		trcMicroflow(to(2), fmt.Sprintf(ip4, 2)+" && ip.ttl == 64 && tcp.dst == 80"),
		trcMicroflow(to(3), fmt.Sprintf(ip4, 3)+" && ip.ttl == 1 && icmp4.type == 8"),
		trcMicroflow(to(2), fmt.Sprintf(ip6, 2)+" && ip.ttl == 64 && udp.dst == 53"),
		trcMicroflow(to(3), fmt.Sprintf(ip6, 3)+" && ip.ttl == 64 && icmp6.type == 128"),
		trcMicroflow(to(1), fmt.Sprintf(ip4, 1)),
		trcMicroflow(nobody, fmt.Sprintf(ip4, 99)),
		trcMicroflow(all, fmt.Sprintf(ip4, 255)),
		trcMicroflow("33:33:00:00:00:01", "ip6.src == fd00:10::1 && ip6.dst == ff02::1 && udp.dst == 9"),
		trcMicroflow(all, fmt.Sprintf(arp, 2)),
		trcMicroflow(all, fmt.Sprintf(arp, 3)),
		trcMicroflow(all, fmt.Sprintf(arp, 99)),
		trcMicroflow(all, fmt.Sprintf(arp, 1)),
		trcMicroflow(to(2), "ip4.src == 10.0.0.2 && ip4.dst == 10.0.0.2"),
		trcMicroflow(to(2), "ip6.src == fd00:10::2 && ip6.dst == fd00:10::2"),
		trcMicroflow(to(2), fmt.Sprintf(ip4, 66)),
		trcMicroflow(all, "arp.op == 1 && arp.sha == 0a:00:00:00:00:02 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.3"),
		trcMicroflow("33:33:ff:00:00:02", "ip6.src == fd00:10::1 && ip6.dst == ff02::1:ff00:2 && nd_ns && nd.target == fd00:10::2 && nd.sll == 0a:00:00:00:00:01"),
	} {
		got, want := wovenOutputs(t, sw, microflow), sw.OVNOutputs(microflow)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -ovn-trace +woven trace:\n%s", microflow, diff)
		}
		delivered += min(len(got), 1)
	}
	if delivered < 10 {
		t.Errorf("only %d microflows were delivered", delivered)
	}
}

// wovenOutputs are the ports to which a packet goes, sorted.
func wovenOutputs(t *testing.T, sw *labtest.Switch, microflow string) []string {
	t.Helper()
	ports := map[string]bool{}
	for _, o := range sw.WovenOutputs("hv1", microflow) {
		switch {
		case o.Group == "":
			ports[o.Port] = true
		case o.Chassis == "hv2":
			ports["trc-3"] = true // the one that is there
		default:
			t.Errorf("%s: output to %+v", microflow, o)
		}
	}
	return slices.Sorted(maps.Keys(ports))
}

// traceErrors: what the operator is told.
func traceErrors(t *testing.T, sw *labtest.Switch) {
	nowhere := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"ip4.src = 10.0.0.1"}, "column 9"},
		{[]string{"ip4"}, "it does not say inport"},
		{[]string{`inport == "trc-4" && ip4`}, `did you mean "trc-1" or "trc-2"?`},
		{[]string{`inport == "trc-3" && ip4`}, `no port "trc-3" is plugged on this node`},
		{[]string{"--bpffs", nowhere, `inport == "trc-1" && ip4`}, "no programs are pinned under " + nowhere},
		{[]string{"--run-dir", nowhere, `inport == "trc-1" && ip4`}, "no agent has run with the run directory " + nowhere},
		{[]string{"--port", "trc-1", strings.Repeat("00", 1<<15)}, "trace packet of 32768 bytes"},
	} {
		out, err := sw.Lab.Woven(t.Context(), "hv1", append([]string{"trace"}, tt.args...)...)
		if err == nil {
			t.Errorf("%.80q: no error: %s", tt.args, out)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.80q: %v, want %q", tt.args, err, tt.want)
		}
	}
	least := sw.Woven("hv1", "trace", "--port", "trc-1", strings.Repeat("00", 14))
	if !strings.Contains(least, "drop at port") {
		t.Errorf("an Ethernet header alone: %s", least)
	}
}
