/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* handover.h: a flood copy that goes from one release to another.
 *
 * An upgrade switches a node's hooks one by one. Meanwhile a copy that a program of one release floods may meet, in the egress hook of its device,
 * the program of another one, to which the first one's metadata and slots mean nothing. So whoever floods also says where the copy goes
 * in words that do not change between releases, those of the tunnels, in a table that all releases share. */
#ifndef IOM_HANDOVER_H
#define IOM_HANDOVER_H

#include <iom/port.h>

/* The copy that is under way on this CPU. A change of this layout ends the handing over between the releases before and after it. */
struct iom_handover {
	__u32 ifindex; /* of the device that the copy goes to; 0: none is under way */
	__u32 vni; /* of the instance; one without cannot be handed over */
	__u16 in_key, out_key; /* as in meta */
	__u32 here_only; /* IOM_HERE_ONLY is set */
	struct iom_addr peer; /* of a copy to another node: its address */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_handover);
	__uint(max_entries, 1);
} iom_handovers SEC(".maps");

/* Says what all copies of the packet have in common. */
static __always_inline void iom_hand_over(struct iom_handover *h, struct iom_meta *m, struct iom_dp *dp)
{
	h->vni = dp ? dp->vni : 0;
	h->in_key = m->in_key;
	h->here_only = m->flags & IOM_HERE_ONLY;
}

/* The copy that is under way to the device of the packet; NULL: it is none. */
static __always_inline struct iom_handover *iom_handover_get(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct iom_handover *h = bpf_map_lookup_elem(&iom_handovers, &zero);

	return h && h->ifindex == skb->ifindex ? h : NULL;
}

#endif
