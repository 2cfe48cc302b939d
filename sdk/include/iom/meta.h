/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* meta.h: what is known of the packet at hand while it travels from module to module.
 *
 * One struct iom_meta per CPU and nesting depth: bpf_clone_redirect runs the target device's egress program inside the
 * caller, so the copy works on the next element and the caller finds its own unchanged. Programs of one run are
 * chained by tail calls and find their element through skb->cb[0]. */
#ifndef IOM_META_H
#define IOM_META_H

#include <iom/bpf.h>
#include <iom/headers.h>

/* iom_ref names a port from anywhere: 0 none; a slot of iom_ports for a port on this node; with IOM_REF_REMOTE set,
 * a tunnel peer (bits 16..30, a slot of iom_nodes) and the port's or group's tunnel key there (bits 0..15); or, with IOM_REF_GROUP
 * set, a group of the same instance (bits 0..15), for a port that is in several places at once. */
typedef __u32 iom_ref;
#define IOM_REF_REMOTE 0x80000000u
#define IOM_REF_GROUP 0x40000000u
#define iom_ref_node(ref) (((ref) >> 16) & 0x7fff)
#define iom_ref_key(ref) ((__u16)(ref))

enum {
	/* Sizes of the shared tables. */
	IOM_PORTS = 32768, /* ports plugged on this node, and those that link instances */
	IOM_DPS = 16384, /* module instances */
	IOM_NODES = 4096, /* tunnel peers */
	IOM_PROGS = 256, /* program slots */
	IOM_SERVICES = 8, /* services of an instance */

	/* meta.flags */
	IOM_TRACE = 1 << 0, /* record actions, send nothing */
	IOM_LOOPBACK = 1 << 1, /* may leave by the port it came from */
	IOM_COPY = 1 << 2, /* a copy in its target's egress hook */
	IOM_HERE_ONLY = 1 << 3, /* goes to ports of this node only: came from a tunnel or from a local port */
	IOM_EGRESS = 1 << 4, /* in the egress pipeline of its instance: about to leave by m->out */
	IOM_AT_EGRESS = 1 << 5, /* this run is in a device's egress hook, and the packet is not that device's */
	IOM_RESUMED = 1 << 6, /* user space had the packet and sent it on: it is not punted for the same reason again */
	IOM_TRACE_REPLY = 1 << 7, /* of a trace: the packet answers one that passed, though no connection tells so */
	IOM_FLOW_CHECK = 1 << 8, /* what becomes of the packet is compared with what is noted of its flow, see <iom/flow.h> */

	IOM_DEPTH_TRACE = 3, /* element of iom_metas that trace runs use */

	IOM_FLOW_ENDED = 128, /* more than all hops */

	IOM_MAX_HOPS = 30, /* module visits of one packet; the kernel ends at 33 tail calls */
};

/* What the flow cache knows a packet by, as it came in: 7 words that are compared as such. */
struct iom_flow_key {
	__u32 in; /* slot of the port */
	__u16 sport, dport; /* host byte order */
	struct iom_addr src, dst;
	__u8 smac[6], dmac[6];
	__u16 proto; /* ethertype, host byte order */
	__u8 l4_proto;
	__u8 pad;
} __attribute__((aligned(8)));

struct iom_meta {
	__u32 flags;
	__u32 dp; /* instance slot that has the packet */
	__u32 port; /* slot of the port of this node that drops and counters belong to; 0 none */
	__u32 in; /* iom_ref of the port it came in by */
	__u32 out; /* iom_ref of the port or group it goes out by */
	__u32 mark; /* pkt.mark of OVN: modules set it and match on it; the network's devices never see it */
	__u32 ct_zone; /* where it came in, if others may vouch for it there, see iom_ct_voucher; 0: they may not */
	__u32 ct_voucher; /* of its connection there; 0: none. Whoever changes addresses or ports clears it */
	__u16 in_key, out_key; /* tunnel keys of both */
	__u8 hops;
	__u8 service; /* number of the next service of the instance */

	/* Parsed once, at entry. Ethertype and ports in host byte order; offsets in bytes from the Ethernet header. */
	__u16 proto; /* ethertype; 0: shorter than an Ethernet header */
	__u16 l4; /* offset of the transport header; 0: none found (no IP, later fragment, malformed) */
	__u8 l4_proto;
	__u8 fragment; /* any fragment but the first */
	__u8 first_fragment; /* others follow, which lack the transport header */
	__u8 ct_state; /* enum iom_match_ct of the packet's connection, for the services at egress; 0: not tracked */
	__u8 ct_came; /* the same in ct_zone */
	__u16 sport, dport; /* TCP, UDP; ICMP: type in sport, code in dport */
	__u8 dmac[6], smac[6];
	struct iom_addr src, dst; /* of IPv4 and IPv6 */
	struct iom_addr about; /* what a punt tells besides: where a router sends the packet, which rule it met */

	/* Of the flow cache, see <iom/flow.h>. */
	__u64 flow_stamp; /* of the tables when the packet came in; 0: what becomes of it is not noted */
	struct iom_flow_key flow;
	__u32 flow_hash;
	__u16 flow_size; /* bytes: larger IP packets fare otherwise; 0: none does */
	__u8 flow_held; /* programs for which it holds, and IOM_FLOW_ENDED */
	__u8 flow_hops; /* routers passed */

	/* Where a copy is on its way to; set around bpf_clone_redirect. */
	__u32 copy_ifindex;

	/* In the first element only: nesting depth of this CPU, 0 outside any copy. */
	__u32 depth;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_meta);
	__uint(max_entries, IOM_DEPTH_TRACE + 1);
} iom_metas SEC(".maps");

/* iom_flow_ends says that what is done with the packet does not hold for its flow. */
static __always_inline void iom_flow_ends(struct iom_meta *m)
{
	m->flow_held |= IOM_FLOW_ENDED;
}

/* iom_meta_get returns the metadata of this run; NULL cannot happen after an entry program. */
static __always_inline struct iom_meta *iom_meta_get(struct __sk_buff *skb)
{
	__u32 depth = skb->cb[0];

	return bpf_map_lookup_elem(&iom_metas, &depth);
}

#endif
