/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* geneve.h: OVN's tunnels by hand (RFC 8926; ovn-architecture(7), "Tunnel Encapsulations").
 *
 * Outer packet: Ethernet, IPv4 (with DF) or IPv6, UDP to 6081 with checksum 0, Geneve with VNI = the datapath's key and OVN's option with both port keys.
 * Next hops are resolved by the kernel's neighbour table (bpf_redirect_neigh). */
#ifndef WIRE_GENEVE_H
#define WIRE_GENEVE_H

#include <iom/action.h>
#include <iom/csum.h>
#include <iom/parse.h>

/* What follows the outer IP header, as it lies in the packet. */
struct geneve_tail {
	struct udp_hdr udp;
	struct geneve_hdr geneve;
	struct geneve_opt opt;
	__u16 in_key, out_key; /* network byte order */
} IOM_HALFWORDS;

/* All outer headers, by outer family. */
struct geneve_outer4 {
	struct eth_hdr eth;
	struct ip4_hdr ip;
	struct geneve_tail tail;
} IOM_HALFWORDS;
struct geneve_outer6 {
	struct eth_hdr eth;
	struct ip6_hdr ip;
	struct geneve_tail tail;
} IOM_HALFWORDS;

/* The inner link-layer header with its tag, if the frame has one. */
struct geneve_inner {
	__u8 addrs[12];
	struct vlan_hdr vlan; /* untagged: its first member is the ethertype, the rest does not count */
} IOM_HALFWORDS;

/* This node's own tunnel addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_addr);
	__type(value, __u32); /* 1 */
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_own_addrs SEC(".maps");

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

/* A length field; what does not fit is GSO, for which segmentation writes it. */
static __always_inline __u16 geneve_len(__u32 len)
{
	return iom_htons(len > 65535 ? 65535 : len);
}

/* len: bytes from the UDP header to the end. */
static __always_inline void geneve_fill_tail(struct geneve_tail *t, struct iom_meta *m, __u32 len, __u32 hash, __u32 vni)
{
	t->udp.sport = iom_htons(0x8000 | (hash & 0x7fff)); /* the flow's hash, for ECMP in the underlay */
	t->udp.dport = iom_htons(GENEVE_PORT);
	t->udp.len = geneve_len(len);
	t->udp.csum = 0;
	t->geneve.ver_optlen = 2;
	t->geneve.flags = 0x40; /* critical options present */
	t->geneve.proto = iom_htons(ETH_TEB);
	t->geneve.vni = iom_htonl(vni << 8);
	t->opt.class = iom_htons(GENEVE_CLASS_OVN);
	t->opt.type = GENEVE_TYPE_OVN;
	t->opt.len = 1;
	t->in_key = iom_htons(m->in_key);
	t->out_key = iom_htons(m->out_key);
}

/* The type of service or traffic class of the outer header. */
static __always_inline __u8 geneve_tos(struct __sk_buff *skb, struct iom_meta *m, struct iom_tunnel *own)
{
	__u8 b[2] = {};

	if (!(own->flags & IOM_TUNNEL_INHERIT_TOS) || (m->proto != ETH_IP4 && m->proto != ETH_IP6) ||
	    bpf_skb_load_bytes(skb, ETH_LEN, b, sizeof(b)))
		return own->tos;
	return m->proto == ETH_IP4 ? b[1] : b[0] << 4 | b[1] >> 4;
}

/* What the outer headers need to know. */
struct geneve_encap {
	struct iom_node *node;
	__u32 vni, hash;
	__u8 tos, may_fragment;
};

static __always_inline long geneve_store4(struct __sk_buff *skb, struct iom_meta *m, struct geneve_encap *e)
{
	struct geneve_outer4 o = { .eth.proto = iom_htons(ETH_IP4) };
	__u32 len = skb->len - ETH_LEN;
	struct ip4_hdr ip;

	o.ip.ver_ihl = 0x45;
	o.ip.tos = e->tos;
	o.ip.len = geneve_len(len);
	o.ip.frag = e->may_fragment ? 0 : iom_htons(0x4000);
	o.ip.ttl = 64;
	o.ip.proto = PROTO_UDP;
	o.ip.src = e->node->local.a[3];
	o.ip.dst = e->node->addr.a[3];
	ip = o.ip;
	o.ip.csum = iom_csum_ip4(&ip);
	geneve_fill_tail(&o.tail, m, len - IP4_LEN, e->hash, e->vni);
	return bpf_skb_store_bytes(skb, 0, &o, sizeof(o), 0);
}

static __always_inline long geneve_store6(struct __sk_buff *skb, struct iom_meta *m, struct geneve_encap *e)
{
	struct geneve_outer6 o = { .eth.proto = iom_htons(ETH_IP6) };
	__u32 len = skb->len - ETH_LEN - IP6_LEN;

	o.ip.ver_tc_flow = iom_htonl(6 << 28 | (__u32)e->tos << 20);
	o.ip.plen = geneve_len(len);
	o.ip.next = PROTO_UDP;
	o.ip.hop_limit = 64;
	__builtin_memcpy(o.ip.src, &e->node->local, sizeof(o.ip.src));
	__builtin_memcpy(o.ip.dst, &e->node->addr, sizeof(o.ip.dst));
	geneve_fill_tail(&o.tail, m, len, e->hash, e->vni);
	return bpf_skb_store_bytes(skb, 0, &o, sizeof(o), 0);
}

