/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ct_packet.h: to which connection a packet belongs, as far as the packet tells: part of <iom/ct.h>. */
#ifndef IOM_CT_PACKET_H
#define IOM_CT_PACKET_H

#include <iom/ct_tables.h>
#include <iom/parse.h>

enum {
	IOM_CT_FRAG_TIME = 30, /* seconds that later fragments may take */
};

static __always_inline int iom_ct_lower(const struct iom_addr *a, const struct iom_addr *b)
{
	for (int i = 0; i < 4; i++) {
		if (a->a[i] != b->a[i])
			return a->a[i] < b->a[i];
	}
	return 0;
}

/* Fills a key from a packet's endpoints; whether the source is endpoint 1. */
static __always_inline __u8 iom_ct_fill(struct iom_ct_key *key, __u32 zone, __u8 proto, const struct iom_addr *src,
					const struct iom_addr *dst, __u16 sport, __u16 dport)
{
	__u8 from_1 = iom_ct_lower(dst, src) || (iom_addr_eq(src, dst) && dport < sport);

	__builtin_memset(key, 0, sizeof(*key));
	key->zone = zone;
	key->proto = proto;
	if (from_1) {
		key->addr[0] = *dst;
		key->addr[1] = *src;
		key->l4[0] = dport;
		key->l4[1] = sport;
	} else {
		key->addr[0] = *src;
		key->addr[1] = *dst;
		key->l4[0] = sport;
		key->l4[1] = dport;
	}
	return from_1;
}

static __always_inline int iom_ct_is_icmp(struct iom_meta *m)
{
	return m->l4_proto == (m->proto == ETH_IP4 ? PROTO_ICMP : PROTO_ICMP6);
}

static __always_inline int iom_ct_is_icmp_error(struct iom_meta *m)
{
	if (m->proto == ETH_IP6)
		return m->sport >= 1 && m->sport <= ICMP6_PARAM;
	return m->sport == ICMP_UNREACH || m->sport == ICMP_QUENCH || m->sport == ICMP_TIME || m->sport == ICMP_PARAM;
}

static __always_inline int iom_ct_is_echo_request(struct iom_meta *m)
{
	return m->sport == (m->proto == ETH_IP6 ? ICMP6_ECHO : ICMP_ECHO);
}

static __always_inline int iom_ct_is_echo(struct iom_meta *m)
{
	return iom_ct_is_echo_request(m) || m->sport == (m->proto == ETH_IP6 ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY);
}

static __always_inline int iom_ct_has_ports(__u8 proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP;
}

/* The identification of a fragment. Negative: it can't be read. */
static __always_inline int iom_ct_fragment_id(struct __sk_buff *skb, struct iom_meta *m, __u32 *id)
{
	__u32 offset = ETH_LEN + IP6_LEN;
	__u8 next, b[8];

	if (m->proto == ETH_IP4)
		return bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip4_hdr, id), id, sizeof(__u16));
	if (bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip6_hdr, next), &next, 1))
		return -1;
	for (int i = 0; i < IP6_EXT_MAX; i++) {
		if (bpf_skb_load_bytes(skb, offset, b, sizeof(b)))
			return -1;
		if (next == IP6_EXT_FRAGMENT) {
			__builtin_memcpy(id, b + 4, sizeof(*id));
			return 0;
		}
		offset += next == IP6_EXT_AUTH ? (b[1] + 2) * 4 : (b[1] + 1) * 8;
		next = b[0];
	}
	return -1;
}

static __always_inline int iom_ct_same_frag(const struct iom_ct_frag_key *a, const struct iom_ct_frag_key *b)
{
	return a->zone == b->zone && a->id == b->id && a->proto == b->proto && iom_addr_eq(&a->src, &b->src) &&
	       iom_addr_eq(&a->dst, &b->dst);
}

static __always_inline __u16 iom_ct_echo_id(struct __sk_buff *skb, struct iom_meta *m)
{
	__u16 id = 0;

	if (iom_ct_is_icmp(m) && m->l4 && iom_ct_is_echo(m))
		bpf_skb_load_bytes(skb, m->l4 + 4, &id, sizeof(id));
	return iom_ntohs(id);
}

/* The ends of an echo in a key: the identifier at who asks, the next number at who answers. So what both ask with one identifier is two
 * connections, and a request is no answer. */
static __always_inline void iom_ct_echo_ends(int request, __u16 id, __u16 *src, __u16 *dst)
{
	*src = request ? id : id + 1;
	*dst = request ? id + 1 : id;
}

/* What a first fragment has is remembered, and recalled into the metadata of a later one. The identifier if it is an echo; negative: nothing is
 * known of the first one. */
