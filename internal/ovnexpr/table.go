package ovnexpr

import "fmt"

// newSymbols: widths, levels, prerequisites and expansions are those that ovn-trace 23.03 reports.
func newSymbols() *symbols {
	t := &symbols{map[string]*Symbol{}}
	t.metadata()
	t.conntrack()
	t.ethernet()
	t.internet()
	t.neighbours()
	t.transport()
	return t
}

func (t *symbols) metadata() {
	t.field("inport", 0, Nominal, "")
	t.field("outport", 0, Nominal, "")
	t.field("xxreg0", 128, Ordinal, "")
	t.field("xxreg1", 128, Ordinal, "")
	t.field("xreg4", 64, Ordinal, "")
	for i := range 4 {
		t.part(fmt.Sprintf("xreg%d", i), "", fmt.Sprintf("xxreg%d[%d..%d]", i/2, 64-i%2*64, 127-i%2*64))
	}
	for i := range 8 {
		t.part(fmt.Sprintf("reg%d", i), "", fmt.Sprintf("xxreg%d[%d..%d]", i/4, 96-i%4*32, 127-i%4*32))
	}
	t.part("reg8", "", "xreg4[32..63]")
	t.part("reg9", "", "xreg4[0..31]")
	t.field("flags", 32, Ordinal, "")
	t.part("flags.loopback", "", "flags[0]")
	t.part("flags.force_snat_for_dnat", "", "flags[2]")
	t.part("flags.force_snat_for_lb", "", "flags[3]")
	t.part("flags.skip_snat_for_lb", "", "flags[9]")
	t.part("flags.use_snat_zone", "", "flags[11]")
	t.field("pkt.mark", 32, Ordinal, "")
}

func (t *symbols) conntrack() {
	t.field("ct_mark", 32, Ordinal, "")
	t.field("ct_label", 128, Ordinal, "")
	for i, name := range []string{"blocked", "natted", "skip_snat", "force_snat"} {
		t.part("ct_mark."+name, "", fmt.Sprintf("ct_mark[%d]", i))
		t.part("ct_label."+name, "", fmt.Sprintf("ct_label[%d]", i))
	}
	t.part("ct_mark.ecmp_reply_port", "", "ct_mark[16..31]")
	t.part("ct_label.ecmp_reply_eth", "", "ct_label[32..79]")
	t.part("ct_label.ecmp_reply_port", "", "ct_label[80..95]")
	t.part("ct_label.label", "", "ct_label[96..127]")
	t.field("ct_state", 32, Ordinal, "")
	t.part("ct.trk", "", "ct_state[5]")
	t.part("ct.new", "ct.trk", "ct_state[0]")
	t.part("ct.est", "ct.trk", "ct_state[1]")
	t.part("ct.rel", "ct.trk", "ct_state[2]")
	t.part("ct.rpl", "ct.trk", "ct_state[3]")
	t.part("ct.inv", "ct.trk", "ct_state[4]")
	t.part("ct.snat", "ct.trk", "ct_state[6]")
	t.part("ct.dnat", "ct.trk", "ct_state[7]")
}

func (t *symbols) ethernet() {
	t.field("eth.src", 48, Ordinal, "")
	t.field("eth.dst", 48, Ordinal, "")
	t.field("eth.type", 16, Nominal, "")
	t.named("eth.bcast", "eth.dst == ff:ff:ff:ff:ff:ff")
	t.part("eth.mcast", "", "eth.dst[40]")
	t.named("eth.mcastv6", "eth.dst[32..47] == 0x3333")
	t.field("vlan.tci", 16, Ordinal, "")
	t.named("vlan.present", "vlan.tci[12]")
	t.part("vlan.pcp", "vlan.present", "vlan.tci[13..15]")
	t.part("vlan.vid", "vlan.present", "vlan.tci[0..11]")
}