/* Makes room for outer bytes of headers in front of the inner frame and puts a tag that is in the metadata in band, where tunnels carry
 * it. 0 or negative. IP packets keep their GSO and checksum state; the kernel refuses adjust_room for all others, which have none. */
static __always_inline long geneve_grow(struct __sk_buff *skb, struct iom_meta *m, __u32 outer, __u64 family)
{
	struct geneve_inner inner = {};
	__u32 tci = skb->vlan_tci, tagged = skb->vlan_present, more = tagged ? VLAN_LEN : 0;
	long err;

	if (bpf_skb_load_bytes(skb, 0, &inner, ETH_LEN) || (tagged && bpf_skb_vlan_pop(skb)))
		return -1;
	if (tagged) {
		inner.vlan.proto = inner.vlan.tpid;
		inner.vlan.tpid = iom_htons(ETH_VLAN);
		inner.vlan.tci = iom_htons(tci);
	}
	if (m->proto != ETH_IP4 && m->proto != ETH_IP6)
		err = bpf_skb_change_head(skb, outer + more, 0);
	else
		err = bpf_skb_adjust_room(skb, outer + more, BPF_ADJ_ROOM_MAC,
					  BPF_F_ADJ_ROOM_FIXED_GSO | family | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
						  BPF_F_ADJ_ROOM_ENCAP_L2_ETH | BPF_F_ADJ_ROOM_ENCAP_L2(ETH_LEN + more));
	if (err)
		return err;
	return tagged ? bpf_skb_store_bytes(skb, outer, &inner, ETH_LEN + VLAN_LEN, 0)
		      : bpf_skb_store_bytes(skb, outer, &inner, ETH_LEN, 0);
}

/* Sends an encapsulated packet to a peer. */
static __always_inline int geneve_send(struct iom_node *node)
{
	struct bpf_redir_neigh nh = {};

	if (iom_addr_is4(&node->nexthop)) {
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
	__u32 zero = 0, slot = iom_ref_node(m->out), dp_slot = m->dp, size, overhead, is4;
	struct iom_tunnel *own = bpf_map_lookup_elem(&iom_tunnel_end, &zero);
	struct iom_dp *dp = bpf_map_lookup_elem(&iom_dps, &dp_slot);
	struct geneve_encap e = { .node = bpf_map_lookup_elem(&iom_nodes, &slot) };
	long err;

	if (!own || !own->relay || !dp)
		return iom_drop(skb, m, iom, NO_TUNNEL);
	if (!e.node || iom_addr_is_zero(&e.node->addr))
		return iom_drop(skb, m, iom, NO_NODE);
	if (!e.node->ifindex)
		return iom_drop(skb, m, iom, NO_ROUTE);
	is4 = iom_addr_is4(&e.node->addr);
	size = iom_frame_size(skb, m);
	overhead =
		(is4 ? sizeof(struct geneve_outer4) : sizeof(struct geneve_outer6)) - ETH_LEN + (skb->vlan_present ? VLAN_LEN : 0);
	if (!size || size + overhead > e.node->mtu)
		return iom_drop(skb, m, iom, TOO_BIG);
	iom_trace_add(m, IOM_TRACE_TUNNEL, m->out, dp->vni);
	if (m->flags & IOM_TRACE)
		return TC_ACT_SHOT;
	e.vni = dp->vni;
	e.hash = bpf_get_hash_recalc(skb);
	e.tos = geneve_tos(skb, m, own);
	e.may_fragment = own->flags & IOM_TUNNEL_MAY_FRAGMENT;
	if (is4)
		err = geneve_grow(skb, m, sizeof(struct geneve_outer4), BPF_F_ADJ_ROOM_ENCAP_L3_IPV4) ?: geneve_store4(skb, m, &e);
	else
		err = geneve_grow(skb, m, sizeof(struct geneve_outer6), BPF_F_ADJ_ROOM_ENCAP_L3_IPV6) ?: geneve_store6(skb, m, &e);
	if (err)
		return iom_drop(skb, m, iom, ENCAP_FAILED);
	if (m->proto == ETH_IP4 || m->proto == ETH_IP6)
		return geneve_send(e.node);
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
	long err;

	if (!m)
		return TC_ACT_SHOT;
	if (skb->mark != IOM_MARK_RELAY)
		return iom_drop(skb, m, iom, FOREIGN_EGRESS);
	if (skb->protocol == iom_htons(ETH_IP4)) {
		err = bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip4_hdr, dst), &dst, sizeof(dst));
		iom_addr_set4(&addr, err ? 0 : dst);
	} else {
		err = bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip6_hdr, dst), &addr, sizeof(addr));
	}
	slot = err ? NULL : bpf_map_lookup_elem(&iom_node_addrs, &addr);
	node = slot ? bpf_map_lookup_elem(&iom_nodes, slot) : NULL;
	if (!node)
		return iom_drop(skb, m, iom, NO_NODE);
	skb->mark = 0;
	return geneve_send(node);
}

