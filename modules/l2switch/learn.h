/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* learn.h: MAC learning on ports with unknown addresses. The table here serves this node at once; user space tells the other nodes. */
#ifndef L2SWITCH_LEARN_H
#define L2SWITCH_LEARN_H

#include <iom/punt.h>
#include "tables.h"

/* Takes a place in the port's limit. */
static __always_inline int may_learn(__u32 slot)
{
	struct l2switch_learn_count *count = bpf_map_lookup_elem(&l2switch_learn_counts, &slot);

	if (!count)
		return 0;
	if (count->learned < L2SWITCH_LEARN_LIMIT) {
		__sync_fetch_and_add(&count->learned, 1);
		return 1;
	}
	__sync_fetch_and_add(&count->refused, 1);
	return 0;
}

static __always_inline void forget(__u32 slot, int refused)
{
	struct l2switch_learn_count *count = bpf_map_lookup_elem(&l2switch_learn_counts, &slot);

	if (count) {
		__sync_fetch_and_add(&count->learned, -1);
		if (refused)
			__sync_fetch_and_add(&count->refused, 1);
	}
}

/* The source address belongs to the port that the packet came in by. A packet that can't be remembered passes all the same. */
static __always_inline void learn(struct __sk_buff *skb, struct iom_meta *m)
{
	struct l2switch_learned *have, entry = { .ref = m->in, .seen = bpf_ktime_get_coarse_ns() / 1000000000 };
	struct l2switch_fdb_key key = { .dp = m->dp };
	iom_ref was;

	iom_flow_ends(m); /* each packet says where its sender is */
	iom_mac_copy(key.mac, m->smac);
	have = bpf_map_lookup_elem(&l2switch_learned_macs, &key);
	if (have && have->ref == m->in) {
		if (have->seen != entry.seen && !(m->flags & IOM_TRACE))
			have->seen = entry.seen;
		return;
	}
	iom_trace_add(m, IOM_TRACE_LEARN, m->in, 0);
	if (m->flags & IOM_TRACE)
		return;
	was = have ? have->ref : 0;
	if (!may_learn(m->port))
		return;
	if (bpf_map_update_elem(&l2switch_learned_macs, &key, &entry, 0)) {
		forget(m->port, 1);
		return;
	}
	if (was && !(was & (IOM_REF_REMOTE | IOM_REF_GROUP)))
		forget(was, 0);
	iom_punt(skb, m, L2SWITCH_PUNT_LEARNED, 0);
}

#endif
