/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* flood.h: copies of a packet for the members of a group, and how many of them a port may cause (storm control).
 *
 * A copy costs the node about as much as a packet of its own, on the CPU of the sender's packet: without a limit one port that sends broadcasts
 * into a large group takes the node's CPUs from other tenants. Each port of this node has a token bucket, counted in copies; so has each instance
 * for all that comes to it by tunnels. A packet that finds its bucket empty is dropped for all; one that finds anything in it goes to all, and
 * what it takes too much has to be refilled first: a group may be larger than any bucket. */
#ifndef IOM_FLOOD_H
#define IOM_FLOOD_H

#include <iom/drop.h>
#include <iom/handover.h>
#include <iom/port.h>

/* How many copies a second floods may make, of one port; 0: any number. User space writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} iom_flood_rate SEC(".maps");

/* A bucket holds what comes in a quarter of a second. */
#define IOM_FLOOD_BURST 4

struct iom_flood_bucket {
	__u64 at; /* ms; time of the last refill */
	__s64 tokens; /* thousandths of copies; below 0: a debt */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32); /* slot of the sending port */
	__type(value, struct iom_flood_bucket);
	__uint(max_entries, IOM_PORTS);
} iom_flood_ports SEC(".maps") IOM_LIVE_BY_PORT;
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32); /* slot of the instance, for what comes by tunnels; the next instance may find what is left */
	__type(value, struct iom_flood_bucket);
	__uint(max_entries, IOM_DPS);
} iom_flood_arrivals SEC(".maps") IOM_LIVE;

/* Takes tokens for copies. Two CPUs may take the same ones: the limit is a protection, not an account. */
static __noinline int iom_flood_allowed(struct iom_meta *m, __u32 copies)
{
	__u32 zero = 0, slot, dp, *rate = bpf_map_lookup_elem(&iom_flood_rate, &zero);
	__u64 now = bpf_ktime_get_coarse_ns() / 1000000, since;
	struct iom_flood_bucket *bucket;
	__s64 full;

	if (!m || !rate || !*rate || m->flags & IOM_TRACE)
		return 1;
	slot = m->in;
	dp = m->dp;
	if (slot & IOM_REF_REMOTE)
		bucket = bpf_map_lookup_elem(&iom_flood_arrivals, &dp);
	else
		bucket = bpf_map_lookup_elem(&iom_flood_ports, &slot);
	if (!bucket)
		return 1;
	since = now - bucket->at;
	if (since) {
		full = (__s64)*rate * 1000 / IOM_FLOOD_BURST;
		if (since > 1000 * 1000) /* long ago, or never */
			bucket->tokens = full;
		else
			bucket->tokens += since * *rate;
		if (bucket->tokens > full)
			bucket->tokens = full;
		bucket->at = now;
	}
	if (bucket->tokens <= 0)
		return 0;
	bucket->tokens -= (__s64)copies * 1000;
	return 1;
}

struct iom_flood_ctx {
	struct __sk_buff *skb;
	struct iom_meta *m;
	__u32 *depth;
	struct iom_handover *handover;
	__u32 relay; /* ifindex; 0: no tunnels */
	struct iom_group_key member;
};

