/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* geneve.h: OVN's tunnels by hand (RFC 8926; ovn-architecture(7), "Tunnel Encapsulations").
 *
 * Outer packet: Ethernet, IPv4 with DF, UDP to 6081 with checksum 0, Geneve with VNI = the datapath's key and OVN's option with both port keys.
 * Next hops are resolved by the kernel's neighbour table (bpf_redirect_neigh). */
#ifndef WIRE_GENEVE_H
#define WIRE_GENEVE_H

#include <iom/action.h>
#include <iom/csum.h>

/* Outer headers as they lie in the packet. */
struct geneve_outer {
	struct eth_hdr eth;
	struct ip4_hdr ip;
	struct udp_hdr udp;
	struct geneve_hdr geneve;
	struct geneve_opt opt;
	__u16 in_key, out_key; /* network byte order */
} IOM_HALFWORDS;

/* Peers by address, and who listens under (VNI, key): a port of this node, or (port 0) a group. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_addr);
	__type(value, __u32); /* slot of iom_nodes */
	__uint(max_entries, IOM_NODES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_node_addrs SEC(".maps");

struct iom_tun_key {
	__u32 vni;
	__u32 key;
};
struct iom_tun {
	__u32 dp;
	__u32 port;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_tun_key);
	__type(value, struct iom_tun);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_tunnel_keys SEC(".maps");

/* Bytes of the largest outer IP packet that the inner one becomes; 0 when its transport header can't be read. */
static __always_inline __u32 geneve_size(struct __sk_buff *skb, struct iom_meta *m)
{
	__u32 overhead = sizeof(struct geneve_outer) - ETH_LEN;
	__u8 doff;

	if (!skb->gso_size)
		return skb->len + overhead;
	if (!m->l4)
		return 0;
	if (m->l4_proto != PROTO_TCP)
		return m->l4 + UDP_LEN + skb->gso_size + overhead;
	if (bpf_skb_load_bytes(skb, m->l4 + 12, &doff, 1))
		return 0;
	return m->l4 + (doff >> 4) * 4 + skb->gso_size + overhead;
}

static __always_inline void geneve_fill(struct geneve_outer *o, struct iom_meta *m, __u32 len, __u32 hash, __u32 vni, __u32 src,
					__u32 dst)
{
	struct ip4_hdr ip;
	__u32 ip_len = len - ETH_LEN, udp_len = ip_len - IP4_LEN;

	__builtin_memset(o, 0, sizeof(*o));
	o->eth.proto = iom_htons(ETH_IP4);
	o->ip.ver_ihl = 0x45;
	o->ip.len = iom_htons(ip_len > 65535 ? 65535 : ip_len); /* larger: GSO, segmentation writes it */
	o->ip.frag = iom_htons(0x4000);
	o->ip.ttl = 64;
	o->ip.proto = PROTO_UDP;
	o->ip.src = src;
	o->ip.dst = dst;
	ip = o->ip;
	o->ip.csum = iom_csum_ip4(&ip);
	o->udp.sport = iom_htons(0x8000 | (hash & 0x7fff)); /* the flow's hash, for ECMP in the underlay */
	o->udp.dport = iom_htons(GENEVE_PORT);
	o->udp.len = iom_htons(udp_len > 65535 ? 65535 : udp_len);
	o->geneve.ver_optlen = 2;
	o->geneve.flags = 0x40; /* critical options present */
	o->geneve.proto = iom_htons(ETH_TEB);
	o->geneve.vni = iom_htonl(vni << 8);
	o->opt.class = iom_htons(GENEVE_CLASS_OVN);
	o->opt.type = GENEVE_TYPE_OVN;
	o->opt.len = 1;
	o->in_key = iom_htons(m->in_key);
	o->out_key = iom_htons(m->out_key);
}

/* Makes room for the outer headers in front of the inner Ethernet header, which ends up where it belongs. 0 or negative.
 * IP packets keep their GSO and checksum state; the kernel refuses adjust_room for all others, which have none. */
static __always_inline long geneve_grow(struct __sk_buff *skb, struct iom_meta *m)
{
	const __u32 outer = sizeof(struct geneve_outer);
	struct eth_hdr inner;
	long err;

	if (m->proto != ETH_IP4 && m->proto != ETH_IP6)
		return bpf_skb_change_head(skb, outer, 0);
	if (bpf_skb_load_bytes(skb, 0, &inner, sizeof(inner)))
		return -1;
	err = bpf_skb_adjust_room(skb, outer, BPF_ADJ_ROOM_MAC,
				  BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
					  BPF_F_ADJ_ROOM_ENCAP_L2_ETH | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_LEN));
	return err ? err : bpf_skb_store_bytes(skb, outer, &inner, sizeof(inner), 0);
}

