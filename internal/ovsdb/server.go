package ovsdb

import (
	"errors"
	"fmt"
)

// serverRow is what is read of a row of table Database in database _Server (ovsdb-server(5)).
type serverRow struct {
	UUID      string  `ovsdb:"_uuid"`
	Name      string  `ovsdb:"name"`
	Model     string  `ovsdb:"model"`
	Connected bool    `ovsdb:"connected"`
	Cluster   *string `ovsdb:"cid"`
	Index     *int    `ovsdb:"index"`
}

// position is how far a server has come with its cluster's log; zero where there is no cluster.
type position struct {
	cluster string
	index   int
}

func (r *serverRow) position() position {
	if r.Cluster == nil || r.Index == nil {
		return position{}
	}
	return position{*r.Cluster, *r.Index}
}

// or returns p, or where there is no cluster, other.
func (p position) or(other position) position {
	if p.cluster == "" {
		return other
	}
	return p
}

// usable returns why the server's database cannot be used by a client that has read up to newest of a server, nil if it can. A server
// that is behind would take the client back in time. Another cluster begins anew.
func (r *serverRow) usable(newest position) error {
	if !r.Connected {
		return errors.New("server has lost its cluster or source, or has not joined it yet")
	}
	if at := r.position(); at.cluster == newest.cluster && at.index < newest.index {
		return fmt.Errorf("server is behind: it has entries up to %d of the cluster's log, %d were read before", at.index, newest.index)
	}
	return nil
}
