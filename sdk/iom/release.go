package iom

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/cilium/ebpf"

	"woven.dev/woven/sdk/iom/wire"
)

// ABI is the version of the contract between modules and the platform: <iom/*.h> and the names of its maps and programs.
const ABI = 1

// Platform programs, by what hover attaches them to.
const (
	ProgVIFIn      = "vif_in"
	ProgVIFOut     = "vif_out"
	ProgUnderlayIn = "underlay_in"
	ProgRelayOut   = "relay_out"
	ProgRelayIn    = "relay_in"
	ProgTrace      = "trace_in"
	progTunnel     = "tunnel"
)

// runMaps belong to one release: programs of another one must not see them.
var runMaps = map[string]bool{"iom_progs": true, "iom_metas": true, "iom_trace_log": true,
	"iom_punts": true, "iom_punt_bufs": true, "iom_match_queries": true, "iom_flows": true}

// sharedMaps belong to all releases with the same layout of them: by these two releases speak while hooks are switched from one to the other.
var sharedMaps = map[string]bool{"iom_handovers": true}

// Spec is a complete set of programs and maps, not yet loaded.
type Spec struct {
	Kinds   []Kind
	objects []*ebpf.CollectionSpec // the platform's, then one per kind
	// Maps by name, those of all objects.
	Maps map[string]*ebpf.MapSpec
	// Layout identifies the layout of the state maps, Release that and the code: two builds with equal Release are
	// the same programs.
	Layout, Release string
}

// NewSpec reads the objects of the platform and the kinds. Kind number i+1 is kinds[i].
func NewSpec(kinds []Kind) (*Spec, error) {
	s := &Spec{Kinds: kinds, Maps: map[string]*ebpf.MapSpec{}}
	if err := s.add("platform", wire.Load); err != nil {
		return nil, err
	}
	for i, k := range kinds {
		if err := s.add(k.Name, k.Load); err != nil {
			return nil, err
		}
		obj := s.objects[i+1]
		for _, prog := range []string{k.inProg(), k.outProg()} {
			if obj.Programs[prog] == nil {
				return nil, fmt.Errorf("read module %q: program %q is missing", k.Name, prog)
			}
		}
		if err := obj.Variables["iom_kind"].Set(uint32(i + 1)); err != nil {
			return nil, fmt.Errorf("read module %q: %w", k.Name, err)
		}
	}
	return s, s.hash()
}

func (k Kind) inProg() string  { return k.Name + "_in" }
func (k Kind) outProg() string { return k.Name + "_out" }

// progs are the names of the kind's programs in order of their slots, see enum iom_prog of <iom/action.h>; it may lack the last two.
func (k Kind) progs() [4]string {
	return [4]string{k.inProg(), k.outProg(), k.Name + "_next", k.Name + "_leave"}
}

// add reads one object and takes its maps over.
func (s *Spec) add(name string, load func() (*ebpf.CollectionSpec, error)) error {
	obj, err := load()
	if err != nil {
		return fmt.Errorf("read module %q: %w", name, err)
	}
	if obj.Variables["iom_kind"] == nil {
		return fmt.Errorf("read module %q: it was not built with <iom/trace.h>", name)
	}
	s.objects = append(s.objects, obj)
	for _, m := range obj.Maps {
		if isRodata(m.Name) {
			continue
		}
		if have := s.Maps[m.Name]; have != nil && layoutOf(have) != layoutOf(m) {
			return fmt.Errorf("read module %q: map %q has another layout than in the platform's headers: rebuild the module", name, m.Name)
		}
		s.Maps[m.Name] = m
	}
	return nil
}

func isRodata(name string) bool { return len(name) > 0 && name[0] == '.' }

// layoutOf is a map's layout as text; names of members count, since user space goes by them.
func layoutOf(m *ebpf.MapSpec) string {
	return fmt.Sprintf("%s %s %d %d %d %d %s %s\n", m.Name, m.Type, m.KeySize, m.ValueSize, m.MaxEntries, m.Flags,
		btfText(m.Key), btfText(m.Value))
}

