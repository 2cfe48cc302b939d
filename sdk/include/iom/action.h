/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* action.h: what a module may do with a packet. Every effect goes through these calls, so that a trace can record
 * them instead and the flow cache can note them. Each ends in a verdict that the module returns at once, but for iom_rewrite and iom_hop. */
#ifndef IOM_ACTION_H
#define IOM_ACTION_H

#include <iom/count.h>
#include <iom/csum.h>
#include <iom/drop.h>
#include <iom/flood.h>
#include <iom/port.h>

/* Programs by slot: 0 to 3 are the platform's, 4*kind and the three that follow a kind's. */
enum {
	IOM_PROG_TUNNEL = 0,
};

/* What a kind's programs do. A kind that is the host of services has all four, others the first two. */
enum iom_prog {
	IOM_PROG_IN, /* <kind>_in: a packet enters by m->in; of a service: at ingress of its host */
	IOM_PROG_OUT, /* <kind>_out: it is about to leave by m->out, a port of this node; of a service: at egress of its host */
	IOM_PROG_NEXT, /* <kind>_next: goes on at ingress, after the services */
	IOM_PROG_LEAVE, /* <kind>_leave: goes on at egress, after the services */
	IOM_PROGS_OF_KIND,
};

/* What follows a frame that user space sends on, in host byte order. */
struct iom_resume {
	__u32 port; /* slot */
	__u32 dp; /* instance slot of the port: a stale one is refused */
	__u8 leaves; /* it leaves its instance by the port; 0: it enters by the port */
	__u8 here_only; /* to ports of this node only */
	__u8 pad[2];
	__u32 mark; /* pkt.mark */
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, IOM_PROGS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} iom_progs SEC(".maps");

/* What a device that belongs to Woven sees in skb->mark. */
enum iom_mark {
	IOM_MARK_DONE = 0x574f5645, /* the egress pipeline has run, or user space sends to the port */
	IOM_MARK_RELAY = 0x574f5246, /* an encapsulated packet on its way from the relay device to the underlay */
	IOM_MARK_SPLIT = 0x574f5350, /* one that arrived, to be cut into its datagrams by the relay device */
	IOM_MARK_RESUME = 0x574f5255, /* user space sends it on, out of the relay device; struct iom_resume follows the frame */
};

/* A tail call to a slot that is known when the program is loaded: a direct jump, several times cheaper than an indirect one. The
 * assembly keeps the compiler from merging two of them into one with a computed slot. */
#define IOM_TAIL_CALL(skb, slot) \
	asm volatile("r1 = %[ctx]\n\tr2 = %[progs] ll\n\tr3 = %[index]\n\tcall 12" ::[ctx] "r"(skb), [progs] "i"(&iom_progs), \
		     [index] "i"(slot) \
		     : "r0", "r1", "r2", "r3", "r4", "r5", "memory")

#define IOM_CALL_KIND(skb, kind, which) \
	case kind: \
		IOM_TAIL_CALL(skb, IOM_PROGS_OF_KIND *(kind) + (which)); \
		break

/* iom_call goes on in a kind's program; it returns only to drop the packet because the program is missing. which is a constant. */
static __always_inline int iom_call(struct __sk_buff *skb, struct iom_meta *m, __u32 kind, const enum iom_prog which)
{
	if (++m->hops > IOM_MAX_HOPS)
		return iom_drop(skb, m, iom, HOP_LIMIT);
	switch (kind) { /* the first kinds */
		IOM_CALL_KIND(skb, 1, which);
		IOM_CALL_KIND(skb, 2, which);
		IOM_CALL_KIND(skb, 3, which);
	default:
		bpf_tail_call(skb, &iom_progs, IOM_PROGS_OF_KIND * kind + which);
	}
	return iom_drop(skb, m, iom, NO_PROGRAM);
}

