package differential

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"woven.dev/woven/internal/ovnexpr"
)

// errNoAnswer: ovn-trace 23.03 has bugs by which it dies, of an ND solicitation for a router's address for one, or does not come to an end.
var errNoAnswer = errors.New("ovn-trace does not answer")

// endless is how long ovn-trace may take for a packet.
const endless = 5 * time.Second

// oracles are ovn-trace daemons by the state in which they find connections.
type oracles struct {
	dir, remote string
	byState     map[state]*oracle
}

// of is the one for a state.
func (o oracles) of(s state) (*oracle, error) {
	if o.byState[s] == nil {
		started, err := newOracle(o.dir, o.remote, s)
		if err != nil {
			return nil, err
		}
		o.byState[s] = started
	}
	return o.byState[s], nil
}

func (o oracles) close() {
	for _, one := range o.byState {
		one.close()
	}
}

// oracle is an ovn-trace daemon, which holds what the Southbound database was when it started.
type oracle struct {
	ctl  string
	args []string
	left int // traces for which it knows the state of connections
}

const (
	// passes bounds how often one packet goes through connection tracking.
	passes = 24
	// traces of one daemon.
	traces = 150
)

// newOracle starts a daemon that finds connections in a state.
func newOracle(dir, remote string, ct state) (*oracle, error) {
	o := &oracle{ctl: filepath.Join(dir, "trace."+string(ct))}
	o.args = []string{"--db=" + remote, "--detach", "--no-chdir", "--unixctl=" + o.ctl, "--pidfile=" + o.ctl + ".pid", "-vconsole:off", "-vsyslog:off"}
	for range traces * passes {
		o.args = append(o.args, "--ct="+string(ct))
	}
	return o, o.start()
}

func (o *oracle) start() error {
	o.left = traces
	if out, err := exec.Command("ovn-trace", o.args...).CombinedOutput(); err != nil {
		return fmt.Errorf("start ovn-trace: %w: %s", err, out)
	}
	return nil
}

// restart makes sure that the daemon is gone, and starts it anew.
func (o *oracle) restart() error {
	if text, err := os.ReadFile(o.ctl + ".pid"); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error: it is gone
		}
	}
	return o.start()
}

// close ends the daemon.
func (o *oracle) close() { _, _ = o.call("exit") }

// ask has a packet traced. After errNoAnswer the next one is answered again.
func (o *oracle) ask(option, microflow string) (string, error) {
	if o.left == 0 {
		if err := o.restart(); err != nil {
			return "", err
		}
	}
	o.left--
	text, err := o.call("trace", option, microflow)
	if errors.Is(err, errNoAnswer) {
		return "", errors.Join(err, o.restart())
	}
	return text, err
}

// call speaks to the daemon as ovs-appctl(8) does.
func (o *oracle) call(method string, params ...string) (string, error) {
	c, err := net.Dial("unix", o.ctl)
	if err != nil {
		return "", fmt.Errorf("connect to ovn-trace: %w", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(endless)); err != nil {
		return "", err
	}
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 0, "method": method, "params": append([]string{}, params...)}); err != nil {
		return "", fmt.Errorf("call ovn-trace: %w", err)
	}
	var answer struct{ Result, Error *string }
	if err := json.NewDecoder(c).Decode(&answer); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded) {
		return "", errNoAnswer
	} else if err != nil {
		return "", fmt.Errorf("call ovn-trace: %w", err)
	}
	if answer.Error != nil {
		return "", fmt.Errorf("call ovn-trace %s %q: %s", method, params, *answer.Error)
	}
	return *answer.Result, nil
}

// trace says what OVN does with a packet. chooses: it has several ways for it, of which each trace takes one at random.
func (o *oracle) trace(microflow string) (v verdict, chooses bool, err error) {
	text, err := o.ask("--minimal", microflow)
	if err != nil {
		return nil, false, err
	}
	fields, err := fieldsOf(microflow)
	if err != nil {
		return nil, false, err
	}
	v, err = readTrace(text, fields)
	if err != nil {
		return nil, false, fmt.Errorf("read answer of ovn-trace: %w: %s", err, text)
	}
	return v, strings.Contains(text, "select: "), nil
}

// explain is ovn-trace's own account of a packet.
func (o *oracle) explain(microflow string) string {
	text, err := o.ask("--detailed", microflow)
	if err != nil {
		return err.Error()
	}
	return text
}

// fieldsOf are the fields of the packet that a microflow describes.
func fieldsOf(microflow string) (ovnexpr.Fields, error) {
	e, err := ovnexpr.Parse(microflow)
	if err != nil {
		return ovnexpr.Fields{}, err
	}
	return ovnexpr.Microflow(e)
}

// Words of ovn-trace --minimal that begin a block: what follows is done to another packet than the traced one.
var (
	errorWords   = []string{"icmp4", "icmp6", "icmp4_error", "icmp6_error", "tcp_reset", "sctp_abort"}
	resolveWords = []string{"arp", "nd_ns"}
	// sameWords: the traced packet, or a copy of it.
	sameWords = regexp.MustCompile(`^(ct_\w+.*|clone|reject|select: .*)$`)
	assigned  = regexp.MustCompile(`^([a-z0-9_.]+) = (\S+);$`)
	output    = regexp.MustCompile(`^output\("(.*)"\);$`)
	// unseen are assignments that leave the frame as it is.
	unseen = regexp.MustCompile(`^(x*reg\d|flags|ct_|inport|outport|pkt\.mark)`)
)

