package ovnexpr

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestAcceptance asks OVN about each expression of the corpus.
func TestAcceptance(t *testing.T) {
	startOVNTrace(t).run(func(trace func(string) string) {
		for _, tt := range good {
			if ok, reason := accepts(trace, tt.text); !ok {
				t.Errorf("OVN refuses %q: %s", tt.text, reason)
			}
		}
		for _, tt := range bad {
			if ok, reason := accepts(trace, tt.text); ok && balanced(tt.text) {
				t.Errorf("OVN accepts %q: %s", tt.text, reason)
			}
		}
	})
}

// balanced: the parentheses that accepts puts around don't close those of the text.
func balanced(text string) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

var tokens = regexp.MustCompile(`"[^"]*"|[A-Za-z0-9_.:$@/]+|&&|\|\||==|!=|<=|>=|\s+|.`)

// differsByIntent are the errors of Parse for what OVN accepts.
var differsByIntent = regexp.MustCompile(`template variable|possible with a set|tested for being true only`)

// TestAcceptanceOfVariants changes the corpus at random and asks OVN about the outcome.
func TestAcceptanceOfVariants(t *testing.T) {
	var corpus [][]string
	for _, tt := range good {
		corpus = append(corpus, tokens.FindAllString(tt.text, -1))
	}
	for _, tt := range bad {
		corpus = append(corpus, tokens.FindAllString(tt.text, -1))
	}
	all := slices.Concat(corpus...)
	r := rand.New(rand.NewPCG(3, 1))
	accepted := 0
	startOVNTrace(t).run(func(trace func(string) string) {
		for range 4000 {
			text := strings.Join(variant(r, corpus[r.IntN(len(corpus))], all), "")
			ok, reason := accepts(trace, text)
			if ok {
				accepted++
			}
			_, err := read(text)
			if ok == (err == nil) || !balanced(text) || ok && differsByIntent.MatchString(err.Error()) {
				continue
			}
			t.Errorf("%q: we say %v, OVN: %s", text, err, reason)
		}
	})
	if accepted < 200 {
		t.Errorf("only %d variants were accepted: the test tests little", accepted)
	}
}

// variant changes one to three tokens.
func variant(r *rand.Rand, text, all []string) []string {
	const alphabet = "0123456789abcdefx.:/ \t\"\\!=<>(){}[],$@_&|-+;\n\v\fGz"
	v := slices.Clone(text)
	for range 1 + r.IntN(3) {
		if len(v) == 0 {
			return v
		}
		i := r.IntN(len(v))
		switch r.IntN(5) {
		case 0:
			v = slices.Delete(v, i, i+1)
		case 1:
			v[i] = all[r.IntN(len(all))]
		case 2:
			v = slices.Insert(v, i, all[r.IntN(len(all))])
		case 3:
			j := r.IntN(len(v))
			v[i], v[j] = v[j], v[i]
		case 4:
			at := r.IntN(len(v[i]))
			c := alphabet[r.IntN(len(alphabet))]
			v[i] = v[i][:at] + string(c) + v[i][at+r.IntN(2):]
		}
	}
	return v
}

// flows are microflows that ovn-trace accepts. It reads ip.dscp and ip.ecn as 0 whatever they say.
var flows = []string{
	`inport == "p1"`,
	`inport == "p2" && eth.src == 0a:00:00:00:00:01 && eth.dst == ff:ff:ff:ff:ff:ff`,
	`inport == "p1" && eth.dst == 01:00:5e:00:00:01 && ip4.src == 10.0.0.1 && ip4.dst == 224.0.0.1 && ip.proto == 2`,
	`inport == "p1" && eth.dst == 33:33:00:00:00:16 && ip6.src == fe80::1 && ip6.dst == ff02::16 && icmp6.type == 143`,
	`inport == "p1" && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && tcp.dst == 80 && tcp.src == 1024 && tcp.flags == 2 && ip.ttl == 64`,
	`inport == "p2" && ip4.src == 10.9.3.4 && udp.dst == 53 && ip.ttl == 1`,
	`inport == "p1" && ip4 && sctp.dst == 5000 && ip.frag == 1`,
	`inport == "p1" && ip4 && ip.is_frag && ip.later_frag && ip.proto == 17`,
	`inport == "p1" && icmp4.type == 8 && icmp4.code == 0 && ip4.src == 10.0.0.2`,
	`inport == "p1" && ip4 && ip.proto == 50`,
	`inport == "p1" && vlan.vid == 100 && vlan.pcp == 4 && ip6.src == fd00::1 && ip6.dst == fd00:9::7 && udp.src == 53 && ip6.label == 0xabcde`,
	`inport == "p1" && ip6.src == fd00:9::1 && tcp.dst == 443 && tcp.flags == 0x12`,
	`inport == "p1" && eth.dst == 33:33:ff:00:00:01 && nd_ns && nd.target == fd00::1 && nd.sll == 0a:00:00:00:00:01 && ip6.dst == ff02::1:ff00:1`,
	`inport == "p1" && nd_na && nd.target == fd00::1 && nd.tll == 0a:00:00:00:00:01 && icmp6.code == 0`,
	`inport == "p1" && nd_rs && ip6.dst == ff02::2 && eth.dst == 33:33:00:00:00:02`,
	`inport == "p1" && nd_ra && ip6.src == fe80::9`,
	`inport == "p1" && arp.op == 1 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2 && arp.sha == 0a:00:00:00:00:01 && eth.dst[40]`,
	`inport == "p1" && eth.type == 0x88cc`,
	`inport == "p1" && reg0 == 0x1 && flags.loopback && pkt.mark == 0xdeadbeef && eth.bcast`,
	`inport == "p1" && !eth.mcast && ip && ip4 && icmp && !ip.is_frag`,
	`inport == "p1" && ip4 && tcp && tcp.dst != 81 && tcp.dst == 80 && 79 < tcp.dst && tcp.dst >= 0`,
	`inport == @pgone && ip4.src == $one && eth.type == {0x800, 0x806} && 1`,
	`inport == "p1" && (ip4 || arp) && arp.op == {1, 2} && (arp.op == 2 && is_chassis_resident("p9"))`,
	`inport == "p1" && ip4.src == 10.0.0.0/24 && udp`,
	`inport == "p1" && ct_mark == 3 && ct_label == 0x123456789abcdef0123456789abcdef0`,
	`inport == "p1" && ip4 && sctp && xxreg1 == fd00::1`,
}