/* iom_service_done goes on behind a service: in the next one or, after the last, in the host's own <kind>_next or <kind>_leave. */
static __always_inline int iom_service_done(struct __sk_buff *skb, struct iom_meta *m)
{
	struct iom_dp *dp = iom_dp_get(m->dp);
	__u32 kind;

	if (!dp)
		return iom_drop(skb, m, iom, NO_PROGRAM);
	kind = m->service < IOM_SERVICES ? dp->services[m->service & (IOM_SERVICES - 1)] : 0;
	m->service++;
	if (m->flags & IOM_EGRESS)
		return kind ? iom_call(skb, m, kind, IOM_PROG_OUT) : iom_call(skb, m, dp->kind, IOM_PROG_LEAVE);
	return kind ? iom_call(skb, m, kind, IOM_PROG_IN) : iom_call(skb, m, dp->kind, IOM_PROG_NEXT);
}

/* iom_has_services says whether the packet's instance has services; iom_services sends it to the first of them, at egress or at
 * ingress. */
static __always_inline int iom_has_services(struct iom_meta *m)
{
	struct iom_dp *dp = iom_dp_get(m->dp);

	return dp && dp->services[0];
}

static __always_inline int iom_services(struct __sk_buff *skb, struct iom_meta *m, int egress)
{
	m->service = 0;
	if (egress)
		m->flags |= IOM_EGRESS;
	return iom_service_done(skb, m);
}

static __always_inline int iom_call_tunnel(struct __sk_buff *skb, struct iom_meta *m)
{
	IOM_TAIL_CALL(skb, IOM_PROG_TUNNEL);
	return iom_drop(skb, m, iom, NO_PROGRAM);
}

/* A module's egress pipeline, for m->out, which is port. */
typedef int (*iom_leave_fn)(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *port);

/* iom_output sends the packet out of a port of the same instance: through the module's egress pipeline when the port is on this
 * node, into the tunnel otherwise, to all of its places when it has several. leave is that pipeline, inlined: the port's instance is
 * the packet's, so that no call is needed. Invalidates packet pointers. */
static __always_inline int iom_output(struct __sk_buff *skb, struct iom_meta *m, iom_ref out, iom_leave_fn leave)
{
	struct iom_port *port;

	m->out = out;
	if (out == m->in && !(m->flags & IOM_LOOPBACK))
		return iom_drop(skb, m, iom, HAIRPIN);
	if (!out)
		return iom_drop(skb, m, iom, NOT_BOUND);
	if (out & IOM_REF_REMOTE) {
		if (m->flags & IOM_HERE_ONLY)
			return iom_drop(skb, m, iom, HERE_ONLY);
		m->out_key = iom_ref_key(out);
		iom_flow_leaves(m);
		return iom_call_tunnel(skb, m);
	}
	if (out & IOM_REF_GROUP)
		return iom_copy(skb, m, iom_ref_key(out));
	port = iom_port_get(out);
	if (!port || port->dp != m->dp)
		return iom_drop(skb, m, iom, NO_PORT);
	m->out_key = port->key;
	m->port = out;
	return leave(skb, m, port);
}

/* The packet leaves its instance by a link and enters the one at the other end, as if it came from outside; peer: slot of that end. */
static __always_inline int iom_cross(struct __sk_buff *skb, struct iom_meta *m, __u32 peer)
{
	struct iom_port *port = iom_port_get(peer);

	if (!port)
		return iom_drop(skb, m, iom, NO_PEER);
	if (m->flags & IOM_COPY)
		m->flags |= IOM_AT_EGRESS;
	m->flags &= ~(IOM_LOOPBACK | IOM_COPY | IOM_EGRESS | IOM_RESUMED);
	m->dp = port->dp;
	m->port = peer;
	m->in = peer;
	m->in_key = port->key;
	m->out = 0;
	m->out_key = 0;
	m->ct_state = 0;
	return iom_call(skb, m, port->kind, IOM_PROG_IN);
}

