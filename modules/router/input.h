/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* input.h: what the router takes in, and what is for itself (ovn-northd(8), "IP Input"). */
#ifndef ROUTER_INPUT_H
#define ROUTER_INPUT_H

#include <iom/csum.h>
#include "neighbour.h"

/* In the first 8 bits of an IPv4 address. */
static __always_inline int in_block(const struct iom_addr *a, __u8 first)
{
	return (a->a[3] & iom_htonl(0xff000000)) == iom_htonl((__u32)first << 24);
}

static __always_inline int is_mcast4(const struct iom_addr *a)
{
	return (a->a[3] & iom_htonl(0xf0000000)) == iom_htonl(0xe0000000);
}

static __always_inline int is_mcast6(const struct iom_addr *a)
{
	return (a->a[0] & iom_htonl(0xff000000)) == iom_htonl(0xff000000);
}

/* Whether nobody can be behind the source address. The router's own is all right in what it sends itself, by user space. */
static __always_inline int is_bad_source(struct iom_meta *m)
{
	if (m->proto == ETH_IP4 ? is_mcast4(&m->src) || m->src.a[3] == 0xffffffff || in_block(&m->src, 127) || in_block(&m->src, 0)
				: is_mcast6(&m->src))
		return 1;
	return !(m->flags & IOM_RESUMED) && router_addr_get(m, &m->src) != NULL;
}

/* An echo request for the router becomes its reply, which is routed. */
static __always_inline int answer_echo(struct __sk_buff *skb, struct iom_meta *m)
{
	struct iom_addr src = m->src;
	__u8 type;

	m->src = m->dst;
	m->dst = src;
	if (m->proto == ETH_IP4) {
		const __u32 addrs[2] = { m->src.a[3], m->dst.a[3] };
		__u16 was, is;

		if (bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip4_hdr, ttl), &was, sizeof(was)))
			return -1;
		is = was | iom_htons(0xff00);
		type = 0;
		if (iom_rewrite(skb, m, ETH_LEN + __builtin_offsetof(struct ip4_hdr, src), addrs, sizeof(addrs)) ||
		    bpf_l3_csum_replace(skb, ETH_LEN + __builtin_offsetof(struct ip4_hdr, csum), was, is, sizeof(is)) ||
		    iom_rewrite(skb, m, ETH_LEN + __builtin_offsetof(struct ip4_hdr, ttl), &is, sizeof(is)))
			return -1;
	} else {
		const struct iom_addr addrs[2] = { m->src, m->dst };
		const __u8 limit = 255;

		type = ICMP6_ECHO_REPLY;
		if (iom_rewrite(skb, m, ETH_LEN + __builtin_offsetof(struct ip6_hdr, src), addrs, sizeof(addrs)) ||
		    bpf_skb_store_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip6_hdr, hop_limit), &limit, 1,
					BPF_F_RECOMPUTE_CSUM))
			return -1;
	}
	if (bpf_l4_csum_replace(skb, m->l4 + 2, iom_htons(m->sport << 8), iom_htons((__u16)type << 8), sizeof(__u16)) ||
	    iom_rewrite(skb, m, m->l4, &type, sizeof(type)))
		return -1;
	m->sport = type;
	return 0;
}

/* A packet for one of the router's own addresses: 0 when it is an echo request, answered, to be routed; else it is dropped, and 1. */
static __always_inline int own_in(struct __sk_buff *skb, struct iom_meta *m)
{
	int is_icmp = m->l4_proto == (m->proto == ETH_IP4 ? PROTO_ICMP : PROTO_ICMP6);

	if (is_icmp && m->l4 && m->sport == (m->proto == ETH_IP4 ? ICMP_ECHO : ICMP6_ECHO) && !m->dport) {
		if (!answer_echo(skb, m))
			return 0;
		iom_drop(skb, m, router, REWRITE_FAILED);
		return 1;
	}
	if (!is_icmp && !m->fragment && !(m->flags & IOM_RESUMED))
		iom_punt(skb, m, m->l4_proto == PROTO_TCP || m->l4_proto == PROTO_SCTP ? ROUTER_PUNT_RESET : ROUTER_PUNT_OWN,
			 IOM_PUNT_BYTES);
	iom_drop(skb, m, router, OWN_ADDRESS);
	return 1;
}

/* Whether the time to live ends here. */
static __always_inline int is_expired(struct __sk_buff *skb, struct iom_meta *m)
{
	__u8 ttl;

	return iom_ttl(skb, m, &ttl) || ttl < 2;
}

static __always_inline int ip_in(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port)
{
	struct router_addr *own;
	int is4 = m->proto == ETH_IP4;

	if (!is4 && m->l4_proto == PROTO_ICMP6 && m->l4 && m->sport >= ICMP6_ND_RS && m->sport <= ICMP6_ND_NA)
		return nd_in(skb, m, port);
	if (!(m->flags & IOM_RESUMED) && is_too_big(skb, m, port) && !is_exempt_in(skb, m, port)) {
		m->out = m->in; /* whose size user space tells of */
		iom_punt(skb, m, ROUTER_PUNT_TOO_BIG, IOM_PUNT_BYTES);
		return iom_drop(skb, m, router, TOO_BIG);
	}
	if (is_bad_source(m))
		return iom_drop(skb, m, router, SRC_INVALID);
	if (is4 && (in_block(&m->dst, 127) || in_block(&m->dst, 0)))
		return iom_drop(skb, m, router, DST_INVALID);
	own = router_addr_get(m, &m->dst);
	if (own && !own->broadcast) {
		if (own_in(skb, m))
			return TC_ACT_SHOT;
	} else if (is4 ? is_mcast4(&m->dst) : is_mcast6(&m->dst)) {
		return iom_drop(skb, m, router, MULTICAST);
	} else if (m->dmac[0] == 0xff) { /* Ethernet broadcast */
		return iom_drop(skb, m, router, MULTICAST);
	} else if (is_expired(skb, m)) {
		if (!m->fragment)
			iom_punt(skb, m, ROUTER_PUNT_TTL, IOM_PUNT_BYTES);
		return iom_drop(skb, m, router, TTL_EXCEEDED);
	}
	return iom_has_services(m) ? iom_services(skb, m, 0) : route(skb, m);
}

#endif
