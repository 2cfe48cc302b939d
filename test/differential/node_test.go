package differential

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/compile"
	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/ingest"
	"woven.dev/woven/internal/logical"
	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/internal/ovsdb/nb"
	"woven.dev/woven/internal/ovsdb/sb"
	"woven.dev/woven/internal/ovsdb/vsw"
	"woven.dev/woven/internal/slowpath/frame"
	"woven.dev/woven/internal/slowpath/icmperr"
	"woven.dev/woven/internal/testutil"
	"woven.dev/woven/internal/testutil/rowstest"
	"woven.dev/woven/modules/std"
	"woven.dev/woven/sdk/iom"
)

// node is a hypervisor that has all ports, without an agent: what an agent's round does to rows is done here.
type node struct {
	t        testing.TB
	in       func(func() error) error // its network namespace
	bpffs    string
	plane    *hover.Hover
	vifIn    *ebpf.Program    // where what VIFs send comes in
	devices  []logical.Device // the first is for the first VIF, and so on
	reader   ingest.Reader
	compiler compile.Compiler
	north    *nb.Rows          // as applied last
	south    *sb.Rows          // likewise
	zones    []zone            // of that state
	ifindex  map[string]uint32 // of its VIFs' devices
	problems []logical.Problem // of that state
}

func newNode(t testing.TB) *node {
	t.Helper()
	ns := testutil.Netns(t, "diff")
	n := &node{t: t, in: testutil.In(t, ns), bpffs: testutil.BPFFS(t)}
	n.addDevices(ns, maxVIFs)
	err := n.in(func() (err error) {
		n.plane, err = hover.Open(hover.Config{BPFFS: n.bpffs, Kinds: std.Kinds(), Log: slog.New(slog.DiscardHandler)})
		return err
	})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(n.plane.Close)
	n.vifIn, err = ebpf.LoadPinnedProgram(filepath.Join(n.bpffs, fmt.Sprintf("v%d", iom.ABI), "progs", n.plane.Release(), iom.ProgVIFIn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.vifIn.Close() })
	return n
}

// addDevices makes network devices that ports can have. Nothing is ever sent by them.
func (n *node) addDevices(ns string, count int) {
	n.t.Helper()
	var batch strings.Builder
	for i := range count / 2 {
		a, b := 2*i, 2*i+1
		fmt.Fprintf(&batch, "link add v%d index %d type veth peer name v%d index %d\n", a, firstIfindex+a, b, firstIfindex+b)
		for _, k := range []int{a, b} {
			n.devices = append(n.devices, logical.Device{Name: fmt.Sprintf("v%d", k), Ifindex: firstIfindex + k})
		}
	}
	file := filepath.Join(n.t.TempDir(), "batch")
	if err := os.WriteFile(file, []byte(batch.String()), 0o600); err != nil {
		n.t.Fatal(err)
	}
	testutil.Run(n.t, "ip", "-n", ns, "-batch", file)
}

// firstIfindex is the index of the first device.
const firstIfindex = 100

// apply makes the data plane what the rows mean, with the VIFs of the given names plugged in, as far as they exist.
func (n *node) apply(north *nb.Rows, south *sb.Rows, vifs []string) error {
	exists := map[string]bool{}
	for _, pb := range south.PortBinding {
		exists[pb.LogicalPort] = true
	}
	vifs = slices.DeleteFunc(slices.Clone(vifs), func(name string) bool { return !exists[name] })
	in := ingest.Input{Chassis: "hv", NB: north, SB: south, VS: n.plugged(vifs), Devices: map[string]logical.Device{}, Routes: map[netip.Addr]logical.Route{}}
	n.ifindex = map[string]uint32{}
	for i, name := range vifs {
		n.ifindex[name] = uint32(n.devices[i].Ifindex)
		in.Devices[n.devices[i].Name] = n.devices[i]
	}
	n.north, n.south = north, south
	plugs, wrong := n.reader.Plugs(in)
	for _, p := range plugs {
		if p.Refusal != "" {
			return fmt.Errorf("plug %s: %s", p.Port, p.Refusal)
		}
	}
	state, problems := n.compiler.Compile(n.reader.Network(in, plugs))
	n.problems = slices.Concat(wrong, problems)
	if full, _ := new(compile.Compiler).Compile(new(ingest.Reader).Network(in, plugs)); len(netstate.Diff(state, full)) > 0 {
		return fmt.Errorf("compile: what was remembered changes the result:\n%s", netstate.Diff(state, full))
	}
	return n.in(func() error {
		result, err := n.plane.Apply(context.Background(), state)
		if err == nil && len(result.Failures) > 0 {
			err = failure(result.Failures[0])
		}
		n.zones = zonesOf(n.plane.Instances())
		return err
	})
}

func failure(f netstate.Failure) error {
	return fmt.Errorf("apply module %q port %q: %w", f.Module, f.Port, f.Err)
}

