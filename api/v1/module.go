package v1

// ModuleInstance is a module instance with what went through it: GET /v1/modules.
type ModuleInstance struct {
	ID             string   `json:"id" doc:"Unique over time; for an OVN object the UUID of its Datapath_Binding"`
	Name           string   `json:"name" doc:"Name for people, such as the logical switch's; several modules may have one name"`
	Kind           string   `json:"kind" doc:"Name of its type" example:"l2switch"`
	Slot           uint32   `json:"slot" doc:"Index in the kind's tables"`
	Key            uint32   `json:"key,omitempty" doc:"Tunnel key (Geneve VNI)"`
	PortCount      int      `json:"portCount" doc:"Number of its ports"`
	LocalPortCount int      `json:"localPortCount" doc:"Number of its ports that are plugged on this node"`
	Counters       Counters `json:"counters" doc:"Traffic of those of its ports that are plugged on this node now"`
	Drops          []Drop   `json:"drops" nullable:"false" doc:"Packets it dropped, those of its ports included; only reasons that occurred"`
}

// ModuleDetails is a module instance with its ports: GET /v1/modules/{module}.
type ModuleDetails struct {
	ModuleInstance
	Ports []ModulePort `json:"ports" nullable:"false" doc:"Its ports in ascending order of key"`
}

// ModulePort is a port of a module instance. A port that is neither on a local interface nor on another chassis, nor linked with another module, is plugged nowhere; one that is
// being migrated may be in several places.
type ModulePort struct {
	MapPort
	Tag      uint16   `json:"tag,omitempty" doc:"VLAN tag that tells its frames from others on the interface, 1..4094"`
	Counters Counters `json:"counters" doc:"Traffic of a local port since it was plugged"`
	Drops    []Drop   `json:"drops" nullable:"false" doc:"Packets dropped on a local port, only reasons that occurred"`
}
