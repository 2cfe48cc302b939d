package v1

// Interface is a network interface of this node that Woven has to do with: GET /v1/interfaces.
type Interface struct {
	Name    string          `json:"name"`
	Ifindex int             `json:"ifindex"`
	Kind    string          `json:"kind" doc:"Kind of device as rtnetlink says; \"device\" for hardware" example:"veth"`
	MAC     string          `json:"mac,omitempty" example:"0a:00:00:00:00:01"`
	MTU     int             `json:"mtu" doc:"In bytes"`
	Up      bool            `json:"up" doc:"It is up administratively"`
	Carrier bool            `json:"carrier" doc:"Packets can flow at the lower layer"`
	Hooks   []Hook          `json:"hooks" nullable:"false" doc:"Programs attached to it, ingress first"`
	Ports   []InterfacePort `json:"ports" nullable:"false" doc:"Logical ports on it, the untagged one first, then by tag"`
}

// Hook is a place on an interface where a program of Woven sits.
type Hook struct {
	Direction string `json:"direction" enum:"ingress,egress" doc:"As the host sees it: ingress is what the interface receives, from a workload or from the underlay"`
	Program   string `json:"program,omitempty" doc:"Name of the program; absent for one of an earlier run that is about to be replaced" example:"vif_in"`
}

// InterfacePort is a logical port on an interface.
type InterfacePort struct {
	Port     string   `json:"port" doc:"Name of the port"`
	Module   string   `json:"module" doc:"Name of its module"`
	ModuleID string   `json:"moduleId" doc:"ID of its module"`
	Key      uint16   `json:"key" doc:"Tunnel key of the port"`
	Slot     uint32   `json:"slot" doc:"Index in the data plane's port tables"`
	Tag      uint16   `json:"tag,omitempty" doc:"VLAN tag that tells its frames from others on the interface, 1..4094"`
	Counters Counters `json:"counters" doc:"Traffic of the port since it was plugged"`
	Drops    []Drop   `json:"drops" nullable:"false" doc:"Packets dropped on the port, only reasons that occurred"`
}
