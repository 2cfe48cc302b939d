/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* action.h: what a module may do with a packet. Every effect goes through these calls, so that a trace can record
 * them instead and a flow cache can learn them. Each ends in a verdict that the module returns at once, but for the rewrite. */
#ifndef IOM_ACTION_H
#define IOM_ACTION_H

#include <iom/count.h>
#include <iom/drop.h>
#include <iom/flood.h>
#include <iom/port.h>

/* Programs by slot: 0 and 1 are the platform's, 2*kind and 2*kind+1 the modules' in and out programs. */
enum {
	IOM_PROG_TUNNEL = 0,
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
};

/* A tail call to a slot that is known when the program is loaded: a direct jump, several times cheaper than an indirect one. The
 * assembly keeps the compiler from merging two of them into one with a computed slot. */
#define IOM_TAIL_CALL(skb, slot) \
	asm volatile("r1 = %[ctx]\n\tr2 = %[progs] ll\n\tr3 = %[index]\n\tcall 12" ::[ctx] "r"(skb), [progs] "i"(&iom_progs), \
		     [index] "i"(slot) \
		     : "r0", "r1", "r2", "r3", "r4", "r5", "memory")

/* iom_call goes on in a program; it returns only to drop the packet because the program is missing. */
static __always_inline int iom_call(struct __sk_buff *skb, struct iom_meta *m, __u32 prog)
{
	if (++m->hops > IOM_MAX_HOPS)
		return iom_drop(skb, m, iom, HOP_LIMIT);
	switch (prog) { /* the platform's and the first kinds' */
	case 0:
		IOM_TAIL_CALL(skb, 0);
		break;
	case 2:
		IOM_TAIL_CALL(skb, 2);
		break;
	case 3:
		IOM_TAIL_CALL(skb, 3);
		break;
	default:
		bpf_tail_call(skb, &iom_progs, prog);
	}
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
		return iom_call(skb, m, IOM_PROG_TUNNEL);
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

/* iom_deliver hands the packet to the device of port, which is m->out; the end of an egress pipeline. */
static __always_inline int iom_deliver(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *port)
{
	if (iom_unlikely(m->flags & IOM_TRACE)) {
		iom_trace_append(m, IOM_TRACE_OUTPUT, m->out, 0);
		return TC_ACT_SHOT;
	}
	iom_count_tx(skb, m->out);
	if (port->tag && bpf_skb_vlan_push(skb, iom_htons(ETH_VLAN), port->tag))
		return iom_drop(skb, m, iom, TAG_FAILED);
	if (m->flags & IOM_COPY) { /* we are in this device's egress hook already */
		skb->mark = 0;
		return TC_ACT_OK;
	}
	/* Straight into the peer's namespace only when nothing can tell the difference: redirect_peer takes every frame for one addressed
	 * to the peer, and leaves the protocol of the outer header on a packet that came from a tunnel. */
	if (iom_mac_eq(m->dmac, port->peer_mac) && !port->tag && m->proto == iom_ntohs((__u16)skb->protocol)) {
		skb->mark = 0;
		return bpf_redirect_peer(port->ifindex, 0);
	}
	skb->mark = IOM_MARK_DONE;
	return bpf_redirect(port->ifindex, 0);
}

/* iom_rewrite changes bytes of the packet; the caller keeps m in step. Invalidates packet pointers. Negative on failure. */
static __always_inline int iom_rewrite(struct __sk_buff *skb, struct iom_meta *m, __u32 offset, const void *bytes, __u32 len)
{
	iom_trace_add(m, IOM_TRACE_REWRITE, offset, len);
	return bpf_skb_store_bytes(skb, offset, bytes, len, 0);
}

#endif
