/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* policy.h: what routing policies make of a packet that a route has sent its way (ovn-northd(8), "Router policies" and "ECMP handling for
 * router policies"). */
#ifndef ROUTER_POLICY_H
#define ROUTER_POLICY_H

#include <iom/match.h>
#include <iom/port.h>
#include "way.h"

/* The number of the first policy that matches a packet which is to leave by a port; 0: none. Negative: it can't be told. As in OVN policies see the packet
 * routed: with the port's MAC address as its source, and one hop less to live. */
static __always_inline int find_policy(struct __sk_buff *skb, struct iom_meta *m, __u32 version, iom_ref out, __u32 *object)
{
	struct iom_match_list list = { .dp = m->dp, .version = version, .list = ROUTER_POLICIES };
	struct router_port *port = router_port_get(out);
	struct iom_port *slot = iom_port_get(out);
	struct iom_match_query *q;
	int rule;

	m->out_key = slot ? slot->key : 0;
	q = iom_match_begin(skb, m);
	if (!q)
		return -1;
	q->hops = 1;
	if (port)
		iom_mac_copy(q->smac, port->mac);
	rule = iom_match(skb, q, &list, 0);
	*object = rule >= 0 ? q->value : 0;
	return rule == IOM_MATCH_LOST ? -1 : 0;
}

/* Applies the policies of a version to a packet that is to go by hop: 0, and hop may be another way out then; else the packet is dropped. */
static __always_inline int apply_policies(struct __sk_buff *skb, struct iom_meta *m, __u32 version, struct router_hop *hop)
{
	struct router_policy_key key = { .dp = m->dp };
	struct router_policy *policy;
	struct router_hop *other;

	if (find_policy(skb, m, version, hop->out, &key.object))
		return iom_drop(skb, m, router, UNDECIDED);
	if (!key.object) {
		iom_decide(m, router, NO_POLICY, 0);
		return 0;
	}
	policy = bpf_map_lookup_elem(&router_policies, &key);
	if (!policy)
		return iom_drop(skb, m, router, UNDECIDED);
	if (policy->action == ROUTER_DROP) {
		iom_decide(m, router, POLICY_DROPS, key.object);
		return iom_drop(skb, m, router, POLICY);
	}
	if (policy->mark)
		m->mark = policy->mark;
	if (policy->action == ROUTER_ALLOW) {
		iom_decide(m, router, POLICY_ALLOWS, key.object);
		return 0;
	}
	iom_decide(m, router, POLICY_REROUTES, key.object);
	other = choose_hop(m, &policy->way, key.object);
	if (!other)
		return iom_drop(skb, m, router, UNDECIDED);
	*hop = *other;
	return 0;
}

#endif