// readTrace reads what ovn-trace --minimal says of a packet.
func readTrace(text string, packet ovnexpr.Fields) (verdict, error) {
	r := traceReader{lines: strings.Split(strings.TrimSpace(text), "\n")}
	if !strings.HasPrefix(r.lines[0], "# ") {
		return nil, fmt.Errorf("it refuses the packet")
	}
	r.lines = r.lines[1:]
	err := r.block(packet, "")

	return r.verdict.sort(), err
}

type traceReader struct {
	lines   []string
	verdict verdict
}

// block reads up to the end of a block, at the beginning of which the packet is as given.
func (r *traceReader) block(given ovnexpr.Fields, class string) error {
	packet := ovnexpr.Fields{Ints: clone(given.Ints), Texts: given.Texts}
	sent := false
	for len(r.lines) > 0 {
		line := strings.TrimSpace(r.lines[0])
		r.lines = r.lines[1:]
		if strings.HasPrefix(line, "}") {
			return nil
		}
		if isOutput := output.MatchString(line); sent && !isOutput && class == "" {
			return errNoAnswer // copies of a flood are changed: which ones is not told
		} else if isOutput {
			sent = true
		}
		if err := r.line(line, packet, class); err != nil {
			return fmt.Errorf("line %q: %w", line, err)
		}
	}
	return nil
}

func (r *traceReader) line(line string, packet ovnexpr.Fields, class string) error {
	if word, ok := strings.CutSuffix(line, " {"); ok {
		return r.enter(word, packet, class)
	}
	if m := output.FindStringSubmatch(line); m != nil && class == "" { // where an answer goes is not compared
		frame, err := frameOf(packet)
		r.verdict = append(r.verdict, outcome{Port: m[1], Frame: string(frame)})
		return err
	}
	if line == "ip.ttl--;" {
		ttl := packet.Ints["ip.ttl"]
		ttl.Lo--
		packet.Ints["ip.ttl"] = ttl
		return nil
	}
	if class != "" {
		if slices.Contains(errorWords, class) && (line == "icmp4.type = 11;" || line == "icmp6.type = 3;") {
			r.verdict[len(r.verdict)-1].Answer = answerExpired
		}
		return nil
	}
	if m := assigned.FindStringSubmatch(line); m != nil {
		if unseen.MatchString(m[1]) {
			return nil
		}
		text := m[2]
		if a, err := netip.ParseAddr(text); err == nil {
			text = whole(a)
		}
		value, err := ovnexpr.ParseInteger(text)
		packet.Ints[m[1]] = value.Bits
		return err
	}
	word := strings.TrimSuffix(line, ";") // of a block with nothing in it
	if strings.HasPrefix(line, "/*") || sameWords.MatchString(word) || r.answer(word) {
		return nil
	}
	return fmt.Errorf("not understood")
}

// enter reads a block that begins with word.
func (r *traceReader) enter(word string, packet ovnexpr.Fields, class string) error {
	switch {
	case class != "":
		return r.block(packet, "what becomes of an answer")
	case sameWords.MatchString(word):
		return r.block(packet, "")
	case word == "nd_na":
		return r.block(advertisement(packet), "")
	case r.answer(word):
		return r.block(packet, word)
	}
	return fmt.Errorf("block not understood")
}

// answer notes the answer that a word stands for, if it does for one.
func (r *traceReader) answer(word string) bool {
	switch {
	case slices.Contains(errorWords, word):
		r.verdict = append(r.verdict, outcome{Answer: answerError})
	case slices.Contains(resolveWords, word):
		r.verdict = append(r.verdict, outcome{Answer: answerResolve})
	default:
		return false
	}
	return true
}

// advertisement is what OVN's action nd_na makes of a solicitation (ovn-sb(5)), before what the flow's own actions add.
func advertisement(packet ovnexpr.Fields) ovnexpr.Fields {
	na := ovnexpr.Fields{Ints: clone(packet.Ints), Texts: packet.Texts}
	na.Ints["eth.src"], na.Ints["eth.dst"] = packet.Ints["eth.dst"], packet.Ints["eth.src"]
	na.Ints["ip6.src"], na.Ints["ip6.dst"] = packet.Ints["nd.target"], packet.Ints["ip6.src"]
	na.Ints["icmp6.type"] = ovnexpr.Uint(136)
	na.Ints["ip.ttl"] = ovnexpr.Uint(255)
	delete(na.Ints, "nd.sll")
	return na
}

// frameOf is a packet as a frame.
func frameOf(packet ovnexpr.Fields) ([]byte, error) {
	frame, _, err := packet.Frame()
	return frame, err
}

func clone(ints map[string]ovnexpr.Uint128) map[string]ovnexpr.Uint128 {
	out := map[string]ovnexpr.Uint128{}
	for k, v := range ints {
		out[k] = v
	}
	return out
}
