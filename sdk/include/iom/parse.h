/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* parse.h: reads the headers of a packet into its metadata, once, at entry. */
#ifndef IOM_PARSE_H
#define IOM_PARSE_H

#include <iom/meta.h>

enum {
	IP6_EXT_HOPOPTS = 0,
	IP6_EXT_ROUTING = 43,
	IP6_EXT_FRAGMENT = 44,
	IP6_EXT_AUTH = 51,
	IP6_EXT_DSTOPTS = 60,
	IP6_EXT_MAX = 6, /* more in one packet: no transport header is looked for */
};

/* Ports, or ICMP's type and code, into m. A packet too short for them keeps l4 = 0. */
static __always_inline void iom_set_l4(struct iom_meta *m, __u32 offset, const __u8 *b)
{
	m->l4 = offset;
	if (m->l4_proto == PROTO_ICMP || m->l4_proto == PROTO_ICMP6) {
		m->sport = b[0];
		m->dport = b[1];
	} else {
		m->sport = b[0] << 8 | b[1];
		m->dport = b[2] << 8 | b[3];
	}
}

static __always_inline void iom_parse_l4(struct __sk_buff *skb, struct iom_meta *m, __u32 offset)
{
	__u8 b[4];

	if (!bpf_skb_load_bytes(skb, offset, b, sizeof(b)))
		iom_set_l4(m, offset, b);
}

static __always_inline int iom_parse_ip4(struct __sk_buff *skb, struct iom_meta *m, struct ip4_hdr *ip, void *end)
{
	__u8 *l4 = (__u8 *)(ip + 1);
	__u32 ihl = (ip->ver_ihl & 15) * 4, len = iom_ntohs(ip->len);
	__u16 frag = iom_ntohs(ip->frag);

	/* A GSO packet's own length field counts for nothing: segmentation writes it. */
	if (ip->ver_ihl >> 4 != 4 || ihl < IP4_LEN || skb->len < ETH_LEN + ihl ||
	    (!skb->gso_size && (len < ihl || skb->len < ETH_LEN + len)))
		return -1;
	iom_addr_set4(&m->src, ip->src);
	iom_addr_set4(&m->dst, ip->dst);
	m->l4_proto = ip->proto;
	m->fragment = (frag & 0x1fff) != 0;
	m->first_fragment = (frag & 0x3fff) == 0x2000;
	if (ihl == IP4_LEN && (void *)(l4 + 4) <= end && !m->fragment)
		iom_set_l4(m, ETH_LEN + IP4_LEN, l4);
	else if (!m->fragment)
		iom_parse_l4(skb, m, ETH_LEN + ihl);
	return 0;
}

static __always_inline int iom_parse_ip6(struct __sk_buff *skb, struct iom_meta *m, struct ip6_hdr *ip)
{
	__u32 offset = ETH_LEN + IP6_LEN, plen = iom_ntohs(ip->plen);
	__u8 next = ip->next, b[4];

	if ((ip->ver_tc_flow & 0xf0) != 0x60 || (!skb->gso_size && skb->len < offset + plen))
		return -1;
	__builtin_memcpy(&m->src, ip->src, sizeof(m->src));
	__builtin_memcpy(&m->dst, ip->dst, sizeof(m->dst));
	for (int i = 0; i < IP6_EXT_MAX; i++) {
		if (next != IP6_EXT_HOPOPTS && next != IP6_EXT_ROUTING && next != IP6_EXT_FRAGMENT && next != IP6_EXT_AUTH &&
		    next != IP6_EXT_DSTOPTS) {
			m->l4_proto = next;
			if (!m->fragment)
				iom_parse_l4(skb, m, offset);
			return 0;
		}
		if (bpf_skb_load_bytes(skb, offset, b, sizeof(b)))
			return -1;
		if (next == IP6_EXT_FRAGMENT) {
			m->fragment = ((b[2] << 8 | b[3]) & 0xfff8) != 0;
			m->first_fragment = ((b[2] << 8 | b[3]) & 0xfff9) == 1;
			offset += 8;
		} else if (next == IP6_EXT_AUTH) {
			offset += (b[1] + 2) * 4;
		} else {
			offset += (b[1] + 1) * 8;
		}
		next = b[0];
		if (m->fragment) { /* what follows is payload */
			m->l4_proto = next;
			return 0;
		}
	}
	m->l4_proto = next;
	return 0;
}

