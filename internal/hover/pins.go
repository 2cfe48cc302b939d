package hover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"woven.dev/woven/sdk/iom"
)

// goneName begins the name of a directory that is being removed. It sorts after those of hexadecimal digits.
const goneName = "gone-"

// pins is the layout of a node's bpffs directory:
//
//	v<ABI>/maps/<layout>/<map>      state, shared by all releases with that layout
//	v<ABI>/shared/<layout>/<map>    what all releases share, see <iom/handover.h>
//	v<ABI>/progs/<release>/<name>   one release: its programs and the maps that belong to its runs
//	v<ABI>/links/<ifindex>-<hook>   TCX links
type pins struct {
	root string // <bpffs>/v<ABI>
	spec *iom.Spec
	step steps
}

// newPins checks that dir lies on a bpffs.
func newPins(dir string, spec *iom.Spec, step steps) (*pins, error) {
	var st unix.Statfs_t
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make pin directory: %w", err)
	}
	if err := unix.Statfs(dir, &st); err != nil {
		return nil, fmt.Errorf("look at pin directory %q: %w", dir, err)
	}
	if st.Type != unix.BPF_FS_MAGIC {
		return nil, fmt.Errorf("pin directory %q is not on a bpffs: mount one (mount -t bpf bpf DIR) in the mount namespace that outlives the agent", dir)
	}
	p := &pins{root: filepath.Join(dir, fmt.Sprintf("v%d", iom.ABI)), spec: spec, step: step}
	for _, d := range []string{p.mapsDir(), filepath.Join(p.root, "shared"), filepath.Join(p.root, "progs"), p.linksDir()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("make pin directory: %w", err)
		}
	}
	return p, nil
}

func (p *pins) mapsDir() string    { return filepath.Join(p.root, "maps", p.spec.Layout) }
func (p *pins) releaseDir() string { return filepath.Join(p.root, "progs", p.spec.Release) }
func (p *pins) linksDir() string   { return filepath.Join(p.root, "links") }

// mapDir is where a map is pinned.
func (p *pins) mapDir(name string) string {
	switch shared := p.spec.SharedLayout(name); {
	case shared != "":
		return filepath.Join(p.root, "shared", shared)
	case p.spec.IsState(name):
		return p.mapsDir()
	}
	return p.releaseDir()
}

// open returns the release, adopted from its pins or loaded and pinned.
func (p *pins) open() (*iom.Set, error) {
	lasting := map[string]*ebpf.Map{} // the maps that outlive the release
	for name, spec := range p.spec.Maps {
		dir := p.mapDir(name)
		if dir == p.releaseDir() {
			continue
		}
		m, err := p.openMap(filepath.Join(dir, name), spec)
		if err != nil {
			return nil, errors.Join(err, closeMaps(lasting))
		}
		lasting[name] = m
	}
	set, err := p.adoptRelease(lasting)
	if errors.Is(err, fs.ErrNotExist) {
		set, err = p.loadRelease(lasting)
	}
	if err != nil {
		return nil, errors.Join(err, closeMaps(lasting))
	}
	return set, nil
}

// openMap opens a pinned map or creates and pins it.
func (p *pins) openMap(path string, spec *ebpf.MapSpec) (*ebpf.Map, error) {
	m, err := ebpf.LoadPinnedMap(path, nil)
	if err == nil {
		return m, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open map %q: %w", path, err)
	}
	m, err = ebpf.NewMap(spec)
	if err != nil {
		return nil, fmt.Errorf("create map %q: %w", spec.Name, err)
	}
	p.step.next("pin map", spec.Name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), m.Pin(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("pin map %q: %w", path, err), m.Close())
	}
	return m, nil
}

