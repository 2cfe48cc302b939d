// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* wire.bpf.c: how packets come in and leave: the programs on the devices' hooks, and the tunnel.
 *
 *   vif_in       ingress of a port's device: a workload sends; what the flow cache knows goes where the flow went
 *   vif_out      egress of a port's device: lets pass what a pipeline sent, runs the egress pipeline of flood copies
 *   underlay_in  ingress of the tunnel's devices: Geneve for us is ours, all else passes
 *   relay_out    egress of the relay device: encapsulates flood copies for other nodes, takes those for links between instances, and what
 *                user space sends on
 *   relay_in     ingress of the relay's other end: takes what only a second look could send (frames that are not IP) or receive
 *                (datagrams that came as one packet)
 *   tunnel       called: encapsulates a unicast packet
 *   trace_in     never attached: a trace by test-run enters here
 *
 * The verdict of the unforeseen is a named drop. */
#include <iom/action.h>
#include <iom/parse.h>
#include <iom/punt.h>
#include <iom/ct_tables.h>
#include "geneve.h"

char _license[] SEC("license") = "Dual BSD/GPL";

const volatile enum iom_mark iom_marks = 0; /* puts these types in BTF, where user space finds them */
const volatile struct iom_resume iom_resumes = {};
const volatile enum iom_ct_size iom_ct_sizes = 0;

/* Port slot by ifindex: an array for the usual, a hash for numbers beyond it (a host that has made many devices). */
#define BIND_ARRAY 65536
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, BIND_ARRAY);
} iom_bindings SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, IOM_PORTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_bindings_high SEC(".maps");

static __always_inline __u32 bound_port(__u32 ifindex)
{
	__u32 *slot;

	if (iom_likely(ifindex < BIND_ARRAY)) {
		slot = bpf_map_lookup_elem(&iom_bindings, &ifindex);
	} else {
		slot = bpf_map_lookup_elem(&iom_bindings_high, &ifindex);
		asm volatile("" : "+r"(slot)); /* keeps two calls apart: the kernel inlines none that is for either table */
	}
	return slot ? *slot : 0;
}