/* iom_ttl_at is where an IP packet has its time to live, or hop limit. */
static __always_inline __u32 iom_ttl_at(struct iom_meta *m)
{
	return ETH_LEN +
	       (m->proto == ETH_IP4 ? __builtin_offsetof(struct ip4_hdr, ttl) : __builtin_offsetof(struct ip6_hdr, hop_limit));
}

/* iom_ttl reads it. Negative: it is not where iom_parse has seen it. */
static __always_inline int iom_ttl(struct __sk_buff *skb, struct iom_meta *m, __u8 *ttl)
{
	__u8 *packet = (void *)(long)skb->data;

	if ((void *)(packet + ETH_LEN + IP4_LEN) > (void *)(long)skb->data_end)
		return -1;
	*ttl = m->proto == ETH_IP4 ? packet[ETH_LEN + __builtin_offsetof(struct ip4_hdr, ttl)]
				   : packet[ETH_LEN + __builtin_offsetof(struct ip6_hdr, hop_limit)];
	return 0;
}

/* iom_frame_size is the bytes of the largest frame that the packet becomes when it is cut (GSO), with its Ethernet header and without a tag;
 * 0 when its transport header can't be read. */
static __always_inline __u32 iom_frame_size(struct __sk_buff *skb, struct iom_meta *m)
{
	__u8 doff;

	if (!skb->gso_size)
		return skb->len;
	if (!m->l4)
		return 0;
	if (m->l4_proto != PROTO_TCP)
		return m->l4 + UDP_LEN + skb->gso_size;
	if (bpf_skb_load_bytes(skb, m->l4 + 12, &doff, 1))
		return 0;
	return m->l4 + (doff >> 4) * 4 + skb->gso_size;
}

/* iom_flow_hash is the same for all packets of a flow, and for all fragments between two addresses. */
static __always_inline __u32 iom_flow_hash(struct iom_meta *m)
{
	__u32 h = m->l4_proto, words[9] = { m->src.a[0], m->src.a[1], m->src.a[2],
					    m->src.a[3], m->dst.a[0], m->dst.a[1],
					    m->dst.a[2], m->dst.a[3], m->first_fragment ? 0 : (__u32)m->sport << 16 | m->dport };

	for (int i = 0; i < 9; i++) {
		h = (h ^ words[i]) * 0x9e3779b1;
		h ^= h >> 15;
	}
	h = (h ^ h >> 16) * 0x85ebca6b;
	return h ^ h >> 13;
}

/* iom_parse fills m's parsed part. Negative: the packet is shorter than its headers say, or no IP under an IP ethertype.
 * Invalidates packet pointers. */
static __always_inline int iom_parse(struct __sk_buff *skb, struct iom_meta *m)
{
	__u32 want = ETH_LEN + IP6_LEN + 8;
	struct eth_hdr *eth = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (iom_unlikely((void *)eth + want > end && skb->data_end - skb->data < skb->len)) {
		bpf_skb_pull_data(skb, skb->len < want ? skb->len : want);
		eth = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	m->l4 = 0;
	m->l4_proto = 0;
	m->fragment = 0;
	m->first_fragment = 0;
	m->sport = 0;
	m->dport = 0;
	if ((void *)(eth + 1) > end)
		return -1;
	iom_mac_copy(m->dmac, eth->dst);
	iom_mac_copy(m->smac, eth->src);
	m->proto = iom_ntohs(eth->proto);
	if (m->proto == ETH_IP4) {
		struct ip4_hdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > end ? -1 : iom_parse_ip4(skb, m, ip, end);
	}
	if (m->proto == ETH_IP6) {
		struct ip6_hdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > end ? -1 : iom_parse_ip6(skb, m, ip);
	}
	return 0;
}

#endif
