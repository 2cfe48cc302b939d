package hover

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/sdk/iom"
)

// hook is a place on a device where a program sits.
type hook struct {
	ifindex int
	egress  bool
}

func (h hook) String() string {
	if h.egress {
		return fmt.Sprintf("%d-out", h.ifindex)
	}
	return fmt.Sprintf("%d-in", h.ifindex)
}

// attacher puts programs on hooks; what it attached stays when the process ends.
type attacher interface {
	// list finds the hooks that hold a program of this node, attached by whichever process, and its id.
	list() (map[hook]ebpf.ProgramID, error)
	// look finds the id of this node's program on one hook, 0 if there is none.
	look(hook) (ebpf.ProgramID, error)
	// attach puts a program on a hook, in place of our earlier one if there is one, without a gap.
	attach(hook, *ebpf.Program, string) error
	// detach takes our program off; a hook or device that is gone is success.
	detach(hook) error
}

// AttachMode chooses how programs are attached.
type AttachMode string

// The attach modes.
const (
	AttachAuto   AttachMode = "auto"   // TCX if the kernel has it
	AttachTCX    AttachMode = "tcx"    // TCX links (Linux 6.6)
	AttachClsact AttachMode = "clsact" // BPF filters on a clsact qdisc
)

// ParseAttachMode reads an attach mode.
func ParseAttachMode(s string) (AttachMode, error) {
	switch m := AttachMode(s); m {
	case AttachAuto, AttachTCX, AttachClsact:
		return m, nil
	}
	return "", fmt.Errorf("attach mode %q: want auto, tcx or clsact", s)
}

// haveTCX asks the kernel by attaching to the loopback device for a moment.
func haveTCX(prog *ebpf.Program) (bool, error) {
	l, err := link.AttachTCX(link.TCXOptions{Interface: 1, Program: prog, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, ebpf.ErrNotSupported) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("probe for TCX: %w", err)
	}
	return true, l.Close()
}

// hookWant is what a hook shall hold, and for whom.
type hookWant struct {
	prog, device string
	module, port string // for failures
}

// wantHooks lists the hooks of a state: both sides of each port's device, and the tunnel's devices.
func wantHooks(s *netstate.State) map[hook]hookWant {
	want := map[hook]hookWant{}
	for _, m := range s.Modules {
		for _, p := range m.Ports {
			if d := p.Device; d != nil {
				want[hook{d.Ifindex, false}] = hookWant{iom.ProgVIFIn, d.Name, m.ID, p.Name}
				want[hook{d.Ifindex, true}] = hookWant{iom.ProgVIFOut, d.Name, m.ID, p.Name}
			}
		}
	}
	if t := s.Tunnel; t != nil {
		for _, d := range t.Devices {
			want[hook{d.Ifindex, false}] = hookWant{prog: iom.ProgUnderlayIn, device: d.Name}
		}
		if t.RelayOut.Ifindex != 0 {
			want[hook{t.RelayOut.Ifindex, true}] = hookWant{prog: iom.ProgRelayOut, device: t.RelayOut.Name}
			want[hook{t.RelayIn.Ifindex, false}] = hookWant{prog: iom.ProgRelayIn, device: t.RelayIn.Name}
		}
	}
	return want
}

// hooks keeps the wanted programs attached.
type hooks struct {
	attacher
	other attacher // the way not in use: what an earlier run attached by it goes
	progs map[string]*ebpf.Program
	ids   map[string]ebpf.ProgramID // of progs
	have  map[hook]ebpf.ProgramID
	now   func() time.Time
	// patience is how long a sync may take, but for a single hook; 0: as long as it needs.
	patience time.Duration
}

// synced is the outcome of a sync.
type synced struct {
	failures []netstate.Failure
	pending  []netstate.PortID
	more     bool // hooks were left for the next sync
}

// newHooks finds out what is attached already.
func newHooks(a, other attacher, progs map[string]*ebpf.Program, patience time.Duration) (*hooks, error) {
	h := &hooks{attacher: a, other: other, progs: progs, ids: map[string]ebpf.ProgramID{}, now: time.Now, patience: patience}
	for name, p := range progs {
		var err error
		if h.ids[name], err = progID(p); err != nil {
			return nil, err
		}
	}
	return h, h.refresh()
}

