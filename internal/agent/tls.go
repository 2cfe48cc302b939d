package agent

import (
	"woven.dev/woven/internal/ovsdb"
	"woven.dev/woven/internal/ovsdb/vsw"
)

// tlsOf returns the keys for remotes "ssl:": those of the command line, else those of the SSL row, as ovn-controller does. Key and
// certificate belong together.
func tlsOf(rows *vsw.Rows, flags ovsdb.TLS) ovsdb.TLS {
	keys := flags
	root := findRoot(rows)
	if root == nil || rows.SSL[value(root.SSL)] == nil {
		return keys
	}
	row := rows.SSL[*root.SSL]
	if flags.PrivateKey == "" && flags.Certificate == "" {
		keys.PrivateKey, keys.Certificate = row.PrivateKey, row.Certificate
	}
	if flags.CACert == "" {
		keys.CACert, keys.Bootstrap = row.CaCert, row.BootstrapCaCert
	}
	return keys
}