/* iom_deliver hands the packet to the device of port, which is m->out, or across its link; the end of an egress pipeline. */
static __always_inline int iom_deliver(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *port)
{
	if (port->peer)
		return iom_cross(skb, m, port->peer);
	if (iom_unlikely(m->flags & IOM_TRACE)) {
		iom_trace_append(m, IOM_TRACE_OUTPUT, m->out, 0);
		return TC_ACT_SHOT;
	}
	iom_flow_leaves(m);
	iom_count_tx(skb, m->out);
	if (port->tag && bpf_skb_vlan_push(skb, iom_htons(ETH_VLAN), port->tag))
		return iom_drop(skb, m, iom, TAG_FAILED);
	if (m->flags & IOM_COPY) { /* we are in this device's egress hook already */
		skb->mark = 0;
		return TC_ACT_OK;
	}
	/* Straight into the peer's namespace only when nothing can tell the difference: redirect_peer takes every frame for one addressed
	 * to the peer, and leaves the protocol of the outer header on a packet that came from a tunnel. */
	if (iom_mac_eq(m->dmac, port->peer_mac) && !port->tag && !(m->flags & IOM_AT_EGRESS) &&
	    m->proto == iom_ntohs((__u16)skb->protocol)) {
		skb->mark = 0;
		return bpf_redirect_peer(port->ifindex, 0);
	}
	skb->mark = IOM_MARK_DONE;
	return bpf_redirect(port->ifindex, 0);
}

/* iom_rewrite changes bytes of the packet; the caller keeps m in step. Invalidates packet pointers. Negative on failure. */
static __always_inline int iom_rewrite(struct __sk_buff *skb, struct iom_meta *m, __u32 offset, const void *bytes, __u32 len)
{
	iom_flow_ends(m);
	iom_trace_add(m, IOM_TRACE_REWRITE, offset, len);
	return bpf_skb_store_bytes(skb, offset, bytes, len, 0);
}

/* What an IPv4 packet begins with, as far as routers write it. */
struct iom_hop4 {
	struct eth_hdr eth;
	__u8 rest[8];
	__u16 ttl; /* and the protocol, network byte order */
	__u16 csum;
} IOM_HALFWORDS;

/* Reads where it is, and writes by one call: of a packet that is written directly the kernel may copy all that is in the linear part. */
static __always_inline int iom_hop4(struct __sk_buff *skb, struct iom_meta *m, __u8 hops)
{
	struct iom_hop4 *now = (void *)(long)skb->data, h;

	if ((void *)(now + 1) > (void *)(long)skb->data_end)
		return -1;
	h = *now;
	h.ttl -= hops;
	h.csum = iom_csum_after(h.csum, now->ttl, h.ttl);
	iom_mac_copy(h.eth.src, m->smac);
	iom_mac_copy(h.eth.dst, m->dmac);
	return bpf_skb_store_bytes(skb, 0, &h, sizeof(h), 0);
}

static __always_inline int iom_hop6(struct __sk_buff *skb, struct iom_meta *m, __u8 hops)
{
	struct {
		__u8 dst[6], src[6];
	} IOM_HALFWORDS eth;
	__u8 limit;

	if (iom_ttl(skb, m, &limit))
		return -1;
	limit -= hops;
	iom_mac_copy(eth.src, m->smac);
	iom_mac_copy(eth.dst, m->dmac);
	if (bpf_skb_store_bytes(skb, iom_ttl_at(m), &limit, sizeof(limit), BPF_F_RECOMPUTE_CSUM))
		return -1;
	return bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0);
}

/* iom_hop makes an IP packet, whose time to live is more than hops, one that has passed so many routers, of which the last one sends it from smac
 * to dmac. Keeps m in step. Invalidates packet pointers. Negative on failure. */
static __always_inline int iom_hop(struct __sk_buff *skb, struct iom_meta *m, const __u8 *smac, const __u8 *dmac, __u8 hops)
{
	iom_mac_copy(m->smac, smac);
	iom_mac_copy(m->dmac, dmac);
	m->flow_hops += hops;
	iom_trace_add(m, IOM_TRACE_REWRITE, iom_ttl_at(m), 1);
	iom_trace_add(m, IOM_TRACE_REWRITE, 0, 12);
	return m->proto == ETH_IP4 ? iom_hop4(skb, m, hops) : iom_hop6(skb, m, hops);
}

#endif
