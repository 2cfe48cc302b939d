package v1

// ACL is an access control list entry of a switch that this node takes part in: GET /v1/acls. One of a port group stands at each of its
// switches.
type ACL struct {
	Switch    string `json:"switch" doc:"Name of the logical switch"`
	UUID      string `json:"uuid" doc:"Of the ACL's row"`
	Name      string `json:"name,omitempty"`
	PortGroup string `json:"portGroup,omitempty" doc:"Name of the port group that has it; absent: it is the switch's own"`
	Direction string `json:"direction" enum:"from-lport,to-lport"`
	AfterLB   bool   `json:"afterLB" doc:"It is looked up after load balancing (options:apply-after-lb)"`
	Tier      int    `json:"tier"`
	Priority  int    `json:"priority"`
	Match     string `json:"match"`
	Action    string `json:"action" example:"allow-related"`
	Label     uint32 `json:"label,omitempty"`
	Log       bool   `json:"log"`
	Enforced  bool   `json:"enforced" doc:"It is in the data plane; if not, a problem says why"`
	Hits      uint64 `json:"hits" doc:"How many packets it has decided on here: the first of each connection, those of none, and the first after rules changed"`
}

// ACLFilter says which ACLs to list; its zero value: all.
type ACLFilter struct {
	// Switch is the name or the ID of the switch's module.
	Switch string
	// Port is the name of a port: the ACLs that may decide on packets from it, or to it.
	Port string
}
