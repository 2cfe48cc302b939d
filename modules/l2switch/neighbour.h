/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* neighbour.h: ARP and ND answers for known addresses (ovn-northd(8), "ARP/ND responder"). */
#ifndef L2SWITCH_NEIGHBOUR_H
#define L2SWITCH_NEIGHBOUR_H

#include <iom/action.h>
#include <iom/csum.h>
#include "tables.h"

/* Who has addr, unless it is the asker. */
static __always_inline struct l2switch_neigh *known_neighbour(struct iom_meta *m, const struct iom_addr *addr)
{
	struct l2switch_neigh_key key = { .dp = m->dp, .addr = *addr };
	struct l2switch_neigh *neigh = bpf_map_lookup_elem(&l2switch_neighs, &key);

	if (!neigh || neigh->port == m->in_key)
		return NULL;
	iom_decide(m, l2switch, ANSWERED, neigh->port);
	return neigh;
}

/* Sends the frame back where it came from: addresses of m and of the reply's Ethernet header. */
static __always_inline void turn_round(struct iom_meta *m, struct eth_hdr *eth, const __u8 *mac)
{
	iom_mac_copy(m->dmac, m->smac);
	iom_mac_copy(m->smac, mac);
	iom_mac_copy(eth->dst, m->dmac);
	iom_mac_copy(eth->src, m->smac);
	eth->proto = iom_htons(m->proto);
}

static __always_inline int answer_arp(struct __sk_buff *skb, struct iom_meta *m)
{
	struct {
		struct eth_hdr eth;
		struct arp_hdr arp;
	} IOM_HALFWORDS p;
	struct l2switch_neigh *neigh;
	struct iom_addr addr;
	__u32 asked;

	if (bpf_skb_load_bytes(skb, 0, &p, sizeof(p)) || p.arp.op != iom_htons(1) || p.arp.hrd != iom_htons(1) ||
	    p.arp.pro != iom_htons(ETH_IP4) || p.arp.hln != 6 || p.arp.pln != 4)
		return 0;
	asked = p.arp.tpa;
	iom_addr_set4(&addr, asked);
	neigh = known_neighbour(m, &addr);
	if (!neigh)
		return 0;
	turn_round(m, &p.eth, neigh->mac);
	p.arp.op = iom_htons(2);
	iom_mac_copy(p.arp.tha, p.arp.sha);
	p.arp.tpa = p.arp.spa;
	iom_mac_copy(p.arp.sha, m->smac);
	p.arp.spa = asked;
	return !iom_rewrite(skb, m, 0, &p, sizeof(p));
}

/* The advertisement for a solicitation in p, RFC 4861 section 7.2.4: to all nodes, unsolicited, when the asker has no address yet. */
struct nd_packet {
	struct eth_hdr eth;
	struct ip6_hdr ip;
	struct nd_msg nd;
} IOM_HALFWORDS;

static __always_inline void make_advertisement(struct iom_meta *m, struct nd_packet *p, const __u8 *mac)
{
	const __u8 all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct iom_addr target;
	int solicited = !iom_addr_is_zero(&m->src);

	__builtin_memcpy(&target, p->nd.target, sizeof(target));
	turn_round(m, &p->eth, mac);
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
	p->nd.flags = iom_htonl(solicited ? 0x60000000 : 0x20000000); /* solicited, override */
	p->nd.opt_type = ND_OPT_TLL;
	p->nd.opt_len = 1;
	iom_mac_copy(p->nd.lladdr, mac);
	m->sport = ICMP6_ND_NA;
}

static __always_inline int answer_nd(struct __sk_buff *skb, struct iom_meta *m)
{
	struct nd_packet p = {};
	struct l2switch_neigh *neigh;
	struct iom_addr addr;
	__u32 words[sizeof(struct nd_msg) / 4];

	if (bpf_skb_load_bytes(skb, 0, &p, sizeof(p) - sizeof(p.nd) + ND_NO_OPT_LEN) || p.ip.next != PROTO_ICMP6 ||
	    p.ip.hop_limit != 255 || p.nd.code)
		return 0;
	__builtin_memcpy(&addr, p.nd.target, sizeof(addr));
	/* to the target itself or to its solicited-node group ff02::1:ffXX:XXXX */
	if (!iom_addr_eq(&m->dst, &addr) && !(m->dst.a[0] == iom_htonl(0xff020000) && !m->dst.a[1] && m->dst.a[2] == iom_htonl(1) &&
					      m->dst.a[3] == (addr.a[3] | iom_htonl(0xff000000))))
		return 0;
	neigh = known_neighbour(m, &addr);
	if (!neigh)
		return 0;
	make_advertisement(m, &p, neigh->mac);
	__builtin_memcpy(words, &p.nd, sizeof(words));
	p.nd.csum = iom_csum_fold(
		iom_csum_pseudo6(&m->src, &m->dst, PROTO_ICMP6, sizeof(p.nd), bpf_csum_diff(NULL, 0, words, sizeof(words), 0)));
	if (bpf_skb_change_tail(skb, sizeof(p), 0))
		return 0;
	return !iom_rewrite(skb, m, 0, &p, sizeof(p));
}

/* Whether the packet was a question and now is the answer. */
static __always_inline int answer_neighbour(struct __sk_buff *skb, struct iom_meta *m)
{
	if (m->proto == ETH_ARP)
		return answer_arp(skb, m);
	if (m->proto == ETH_IP6 && m->l4_proto == PROTO_ICMP6 && m->l4 && m->sport == ICMP6_ND_NS)
		return answer_nd(skb, m);
	return 0;
}

#endif
