package v1

// EndType says what a module's port is linked to.
type EndType string

// The types of ends.
const (
	// EndDevice: an interface of this node.
	EndDevice EndType = "device"
	// EndPeer: a tunnel peer, that is another chassis.
	EndPeer EndType = "peer"
	// EndPort: a port of another module.
	EndPort EndType = "port"
)

// Link joins a port of a module with what is beyond it: GET /v1/links. Each port that is linked has one, also where two modules are
// linked with each other.
type Link struct {
	Port     string    `json:"port" doc:"Name of the port; identifies the link"`
	Key      uint16    `json:"key" doc:"Tunnel key of the port in its module"`
	Module   string    `json:"module" doc:"Name of the port's module"`
	ModuleID string    `json:"moduleId" doc:"ID of the port's module"`
	Ends     []LinkEnd `json:"ends" nullable:"false" doc:"What the port is linked to: frames for it go to each of them. Several only while it is being migrated"`
}

// LinkEnd is what a port is linked to.
type LinkEnd struct {
	Type     EndType `json:"type" enum:"device,peer,port" doc:"What it is linked to"`
	Name     string  `json:"name" doc:"Name of the interface, of the other module's port, or of the tunnel peer: its chassis, followed by @ and the address unless that is its preferred one"`
	Ifindex  int     `json:"ifindex,omitempty" doc:"Index of the interface"`
	Tag      uint16  `json:"tag,omitempty" doc:"VLAN tag that tells the port's frames from others on the interface, 1..4094"`
	Address  string  `json:"address,omitempty" doc:"Tunnel address of the peer"`
	Device   string  `json:"device,omitempty" doc:"Interface that leads to the peer; absent when there is no route"`
	Module   string  `json:"module,omitempty" doc:"Name of the other module"`
	ModuleID string  `json:"moduleId,omitempty" doc:"ID of the other module"`
}
