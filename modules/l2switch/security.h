/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* security.h: port security as ovn-nb(5), Logical_Switch_Port:port_security, says. */
#ifndef L2SWITCH_SECURITY_H
#define L2SWITCH_SECURITY_H

#include "tables.h"

enum security { SECURITY_OK, SECURITY_MAC, SECURITY_PROTO, SECURITY_IP, SECURITY_ARP, SECURITY_ND };

/* Flags of a MAC on a port; 0: not allowed. */
static __always_inline __u32 mac_flags(__u32 slot, struct l2switch_port *port, const __u8 *mac)
{
	struct l2switch_mac_key key = { .port = slot };
	__u32 *flags;

	if (iom_mac_eq(port->mac, mac))
		return port->mac_flags;
	if (!(port->flags & L2SWITCH_MORE))
		return 0;
	iom_mac_copy(key.mac, mac);
	flags = bpf_map_lookup_elem(&l2switch_macs, &key);
	return flags ? *flags : 0;
}

/* Whether a port may use an address with a MAC that mac_flags allows; as: L2SWITCH_SRC or L2SWITCH_DST. */
static __always_inline int ip_allowed(__u32 slot, struct l2switch_port *port, const __u8 *mac, const struct iom_addr *addr,
				      int is_ip4, __u32 as)
{
	struct l2switch_ip_key key = { .prefixlen = 96 + 128, .port = slot, .addr = *addr };
	__u32 *value;

	if (iom_mac_eq(port->mac, mac)) {
		if (is_ip4 && port->ip4 && addr->a[3] == port->ip4)
			return 1;
		if (!is_ip4 && !iom_addr_is_zero(&port->ip6) && iom_addr_eq(addr, &port->ip6))
			return 1;
	}
	if (!(port->flags & L2SWITCH_MORE))
		return 0;
	iom_mac_copy(key.mac, mac);
	value = bpf_map_lookup_elem(&l2switch_ips, &key);
	return value && *value & as;
}

/* fe80::/64 with the interface identifier made from the MAC (RFC 4291, appendix A). */
static __always_inline int is_link_local_of(const struct iom_addr *a, const __u8 *mac)
{
	const __u8 *b = (const __u8 *)a;

	return a->a[0] == iom_htonl(0xfe800000) && !a->a[1] && b[8] == (mac[0] ^ 2) && b[9] == mac[1] && b[10] == mac[2] &&
	       b[11] == 0xff && b[12] == 0xfe && b[13] == mac[3] && b[14] == mac[4] && b[15] == mac[5];
}

static __always_inline enum security may_send_arp(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port,
						  __u32 flags)
{
	struct iom_addr spa;
	struct arp_hdr arp;

	if (bpf_skb_load_bytes(skb, ETH_LEN, &arp, sizeof(arp)) || !iom_mac_eq(arp.sha, m->smac))
		return SECURITY_ARP;
	if (flags == L2SWITCH_MAC_OK)
		return SECURITY_OK;
	iom_addr_set4(&spa, arp.spa);
	if (!(flags & L2SWITCH_IP4) || !ip_allowed(m->port, port, m->smac, &spa, 1, L2SWITCH_SRC))
		return SECURITY_ARP;
	return SECURITY_OK;
}

static __always_inline enum security may_send_ip4(struct iom_meta *m, struct l2switch_port *port, __u32 flags)
{
	if (flags == L2SWITCH_MAC_OK)
		return SECURITY_OK;
	if (!(flags & L2SWITCH_IP4))
		return SECURITY_IP;
	if (ip_allowed(m->port, port, m->smac, &m->src, 1, L2SWITCH_SRC))
		return SECURITY_OK;
	/* A DHCP client has no address yet. */
	if (!m->src.a[3] && m->dst.a[3] == 0xffffffff && m->l4_proto == PROTO_UDP && m->sport == 68 && m->dport == 67)
		return SECURITY_OK;
	return SECURITY_IP;
}

