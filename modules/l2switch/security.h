/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* security.h: port security as ovn-nb(5), Logical_Switch_Port:port_security, says. */
#ifndef L2SWITCH_SECURITY_H
#define L2SWITCH_SECURITY_H

#include "tables.h"

enum security { SECURITY_OK, SECURITY_MAC, SECURITY_PROTO, SECURITY_IP, SECURITY_ARP, SECURITY_ND };

/* A MAC on a port. */
struct allowed {
	__u32 flags; /* enum l2switch_mac_flag; 0: not allowed */
	__u8 mac[6]; /* under which its addresses are listed */
};

/* Whether only listed IP addresses may be used with a MAC. */
static __always_inline int is_restricted(struct allowed *a)
{
	return a->flags & (L2SWITCH_IP4 | L2SWITCH_IP6);
}

/* VRRP's ranges, RFC 9568 section 7.3: 00:00:5e:00:01:XX for IPv4, 00:00:5e:00:02:XX for IPv6. */
static __always_inline int is_vrrp_mac(const __u8 *mac)
{
	return !mac[0] && !mac[1] && mac[2] == 0x5e && !mac[3] && (mac[4] == 1 || mac[4] == 2);
}

/* Looks up a MAC on a port. That of a virtual router may be listed with its whole range, under the one that ends in 0. */
static __always_inline struct allowed allowed_mac(__u32 slot, struct l2switch_port *port, const __u8 *mac)
{
	struct l2switch_mac_key key = { .port = slot };
	struct allowed a = {};
	__u32 *flags;

	iom_mac_copy(a.mac, mac);
	if (iom_mac_eq(port->mac, mac)) {
		a.flags = port->mac_flags;
		return a;
	}
	if (!(port->flags & L2SWITCH_MORE))
		return a;
	iom_mac_copy(key.mac, mac);
	flags = bpf_map_lookup_elem(&l2switch_macs, &key);
	if (flags) {
		a.flags = *flags;
		return a;
	}
	if (!is_vrrp_mac(mac))
		return a;
	key.mac[5] = 0;
	a.mac[5] = 0;
	flags = bpf_map_lookup_elem(&l2switch_macs, &key);
	if (flags && *flags & L2SWITCH_VIRTUAL)
		a.flags = *flags;
	return a;
}

