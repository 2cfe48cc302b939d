package v1

// MapEntry says what became of one OVN object: GET /v1/map.
type MapEntry struct {
	Object Object    `json:"object" doc:"The object in OVN"`
	Module Module    `json:"module" doc:"The module instance that carries it out"`
	Key    uint32    `json:"key,omitempty" doc:"Tunnel key of the datapath (Geneve VNI)"`
	Ports  []MapPort `json:"ports" nullable:"false" doc:"Its ports in ascending order of key"`
}

// Object names a row of the OVN databases.
type Object struct {
	Type string `json:"type" doc:"Table in lower case" example:"logical_switch"`
	Name string `json:"name"`
	UUID string `json:"uuid" doc:"UUID of the Datapath_Binding"`
}

// Module is an instance of a module kind in the data plane.
type Module struct {
	Kind string `json:"kind" example:"l2switch"`
	Slot uint32 `json:"slot" doc:"Index in the kind's tables"`
}

// MapPort is a port of a module instance. One that is being migrated has Device and Nodes, or several Nodes; one that is plugged nowhere
// has neither, nor a Peer.
type MapPort struct {
	Name   string   `json:"name"`
	Key    uint16   `json:"key" doc:"Tunnel key of the port"`
	Slot   uint32   `json:"slot" doc:"Index in the data plane's port tables; 0 for a port of other nodes"`
	Device string   `json:"device,omitempty" doc:"Local interface"`
	Nodes  []string `json:"nodes,omitempty" doc:"Tunnel peers it is reached through: chassis, followed by @ and the address unless that is the preferred one"`
	Peer   *MapPeer `json:"peer,omitempty" doc:"Port of another module that it is linked with"`
}

// MapPeer names a port of another module.
type MapPeer struct {
	Module   string `json:"module" doc:"Name of the module"`
	ModuleID string `json:"moduleId" doc:"ID of the module"`
	Port     string `json:"port" doc:"Name of the port"`
}
