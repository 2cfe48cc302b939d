package hover

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// tcx attaches by TCX links, pinned in dir under the hook's name.
type tcx struct {
	dir  string
	step steps
}

// list reads the pins. A link whose device has gone, or whose number another device took, is not listed: its pin goes.
func (t tcx) list() (map[hook]ebpf.ProgramID, error) {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, fmt.Errorf("read pinned links: %w", err)
	}
	have := map[hook]ebpf.ProgramID{}
	for _, e := range entries {
		h, ok := parseHook(e.Name())
		if !ok {
			continue
		}
		id, err := t.look(h)
		if err != nil {
			return nil, err
		}
		if id != 0 {
			have[h] = id
		}
	}
	return have, nil
}

// look reads a pin, and removes that of a dead link.
func (t tcx) look(h hook) (ebpf.ProgramID, error) {
	id, err := t.program(h)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err == nil && id == 0 {
		err = t.detach(h)
	}
	return id, err
}

// program is the id on a hook by its pin; 0 when the link is dead.
func (t tcx) program(h hook) (ebpf.ProgramID, error) {
	l, err := link.LoadPinnedLink(t.path(h), nil)
	if err != nil {
		return 0, fmt.Errorf("open pinned link %s: %w", h, err)
	}
	defer l.Close()
	info, err := l.Info()
	if err != nil {
		return 0, fmt.Errorf("read pinned link %s: %w", h, err)
	}
	if tcx := info.TCX(); tcx == nil || int(tcx.Ifindex) != h.ifindex {
		return 0, nil
	}
	return info.Program, nil
}

func (t tcx) path(h hook) string { return filepath.Join(t.dir, h.String()) }

func parseHook(name string) (h hook, ok bool) {
	var dir string
	if _, err := fmt.Sscanf(strings.Replace(name, "-", " ", 1), "%d %s", &h.ifindex, &dir); err != nil {
		return h, false
	}
	h.egress = dir == "out"
	return h, dir == "in" || dir == "out"
}

func (t tcx) attach(h hook, prog *ebpf.Program, _ string) error {
	old, err := link.LoadPinnedLink(t.path(h), nil)
	if err == nil {
		t.step.next("switch link", h.String())
		err = old.Update(prog)
		old.Close()
		if !errors.Is(err, syscall.ENOLINK) {
			return err
		}
		if err := t.detach(h); err != nil { // its device has gone, another one has the number
			return err
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	at := ebpf.AttachTCXIngress
	if h.egress {
		at = ebpf.AttachTCXEgress
	}
	t.step.next("attach link", h.String())
	l, err := link.AttachTCX(link.TCXOptions{Interface: h.ifindex, Program: prog, Attach: at})
	if err != nil {
		return err
	}
	defer l.Close()
	t.step.next("pin link", h.String())
	if err := l.Pin(t.path(h)); err != nil {
		return fmt.Errorf("pin link: %w", err)
	}
	return nil
}

// detach takes the link off its hook and the pin away. The pin alone would do, but some time later, and until then the kernel would refuse to
// attach the program again.
func (t tcx) detach(h hook) error {
	l, err := link.LoadPinnedLink(t.path(h), nil)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open pinned link: %w", err)
	}
	defer l.Close()
	t.step.next("detach link", h.String())
	if err := l.Detach(); err != nil {
		return fmt.Errorf("detach link: %w", err)
	}
	t.step.next("unpin link", h.String())
	if err := os.Remove(t.path(h)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unpin link: %w", err)
	}
	return nil
}
