package lab

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"woven.dev/woven/internal/lab/pki"
)

// Where Debian's packages keep the schemas.
const (
	nbSchema  = "/usr/share/ovn/ovn-nb.ovsschema"
	sbSchema  = "/usr/share/ovn/ovn-sb.ovsschema"
	ovsSchema = "/usr/share/openvswitch/vswitch.ovsschema"
)

// keyLife is how long the keys of a lab are good for.
const keyLife = 365 * 24 * time.Hour

// centralDatabase is a database of central: one server, or a cluster of several.
type centralDatabase struct {
	service, name, schema string
	base                  string // of the first server's files
	port                  int    // of the first server; the others' follow in tens
}

var (
	northbound = centralDatabase{service: NB, name: "OVN_Northbound", schema: nbSchema, base: "ovnnb_db", port: 6641}
	southbound = centralDatabase{service: SB, name: "OVN_Southbound", schema: sbSchema, base: "ovnsb_db", port: 6642}
)

// suffix tells a member's service and files from the first one's, which is number 0.
func suffix(member int) string {
	if member == 0 {
		return ""
	}
	return fmt.Sprint(member + 1)
}

// sockets are the remotes of a central database on this machine.
func (l *Lab) sockets(db centralDatabase) string {
	var list []string
	for n := range l.opts.members() {
		list = append(list, "unix:"+l.path(central, db.base+suffix(n)+".sock"))
	}
	return strings.Join(list, ",")
}

// remotes are those of a central database for hypervisors.
func (l *Lab) remotes(db centralDatabase) string {
	scheme := "tcp"
	if l.opts.TLS {
		scheme = "ssl"
	}
	var list []string
	for n := range l.opts.members() {
		list = append(list, fmt.Sprintf("%s:%s:%d", scheme, fmt.Sprintf(underlay4, centralHost), db.port+10*n))
	}
	return strings.Join(list, ",")
}

// centralKeys makes the lab's certificate authority and returns the keys of its databases; none without TLS.
func (l *Lab) centralKeys() (keys pki.Files, err error) {
	if !l.opts.TLS {
		return keys, nil
	}
	if l.ca, err = pki.New(l.path(central, "pki"), "ca"); err != nil {
		return keys, err
	}
	return l.ca.Issue(central, keyLife)
}

// member returns a server of a central database.
func (l *Lab) member(db centralDatabase, n int, keys pki.Files) database {
	m := database{service: db.service + suffix(n), node: central, base: db.base + suffix(n)}
	file, port := l.path(central, m.base+".db"), db.port+10*n
	raft := func(n int) string { return "unix:" + l.path(central, db.base+suffix(n)+".raft") }
	switch {
	case !l.opts.Clustered:
		m.create = []string{"create", file, db.schema}
	case n == 0:
		m.create = []string{"create-cluster", file, db.schema, raft(0)}
	default:
		m.create = []string{"join-cluster", file, db.name, raft(n), raft(0)}
	}
	switch {
	case !l.opts.TLS:
		m.args = []string{fmt.Sprintf("--remote=ptcp:%d:[::]", port)}
		return m
	case db.service == SB: // the row in table Connection gives clients a role
		m.args = []string{"--remote=db:OVN_Southbound,SB_Global,connections"}
	default:
		m.args = []string{fmt.Sprintf("--remote=pssl:%d:[::]", port)}
	}
	m.args = append(m.args, "--private-key="+keys.PrivateKey, "--certificate="+keys.Certificate, "--ca-cert="+keys.CACert)
	return m
}

// database is one ovsdb-server with one database.
type database struct {
	service, node string
	// base of the names of its files in the node's directory: base.db, base.sock, base.ctl.
	base string
	// create are arguments of ovsdb-tool; args more ones of the server.
	create, args []string
}

func (l *Lab) startDatabase(ctx context.Context, db database) error {
	if err := os.MkdirAll(l.path(db.node), 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := run(ctx, "ovsdb-tool", db.create...); err != nil {
		return err
	}
	argv := append([]string{"ovsdb-server", "--unixctl=" + db.base + ".ctl", "--remote=punix:" + db.base + ".sock"}, logArgs...)
	argv = append(argv, db.args...)
	return l.launch(ctx, &service{
		name: db.service, node: db.node,
		argv:  append(argv, l.path(db.node, db.base+".db")),
		ready: accepts(l.path(db.node, db.base+".sock")),
	})
}
