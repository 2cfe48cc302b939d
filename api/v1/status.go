// Package v1 is version 1 of the agent's REST interface: the types of its answers and a client. The field tags
// are also the source of openapi.yaml.
package v1

import "time"

// Status is what one agent says about itself: GET /v1/status.
type Status struct {
	Node       string     `json:"node" doc:"Host name of the hypervisor"`
	Version    string     `json:"version" doc:"Version of the running agent"`
	Chassis    string     `json:"chassis" doc:"Name of our Chassis row (system-id); empty while there is none"`
	StartedAt  time.Time  `json:"startedAt" doc:"When the agent was started"`
	Generation uint64     `json:"generation" doc:"Number of desired states made live since the agent was started"`
	Databases  []Database `json:"databases" nullable:"false" doc:"The databases the agent speaks to"`
	NBCfg      NBCfg      `json:"nbCfg" doc:"How far the node has followed the Northbound database"`
	Ports      PortCounts `json:"ports" doc:"Ports of this node, by state"`
	Tunnel     *Tunnel    `json:"tunnel,omitempty" doc:"Our own tunnel end; absent when the node has none"`
	Problems   []Problem  `json:"problems" nullable:"false" doc:"What Woven saw and could not carry out"`
}

// Degraded says whether the node does less than it was asked to: there is a problem, a failed port, or a database
// that is away or not read yet.
func (s *Status) Degraded() bool {
	for _, db := range s.Databases {
		if !db.Connected || !db.Synced {
			return true
		}
	}
	return len(s.Problems) > 0 || s.Ports.Failed > 0
}

// Database is the connection to one OVSDB.
type Database struct {
	Name      string    `json:"name" doc:"Name of the database's schema" example:"OVN_Southbound"`
	Remote    string    `json:"remote" doc:"Where it is looked for, in OVSDB notation" example:"tcp:192.0.2.1:6642"`
	Connected bool      `json:"connected" doc:"There is a connection now"`
	Synced    bool      `json:"synced" doc:"The contents were read completely over this connection"`
	Since     time.Time `json:"since,omitzero" doc:"When Connected last changed; absent when there never was a connection"`
	Error     string    `json:"error,omitempty" doc:"Why there is no connection"`
}

// NBCfg compares NB_Global.nb_cfg as this node sees it with what its data plane holds.
type NBCfg struct {
	Seen    int64 `json:"seen" doc:"SB_Global.nb_cfg as last read"`
	Applied int64 `json:"applied" doc:"The nb_cfg that is live in the data plane (Chassis_Private.nb_cfg)"`
}

// PortCounts says how many ports are in which PortState. Ports of other chassis are not counted.
type PortCounts struct {
	Up        int `json:"up"`
	Down      int `json:"down"`
	Waiting   int `json:"waiting"`
	Failed    int `json:"failed"`
	Unplugged int `json:"unplugged"`
}

// Tunnel is this node's own tunnel end and the ways to its peers.
type Tunnel struct {
	Type    string   `json:"type" doc:"Encapsulation" example:"geneve"`
	Address string   `json:"address" doc:"The address that peers send to (ovn-encap-ip)"`
	Devices []string `json:"devices" nullable:"false" doc:"Interfaces that receive tunnel packets"`
	Peers   []Peer   `json:"peers" nullable:"false" doc:"The other chassis that have a usable tunnel end, by name"`
}

// Peer is the way to another chassis.
type Peer struct {
	Chassis string `json:"chassis" doc:"Name of its Chassis row"`
	Address string `json:"address" doc:"Its tunnel address"`
	Device  string `json:"device,omitempty" doc:"Interface that leads there; absent when there is no route"`
	MTU     int    `json:"mtu,omitempty" doc:"Largest outer IP packet on the way, in bytes"`
}

// Problem is something that Woven saw and could not carry out; it stops nothing else.
type Problem struct {
	Object string    `json:"object" doc:"What it is about" example:"logical_switch_port sw0-p1"`
	Reason string    `json:"reason" doc:"What is wrong, and what is done instead"`
	Since  time.Time `json:"since" doc:"When it was first seen"`
}
