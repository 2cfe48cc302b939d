package ingest

import (
	"slices"

	"woven.dev/woven/internal/logical"
)

// globals is what the databases ask of every node. Other columns of the two rows change all the time.
type globals struct {
	// defaultACLDrop and allowInvalid are those of every logical.Switch.
	defaultACLDrop, allowInvalid bool
	// problems are about what Woven does not do of it.
	problems logical.Problems
}

func readGlobals(in *Input) globals {
	var g globals
	for _, row := range in.SB.SBGlobal {
		if row.Ipsec {
			g.problems.Add("sb_global", "ipsec", "SECURITY: IPsec is not supported yet: what this node sends through tunnels is NOT encrypted")
		}
	}
	for _, row := range in.NB.NBGlobal {
		g.defaultACLDrop = row.Options["default_acl_drop"] == "true"
		g.allowInvalid = row.Options["use_ct_inv_match"] == "false"
		if row.Options["ignore_lsp_down"] == "false" {
			g.problems.Add("nb_global", "options:ignore_lsp_down", "false is not supported yet: ARP and ND are answered for ports that are down, too")
		}
	}
	return g
}

func (g *globals) same(o *globals) bool {
	return g.defaultACLDrop == o.defaultACLDrop && g.allowInvalid == o.allowInvalid && slices.Equal(g.problems, o.problems)
}