/* ND carries addresses inside: a solicitation's source link-layer address, an advertisement's target and its link-layer address. */
static __always_inline enum security may_send_nd(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port, __u32 flags)
{
	struct nd_msg nd = {};
	struct iom_addr target;
	__u8 want = m->sport == ICMP6_ND_NS ? ND_OPT_SLL : ND_OPT_TLL;

	if (bpf_skb_load_bytes(skb, m->l4, &nd, ND_NO_OPT_LEN))
		return SECURITY_ND;
	if (!bpf_skb_load_bytes(skb, m->l4 + ND_NO_OPT_LEN, &nd.opt_type, 8) && nd.opt_type == want &&
	    !iom_mac_eq(nd.lladdr, m->smac) && !iom_mac_is_zero(nd.lladdr))
		return SECURITY_ND;
	if (m->sport == ICMP6_ND_NS || flags == L2SWITCH_MAC_OK)
		return SECURITY_OK;
	__builtin_memcpy(&target, nd.target, sizeof(target));
	if (is_link_local_of(&target, m->smac) || ip_allowed(m->port, port, m->smac, &target, 0, L2SWITCH_SRC))
		return SECURITY_OK;
	return SECURITY_ND;
}

static __always_inline enum security may_send_ip6(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port,
						  __u32 flags)
{
	int is_icmp = m->l4_proto == PROTO_ICMP6 && m->l4;

	if (flags != L2SWITCH_MAC_OK) {
		if (!(flags & L2SWITCH_IP6))
			return SECURITY_IP;
		if (iom_addr_is_zero(&m->src)) { /* duplicate address detection */
			if (!is_icmp || (m->dst.a[0] & iom_htonl(0xff000000)) != iom_htonl(0xff000000) ||
			    (m->sport != ICMP6_ND_NS && m->sport != ICMP6_MLD_REPORT && m->sport != ICMP6_MLD2_REPORT))
				return SECURITY_IP;
		} else if (!is_link_local_of(&m->src, m->smac) && !ip_allowed(m->port, port, m->smac, &m->src, 0, L2SWITCH_SRC)) {
			return SECURITY_IP;
		}
	}
	if (is_icmp && (m->sport == ICMP6_ND_NS || m->sport == ICMP6_ND_NA))
		return may_send_nd(skb, m, port, flags);
	return SECURITY_OK;
}

/* Whether the port may send this packet. */
static __always_inline enum security may_send(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	__u32 flags;

	if (!(port->flags & L2SWITCH_SECURED))
		return SECURITY_OK;
	flags = mac_flags(m->port, port, m->smac);
	if (!flags)
		return SECURITY_MAC;
	switch (m->proto) {
	case ETH_ARP:
		return may_send_arp(skb, m, port, flags);
	case ETH_IP4:
		return may_send_ip4(m, port, flags);
	case ETH_IP6:
		return may_send_ip6(skb, m, port, flags);
	}
	/* As ovn-controller: a MAC with addresses may send nothing else; but for RARP, which ovn-nb(5) does not restrict. */
	return flags == L2SWITCH_MAC_OK || m->proto == ETH_RARP ? SECURITY_OK : SECURITY_PROTO;
}

/* Whether the port may receive this packet. Broadcast and multicast frames always, as northd allows. */
static __always_inline int may_receive(struct iom_meta *m, struct l2switch_port *port)
{
	__u32 flags;

	if (!(port->flags & L2SWITCH_SECURED) || iom_mac_is_group(m->dmac))
		return 1;
	flags = mac_flags(m->out, port, m->dmac);
	if (!flags)
		return 0;
	if (flags == L2SWITCH_MAC_OK || (m->proto != ETH_IP4 && m->proto != ETH_IP6))
		return 1;
	if (m->proto == ETH_IP4)
		return flags & L2SWITCH_IP4 &&
		       (m->dst.a[3] == 0xffffffff || (m->dst.a[3] & iom_htonl(0xf0000000)) == iom_htonl(0xe0000000) ||
			ip_allowed(m->out, port, m->dmac, &m->dst, 1, L2SWITCH_DST));
	return flags & L2SWITCH_IP6 &&
	       ((m->dst.a[0] & iom_htonl(0xff000000)) == iom_htonl(0xff000000) || is_link_local_of(&m->dst, m->dmac) ||
		ip_allowed(m->out, port, m->dmac, &m->dst, 0, L2SWITCH_DST));
}

#endif