/* Ports that share a device with others, told apart by VLAN tag: containers in a VM, sub-ports of a trunk. */
struct iom_tag_key {
	__u32 ifindex;
	__u32 tag; /* VLAN, host byte order */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_tag_key);
	__type(value, __u32); /* port slot */
	__uint(max_entries, IOM_PORTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_tag_bindings SEC(".maps");

/* Names for people who look at the pins without an agent; no program reads them. One that is longer than a row has several. */
struct iom_name_key {
	__u32 dp; /* instance slot; 0: number is the slot of a tunnel peer */
	__u32 number; /* 0: the instance itself; a tunnel key: that port or group; from IOM_OBJECTS on: what a kind numbers so */
	__u16 kind; /* number of the kind that numbers; 0 below IOM_OBJECTS */
	__u16 part; /* 0, 1, ... */
};
struct iom_name {
	char name[64]; /* zero-padded */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_name_key);
	__type(value, struct iom_name);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_names SEC(".maps");

/* The sub-port that a tagged frame comes from, 0 if its tag is no sub-port's. The tag of a sub-port is taken off. */
static __always_inline __u32 bound_sub_port(struct __sk_buff *skb)
{
	struct iom_tag_key key = { .ifindex = skb->ifindex, .tag = skb->vlan_tci & 0xfff };
	__u32 *slot = bpf_map_lookup_elem(&iom_tag_bindings, &key);

	if (!slot || bpf_skb_vlan_pop(skb))
		return 0;
	return *slot;
}

static __always_inline struct iom_meta *meta_at(__u32 depth)
{
	return bpf_map_lookup_elem(&iom_metas, &depth);
}

/* Starts a run: clears metadata but for what iom_parse fills. */
static __always_inline struct iom_meta *begin_at(struct __sk_buff *skb, struct iom_meta *m, __u32 depth)
{
	skb->cb[0] = depth;
	if (m) {
		m->flags = 0;
		m->dp = 0;
		m->port = 0;
		m->in = 0;
		m->out = 0;
		m->in_key = 0;
		m->out_key = 0;
		m->hops = 0;
		m->service = 0;
		m->mark = 0;
		m->ct_state = 0;
		m->ct_zone = 0;
		m->ct_voucher = 0;
		m->flow_stamp = 0;
		m->flow_size = 0;
		m->flow_held = 0;
		m->flow_hops = 0;
		m->copy_ifindex = 0;
	}
	return m;
}

/* Starts a run on this CPU's present depth. NULL: no such depth; unreachable, copies don't nest that deep. */
static __always_inline struct iom_meta *begin(struct __sk_buff *skb)
{
	struct iom_meta *first = meta_at(0);

	if (!first || !first->depth)
		return begin_at(skb, first, 0);
	return begin_at(skb, meta_at(first->depth), first->depth);
}

/* The packet, which iom_parse has looked at with a result, enters the network by a port of this node. */
static __always_inline int enter_parsed(struct __sk_buff *skb, struct iom_meta *m, __u32 slot, int parsed)
{
	struct iom_port *port = iom_port_get(slot);

	if (!port)
		return iom_drop(skb, m, iom, NOT_PLUGGED);
	m->dp = port->dp;
	m->port = slot;
	m->in = slot;
	m->in_key = port->key;
	if (port->flags & IOM_PORT_HERE_ONLY)
		m->flags |= IOM_HERE_ONLY;
	if (parsed)
		return iom_drop(skb, m, iom, TRUNCATED);
	return iom_call(skb, m, port->kind, IOM_PROG_IN);
}

static __always_inline int enter(struct __sk_buff *skb, struct iom_meta *m, __u32 slot)
{
	return enter_parsed(skb, m, slot, iom_parse(skb, m));
}

/* Sends the packet where its flow goes. */
static __always_inline int follow(struct __sk_buff *skb, struct iom_meta *m, const struct iom_flow *f)
{
	struct iom_port *port = iom_port_get(f->port);

	m->port = f->port;
	if (!port)
		return iom_drop(skb, m, iom, NO_PORT);
	m->dp = port->dp;
	m->in_key = f->in_key;
	m->out = f->out;
	if (f->hops && iom_hop(skb, m, f->smac, f->dmac, f->hops))
		return iom_drop(skb, m, iom, REWRITE_FAILED);
	if (!(m->out & IOM_REF_REMOTE))
		return iom_deliver(skb, m, port);
	m->out_key = iom_ref_key(m->out);
	return iom_call_tunnel(skb, m);
}

SEC("tc")
int vif_in(struct __sk_buff *skb)
{
	__u32 slot = skb->vlan_present ? bound_sub_port(skb) : 0;
	struct iom_meta *m = begin(skb);
	const struct iom_flow *f;
	int parsed;

	if (!slot)
		slot = bound_port(skb->ifindex);
	if (!m)
		return TC_ACT_SHOT;
	iom_count_rx(skb, slot);
	parsed = iom_parse(skb, m);
	f = parsed ? NULL : iom_flow_find(skb, m, slot);
	return f ? follow(skb, m, f) : enter_parsed(skb, m, slot, parsed);
}

/* If this run is a copy that a flood sends to this device: its metadata, taken over from the flooding program. */
static __always_inline struct iom_meta *begin_copy(struct __sk_buff *skb)
{
	struct iom_meta *flood, *m, *first = meta_at(0);
	__u32 depth = first ? first->depth : 0;

	if (!depth)
		return NULL;
	flood = meta_at(depth - 1);
	m = meta_at(depth);
	if (!flood || !m || flood->copy_ifindex != skb->ifindex)
		return NULL;
	*m = *flood;
	flood->copy_ifindex = 0; /* one run per copy */
	m->copy_ifindex = 0;
	m->flags |= IOM_COPY;
	skb->cb[0] = depth;
	return m;
}

/* If this run is a copy that another release floods to this device: its metadata, made anew. to_peer: the copy goes to another node. */
static __always_inline struct iom_meta *begin_handed_over(struct __sk_buff *skb, int to_peer)
{
	struct iom_handover *h = iom_handover_get(skb);
	struct iom_tun_key key = {};
	struct iom_tun *tun;
	struct iom_meta *m;
	__u32 *node;

	m = h && h->vni ? begin(skb) : NULL;
	if (!m)
		return NULL;
	h->ifindex = 0; /* one run per copy */
	m->in_key = h->in_key;
	m->out_key = h->out_key;
	m->flags = IOM_COPY | (h->here_only ? IOM_HERE_ONLY : 0);
	key.vni = h->vni;
	key.key = to_peer ? h->in_key : h->out_key; /* the port of this node */
	tun = bpf_map_lookup_elem(&iom_tunnel_keys, &key);
	if (!tun)
		return NULL;
	m->dp = tun->dp;
	m->out = tun->port;
	if (to_peer) {
		node = bpf_map_lookup_elem(&iom_node_addrs, &h->peer);
		if (!node)
			return NULL;
		m->out = IOM_REF_REMOTE | *node << 16 | h->out_key;
	}
	return iom_parse(skb, m) ? NULL : m;
}

/* A packet on a device that belongs to Woven, sent by someone else. */
static __always_inline int foreign(struct __sk_buff *skb, __u32 slot)
{
	struct iom_meta *m = begin(skb);
	struct iom_port *port = iom_port_get(slot);

	if (!m)
		return TC_ACT_SHOT;
	if (port) {
		m->dp = port->dp;
		m->port = slot;
	}
	return iom_drop(skb, m, iom, FOREIGN_EGRESS);
}

/* The packet is about to leave its instance by a port of this node, which m->out names. */
static __always_inline int leave_by(struct __sk_buff *skb, struct iom_meta *m)
{
	struct iom_port *port = iom_port_get(m->out);

	if (!port)
		return iom_drop(skb, m, iom, NO_PORT);
	m->dp = port->dp;
	m->port = m->out;
	m->out_key = port->key;
	return iom_call(skb, m, port->kind, IOM_PROG_OUT);
}

SEC("tc")
int vif_out(struct __sk_buff *skb)
{
	struct iom_meta *m;

	if (skb->mark == IOM_MARK_DONE) {
		skb->mark = 0;
		return TC_ACT_UNSPEC;
	}
	m = begin_copy(skb) ?: begin_handed_over(skb, 0);
	return m ? leave_by(skb, m) : foreign(skb, bound_port(skb->ifindex));
}

SEC("tc")
int tunnel(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	return m ? geneve_encap(skb, m) : TC_ACT_SHOT;
}

/* User space sends a frame on. */
static __always_inline int resume(struct __sk_buff *skb)
{
	struct iom_meta *m = begin(skb);
	struct iom_resume r = {};
	struct iom_port *port;

	skb->mark = 0;
	if (!m || skb->len < sizeof(r) || bpf_skb_load_bytes(skb, skb->len - sizeof(r), &r, sizeof(r)) ||
	    bpf_skb_change_tail(skb, skb->len - sizeof(r), 0))
		return TC_ACT_SHOT;
	port = iom_port_get(r.port);
	m->dp = r.dp;
	if (!port || port->dp != r.dp)
		return iom_drop(skb, m, iom, RESUME_STALE);
	m->flags = IOM_AT_EGRESS | IOM_RESUMED | (r.here_only ? IOM_HERE_ONLY : 0);
	m->mark = r.mark;
	if (!r.leaves)
		return enter(skb, m, r.port);
	m->out = r.port;
	if (iom_parse(skb, m))
		return iom_drop(skb, m, iom, TRUNCATED);
	return leave_by(skb, m);
}

SEC("tc")
int relay_out(struct __sk_buff *skb)
{
	struct iom_meta *m;

	if (skb->mark == IOM_MARK_RELAY || skb->mark == IOM_MARK_SPLIT)
		return TC_ACT_UNSPEC;
	if (skb->mark == IOM_MARK_RESUME)
		return resume(skb);
	m = begin_copy(skb) ?: begin_handed_over(skb, 1);
	if (!m)
		return foreign(skb, 0);
	return m->out & IOM_REF_REMOTE ? geneve_encap(skb, m) : leave_by(skb, m);
}

/* A Geneve packet for this node: to the port or the group that it names. */
static __always_inline int arrive(struct __sk_buff *skb, struct geneve_packet *p)
{
	struct iom_meta *m = begin(skb);

	if (!m || geneve_decap(skb, m, p))
		return TC_ACT_SHOT; /* counted there */
	if (iom_parse(skb, m))
		return iom_drop(skb, m, iom, TRUNCATED);
	if (!m->out)
		return iom_flood(skb, m, m->out_key);
	return leave_by(skb, m);
}

SEC("tc")
int underlay_in(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct iom_tunnel *own = bpf_map_lookup_elem(&iom_tunnel_end, &zero);
	struct geneve_packet p;

	if (!geneve_for_us(skb, &p))
		return TC_ACT_UNSPEC;
	if (own && own->relay && geneve_is_datagrams(skb, &p)) {
		skb->mark = IOM_MARK_SPLIT;
		return bpf_redirect(own->relay, 0);
	}
	return arrive(skb, &p);
}

SEC("tc")
int relay_in(struct __sk_buff *skb)
{
	struct geneve_packet p;

	if (skb->mark == IOM_MARK_SPLIT && geneve_for_us(skb, &p)) {
		skb->mark = 0;
		return arrive(skb, &p);
	}
	return geneve_relay(skb, begin(skb));
}

/* What cb[1] of a trace says about the packet, which comes in by port slot cb[0] unless it leaves. */
enum {
	TRACE_LEAVES = 1 << 0, /* it is of instance cb[4], about to leave by iom_ref cb[0]; came in by iom_ref cb[2], key cb[3] */
	TRACE_ANSWERS = 1 << 1, /* see IOM_TRACE_REPLY */
};

SEC("tc")
int trace_in(struct __sk_buff *skb)
{
	__u32 at = skb->cb[0], where = skb->cb[1], in = skb->cb[2], in_key = skb->cb[3], dp = skb->cb[4];
	struct iom_meta *m = begin_at(skb, meta_at(IOM_DEPTH_TRACE), IOM_DEPTH_TRACE);

	if (!m)
		return TC_ACT_SHOT;
	m->flags = IOM_TRACE | (where & TRACE_ANSWERS ? IOM_TRACE_REPLY : 0);
	if (!(where & TRACE_LEAVES))
		return enter(skb, m, at);
	m->dp = dp;
	m->in = in;
	m->in_key = in_key;
	m->out = at;
	if (iom_parse(skb, m))
		return iom_drop(skb, m, iom, TRUNCATED);
	if (at & IOM_REF_REMOTE) {
		m->out_key = iom_ref_key(at);
		return iom_call_tunnel(skb, m);
	}
	return leave_by(skb, m);
}