/* One copy of a flood, to group member number index. */
static long iom_flood_copy(__u32 index, struct iom_flood_ctx *f)
{
	struct iom_meta *m = f->m;
	struct iom_addr nowhere = {};
	struct iom_node *node = NULL;
	struct iom_port *port;
	__u32 ifindex, slot;
	iom_ref *ref;
	long err;

	f->member.index = index;
	ref = bpf_map_lookup_elem(&iom_members, &f->member);
	if (!ref || *ref == m->in)
		return 0;
	m->out = *ref;
	if (m->out & IOM_REF_REMOTE) {
		if (m->flags & IOM_HERE_ONLY || !f->relay)
			return 0;
		slot = iom_ref_node(m->out);
		node = bpf_map_lookup_elem(&iom_nodes, &slot);
		ifindex = f->relay;
		m->out_key = iom_ref_key(m->out);
	} else {
		port = iom_port_get(m->out);
		if (!port || ((port->flags & IOM_PORT_HERE_ONLY || port->peer) && m->in & IOM_REF_REMOTE))
			return 0; /* links are followed on the sender's node only (ovn-architecture(7)), or each node's router would answer */
		ifindex = port->peer ? f->relay : port->ifindex;
		m->out_key = port->key;
	}
	if (m->flags & IOM_TRACE) {
		iom_trace_append(m, IOM_TRACE_COPY, m->out, 0);
		return 0;
	}
	f->handover->peer = node ? node->addr : nowhere;
	f->handover->out_key = m->out_key;
	f->handover->ifindex = ifindex;
	m->copy_ifindex = ifindex;
	++*f->depth;
	err = bpf_clone_redirect(f->skb, ifindex, 0);
	--*f->depth;
	m->copy_ifindex = 0;
	f->handover->ifindex = 0;
	if (err < 0)
		iom_drop(f->skb, m, iom, COPY_FAILED);
	return 0;
}

/* Sends a copy to each of count members of a group. */
static __noinline int iom_copy_all(struct __sk_buff *skb, struct iom_meta *m, __u16 group, __u32 count)
{
	struct iom_flood_ctx f = { .skb = skb, .m = m, .member = { .key = group } };
	__u32 zero = 0;
	struct iom_meta *first = bpf_map_lookup_elem(&iom_metas, &zero);
	struct iom_tunnel *tunnel = bpf_map_lookup_elem(&iom_tunnel_end, &zero);

	f.handover = bpf_map_lookup_elem(&iom_handovers, &zero);
	if (m)
		iom_flow_ends(m);
	if (!m || !first || !f.handover)
		return TC_ACT_SHOT; /* unreachable: all exist */
	if (first->depth + 1 >= IOM_DEPTH_TRACE && !(m->flags & IOM_TRACE))
		return iom_drop(skb, m, iom, NESTED);
	f.member.dp = m->dp;
	f.depth = &first->depth;
	f.relay = tunnel ? tunnel->relay : 0;
	if (!(m->flags & IOM_TRACE))
		iom_hand_over(f.handover, m, bpf_map_lookup_elem(&iom_dps, &f.member.dp));
	iom_trace_add(m, IOM_TRACE_FLOOD, group, count);
	bpf_loop(count, iom_flood_copy, &f, 0);
	return TC_ACT_SHOT; /* the copies are out, the original has served; not a drop */
}

static __always_inline __u32 *iom_group_count(struct iom_meta *m, __u16 group)
{
	struct iom_group_key key = { .dp = m->dp, .key = group };

	return bpf_map_lookup_elem(&iom_groups, &key);
}

/* iom_flood sends a copy to every member of a group of the packet's instance but the port it came from: to ports on this node
 * through their egress pipelines, which run in the egress hooks of their devices (of the relay for links), and, unless the packet came from a tunnel, one
 * to each other node that has members. Invalidates packet pointers. */
static __always_inline int iom_flood(struct __sk_buff *skb, struct iom_meta *m, __u16 group)
{
	__u32 *count = iom_group_count(m, group);

	if (!count)
		return iom_drop(skb, m, iom, NO_GROUP);
	if (!iom_flood_allowed(m, *count))
		return iom_drop(skb, m, iom, FLOOD_LIMIT);
	return iom_copy_all(skb, m, group, *count);
}

/* iom_copy is iom_flood for a group that stands for one port in several places: as unicast, without a limit. */
static __always_inline int iom_copy(struct __sk_buff *skb, struct iom_meta *m, __u16 group)
{
	__u32 *count = iom_group_count(m, group);

	return count ? iom_copy_all(skb, m, group, *count) : iom_drop(skb, m, iom, NO_GROUP);
}

#endif
