/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* drop.h: a drop has a name, a text and a counter.
 *
 * A module lists its reasons once:
 *	#define SWITCH_DROPS(X) X(NO_PORT, "port not in this switch") ...
 *	IOM_DROPS(myswitch, SWITCH_DROPS)
 * and ends a packet's life with
 *	return iom_drop(skb, m, myswitch, NO_PORT);
 * IOM_DROPS defines the table `myswitch_drops` whose value has a member per reason; names and texts reach user space through its BTF.
 * Each drop counts twice: for (instance, port) and for (instance, 0), the instance's total. */
#ifndef IOM_DROP_H
#define IOM_DROP_H

#include <iom/flow.h>
#include <iom/trace.h>

struct iom_drop_key {
	__u32 dp; /* instance slot; 0: not known */
	__u32 port; /* port slot; 0: the total */
};

#define IOM_DROP_MEMBER(name, text) __u64 name __attribute__((btf_decl_tag("doc:" text)));
#define IOM_DROPS(module, list) IOM_DROPS_OF(module, iom_kind, list)
#define IOM_DROPS_OF(module, its_kind, list) \
	struct module##_drops { \
		list(IOM_DROP_MEMBER) \
	}; \
	struct { \
		__uint(type, BPF_MAP_TYPE_HASH); \
		__type(key, struct iom_drop_key); \
		__type(value, struct module##_drops); \
		__uint(max_entries, 65536); \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
	} module##_drops SEC(".maps") IOM_LIVE; \
	const volatile struct module##_drops module##_none = {}; /* not on the stack, of which there is little */ \
	static __always_inline __u32 module##_drop_kind(void) \
	{ \
		return its_kind; \
	} \
	static __noinline void module##_count_drop(__u32 dp, __u32 port, __u32 reason) \
	{ \
		struct iom_drop_key key = { .dp = dp, .port = port }; \
		struct module##_drops *counts = bpf_map_lookup_elem(&module##_drops, &key); \
		if (!counts) { \
			bpf_map_update_elem(&module##_drops, &key, (const void *)&module##_none, BPF_NOEXIST); \
			counts = bpf_map_lookup_elem(&module##_drops, &key); \
		} \
		if (counts && reason < sizeof(*counts) / 8) \
			__sync_fetch_and_add((__u64 *)counts + reason, 1); \
	}

/* iom_drop counts the drop and is the verdict. In a trace it is recorded and not counted. */
#define iom_drop(skb, m, module, reason) \
	({ \
		__u32 reason_ = __builtin_offsetof(struct module##_drops, reason) / 8; \
		if ((m)->flags & IOM_TRACE) { \
			iom_trace_add(m, IOM_TRACE_DROP, module##_drop_kind(), reason_); \
		} else { \
			if ((m)->port) \
				module##_count_drop((m)->dp, (m)->port, reason_); \
			module##_count_drop((m)->dp, 0, reason_); \
			if ((m)->flags & IOM_FLOW_CHECK) \
				iom_flow_differs(m); \
		} \
		TC_ACT_SHOT; \
	})

/* The reasons of the platform itself: entries, tunnels and the action calls. */
#define IOM_PLATFORM_DROPS(X) \
	X(NOT_PLUGGED, "interface is in no logical port") \
	X(TRUNCATED, "shorter than its headers say") \
	X(FOREIGN_EGRESS, "sent to a port's device by something else than Woven") \
	X(NO_PROGRAM, "module program missing") \
	X(NO_PORT, "output port does not exist on this node") \
	X(NO_PEER, "link to another instance leads nowhere") \
	X(NESTED, "flood within a flood within a flood") \
	X(RESUME_STALE, "sent on by user space to a port that is gone") \
	X(NOT_BOUND, "destination port is plugged nowhere") \
	X(HAIRPIN, "would leave by the port it came from") \
	X(HOP_LIMIT, "visited too many modules") \
	X(NO_GROUP, "multicast group does not exist") \
	X(COPY_FAILED, "copy to a group member was refused by the device") \
	X(FLOOD_LIMIT, "more flood copies than a port may cause (woven-flood-limit)") \
	X(HERE_ONLY, "from a localport to a port of another node") \
	X(REWRITE_FAILED, "rewrite refused by the kernel") \
	X(TAG_FAILED, "VLAN tag of a sub-port refused by the kernel") \
	X(NO_TUNNEL, "this node has no tunnel end") \
	X(NO_NODE, "tunnel peer does not exist") \
	X(NO_ROUTE, "no route to the tunnel peer") \
	X(TOO_BIG, "larger than the path to the tunnel peer carries") \
	X(ENCAP_FAILED, "encapsulation refused by the kernel") \
	X(DECAP_FAILED, "decapsulation refused by the kernel") \
	X(TUNNEL_MALFORMED, "malformed Geneve packet") \
	X(TUNNEL_UNKNOWN_NODE, "Geneve packet from an unknown node") \
	X(TUNNEL_NO_KEYS, "Geneve packet without OVN's option") \
	X(TUNNEL_OPTION, "Geneve packet with an unknown critical option") \
	X(TUNNEL_UNKNOWN_KEY, "Geneve packet for an unknown datapath or port")
IOM_DROPS_OF(iom, 0, IOM_PLATFORM_DROPS)

#endif
