/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* neighbour.h: reads ARP requests and neighbour solicitations, and turns them into their answers. */
#ifndef IOM_NEIGHBOUR_H
#define IOM_NEIGHBOUR_H

#include <iom/action.h>
#include <iom/csum.h>

struct iom_arp_packet {
	struct eth_hdr eth;
	struct arp_hdr arp;
} IOM_HALFWORDS;

struct iom_nd_packet {
	struct eth_hdr eth;
	struct ip6_hdr ip;
	struct nd_msg nd;
} IOM_HALFWORDS;

enum {
	ARP_REQUEST = 1,
	ARP_REPLY = 2,
};

/* iom_arp_load reads an ARP packet for Ethernet and IPv4; 0: it is none. */
static __always_inline int iom_arp_load(struct __sk_buff *skb, struct iom_meta *m, struct iom_arp_packet *p)
{
	return m->proto == ETH_ARP && !bpf_skb_load_bytes(skb, 0, p, sizeof(*p)) && p->arp.hrd == iom_htons(1) &&
	       p->arp.pro == iom_htons(ETH_IP4) && p->arp.hln == 6 && p->arp.pln == 4;
}

/* iom_nd_load reads a neighbour solicitation (ICMP6_ND_NS) or advertisement (ICMP6_ND_NA) with its first option, which is zero when
 * there is none; 0: it is no valid one (RFC 4861, section 7.1). */
static __always_inline int iom_nd_load(struct __sk_buff *skb, struct iom_meta *m, struct iom_nd_packet *p, __u8 type)
{
	__u32 fixed = sizeof(*p) - sizeof(p->nd) + ND_NO_OPT_LEN;

	if (m->proto != ETH_IP6 || m->l4_proto != PROTO_ICMP6 || !m->l4 || m->sport != type || m->dport ||
	    bpf_skb_load_bytes(skb, 0, p, fixed) || p->ip.next != PROTO_ICMP6 || p->ip.hop_limit != 255)
		return 0;
	if (iom_ntohs(p->ip.plen) < sizeof(p->nd) || bpf_skb_load_bytes(skb, fixed, &p->nd.opt_type, sizeof(p->nd) - ND_NO_OPT_LEN))
		__builtin_memset(&p->nd.opt_type, 0, sizeof(p->nd) - ND_NO_OPT_LEN);
	return 1;
}

/* iom_nd_asks says whether a solicitation went to its target itself or to its solicited-node group ff02::1:ffXX:XXXX. */
static __always_inline int iom_nd_asks(struct iom_meta *m, const struct iom_addr *target)
{
	return iom_addr_eq(&m->dst, target) ||
	       (m->dst.a[0] == iom_htonl(0xff020000) && !m->dst.a[1] && m->dst.a[2] == iom_htonl(1) &&
		m->dst.a[3] == (target->a[3] | iom_htonl(0xff000000)));
}

/* Sends the frame back where it came from: addresses of m and of the reply's Ethernet header. */
static __always_inline void iom_turn_round(struct iom_meta *m, struct eth_hdr *eth, const __u8 *mac)
{
	iom_mac_copy(m->dmac, m->smac);
	iom_mac_copy(m->smac, mac);
	iom_mac_copy(eth->dst, m->dmac);
	iom_mac_copy(eth->src, m->smac);
	eth->proto = iom_htons(m->proto);
}

/* iom_arp_answer turns the request p into the reply that p->arp.tpa is at mac. 1: done; 0: the packet is unchanged. */
static __always_inline int iom_arp_answer(struct __sk_buff *skb, struct iom_meta *m, struct iom_arp_packet *p, const __u8 *mac)
{
	__u32 asked = p->arp.tpa;

	iom_turn_round(m, &p->eth, mac);
	p->arp.op = iom_htons(ARP_REPLY);
	iom_mac_copy(p->arp.tha, p->arp.sha);
	p->arp.tpa = p->arp.spa;
	iom_mac_copy(p->arp.sha, m->smac);
	p->arp.spa = asked;
	return !iom_rewrite(skb, m, 0, p, sizeof(*p));
}

/* The advertisement for the solicitation p, RFC 4861 section 7.2.4: to all nodes, unsolicited, when the asker has no address yet. */
static __always_inline void iom_nd_advertise(struct iom_meta *m, struct iom_nd_packet *p, const __u8 *mac, int is_router)
{
	const __u8 all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct iom_addr target;
	int solicited = !iom_addr_is_zero(&m->src);

	__builtin_memcpy(&target, p->nd.target, sizeof(target));
	iom_turn_round(m, &p->eth, mac);
	m->dst = m->src;
	m->src = target;
	if (!solicited) {
		iom_mac_copy(m->dmac, all_nodes);
		iom_mac_copy(p->eth.dst, all_nodes);
		m->dst.a[0] = iom_htonl(0xff020000);
		m->dst.a[3] = iom_htonl(1);
	}
	p->ip.plen = iom_htons(sizeof(p->nd));
	__builtin_memcpy(p->ip.src, &m->src, sizeof(m->src));
	__builtin_memcpy(p->ip.dst, &m->dst, sizeof(m->dst));
	p->nd.type = ICMP6_ND_NA;
	p->nd.csum = 0;
	p->nd.flags =
		iom_htonl((is_router ? 0x80000000 : 0) | (solicited ? 0x60000000 : 0x20000000)); /* router, solicited, override */
	p->nd.opt_type = ND_OPT_TLL;
	p->nd.opt_len = 1;
	iom_mac_copy(p->nd.lladdr, mac);
	m->sport = ICMP6_ND_NA;
}

/* iom_nd_answer turns the solicitation p into the advertisement that its target is at mac. 1: done; 0: the packet is unchanged, or no
 * longer whole: an answer that fails is lost like any packet. */
static __always_inline int iom_nd_answer(struct __sk_buff *skb, struct iom_meta *m, struct iom_nd_packet *p, const __u8 *mac,
					 int is_router)
{
	__u32 words[sizeof(struct nd_msg) / 4];

	iom_nd_advertise(m, p, mac, is_router);
	__builtin_memcpy(words, &p->nd, sizeof(words));
	p->nd.csum = iom_csum_fold(
		iom_csum_pseudo6(&m->src, &m->dst, PROTO_ICMP6, sizeof(p->nd), bpf_csum_diff(NULL, 0, words, sizeof(words), 0)));
	if (bpf_skb_change_tail(skb, sizeof(*p), 0))
		return 0;
	return !iom_rewrite(skb, m, 0, p, sizeof(*p));
}

#endif