// hash computes Layout and Release.
func (s *Spec) hash() error {
	layout, code := sha256.New(), sha256.New()
	fmt.Fprintln(layout, "abi", ABI)
	for _, k := range s.Kinds { // kind numbers stand in the state maps
		fmt.Fprintln(layout, k.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Maps)) {
		if runMaps[name] || sharedMaps[name] {
			io.WriteString(code, layoutOf(s.Maps[name]))
		} else {
			io.WriteString(layout, layoutOf(s.Maps[name]))
		}
	}
	s.Layout = hex.EncodeToString(layout.Sum(nil)[:8])
	io.WriteString(code, s.Layout)
	for _, obj := range s.objects {
		for _, name := range slices.Sorted(maps.Keys(obj.Programs)) {
			fmt.Fprintln(code, name)
			for _, ins := range obj.Programs[name].Instructions {
				fmt.Fprintf(code, "%v %d %s\n", ins.OpCode, ins.Constant, ins.Reference())
			}
		}
	}
	s.Release = hex.EncodeToString(code.Sum(nil)[:8])
	return nil
}

// IsState reports whether a map holds state that outlives a release.
func (s *Spec) IsState(name string) bool { return !runMaps[name] && !sharedMaps[name] }

// SharedLayout identifies the layout of a map that all releases share; "" for other maps.
func (s *Spec) SharedLayout(name string) string {
	if !sharedMaps[name] {
		return ""
	}
	sum := sha256.Sum256([]byte(layoutOf(s.Maps[name])))
	return hex.EncodeToString(sum[:8])
}

// ProgNames lists all programs of the release, sorted.
func (s *Spec) ProgNames() []string {
	var names []string
	for _, obj := range s.objects {
		names = slices.AppendSeq(names, maps.Keys(obj.Programs))
	}
	slices.Sort(names)
	return names
}

// Set is a loaded release.
type Set struct {
	Maps map[string]*ebpf.Map
	// Progs by name, the platform's and the kinds'.
	Progs map[string]*ebpf.Program
}

// Close releases what is not pinned.
func (s *Set) Close() {
	for _, p := range s.Progs {
		p.Close()
	}
	for _, m := range s.Maps {
		m.Close()
	}
}

// Load creates the programs over the given maps (all of s.Maps) and fills the program array. The Set owns the maps then.
func (s *Spec) Load(have map[string]*ebpf.Map) (*Set, error) {
	set := &Set{Maps: have, Progs: map[string]*ebpf.Program{}}
	for i, obj := range s.objects {
		opts := ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{}}
		for name := range obj.Maps {
			if m := have[name]; m != nil {
				opts.MapReplacements[name] = m
			}
		}
		coll, err := ebpf.NewCollectionWithOptions(obj.Copy(), opts)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("load programs of %s: %w", s.objectName(i), err), closeProgs(set.Progs))
		}
		for name, p := range coll.Programs {
			set.Progs[name] = p
			delete(coll.Programs, name)
		}
		coll.Close()
	}
	if err := s.fillProgs(set); err != nil {
		return nil, errors.Join(err, closeProgs(set.Progs))
	}
	return set, nil
}

func (s *Spec) objectName(i int) string {
	if i == 0 {
		return "the platform"
	}
	return fmt.Sprintf("module %q", s.Kinds[i-1].Name)
}

func closeProgs(progs map[string]*ebpf.Program) (err error) {
	for _, p := range progs {
		err = errors.Join(err, p.Close())
	}
	return err
}

// fillProgs writes the program array: slot 0 the tunnel, 4*kind and the three that follow the modules.
func (s *Spec) fillProgs(set *Set) error {
	slots := map[uint32]string{0: progTunnel}
	for i, k := range s.Kinds {
		for j, name := range k.progs() {
			if set.Progs[name] != nil {
				slots[uint32(4*(i+1)+j)] = name
			}
		}
	}
	for slot, name := range slots {
		if err := set.Maps["iom_progs"].Put(slot, set.Progs[name]); err != nil {
			return fmt.Errorf("link program %q to slot %d: %w", name, slot, err)
		}
	}
	return nil
}

// NewMaps creates all maps unpinned, for tests and tools.
func (s *Spec) NewMaps() (map[string]*ebpf.Map, error) {
	out := map[string]*ebpf.Map{}
	for name, spec := range s.Maps {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			for _, m := range out {
				m.Close()
			}
			return nil, fmt.Errorf("create map %q: %w", name, err)
		}
		out[name] = m
	}
	return out, nil
}
