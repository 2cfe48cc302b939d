/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* way.h: the ways out of the router that a route or a policy has. */
#ifndef ROUTER_WAY_H
#define ROUTER_WAY_H

#include <iom/parse.h>
#include "tables.h"

/* One of the hops of a route or policy, by its number; always the same for a flow. NULL: it is just being written. */
static __always_inline struct router_hop *choose_hop(struct iom_meta *m, struct router_way *way, __u32 object)
{
	struct router_hop_key key = { .dp = m->dp, .object = object };

	if (way->count < 2)
		return &way->first;
	key.index = iom_flow_hash(m) % way->count;
	return bpf_map_lookup_elem(&router_hops, &key);
}

#endif
