package v1

// PortState says how far a logical port has come on this node.
type PortState string

// The states of a port.
const (
	// PortUp: bound here, live in the data plane, and its link is up.
	PortUp PortState = "up"
	// PortDown: bound here and live, but disabled in NB or without link.
	PortDown PortState = "down"
	// PortWaiting: named by a local interface, but something is missing yet (the device, the NB port, the
	// data plane's commit); Error says what.
	PortWaiting PortState = "waiting"
	// PortFailed: the data plane could not take it; Error says why.
	PortFailed PortState = "failed"
	// PortRemote: bound to another chassis.
	PortRemote PortState = "remote"
	// PortUnplugged: in a switch of this node, but bound to no chassis.
	PortUnplugged PortState = "unplugged"
)

// Port is a logical port in a switch of this node, or one that an interface of this node names: GET /v1/ports.
type Port struct {
	Name      string    `json:"name" doc:"Logical port's name (iface-id)"`
	State     PortState `json:"state" enum:"up,down,waiting,failed,remote,unplugged" doc:"How far the port has come on this node"`
	Error     string    `json:"error,omitempty" doc:"Why it is waiting or failed"`
	Switch    string    `json:"switch,omitempty" doc:"Name of its logical switch; absent while the port is not in NB"`
	Key       uint16    `json:"key,omitempty" doc:"Tunnel key of the port in its datapath, 1..32767"`
	Chassis   string    `json:"chassis,omitempty" doc:"Chassis the port is bound to"`
	Device    string    `json:"device,omitempty" doc:"Local interface it is plugged in"`
	Ifindex   int       `json:"ifindex,omitempty" doc:"Index of the interface"`
	MAC       string    `json:"mac,omitempty" doc:"First MAC address of the logical port" example:"0a:00:00:00:00:01"`
	Addresses []string  `json:"addresses" nullable:"false" doc:"IP addresses of the logical port"`
	Networks  []string  `json:"networks,omitempty" doc:"Of a port to a router: addresses of the router there, with their prefix lengths"`
	Counters  Counters  `json:"counters" doc:"Traffic of a local port since it was plugged"`
	Drops     []Drop    `json:"drops" nullable:"false" doc:"Packets dropped on a local port, only reasons that occurred"`
}

// Counters are a port's traffic as the switch sees it: Rx comes from the workload, Tx goes to it.
type Counters struct {
	RxPackets uint64 `json:"rxPackets"`
	RxBytes   uint64 `json:"rxBytes"`
	TxPackets uint64 `json:"txPackets"`
	TxBytes   uint64 `json:"txBytes"`
}

// Plus adds two ports' counters up.
func (c Counters) Plus(o Counters) Counters {
	return Counters{RxPackets: c.RxPackets + o.RxPackets, RxBytes: c.RxBytes + o.RxBytes,
		TxPackets: c.TxPackets + o.TxPackets, TxBytes: c.TxBytes + o.TxBytes}
}

// Drop counts packets that were dropped for one reason.
type Drop struct {
	Module  string `json:"module" doc:"Module kind that dropped" example:"l2switch"`
	Reason  string `json:"reason" doc:"Name of the reason in that module" example:"PORT_SECURITY"`
	Text    string `json:"text" doc:"The reason in words"`
	Packets uint64 `json:"packets"`
}

// DatapathDrops are the drops of one datapath, those of its ports included: GET /v1/drops.
type DatapathDrops struct {
	Datapath string `json:"datapath" doc:"Name of the logical switch; empty for packets that reached no datapath (unknown tunnel key or peer)"`
	Key      uint32 `json:"key,omitempty" doc:"Tunnel key of the datapath"`
	Drops    []Drop `json:"drops" nullable:"false" doc:"Only reasons that occurred"`
}