// plugged is the local database: an interface for each VIF.
func (n *node) plugged(vifs []string) *vsw.Rows {
	rows := rowstest.New[vsw.Rows]()
	for i, name := range vifs {
		dev := n.devices[i].Name
		rows.Interface[dev] = &vsw.Interface{UUID: dev, Name: dev, ExternalIDs: map[string]string{"iface-id": name}}
	}
	rows.Port["port"] = &vsw.Port{UUID: "port", Interfaces: slices.Sorted(maps.Keys(rows.Interface))}
	rows.Bridge["br"] = &vsw.Bridge{UUID: "br", Name: "br-int", Ports: []string{"port"}}
	return rows
}

// tracer opens the pins for traces.
func (n *node) tracer() (*hover.Tracer, error) { return hover.OpenTracer(n.bpffs, std.Kinds()) }

// trace says what Woven does with a packet, and how.
func (n *node) trace(tracer *hover.Tracer, packet microflow) (v verdict, steps []hover.TraceStep, err error) {
	fields, err := fieldsOf(packet.String())
	if err != nil {
		return nil, nil, err
	}
	frame, inport, err := fields.Frame()
	if err != nil {
		return nil, nil, err
	}
	result, err := tracer.Trace(inport, frame)
	if err != nil {
		return nil, nil, err
	}
	v, err = n.outcomes(result.Steps, frame)
	return v.sort(), result.Steps, err
}

// outcomes reads the steps of a trace of a frame.
func (n *node) outcomes(steps []hover.TraceStep, frame []byte) (verdict, error) {
	var v verdict
	for i, s := range steps {
		switch s.What {
		case "output":
			v = append(v, outcome{Port: s.Port, Frame: string(normal(s.Frame))})
		case "tunnel":
			return nil, fmt.Errorf("a packet leaves the node by a tunnel")
		case "punt":
			if a := n.answer(s, steps[i+1:], frame); a != "" {
				v = append(v, outcome{Answer: a})
			}
		case "copy":
			copied, err := n.outcomes(s.Copy, frame)
			if err != nil {
				return nil, err
			}
			v = append(v, copied...)
		}
	}
	return v, nil
}

// normal gives an ICMP message of zeros the checksum that it has when it is not computed from that of another message: both are zero in ones'
// complement.
func normal(b []byte) []byte {
	const protocol, checksum = 14 + 9, 14 + 20 + 2
	if len(b) == 14+20+8 && b[12] == 0x08 && b[13] == 0x00 && b[protocol] == 1 && b[checksum] == 0 && b[checksum+1] == 0 {
		b = slices.Clone(b)
		b[checksum], b[checksum+1] = 0xff, 0xff
	}
	return b
}

// answer is what user space makes of a punt, by what internal/slowpath does; "": nothing. The steps that follow say by which router
// port the packet came.
func (n *node) answer(punt hover.TraceStep, following []hover.TraceStep, packet []byte) answer {
	switch punt.Module + "." + punt.Reason {
	case "router.resolve":
		return answerResolve
	case "router.reset":
		reply, _ := icmperr.Reset(packet)
		return told(reply, answerError)
	case "acl.reject":
		reply, _ := icmperr.Reject(packet)
		return told(reply, answerError)
	case "router.own":
		reply, _ := icmperr.Error(packet, icmperr.ProtocolUnreachable, destination(packet), 0)
		return told(reply, answerError)
	case "router.ttl":
		for _, s := range following {
			if from := n.speaker(s.Port, destination(packet).Is4()); from.IsValid() {
				reply, _ := icmperr.Error(packet, icmperr.TimeExceeded, from, 0)
				return told(reply, answerExpired)
			}
		}
	}
	return ""
}

// told is a, if there is a reply.
func told(reply []byte, a answer) answer {
	if reply == nil {
		return answerRefused
	}
	return a
}

// destination of an IP packet.
func destination(packet []byte) netip.Addr {
	head, err := frame.Head(packet)
	if err != nil {
		return netip.Addr{}
	}
	return head.Dst
}

// speaker is an address of a family that a router port has, not counting link-local ones; the zero Addr for none.
func (n *node) speaker(port string, is4 bool) netip.Addr {
	for _, p := range n.north.LogicalRouterPort {
		for _, network := range p.Networks {
			if prefix, err := netip.ParsePrefix(network); err == nil && p.Name == port && prefix.Addr().Is4() == is4 {
				return prefix.Addr()
			}
		}
	}
	return netip.Addr{}
}

// stepsText describes a trace for people.
func stepsText(steps []hover.TraceStep, indent string) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%s%s", indent, s.What)
		for _, word := range []string{s.Module + " " + s.Instance, s.Port, s.Group, s.Reason, s.Object} {
			if word != "" {
				fmt.Fprintf(&b, " %s", word)
			}
		}
		b.WriteByte('\n')
		b.WriteString(stepsText(s.Copy, indent+"  "))
	}
	return b.String()
}