// sync attaches what is wanted, then detaches what is not. Hooks that could not be attached are failures. TCX makes the kernel wait for a
// grace period of RCU each time, which is many milliseconds: when patience ends, the rest is left to the next sync.
func (h *hooks) sync(want map[hook]hookWant) (synced, error) {
	var out synced
	turn := turn{now: h.now, patience: h.patience, began: h.now()}
	pending := map[netstate.PortID]bool{}
	for _, k := range h.missing(want) {
		w := want[k]
		if !turn.goesOn() {
			if _, older := h.have[k]; !older { // the program of another release does as well
				pending[netstate.PortID{Module: w.module, Port: w.port}] = true
			}
			continue
		}
		if err := h.attach(k, h.progs[w.prog], w.prog); err != nil {
			out.failures = append(out.failures, netstate.Failure{Module: w.module, Port: w.port,
				Err: fmt.Errorf("attach %s to %q: %w", w.prog, w.device, err)})
			continue
		}
		h.have[k] = h.ids[w.prog]
	}
	for _, k := range slices.Collect(maps.Keys(h.have)) {
		if _, keep := want[k]; keep {
			continue
		}
		if !turn.goesOn() {
			break
		}
		if err := h.detach(k); err != nil {
			return synced{}, fmt.Errorf("detach from %s: %w", k, err)
		}
		delete(h.have, k)
	}
	out.pending, out.more = slices.Collect(maps.Keys(pending)), turn.over
	return out, nil
}

// turn is the time that a sync may take.
type turn struct {
	now      func() time.Time
	patience time.Duration // 0: without end
	began    time.Time
	used     bool // for one hook at least
	over     bool
}

// goesOn says whether there is time for another hook; for the first one there always is.
func (t *turn) goesOn() bool {
	t.over = t.over || t.used && t.patience > 0 && t.now().Sub(t.began) >= t.patience
	t.used = true
	return !t.over
}

// missing are the hooks to attach: those of no port first, then by device, so that none waits for ever.
func (h *hooks) missing(want map[hook]hookWant) []hook {
	var list []hook
	for k, w := range want {
		if h.have[k] != h.ids[w.prog] {
			list = append(list, k)
		}
	}
	rank := func(k hook) (port, egress int) {
		if want[k].port != "" {
			port = 1
		}
		if k.egress {
			egress = 1
		}
		return port, egress
	}
	slices.SortFunc(list, func(a, b hook) int {
		aPort, aEgress := rank(a)
		bPort, bEgress := rank(b)
		return cmp.Or(cmp.Compare(aPort, bPort), cmp.Compare(a.ifindex, b.ifindex), cmp.Compare(aEgress, bEgress))
	})
	return list
}

// check looks again at the hooks of devices: they go with it, and a new device may take the number.
func (h *hooks) check(ifindexes map[int]bool) error {
	for _, k := range slices.Collect(maps.Keys(h.have)) {
		if !ifindexes[k.ifindex] {
			continue
		}
		id, err := h.look(k)
		if err != nil {
			return fmt.Errorf("look at hook %s: %w", k, err)
		}
		if h.have[k] = id; id == 0 {
			delete(h.have, k)
		}
	}
	return nil
}

// refresh looks again at all that is attached.
func (h *hooks) refresh() error {
	have, err := h.list()
	if err != nil {
		return fmt.Errorf("list attached programs: %w", err)
	}
	h.have = have
	return nil
}

// leaveOther detaches what was attached the other way.
func (h *hooks) leaveOther() error {
	have, err := h.other.list()
	if err != nil {
		return fmt.Errorf("list programs attached the other way: %w", err)
	}
	for k := range have {
		if err := h.other.detach(k); err != nil {
			return fmt.Errorf("detach from %s: %w", k, err)
		}
	}
	return nil
}

func progID(p *ebpf.Program) (ebpf.ProgramID, error) {
	info, err := p.Info()
	if err != nil {
		return 0, fmt.Errorf("read program info: %w", err)
	}
	id, ok := info.ID()
	if !ok {
		return 0, errors.New("read program info: the kernel tells no program ids")
	}
	return id, nil
}