// tables is how many a pipeline of ovn-trace has.
const tables = 28

// TestEvaluation compares Eval with the flows that ovn-trace's packets meet, for the corpus and random expressions.
func TestEvaluation(t *testing.T) {
	matches := randomMatches(100)
	for _, tt := range good {
		if !strings.Contains(tt.text, "\n") {
			matches = append(matches, tt.text)
		}
	}
	o := startOVNTrace(t)
	outcomes := map[bool]int{}
	for chunk := range slices.Chunk(matches, tables) {
		o.matches(chunk)
		o.run(func(trace func(string) string) {
			for _, flow := range flows {
				compareEvaluation(t, flow, trace(flow), chunk, outcomes)
			}
		})
	}
	if outcomes[true] < 500 || outcomes[false] < 500 {
		t.Errorf("outcomes %v: the test tests little", outcomes)
	}
}

// traced is a packet in ovn-trace: all ports that exist reside on the chassis.
type traced struct{ Fields }

func (traced) Resident(port string) bool { return port == "p1" || port == "p2" }

var matched = regexp.MustCompile(`(?m)^ *(\d+)\. .*, priority 100,`)

func compareEvaluation(t *testing.T, flow, answer string, matches []string, outcomes map[bool]int) {
	if !strings.HasPrefix(answer, "# ") {
		t.Errorf("OVN refuses the microflow %s: %s", flow, answer)
		return
	}
	packet, err := microflow(flow)
	if err != nil {
		t.Errorf("microflow %s: %v", flow, err)
		return
	}
	want := map[int]bool{}
	for _, m := range matched.FindAllStringSubmatch(answer, -1) {
		table, _ := strconv.Atoi(m[1])
		want[table] = true
	}
	for i, match := range matches {
		e, err := read(match)
		if err != nil {
			t.Fatalf("%s: %v", match, err)
		}
		if got := Eval(e, traced{packet}); got != want[i] {
			t.Errorf("%s\n  is %v for %s\n  OVN: %s", match, got, flow, answer)
		}
		outcomes[want[i]]++
	}
}

func microflow(text string) (Fields, error) {
	e, err := read(text)
	if err != nil {
		return Fields{}, err
	}
	return Microflow(e)
}

// randomMatches joins comparisons of the test microflows, so that many are true for some of them.
func randomMatches(n int) []string {
	var atoms []string
	for _, f := range flows {
		for _, term := range strings.Split(f, " && ") {
			if !strings.ContainsAny(term, "()") {
				atoms = append(atoms, term)
			}
		}
	}
	r := rand.New(rand.NewPCG(7, 5))
	var matches []string
	for len(matches) < n {
		m := randomMatch(r, atoms, 2)
		if _, err := read(m); err == nil {
			matches = append(matches, m)
		}
	}
	return matches
}

func randomMatch(r *rand.Rand, atoms []string, depth int) string {
	if depth == 0 {
		return atoms[r.IntN(len(atoms))]
	}
	op := []string{" && ", " || "}[r.IntN(2)]
	var terms []string
	for range 1 + r.IntN(3) {
		not := []string{"", "", "!"}[r.IntN(3)]
		terms = append(terms, not+"("+randomMatch(r, atoms, depth-1)+")")
	}
	return strings.Join(terms, op)
}