func (t *symbols) internet() {
	t.named("ip4", "eth.type == 0x800")
	t.named("ip6", "eth.type == 0x86dd")
	t.named("ip", "ip4 || ip6")
	t.field("ip.proto", 8, Nominal, "ip")
	t.field("ip.dscp", 6, Nominal, "ip")
	t.field("ip.ecn", 2, Nominal, "ip")
	t.field("ip.ttl", 8, Nominal, "ip")
	t.field("ip.frag", 2, Ordinal, "ip")
	t.named("ip.is_frag", "ip.frag[0]")
	t.named("ip.later_frag", "ip.frag[1]")
	t.named("ip.first_frag", "ip.is_frag && !ip.later_frag")
	t.field("ip4.src", 32, Ordinal, "ip4")
	t.field("ip4.dst", 32, Ordinal, "ip4")
	t.named("ip4.src_mcast", "ip4.src[28..31] == 0xe")
	t.named("ip4.mcast", "eth.mcast && ip4.dst[28..31] == 0xe")
	t.field("ip6.src", 128, Ordinal, "ip6")
	t.field("ip6.dst", 128, Ordinal, "ip6")
	t.field("ip6.label", 20, Ordinal, "ip6")
	t.named("ip6.mcast_rsvd", "ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0")
	t.named("ip6.mcast_all_nodes", "ip6.dst == {ff01::1, ff02::1}")
	t.named("ip6.mcast_all_rtrs", "ip6.dst == {ff01::2, ff02::2, ff05::2}")
	t.named("ip6.mcast_sol_node", "ip6.dst == ff02::1:ff00:0/104")
	t.named("ip6.mcast_flood", "eth.mcastv6 && (ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs || ip6.mcast_sol_node)")
	t.named("ip6.mcast", "eth.mcastv6 && ip6.dst[120..127] == 0xff")
}

func (t *symbols) neighbours() {
	for name, ethertype := range map[string]string{"arp": "0x806", "rarp": "0x8035"} {
		t.named(name, "eth.type == "+ethertype)
		t.field(name+".op", 16, Nominal, name)
		t.field(name+".spa", 32, Ordinal, name)
		t.field(name+".tpa", 32, Ordinal, name)
		t.field(name+".sha", 48, Ordinal, name)
		t.field(name+".tha", 48, Ordinal, name)
	}
	t.named("icmp6", "ip6 && ip.proto == 58")
	t.field("icmp6.type", 8, Nominal, "icmp6")
	t.field("icmp6.code", 8, Nominal, "icmp6")
	t.named("nd", "icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255")
	t.named("nd_ns", "icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255")
	t.named("nd_na", "icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255")
	t.named("nd_rs", "icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255")
	t.named("nd_ra", "icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255")
	t.field("nd.target", 128, Ordinal, "nd")
	t.field("nd.sll", 48, Ordinal, "nd_ns")
	t.field("nd.tll", 48, Ordinal, "nd_na")
	t.named("mldv1", "ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}")
	t.named("mldv2", "ip6.dst == ff02::16 && icmp6.type == 143")
}

func (t *symbols) transport() {
	t.named("icmp4", "ip4 && ip.proto == 1")
	t.field("icmp4.type", 8, Nominal, "icmp4")
	t.field("icmp4.code", 8, Nominal, "icmp4")
	t.named("icmp", "icmp4 || icmp6")
	t.named("igmp", "ip4 && ip.proto == 2")
	t.named("tcp", "ip.proto == 6")
	t.field("tcp.src", 16, Ordinal, "tcp")
	t.field("tcp.dst", 16, Ordinal, "tcp")
	t.field("tcp.flags", 12, Ordinal, "tcp")
	t.named("udp", "ip.proto == 17")
	t.field("udp.src", 16, Ordinal, "udp")
	t.field("udp.dst", 16, Ordinal, "udp")
	t.named("sctp", "ip.proto == 132")
	t.field("sctp.src", 16, Ordinal, "sctp")
	t.field("sctp.dst", 16, Ordinal, "sctp")
}