IOM_SUBPROG int iom_ct_gather(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, __u32 now)
{
	struct iom_ct_frag_key key = { .zone = zone };
	struct iom_ct_frag *frag, row = {};

	if (!m)
		return -1;
	key.src = m->src;
	key.dst = m->dst;
	key.proto = m->l4_proto;
	if (iom_ct_fragment_id(skb, m, &key.id))
		return -1;
	if (!m->fragment) {
		row.key = key;
		row.expires = now + IOM_CT_FRAG_TIME;
		row.sport = m->sport;
		row.dport = m->dport;
		row.echo = iom_ct_echo_id(skb, m);
		if (!(m->flags & IOM_TRACE))
			bpf_map_update_elem(&iom_ct_frags, &key, &row, 0);
		return row.echo;
	}
	frag = bpf_map_lookup_elem(&iom_ct_frags, &key);
	if (!frag)
		return -1;
	row = *frag;
	if (!iom_ct_same_frag(&row.key, &key) || row.expires <= now)
		return -1;
	m->sport = row.sport;
	m->dport = row.dport;
	return row.echo;
}

/* The endpoints and the protocol in the IP header at an offset, and where the transport header is. Negative: it can't be read, or is a later
 * fragment. */
static __always_inline int iom_ct_inner_ip(struct __sk_buff *skb, __u16 family, __u32 at, struct iom_addr *src,
					   struct iom_addr *dst, __u8 *proto, __u32 *l4)
{
	if (family == ETH_IP4) {
		struct ip4_hdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.ver_ihl >> 4 != 4 || ip.frag & iom_htons(0x1fff))
			return -1;
		iom_addr_set4(src, ip.src);
		iom_addr_set4(dst, ip.dst);
		*proto = ip.proto;
		*l4 = at + (ip.ver_ihl & 15) * 4;
	} else {
		struct ip6_hdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || (ip.ver_tc_flow & 0xf0) != 0x60)
			return -1;
		__builtin_memcpy(src, ip.src, sizeof(*src));
		__builtin_memcpy(dst, ip.dst, sizeof(*dst));
		*proto = ip.next;
		*l4 = at + sizeof(ip);
	}
	return 0;
}

/* The connection that an ICMP error is about, as its first bytes say; from_1: whether the error comes from endpoint 1, that is to the other
 * one. Negative: they don't say. */
IOM_SUBPROG int iom_ct_inner(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, struct iom_ct_key *key, __u8 *from_1)
{
	struct iom_addr src, dst;
	__u16 ports[2] = {}, sport, dport;
	__u8 proto, type;
	__u32 l4;

	if (!m || !key || !from_1)
		return -1;
	if (iom_ct_inner_ip(skb, m->proto, m->l4 + 8, &src, &dst, &proto, &l4))
		return -1;
	if (proto == (m->proto == ETH_IP4 ? PROTO_ICMP : PROTO_ICMP6)) {
		if (bpf_skb_load_bytes(skb, l4, &type, sizeof(type)) || bpf_skb_load_bytes(skb, l4 + 4, ports, sizeof(*ports)))
			return -1;
		iom_ct_echo_ends(type == (m->proto == ETH_IP6 ? ICMP6_ECHO : ICMP_ECHO), iom_ntohs(ports[0]), &sport, &dport);
	} else {
		if (iom_ct_has_ports(proto) && bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
			return -1;
		sport = iom_ntohs(ports[0]);
		dport = iom_ntohs(ports[1]);
	}
	*from_1 = !iom_ct_fill(key, zone, proto, &src, &dst, sport, dport);
	return 0;
}

/* The connection of a packet that is no ICMP error, and its TCP flags; echo: what its first fragment had. Negative: it can't belong to one. */
static __always_inline int iom_ct_outer(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, __u16 echo, struct iom_ct_key *key,
					__u8 *from_1, __u8 *tcp)
{
	__u16 sport = 0, dport = 0;

	if (!m->l4 && !m->fragment && (iom_ct_is_icmp(m) || iom_ct_has_ports(m->l4_proto)))
		return -1;
	if (iom_ct_is_icmp(m)) {
		if (!iom_ct_is_echo(m))
			return -1;
		iom_ct_echo_ends(iom_ct_is_echo_request(m), m->fragment ? echo : iom_ct_echo_id(skb, m), &sport, &dport);
	} else if (iom_ct_has_ports(m->l4_proto)) {
		sport = m->sport;
		dport = m->dport;
	}
	if (m->l4_proto == PROTO_TCP && !m->fragment && bpf_skb_load_bytes(skb, m->l4 + 13, tcp, sizeof(*tcp)))
		return -1;
	*from_1 = iom_ct_fill(key, zone, m->l4_proto, &m->src, &m->dst, sport, dport);
	return 0;
}

#endif
