package ovsdbtest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Cluster is a clustered database (ovsdb(7), section Clustered Database Service Model).
type Cluster struct {
	Servers  []*Server
	database string
}

// StartCluster creates an empty database of the schema on n servers and returns when all have joined.
func StartCluster(t testing.TB, schemaPath string, n int) *Cluster {
	t.Helper()
	text, err := os.ReadFile(schemaPath)
	if err != nil {
		t.Fatalf("read schema: %v", err)
	}
	var schema struct{ Name string }
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatalf("parse schema: %v", err)
	}
	c := &Cluster{database: schema.Name}
	for range n {
		c.add(t, schemaPath)
	}
	for _, s := range c.Servers {
		s.await("member", func() error {
			if status := s.status(c.database); !strings.Contains(status, "Status: cluster member") {
				return fmt.Errorf("its status is:\n%s", status)
			}
			return nil
		})
	}
	return c
}

// add starts the next server.
func (c *Cluster) add(t testing.TB, schemaPath string) {
	t.Helper()
	s := newServer(t)
	s.args = []string{s.path("db")}
	if len(c.Servers) == 0 {
		s.run("ovsdb-tool", "--election-timer=100", "create-cluster", s.path("db"), schemaPath, "unix:"+s.path("raft"))
	} else {
		s.run("ovsdb-tool", "join-cluster", s.path("db"), c.database, "unix:"+s.path("raft"), "unix:"+c.Servers[0].path("raft"))
	}
	s.Restart()
	c.Servers = append(c.Servers, s)
}

// Remotes are the remotes of all servers, leader or not.
func (c *Cluster) Remotes() []string {
	var list []string
	for _, s := range c.Servers {
		list = append(list, s.Remote())
	}
	return list
}

// Leader returns the server that leads the cluster; it waits for one to be elected.
func (c *Cluster) Leader() *Server {
	var leader *Server
	first := c.Servers[0]
	first.t.Helper()
	first.await("a leader", func() error {
		for _, s := range c.Servers {
			if s.cmd != nil && strings.Contains(s.status(c.database), "Role: leader") {
				leader = s
				return nil
			}
		}
		return fmt.Errorf("no server leads")
	})
	return leader
}

// Followers are the servers that run and don't lead.
func (c *Cluster) Followers() []*Server {
	leader := c.Leader()
	var list []*Server
	for _, s := range c.Servers {
		if s != leader && s.cmd != nil {
			list = append(list, s)
		}
	}
	return list
}

// status is what cluster/status answers, or the error.
func (s *Server) status(database string) string {
	out, err := exec.Command("ovs-appctl", "-t", s.path("ctl"), "cluster/status", database).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s%v", out, err)
	}
	return string(out)
}
