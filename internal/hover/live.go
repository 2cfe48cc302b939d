package hover

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"woven.dev/woven/sdk/iom"
)

// Tags of tables whose rows programs write, see <iom/bpf.h>.
const (
	liveTag       = "iom:live"
	liveByPortTag = "iom:live-by-port"
)

// isLive says whether programs write a table's rows.
func isLive(spec *ebpf.MapSpec) bool {
	return slices.Contains(spec.Tags, liveTag) || slices.Contains(spec.Tags, liveByPortTag)
}

// liveTables are the tables that programs write, by name.
type liveTables map[string]*liveTable

// liveTable is one of them, with where its rows say what they belong to.
type liveTable struct {
	*ebpf.Map
	name   string
	step   steps
	byPort bool // the key is a port slot
	// dp, port and zone (of connections, see <iom/ct.h>) are offsets of these members in the key, ref of that in the value; -1: there is none.
	dp, port, zone, ref int
}

func newLiveTables(spec *iom.Spec, set *iom.Set, step steps) liveTables {
	live := liveTables{}
	for name, m := range spec.Maps {
		if isLive(m) {
			live[name] = &liveTable{Map: set.Maps[name], name: name, step: step, byPort: slices.Contains(m.Tags, liveByPortTag),
				dp: offsetOf(m.Key, "dp"), port: offsetOf(m.Key, "port"), zone: offsetOf(m.Key, "zone"), ref: offsetOf(m.Value, "ref")}
		}
	}
	return live
}

// offsetOf is where a struct has a member; -1: nowhere.
func offsetOf(t btf.Type, member string) int {
	st, ok := btf.UnderlyingType(t).(*btf.Struct)
	if !ok {
		return -1
	}
	i := slices.IndexFunc(st.Members, func(m btf.Member) bool { return m.Name == member })
	if i < 0 {
		return -1
	}
	return int(st.Members[i].Offset.Bytes())
}

// clearPorts removes what belongs to ports, whose slots go to others. Losing it must not stop anything: an error is for the log.
func (l liveTables) clearPorts(slots []uint32) error {
	if len(slots) == 0 {
		return nil
	}
	return l.each(func(t *liveTable) error {
		if t.byPort {
			return t.zero(slots)
		}
		if t.port < 0 && t.ref < 0 {
			return nil // reading a table of connections takes its time
		}
		return t.remove(func(key, value string) bool {
			return t.port >= 0 && slices.Contains(slots, slotOf(key[t.port:])) || t.ref >= 0 && slices.Contains(slots, slotOf(value[t.ref:]))
		})
	})
}

// clearInstance removes what belongs to a module instance. Errors are as those of clearPorts.
func (l liveTables) clearInstance(dp uint32) error {
	return l.each(func(t *liveTable) error {
		return t.remove(func(key, _ string) bool { return t.instance(key) == dp })
	})
}

// sweep removes what belongs to slots that nobody has: a process may have died between giving them back and clearing what was theirs.
// Errors are as those of clearPorts.
func (l liveTables) sweep(ports, instances *slots) error {
	free := func(s *slots, slot uint32) bool {
		_, used := s.keyOf(slot)
		return slot != 0 && slot < s.max && !used // beyond: the iom_ref of a port that is elsewhere
	}
	return l.each(func(t *liveTable) error {
		if t.byPort {
			rows, err := readBack(t.Map)
			if err != nil {
				return err
			}
			var left []uint32
			for key := range rows {
				if free(ports, slotOf(key)) {
					left = append(left, slotOf(key))
				}
			}
			return t.zero(left)
		}
		return t.remove(func(key, value string) bool {
			return free(instances, t.instance(key)) || t.port >= 0 && free(ports, slotOf(key[t.port:])) ||
				t.ref >= 0 && free(ports, slotOf(value[t.ref:]))
		})
	})
}

func (l liveTables) each(f func(*liveTable) error) error {
	var errs []error
	for name, t := range l {
		if err := f(t); err != nil {
			errs = append(errs, fmt.Errorf("clear table %q: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// instance is the slot of the instance that a row belongs to; 0: none.
func (t *liveTable) instance(key string) uint32 {
	switch {
	case t.dp >= 0:
		return slotOf(key[t.dp:])
	case t.zone >= 0:
		return slotOf(key[t.zone:]) >> 16
	}
	return 0
}

// zero clears rows of an array.
func (t *liveTable) zero(slots []uint32) error {
	size := int(t.ValueSize())
	var value any = make([]byte, size)
	if t.Type() == ebpf.PerCPUArray {
		cpus, err := ebpf.PossibleCPU()
		if err != nil {
			return err
		}
		value = slices.Repeat([][]byte{make([]byte, size)}, cpus)
	}
	for _, slot := range slots {
		t.step.next("clear row of", t.name)
		if err := t.Put(slot, value); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes the rows that match says.
func (t *liveTable) remove(match func(key, value string) bool) error {
	if t.dp < 0 && t.port < 0 && t.zone < 0 && t.ref < 0 {
		return nil
	}
	rows, err := readBack(t.Map)
	if err != nil {
		return err
	}
	for key, r := range rows {
		if match(key, r.value) {
			t.step.next("clear row of", t.name)
			if err := t.Delete([]byte(key)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
				return err
			}
		}
	}
	return nil
}

// ReadTable lists a table's rows as they are in the kernel: raw bytes by key. An array's rows of zeros are left out.
func (h *Hover) ReadTable(name string) (map[string]string, error) {
	m := h.set.Maps[name]
	if m == nil {
		return nil, fmt.Errorf("read table %q: %w", name, ErrUnknown)
	}
	rows, err := readBack(m)
	if err != nil {
		return nil, fmt.Errorf("read table %q: %w", name, err)
	}
	out := make(map[string]string, len(rows))
	for key, r := range rows {
		out[key] = r.value
	}
	return out, nil
}

// WriteTable writes and then deletes rows of a table that programs write (IOM_LIVE in <iom/bpf.h>); others belong to the applied
// State. Slots in the rows must be those that Instances gives since the last Apply. Deleting the absent is success; a full table is ErrFull.
func (h *Hover) WriteTable(name string, rows map[string]string, gone []string) error {
	t := h.live[name]
	if t == nil {
		return fmt.Errorf("write table %q: it is none that programs write", name)
	}
	for key, value := range rows {
		if err := t.Put([]byte(key), []byte(value)); err != nil {
			return fmt.Errorf("write table %q: %w", name, nameFull(err))
		}
	}
	for _, key := range gone {
		if err := t.Delete([]byte(key)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("delete from table %q: %w", name, err)
		}
	}
	return nil
}

// Uptime is the clock by which programs stamp rows (bpf_ktime_get_ns).
func (h *Hover) Uptime() time.Duration { return uptime() }

func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // every kernel has it
	}
	return time.Duration(ts.Nano())
}
