package differential

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"woven.dev/woven/internal/hover"
	"woven.dev/woven/internal/ovnexpr"
	"woven.dev/woven/sdk/iom"
	"woven.dev/woven/sdk/iom/wire"
)

// Tables of connections: established ones, and others.
const connectionsTable, newOnes = "iom_cts", "iom_cts_new"

// connect makes the node know the connection of s, as zones of all VIFs do that it has come to, and returns how it is made to forget it.
func (n *node) connect(s sending) (forget func() error, err error) {
	if s.first == nil {
		return func() error { return nil }, nil
	}
	begun := map[string]string{}
	if s.decided {
		if begun, err = n.begin(s.first); err != nil {
			return nil, err
		}
	}
	rows := map[string]string{}
	for _, z := range n.zones {
		key, row, err := z.connection(s.first)
		if have, ok := begun[iom.Bytes(key)]; ok && err == nil {
			row, err = iom.Get[wire.Ct](have)
		}
		if err != nil {
			return nil, err
		}
		row.Progress, row.Expires = wire.CtEstablished, uint32((n.plane.Uptime()+time.Hour)/time.Second)
		rows[iom.Bytes(key)] = iom.Bytes(row)
	}
	for key := range begun {
		if rows[key] == "" {
			return nil, fmt.Errorf("connect by %s: the programs remember %x", s.first, key)
		}
	}
	forget = func() error {
		if err := n.plane.WriteTable(newOnes, nil, slices.Collect(maps.Keys(begun))); err != nil {
			return err
		}
		if err := n.plane.WriteTable(connectionsTable, nil, slices.Collect(maps.Keys(rows))); err != nil {
			return err
		}
		return n.stamp()
	}
	return forget, n.plane.WriteTable(connectionsTable, rows, nil)
}

// stamp makes what is noted in the flow cache not count any more, as whoever removes connections does.
func (n *node) stamp() error {
	return n.plane.WriteTable("iom_flow_stamps", map[string]string{iom.Bytes(uint32(0)): iom.Bytes(uint64(n.plane.Uptime()))}, nil)
}

// zone is a VIF's.
type zone struct {
	vif      string
	module   string // ID
	instance uint32 // slot
	key      uint16 // of the port
}

// zonesOf are those of all VIFs in a data plane.
func zonesOf(instances []hover.Instance) []zone {
	var zones []zone
	for _, in := range instances {
		for _, p := range in.Module.Ports {
			if p.Device != nil {
				zones = append(zones, zone{p.Name, in.Module.ID, in.Slot, p.Key})
			}
		}
	}
	return zones
}

// connection is the row of one in the zone on which no rules have decided.
func (z zone) connection(first microflow) (wire.CtKey, wire.Ct, error) {
	fields, err := fieldsOf(first.String())
	if err != nil {
		return wire.CtKey{}, wire.Ct{}, err
	}
	key := wire.CtKey{Zone: z.instance<<16 | uint32(z.key), Proto: uint8(fields.Int("ip.proto").Lo)}
	src, dst := iom.Addr(first.addr("src")), iom.Addr(first.addr("dst"))
	sport, dport := l4Of(fields, "src"), l4Of(fields, "dst")
	row := wire.Ct{Zone: key.Zone, IcmpType: uint8(fields.Int("icmp4.type").Lo | fields.Int("icmp6.type").Lo)}
	if order := slices.Compare(src[:], dst[:]); order > 0 || order == 0 && sport > dport {
		row.Flags |= wire.CtFrom1
		src, dst, sport, dport = dst, src, dport, sport
	}
	key.Addr[0].A, key.Addr[1].A, key.L4 = src, dst, [2]uint16{sport, dport}
	row.L4 = key.L4
	if z.vif == fields.Text("inport") {
		row.InKey = z.key
	} else {
		row.Flags, row.OutKey = row.Flags|wire.CtEgress, z.key
	}
	return key, row, nil
}

// l4Of is the port of one end, 0 where there is none. An echo's identifier, which microflows leave 0, is that of who asks (iom_ct_echo_ends).
func l4Of(packet ovnexpr.Fields, end string) uint16 {
	if asks := packet.Int("icmp4.type").Lo == 8 || packet.Int("icmp6.type").Lo == 128; asks && end == "dst" {
		return 1
	}
	return uint16(packet.Int("tcp."+end).Lo | packet.Int("udp."+end).Lo | packet.Int("sctp."+end).Lo)
}

// begin has a packet come in for good, and returns what the programs remember of its connection.
func (n *node) begin(first microflow) (map[string]string, error) {
	if _, _, err := n.run(first); err != nil {
		return nil, err
	}
	return n.plane.ReadTable(newOnes)
}

// run has a packet come in for good, and returns what programs end with: their verdict, and the frame. What goes to one port reaches no device, as a
// test-run does not redirect.
func (n *node) run(packet microflow) (verdict uint32, frame []byte, err error) {
	fields, err := fieldsOf(packet.String())
	if err != nil {
		return 0, nil, err
	}
	frame, inport, err := fields.Frame()
	if err != nil {
		return 0, nil, err
	}
	ctx := struct {
		_       [10]uint32
		Ifindex uint32
	}{Ifindex: n.ifindex[inport]}
	o := ebpf.RunOptions{Data: frame, DataOut: make([]byte, len(frame)+256), Context: ctx}
	if err := n.in(func() (err error) {
		verdict, err = n.vifIn.Run(&o)
		return err
	}); err != nil {
		return 0, nil, fmt.Errorf("send %s: %w", packet, err)
	}
	return verdict, o.DataOut, nil
}

// redirected is the verdict of a packet that goes on to another device (linux/pkt_cls.h).
const redirected = 7

// send has a packet come in for good, and returns what leaves, and by which port.
func (n *node) send(packet microflow) (verdict, error) {
	before, err := n.delivered()
	if err != nil {
		return nil, err
	}
	end, frame, err := n.run(packet)
	if err != nil {
		return nil, err
	}
	after, err := n.delivered()
	if err != nil {
		return nil, err
	}
	var v verdict
	for i, z := range n.zones {
		for range after[i] - before[i] {
			v = append(v, outcome{Port: z.vif, Frame: string(normal(frame))})
		}
	}
	if (end == redirected) != (len(v) == 1) {
		return nil, fmt.Errorf("send %s: the programs end with verdict %d, and %d packets were delivered", packet, end, len(v))
	}
	return v, nil
}

// delivered counts the packets that went to each VIF.
func (n *node) delivered() ([]uint64, error) {
	counts := make([]uint64, len(n.zones))
	for i, z := range n.zones {
		c, err := n.plane.Port(z.module, z.key)
		if err != nil {
			return nil, err
		}
		counts[i] = c.Stats.TxPackets
	}
	return counts, nil
}