// adoptRelease opens the pinned release with the maps that are open already; fs.ErrNotExist when there is none.
func (p *pins) adoptRelease(opened map[string]*ebpf.Map) (set *iom.Set, err error) {
	dir := p.releaseDir()
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	set = &iom.Set{Maps: map[string]*ebpf.Map{}, Progs: map[string]*ebpf.Program{}}
	for name := range p.spec.Maps {
		m := opened[name]
		if m == nil {
			if m, err = ebpf.LoadPinnedMap(filepath.Join(p.mapDir(name), name), nil); err != nil {
				return nil, fmt.Errorf("adopt map %q of release %s: %w", name, p.spec.Release, err)
			}
		}
		set.Maps[name] = m
	}
	for _, name := range p.spec.ProgNames() {
		prog, err := ebpf.LoadPinnedProgram(filepath.Join(dir, name), nil)
		if err != nil {
			return nil, fmt.Errorf("adopt program %q of release %s: %w", name, p.spec.Release, err)
		}
		set.Progs[name] = prog
	}
	return set, nil
}

// loadRelease loads the programs over the maps that outlive them and pins what is theirs. The directory gets its name last: a release that is
// there is complete.
func (p *pins) loadRelease(lasting map[string]*ebpf.Map) (*iom.Set, error) {
	all := map[string]*ebpf.Map{}
	for name, spec := range p.spec.Maps {
		all[name] = lasting[name]
		if lasting[name] == nil {
			m, err := ebpf.NewMap(spec)
			if err != nil {
				return nil, fmt.Errorf("create map %q: %w", name, err)
			}
			all[name] = m
		}
	}
	set, err := p.spec.Load(all)
	if err != nil {
		return nil, err
	}
	unfinished := filepath.Join(p.root, "progs", "new-"+p.spec.Release) // no dots: bpffs refuses them
	p.step.next("remove unfinished release")
	if err := os.RemoveAll(unfinished); err != nil {
		return nil, fmt.Errorf("remove unfinished release: %w", err)
	}
	p.step.next("make release directory")
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return nil, fmt.Errorf("make release directory: %w", err)
	}
	for name, m := range all {
		if lasting[name] == nil {
			p.step.next("pin map", name)
			if err := m.Pin(filepath.Join(unfinished, name)); err != nil {
				return nil, fmt.Errorf("pin map %q: %w", name, err)
			}
		}
	}
	for name, prog := range set.Progs {
		p.step.next("pin program", name)
		if err := prog.Pin(filepath.Join(unfinished, name)); err != nil {
			return nil, fmt.Errorf("pin program %q: %w", name, err)
		}
	}
	p.step.next("finish release directory")
	if err := os.Rename(unfinished, p.releaseDir()); err != nil {
		return nil, fmt.Errorf("finish release directory: %w", err)
	}
	return set, nil
}

// removeOld unpins all releases and layouts but the current ones; nothing must be attached from them any more. Programs go before the
// maps that they use: a roll back, at any time, must not adopt them over others.
func (p *pins) removeOld() error {
	used := []string{p.releaseDir(), p.mapsDir()}
	for name := range p.spec.Maps {
		if dir := p.mapDir(name); !slices.Contains(used, dir) {
			used = append(used, dir)
		}
	}
	var err error
	for _, dir := range used {
		err = errors.Join(err, p.removeOthers(filepath.Dir(dir), filepath.Base(dir)))
	}
	return err
}

// removeOthers removes the directories in parent but the one to keep.
func (p *pins) removeOthers(parent, keep string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(entries) { // those that an earlier run began to remove first: their names are taken
		if e.Name() != keep {
			err = errors.Join(err, p.removeDir(parent, e.Name()))
		}
	}
	return err
}

// removeDir removes a directory of pins in parent. It loses its name first: what is half gone must not be adopted.
func (p *pins) removeDir(parent, name string) error {
	path := filepath.Join(parent, name)
	if !strings.HasPrefix(name, goneName) {
		gone := filepath.Join(parent, goneName+name)
		p.step.next("rename", name)
		if err := os.Rename(path, gone); err != nil {
			return err
		}
		path = gone
	}
	pins, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		p.step.next("unpin", pin.Name())
		if err := os.Remove(filepath.Join(path, pin.Name())); err != nil {
			return err
		}
	}
	p.step.next("remove", name)
	return os.Remove(path)
}

func closeMaps(maps map[string]*ebpf.Map) (err error) {
	for _, m := range maps {
		err = errors.Join(err, m.Close())
	}
	return err
}