/* Sends an encapsulated packet to a peer. */
static __always_inline int geneve_send(struct iom_node *node)
{
	struct bpf_redir_neigh nh = {};

	if (node->nexthop.a[2] == iom_htonl(0xffff) && !node->nexthop.a[0] && !node->nexthop.a[1]) {
		nh.nh_family = IOM_AF_INET;
		nh.ipv4_nh = node->nexthop.a[3];
	} else {
		nh.nh_family = IOM_AF_INET6;
		__builtin_memcpy(nh.ipv6_nh, node->nexthop.a, sizeof(nh.ipv6_nh));
	}
	return bpf_redirect_neigh(node->ifindex, &nh, sizeof(nh), 0);
}

/* Encapsulates for m->out, a remote iom_ref, and sends. */
static __always_inline int geneve_encap(struct __sk_buff *skb, struct iom_meta *m)
{
	__u32 zero = 0, slot = iom_ref_node(m->out), dp_slot = m->dp, size, hash;
	struct iom_tunnel *own = bpf_map_lookup_elem(&iom_tunnel_end, &zero);
	struct iom_node *node = bpf_map_lookup_elem(&iom_nodes, &slot);
	struct iom_dp *dp = bpf_map_lookup_elem(&iom_dps, &dp_slot);
	struct geneve_outer outer;

	if (!own || !own->relay || !dp)
		return iom_drop(skb, m, iom, NO_TUNNEL);
	if (!node || iom_addr_is_zero(&node->addr))
		return iom_drop(skb, m, iom, NO_NODE);
	if (!node->ifindex)
		return iom_drop(skb, m, iom, NO_ROUTE);
	size = geneve_size(skb, m);
	if (!size || size > node->mtu)
		return iom_drop(skb, m, iom, TOO_BIG);
	iom_trace_add(m, IOM_TRACE_TUNNEL, m->out, dp->vni);
	if (m->flags & IOM_TRACE)
		return TC_ACT_SHOT;
	hash = bpf_get_hash_recalc(skb);
	if (geneve_grow(skb, m))
		return iom_drop(skb, m, iom, ENCAP_FAILED);
	geneve_fill(&outer, m, skb->len, hash, dp->vni, own->addr.a[3], node->addr.a[3]);
	if (bpf_skb_store_bytes(skb, 0, &outer, sizeof(outer), 0))
		return iom_drop(skb, m, iom, ENCAP_FAILED);
	if (m->proto == ETH_IP4 || m->proto == ETH_IP6)
		return geneve_send(node);
	/* skb->protocol is still the inner frame's, for which there is no redirect_neigh: across the relay it becomes IP. */
	skb->mark = IOM_MARK_RELAY;
	if (m->flags & IOM_COPY)
		return TC_ACT_OK; /* we are in the relay's egress hook */
	return bpf_redirect(own->relay, 0);
}

/* What came across the relay: encapsulated, marked, on to the peer that its outer header names. */
static __always_inline int geneve_relay(struct __sk_buff *skb, struct iom_meta *m)
{
	struct iom_addr addr;
	struct iom_node *node;
	__u32 *slot, dst;

	if (!m)
		return TC_ACT_SHOT;
	if (skb->mark != IOM_MARK_RELAY || bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip4_hdr, dst), &dst, 4))
		return iom_drop(skb, m, iom, FOREIGN_EGRESS);
	iom_addr_set4(&addr, dst);
	slot = bpf_map_lookup_elem(&iom_node_addrs, &addr);
	node = slot ? bpf_map_lookup_elem(&iom_nodes, slot) : NULL;
	if (!node)
		return iom_drop(skb, m, iom, NO_NODE);
	skb->mark = 0;
	return geneve_send(node);
}

/* A Geneve packet that arrives. */
struct geneve_packet {
	__u32 src; /* outer source address */
	__u32 udp; /* offset of the UDP header */
};

/* Whether the packet is Geneve for this node's tunnel end. All else is the host's. */
static __always_inline int geneve_for_us(struct __sk_buff *skb, struct geneve_packet *p)
{
	__u32 zero = 0;
	struct iom_tunnel *own = bpf_map_lookup_elem(&iom_tunnel_end, &zero);
	struct ip4_hdr ip;
	__u16 dport;

	if (!own || skb->protocol != iom_htons(ETH_IP4) || bpf_skb_load_bytes(skb, ETH_LEN, &ip, sizeof(ip)))
		return 0;
	if (ip.proto != PROTO_UDP || ip.dst != own->addr.a[3] || !ip.dst || ip.frag & iom_htons(0x1fff))
		return 0;
	p->src = ip.src;
	p->udp = ETH_LEN + (ip.ver_ihl & 15) * 4;
	if (bpf_skb_load_bytes(skb, p->udp + 2, &dport, sizeof(dport)))
		return 0;
	return dport == iom_htons(GENEVE_PORT);
}

/* Whether the packet is several UDP datagrams that travel as one (GSO), as a virtual underlay delivers them. A decapsulated one still says
 * that it is in a tunnel, which no program can take off, and whoever cuts it (a socket, a tap) loses it. TCP is not cut after us, or rightly. */
