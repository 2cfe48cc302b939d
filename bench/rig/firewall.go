package rig

import (
	"fmt"
	"os/exec"
	"strings"

	"woven.dev/woven/internal/netstate"
	"woven.dev/woven/modules/acl/config"
	"woven.dev/woven/sdk/iom/match"
)

// OpenPort is the TCP and UDP port that firewalls let new connections through to.
const OpenPort = 5001

// ACLs let workloads send what they like, and receive new connections at OpenPort alone, as a security group does.
func ACLs() netstate.Service {
	anything := func(d match.Dim, p ...match.Prefix) []match.Rule {
		return []match.Rule{{Terms: []match.Term{{Dim: d, Sets: []*match.Set{match.NewSet("", p)}}}}}
	}
	ip := anything(match.Proto, match.Ethertype(0x0800), match.Ethertype(0x86dd))
	return netstate.Service{Kind: config.Kind, Config: &config.Config{
		Stateful:  true,
		FromLport: []config.ACL{{ID: "send", Action: config.Allow, Rules: ip}},
		ToLport: []config.ACL{
			{ID: "receive", Action: config.Allow, Rules: anything(match.DstPort, match.Key(OpenPort))},
			{ID: "else", Action: config.Drop, Rules: ip},
		},
	}}
}

// ruleset does what ACLs does. The bridge's own hooks have connection tracking only where the kernel was built with nf_conntrack_bridge;
// br_netfilter, which passes bridged packets through the hooks of IP, is more common.
var ruleset = fmt.Sprintf(`table inet firewall {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		ct state new meta l4proto { tcp, udp } th dport %d accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
`, OpenPort)

// Firewall joins two workloads by Linux's bridge, where nftables and the kernel's connection tracking filter what passes.
func (r *Rig) Firewall(name string) (Path, error) {
	p, hv, err := r.bridged(name)
	if err != nil {
		return p, err
	}
	for _, family := range []string{"iptables", "ip6tables"} {
		if err := hv.sysctl("net/bridge/bridge-nf-call-"+family, "1"); err != nil {
			return p, fmt.Errorf("turn br_netfilter on: %w", err)
		}
	}
	cmd := exec.Command("ip", "netns", "exec", string(hv), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	return p, run(cmd)
}