/* A Geneve packet that arrives. */
struct geneve_packet {
	struct iom_addr src; /* outer source address */
	__u32 udp; /* offset of the UDP header */
};

/* Whether the packet is Geneve for one of this node's tunnel addresses. All else is the host's. */
static __always_inline int geneve_for_us(struct __sk_buff *skb, struct geneve_packet *p)
{
	struct iom_addr dst;
	__u16 dport;

	if (skb->protocol == iom_htons(ETH_IP4)) {
		struct ip4_hdr ip;

		if (bpf_skb_load_bytes(skb, ETH_LEN, &ip, sizeof(ip)) || ip.proto != PROTO_UDP || ip.frag & iom_htons(0x1fff))
			return 0;
		iom_addr_set4(&p->src, ip.src);
		iom_addr_set4(&dst, ip.dst);
		p->udp = ETH_LEN + (ip.ver_ihl & 15) * 4;
	} else if (skb->protocol == iom_htons(ETH_IP6)) {
		struct ip6_hdr ip;

		if (bpf_skb_load_bytes(skb, ETH_LEN, &ip, sizeof(ip)) || ip.next != PROTO_UDP)
			return 0;
		__builtin_memcpy(&p->src, ip.src, sizeof(p->src));
		__builtin_memcpy(&dst, ip.dst, sizeof(dst));
		p->udp = ETH_LEN + IP6_LEN;
	} else {
		return 0;
	}
	if (bpf_skb_load_bytes(skb, p->udp + 2, &dport, sizeof(dport)) || dport != iom_htons(GENEVE_PORT))
		return 0;
	return bpf_map_lookup_elem(&iom_own_addrs, &dst) != NULL;
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

/* Removes len bytes behind the Ethernet header. The flag sets skb->protocol where the families differ, and lowers the length that
 * the kernel wants to remain; before 6.3 there are no such flags, and a short packet is padded instead. 0 or negative. */
static __always_inline long geneve_cut(struct __sk_buff *skb, __u32 len, __u16 inner_proto)
{
	__u32 is4 = skb->protocol == iom_htons(ETH_IP4), least = ETH_LEN + len + IP6_LEN;
	__u64 family = 0;
	long err;

	if (is4 && inner_proto == iom_htons(ETH_IP6))
		family = BPF_F_ADJ_ROOM_DECAP_L3_IPV6;
	else if (!is4 && inner_proto != iom_htons(ETH_IP6))
		family = BPF_F_ADJ_ROOM_DECAP_L3_IPV4;
	err = bpf_skb_adjust_room(skb, -(__s32)len, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO | family);
	if (!err || !family)
		return err;
	if (skb->len < least && bpf_skb_change_tail(skb, least, 0))
		return -1;
	return bpf_skb_adjust_room(skb, -(__s32)len, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
}

/* Takes the outer headers off; inner: the offset of the inner Ethernet header. An inner tag ends up in the metadata. 0 or negative. */
static __always_inline long geneve_shrink(struct __sk_buff *skb, __u32 inner)
{
	struct geneve_inner l2 = {};
	__u32 tagged;
	__u16 tci;

	if (bpf_skb_load_bytes(skb, inner, &l2, ETH_LEN))
		return -1;
	tagged = l2.vlan.tpid == iom_htons(ETH_VLAN);
	if (tagged) {
		if (bpf_skb_load_bytes(skb, inner, &l2, ETH_LEN + VLAN_LEN))
			return -1;
		l2.vlan.tpid = l2.vlan.proto;
		inner += VLAN_LEN;
	}
	tci = iom_ntohs(l2.vlan.tci);
	if (geneve_cut(skb, inner, l2.vlan.tpid) || bpf_skb_store_bytes(skb, 0, &l2, ETH_LEN, 0))
		return -1;
	return tagged ? bpf_skb_vlan_push(skb, iom_htons(ETH_VLAN), tci) : 0;
}

/* Checks and decapsulates. 0: m has instance, keys, in and out (0: out_key is a group). Else the packet is dropped and counted. */
static __always_inline int geneve_decap(struct __sk_buff *skb, struct iom_meta *m, struct geneve_packet *p)
{
	__u32 opts = p->udp + UDP_LEN + sizeof(struct geneve_hdr), inner, *node;
	struct iom_tun_key key;
	struct geneve_hdr g;
	struct iom_tun *tun;
	int err;

	node = bpf_map_lookup_elem(&iom_node_addrs, &p->src);
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
	m->flags |= IOM_HERE_ONLY;
	if (geneve_shrink(skb, inner))
		return iom_drop(skb, m, iom, DECAP_FAILED);
	return 0;
}

#endif