/* Whether a port may use an address with a MAC; as: L2SWITCH_SRC or L2SWITCH_DST. */
static __always_inline int ip_allowed(__u32 slot, struct l2switch_port *port, struct allowed *a, const struct iom_addr *addr,
				      int is_ip4, __u32 as)
{
	struct l2switch_ip_key key = { .prefixlen = 96 + 128, .port = slot, .addr = *addr };
	__u32 *value;

	if (iom_mac_eq(port->mac, a->mac)) {
		if (is_ip4 && port->ip4 && addr->a[3] == port->ip4)
			return 1;
		if (!is_ip4 && !iom_addr_is_zero(&port->ip6) && iom_addr_eq(addr, &port->ip6))
			return 1;
	}
	if (!(port->flags & L2SWITCH_MORE))
		return 0;
	iom_mac_copy(key.mac, a->mac);
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

/* The MAC that an ARP or ND packet names: the sender's own, or one of the virtual ones that it speaks for. flags is 0 for any other. */
static __always_inline struct allowed named_mac(__u32 slot, struct l2switch_port *port, struct allowed *sender, const __u8 *smac,
						const __u8 *named, __u8 range)
{
	struct allowed a = {};

	if (iom_mac_eq(named, smac)) {
		a = *sender;
		if (a.flags & L2SWITCH_VIRTUAL || !(a.flags & L2SWITCH_MAC_OK))
			a.flags = 0;
	} else if (sender->flags & L2SWITCH_VRRP && named[4] == range) {
		a = allowed_mac(slot, port, named);
		if (!(a.flags & L2SWITCH_VIRTUAL))
			a.flags = 0;
	}
	return a;
}

static __always_inline enum security may_send_arp(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port,
						  struct allowed *sender)
{
	struct allowed named;
	struct iom_addr spa;
	struct arp_hdr arp;

	if (bpf_skb_load_bytes(skb, ETH_LEN, &arp, sizeof(arp)))
		return SECURITY_ARP;
	named = named_mac(m->port, port, sender, m->smac, arp.sha, 1);
	if (!named.flags)
		return SECURITY_ARP;
	if (!is_restricted(&named))
		return SECURITY_OK;
	iom_addr_set4(&spa, arp.spa);
	if (!(named.flags & L2SWITCH_IP4) || !ip_allowed(m->port, port, &named, &spa, 1, L2SWITCH_SRC))
		return SECURITY_ARP;
	return SECURITY_OK;
}

static __always_inline enum security may_send_ip4(struct iom_meta *m, struct l2switch_port *port, struct allowed *sender)
{
	if (!(sender->flags & L2SWITCH_MAC_OK))
		return SECURITY_IP;
	if (!is_restricted(sender))
		return SECURITY_OK;
	if (!(sender->flags & L2SWITCH_IP4))
		return SECURITY_IP;
	if (ip_allowed(m->port, port, sender, &m->src, 1, L2SWITCH_SRC))
		return SECURITY_OK;
	/* A DHCP client has no address yet. */
	if (!m->src.a[3] && m->dst.a[3] == 0xffffffff && m->l4_proto == PROTO_UDP && m->sport == 68 && m->dport == 67)
		return SECURITY_OK;
	return SECURITY_IP;
}

/* Whether a MAC's owner may have the IPv6 address: a listed one, or the MAC's link-local one. */
static __always_inline int ip6_allowed(struct iom_meta *m, struct l2switch_port *port, struct allowed *a,
				       const struct iom_addr *addr)
{
	return is_link_local_of(addr, m->smac) || ip_allowed(m->port, port, a, addr, 0, L2SWITCH_SRC);
}

/* ND carries addresses inside: a solicitation's source link-layer address, an advertisement's target and its link-layer address. */
static __always_inline enum security may_send_nd(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port,
						 struct allowed *sender)
{
	__u8 want = m->sport == ICMP6_ND_NS ? ND_OPT_SLL : ND_OPT_TLL;
	struct allowed named = *sender;
	struct nd_msg nd = {};
	struct iom_addr target;

	if (sender->flags & L2SWITCH_VIRTUAL || bpf_skb_load_bytes(skb, m->l4, &nd, ND_NO_OPT_LEN))
		return SECURITY_ND;
	if (!bpf_skb_load_bytes(skb, m->l4 + ND_NO_OPT_LEN, &nd.opt_type, 8) && nd.opt_type == want && !iom_mac_is_zero(nd.lladdr))
		named = named_mac(m->port, port, sender, m->smac, nd.lladdr, 2);
	if (!named.flags)
		return SECURITY_ND;
	__builtin_memcpy(&target, nd.target, sizeof(target));
	if (!(sender->flags & L2SWITCH_MAC_OK)) { /* speaks for virtual routers only: nobody has looked at its address yet */
		if (!(named.flags & L2SWITCH_VIRTUAL))
			return SECURITY_ND;
		if (is_restricted(&named) && !iom_addr_is_zero(&m->src) && !ip6_allowed(m, port, &named, &m->src))
			return SECURITY_ND;
	}
	if (m->sport == ICMP6_ND_NS || !is_restricted(&named) || ip6_allowed(m, port, &named, &target))
		return SECURITY_OK;
	return SECURITY_ND;
}

/* What a host without an address yet sends: duplicate address detection, and reports of the groups that it joins for it. */
static __always_inline int is_unspecified_ok(struct iom_meta *m, int is_icmp)
{
	return is_icmp && !m->dport && (m->dst.a[0] & iom_htonl(0xffff0000)) == iom_htonl(0xff020000) &&
	       (m->sport == ICMP6_ND_NS || m->sport == ICMP6_MLD_REPORT || m->sport == ICMP6_MLD2_REPORT);
}

static __always_inline enum security may_send_ip6(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port,
						  struct allowed *sender)
{
	int is_icmp = m->l4_proto == PROTO_ICMP6 && m->l4;
	int is_nd = is_icmp && (m->sport == ICMP6_ND_NS || m->sport == ICMP6_ND_NA);

	if (!(sender->flags & L2SWITCH_MAC_OK) && !is_nd)
		return SECURITY_IP;
	if (is_restricted(sender)) {
		if (!(sender->flags & L2SWITCH_IP6))
			return SECURITY_IP;
		if (iom_addr_is_zero(&m->src) ? !is_unspecified_ok(m, is_icmp) : !ip6_allowed(m, port, sender, &m->src))
			return SECURITY_IP;
	}
	return is_nd ? may_send_nd(skb, m, port, sender) : SECURITY_OK;
}

/* Whether the port may send this packet. */
static __always_inline enum security may_send(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	struct allowed sender;

	if (!(port->flags & L2SWITCH_SECURED))
		return SECURITY_OK;
	sender = allowed_mac(m->port, port, m->smac);
	if (!sender.flags)
		return SECURITY_MAC;
	switch (m->proto) {
	case ETH_ARP:
		return may_send_arp(skb, m, port, &sender);
	case ETH_IP4:
		return may_send_ip4(m, port, &sender);
	case ETH_IP6:
		return may_send_ip6(skb, m, port, &sender);
	}
	if (!(sender.flags & L2SWITCH_MAC_OK))
		return SECURITY_PROTO;
	/* As ovn-controller: a MAC with addresses may send nothing else; but for RARP, which ovn-nb(5) does not restrict. */
	return !is_restricted(&sender) || m->proto == ETH_RARP ? SECURITY_OK : SECURITY_PROTO;
}

/* Whether the port may receive this packet. Broadcast and multicast frames always, as northd allows. */
static __always_inline int may_receive(struct iom_meta *m, struct l2switch_port *port)
{
	struct allowed a;

	if (!(port->flags & L2SWITCH_SECURED) || iom_mac_is_group(m->dmac))
		return 1;
	a = allowed_mac(m->out, port, m->dmac);
	if (!(a.flags & L2SWITCH_MAC_OK))
		return 0;
	if (!is_restricted(&a) || (m->proto != ETH_IP4 && m->proto != ETH_IP6))
		return 1;
	if (m->proto == ETH_IP4)
		return a.flags & L2SWITCH_IP4 &&
		       (m->dst.a[3] == 0xffffffff || (m->dst.a[3] & iom_htonl(0xf0000000)) == iom_htonl(0xe0000000) ||
			ip_allowed(m->out, port, &a, &m->dst, 1, L2SWITCH_DST));
	return a.flags & L2SWITCH_IP6 &&
	       ((m->dst.a[0] & iom_htonl(0xff000000)) == iom_htonl(0xff000000) || is_link_local_of(&m->dst, m->dmac) ||
		ip_allowed(m->out, port, &a, &m->dst, 0, L2SWITCH_DST));
}

#endif
