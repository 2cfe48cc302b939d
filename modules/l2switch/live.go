package l2switch

import (
	"fmt"

	"woven.dev/woven/sdk/iom"
)

// Reasons of punts, see tables.h.
const (
	PuntLearned   = uint32(L2switchL2switchPuntL2SWITCH_PUNT_LEARNED)
	PuntActivated = uint32(L2switchL2switchPuntL2SWITCH_PUNT_ACTIVATED)
	PuntMulticast = uint32(L2switchL2switchPuntL2SWITCH_PUNT_MCAST)
	PuntDHCP      = uint32(L2switchL2switchPuntL2SWITCH_PUNT_DHCP)
	PuntDNS       = uint32(L2switchL2switchPuntL2SWITCH_PUNT_DNS)
	PuntAnnounced = uint32(L2switchL2switchPuntL2SWITCH_PUNT_ANNOUNCED)
)

// Tables that the programs write, or change rows of.
const (
	LearnedTable    = "l2switch_learned_macs"
	LearnCountTable = "l2switch_learn_counts"
	PortTable       = "l2switch_ports"
)

// Learned is a learned address.
type Learned struct {
	// Instance is the slot of the switch, Ref the way to the port that has the address.
	Instance uint32
	MAC      [6]byte
	Ref      iom.Ref
	// Seen is when it was last used as a source on this node, in seconds of the kernel's monotonic clock.
	Seen uint32
}

// Row is the address as an entry of LearnedTable.
func (l Learned) Row() (key, value string) {
	return iom.Bytes(L2switchL2switchFdbKey{Dp: l.Instance, Mac: l.MAC}), iom.Bytes(L2switchL2switchLearned{Ref: uint32(l.Ref), Seen: l.Seen})
}

// ReadLearned reads entries of LearnedTable, in no order.
func ReadLearned(rows map[string]string) ([]Learned, error) {
	list := make([]Learned, 0, len(rows))
	for k, v := range rows {
		key, err := iom.Get[L2switchL2switchFdbKey](k)
		if err != nil {
			return nil, fmt.Errorf("read learned addresses: %w", err)
		}
		value, err := iom.Get[L2switchL2switchLearned](v)
		if err != nil {
			return nil, fmt.Errorf("read learned addresses: %w", err)
		}
		list = append(list, Learned{Instance: key.Dp, MAC: key.Mac, Ref: iom.Ref(value.Ref), Seen: value.Seen})
	}
	return list, nil
}

// LearnCount says how many addresses a port has learned, and how often it was refused one for the limit's sake.
type LearnCount struct {
	Learned, Refused uint32
}

// Row is the count as an entry of LearnCountTable. port is the port's slot.
func (c LearnCount) Row(port uint32) (key, value string) {
	return iom.Bytes(port), iom.Bytes(L2switchL2switchLearnCount{Learned: c.Learned, Refused: c.Refused})
}

// ReadLearnCounts reads entries of LearnCountTable: counts by port slot.
func ReadLearnCounts(rows map[string]string) (map[uint32]LearnCount, error) {
	counts := make(map[uint32]LearnCount, len(rows))
	for k, v := range rows {
		slot, err := iom.Get[uint32](k)
		if err != nil {
			return nil, fmt.Errorf("read counts of learned addresses: %w", err)
		}
		count, err := iom.Get[L2switchL2switchLearnCount](v)
		if err != nil {
			return nil, fmt.Errorf("read counts of learned addresses: %w", err)
		}
		counts[slot] = LearnCount{count.Learned, count.Refused}
	}
	return counts, nil
}

// ReadActive reads entries of PortTable: the slots of ports that pass packets, also of those that config.Port.Activation held back at first.
func ReadActive(rows map[string]string) (map[uint32]bool, error) {
	active := map[uint32]bool{}
	for k, v := range rows {
		slot, err := iom.Get[uint32](k)
		if err != nil {
			return nil, fmt.Errorf("read active ports: %w", err)
		}
		port, err := iom.Get[L2switchL2switchPort](v)
		if err != nil {
			return nil, fmt.Errorf("read active ports: %w", err)
		}
		active[slot] = port.Flags&portEnabled != 0 && port.Flags&portInactive == 0
	}
	return active, nil
}