static __always_inline int geneve_is_datagrams(struct __sk_buff *skb, struct geneve_packet *p)
{
	__u32 inner = p->udp + UDP_LEN + sizeof(struct geneve_hdr), proto_at;
	struct geneve_hdr g;
	struct eth_hdr eth;
	__u8 proto;

	if (!skb->gso_size || bpf_skb_load_bytes(skb, p->udp + UDP_LEN, &g, sizeof(g)))
		return 0;
	inner += (g.ver_optlen & 63) * 4;
	if (bpf_skb_load_bytes(skb, inner, &eth, sizeof(eth)))
		return 0;
	proto_at = inner + ETH_LEN +
		   (eth.proto == iom_htons(ETH_IP6) ? __builtin_offsetof(struct ip6_hdr, next)
						    : __builtin_offsetof(struct ip4_hdr, proto));
	return !bpf_skb_load_bytes(skb, proto_at, &proto, sizeof(proto)) && proto == PROTO_UDP;
}

/* OVN's option among the options, into m. 0, or a negative number: -1 none, -2 malformed, -3 an unknown critical one. */
static __always_inline int geneve_keys(struct __sk_buff *skb, struct iom_meta *m, __u32 offset, __u32 end)
{
	struct geneve_opt opt;
	__u16 keys[2];

	for (int i = 0; i < 8; i++) {
		if (offset >= end)
			return -1;
		if (bpf_skb_load_bytes(skb, offset, &opt, sizeof(opt)))
			return -2;
		offset += sizeof(opt);
		if (opt.class == iom_htons(GENEVE_CLASS_OVN) && opt.type == GENEVE_TYPE_OVN) {
			if ((opt.len & 31) != 1 || offset + sizeof(keys) > end ||
			    bpf_skb_load_bytes(skb, offset, keys, sizeof(keys)))
				return -2;
			m->in_key = iom_ntohs(keys[0]) & 0x7fff;
			m->out_key = iom_ntohs(keys[1]);
			return 0;
		}
		if (opt.type & GENEVE_CRITICAL)
			return -3;
		offset += (opt.len & 31) * 4;
	}
	return -2;
}

/* Takes the outer headers off; inner: the offset of the inner Ethernet header. 0 or negative. */
static __always_inline long geneve_shrink(struct __sk_buff *skb, __u32 inner)
{
	struct eth_hdr eth;
	__u64 family = 0;
	long err;

	if (bpf_skb_load_bytes(skb, inner, &eth, sizeof(eth)))
		return -1;
	if (eth.proto == iom_htons(ETH_IP6))
		family = BPF_F_ADJ_ROOM_DECAP_L3_IPV6; /* sets skb->protocol; kernels before 6.3 don't know it */
	err = bpf_skb_adjust_room(skb, -(__s32)inner, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO | family);
	if (err && family)
		err = bpf_skb_adjust_room(skb, -(__s32)inner, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
	return err ? err : bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0);
}

/* Checks and decapsulates. 0: m has instance, keys, in and out (0: out_key is a group). Else the packet is dropped and counted. */
static __always_inline int geneve_decap(struct __sk_buff *skb, struct iom_meta *m, struct geneve_packet *p)
{
	__u32 opts = p->udp + UDP_LEN + sizeof(struct geneve_hdr), inner, *node;
	struct iom_tun_key key;
	struct iom_addr src;
	struct geneve_hdr g;
	struct iom_tun *tun;
	int err;

	iom_addr_set4(&src, p->src);
	node = bpf_map_lookup_elem(&iom_node_addrs, &src);
	if (!node)
		return iom_drop(skb, m, iom, TUNNEL_UNKNOWN_NODE);
	if (bpf_skb_load_bytes(skb, p->udp + UDP_LEN, &g, sizeof(g)) || g.ver_optlen >> 6 || g.proto != iom_htons(ETH_TEB))
		return iom_drop(skb, m, iom, TUNNEL_MALFORMED);
	inner = opts + (g.ver_optlen & 63) * 4;
	err = geneve_keys(skb, m, opts, inner);
	if (err == -1)
		return iom_drop(skb, m, iom, TUNNEL_NO_KEYS);
	if (err == -3)
		return iom_drop(skb, m, iom, TUNNEL_OPTION);
	if (err || skb->len < inner + ETH_LEN)
		return iom_drop(skb, m, iom, TUNNEL_MALFORMED);
	key.vni = iom_ntohl(g.vni) >> 8;
	key.key = m->out_key;
	tun = bpf_map_lookup_elem(&iom_tunnel_keys, &key);
	if (!tun)
		return iom_drop(skb, m, iom, TUNNEL_UNKNOWN_KEY);
	m->dp = tun->dp;
	m->out = tun->port;
	m->in = IOM_REF_REMOTE | *node << 16 | m->in_key;
	m->flags |= IOM_TUNNELLED;
	if (geneve_shrink(skb, inner))
		return iom_drop(skb, m, iom, DECAP_FAILED);
	return 0;
}

#endif
