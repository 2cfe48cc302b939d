package differential

import (
	"os"
	"slices"
	"strings"
	"testing"

	"woven.dev/woven/internal/ovnexpr"
)

// trial is a packet and what both sides make of it.
type trial struct {
	packet    ovnexpr.Fields
	got, want verdict // Woven's and OVN's
	// reasons are why Woven dropped the packet, or copies of it.
	reasons map[string]bool
}

func (t trial) isIP6() bool { return t.packet.Int("eth.type").Lo == 0x86dd }

func (t trial) isARPRequest() bool { return t.packet.Int("arp.op").Lo == 1 }

func (t trial) isICMP() bool {
	proto := t.packet.Int("ip.proto").Lo
	return proto == 1 || proto == 58
}

// dropped says whether Woven drops the packet, for one of some reasons.
func (t trial) dropped(reasons ...string) bool {
	return len(t.got) == 0 && slices.ContainsFunc(reasons, func(r string) bool { return t.reasons[r] })
}

// isTold says whether OVN makes nothing but an error of the packet.
func (t trial) isTold() bool { return len(t.want) == 1 && isError(t.want[0]) }

// difference is one of those that docs/ovn-coverage.md lists by name under "Deliberate differences".
type difference struct {
	name string
	// meant is what Woven is to make of a packet that the difference is about; not ok: of this one it is not.
	meant func(t trial) (v verdict, ok bool)
}

// differences: the first that is about a packet counts.
var differences = []difference{
	{"no IPv6 packet from the router's own address", func(t trial) (verdict, bool) { return nil, t.isIP6() && t.dropped("src_invalid") }},
	{"no request for what is dropped at a disabled port", func(t trial) (verdict, bool) {
		return nil, t.dropped("port_disabled", "dst_disabled") && kindOf(t.want) == string(answerResolve)
	}},
	{"a disabled router port answers no ARP", func(t trial) (verdict, bool) {
		return nil, t.isARPRequest() && t.dropped("port_disabled") && len(t.want) == 1
	}},
	{"IPv6 time exceeded for senders on other networks", func(t trial) (verdict, bool) {
		return t.got, t.isIP6() && len(t.want) == 0 && kindOf(t.got) == string(answerExpired)
	}},
	{"no error about a later fragment", func(t trial) (verdict, bool) {
		return nil, t.dropped("rejected") && t.packet.Int("ip.frag").Lo == laterFragment && t.isTold()
	}},
	{"no error about multicast", func(t trial) (verdict, bool) { return nil, t.dropped("multicast") && t.isTold() }},
	{"a router's ARP answer goes where the switch has the asker's MAC address", elsewhere},
	{"a router answers ARP whoever asks", func(t trial) (verdict, bool) {
		reply := slices.DeleteFunc(slices.Clone(t.got), func(o outcome) bool { return o.Port != t.packet.Text("inport") })
		return slices.Concat(t.want, reply).sort(), t.isARPRequest() && len(t.got) > len(t.want)
	}},
	{"ARP for a router goes to the router only", func(t trial) (verdict, bool) {
		request, err := frameOf(t.packet)
		isCopy := func(o outcome) bool { return o.Frame == string(request) }
		return slices.DeleteFunc(slices.Clone(t.want), isCopy), err == nil && t.isARPRequest() && len(t.want) > len(t.got)
	}},
	{"no error about errors, groups and the like", func(t trial) (verdict, bool) {
		refused := slices.DeleteFunc(slices.Clone(t.got), func(o outcome) bool { return !isRefused(o) })
		return slices.Concat(withoutErrors(t.want), refused).sort(), len(refused) > 0
	}},
	{"no error about ICMP to the router", func(t trial) (verdict, bool) {
		return withoutErrors(t.want), t.isICMP() && !slices.ContainsFunc(t.got, isError)
	}},
}

// elsewhere is the answer that OVN's switch sends back by the port that the request came in by, at the ports that Woven's switch finds by its
// destination.
func elsewhere(t trial) (verdict, bool) {
	if !t.isARPRequest() || len(t.want) != 1 || t.want[0].Port != t.packet.Text("inport") {
		return nil, false
	}
	for _, o := range t.got {
		if o.Frame != t.want[0].Frame || o.Port == t.want[0].Port {
			return nil, false
		}
	}
	return t.got, len(t.got) > 0 || t.reasons["unknown_mac"]
}

// expected is what Woven is to make of a packet: what OVN makes of it, but for the deliberate differences. name is that of the one that counts; "":
// none does.
func (t trial) expected() (v verdict, name string) {
	for _, d := range differences {
		if v, ok := d.meant(t); ok {
			return v, d.name
		}
	}
	return t.want, ""
}

func withoutErrors(v verdict) verdict { return slices.DeleteFunc(slices.Clone(v), isError) }

func isError(o outcome) bool { return o.Answer == answerError || o.Answer == answerExpired }

func isRefused(o outcome) bool { return o.Answer == answerRefused }

// TestDifferencesAreDocumented: readers of docs/ovn-coverage.md find each difference.
func TestDifferencesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/ovn-coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Deliberate differences")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.Join(strings.Fields(section), " ")
	for _, d := range differences {
		if !strings.Contains(section, "**"+d.name+"**") {
			t.Errorf("docs/ovn-coverage.md does not list the deliberate difference **%s**", d.name)
		}
	}
}
