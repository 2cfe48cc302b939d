/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* neighbour.h: ARP and ND answers for known addresses, and questions that go straight to the router that has the address (ovn-northd(8),
 * "ARP/ND responder", "Destination Lookup"). */
#ifndef L2SWITCH_NEIGHBOUR_H
#define L2SWITCH_NEIGHBOUR_H

#include <iom/neighbour.h>
#include "tables.h"

/* Who has addr, or answers for a network that it is in (ovn-nb(5), Logical_Switch_Port options:arp_proxy); NULL: nobody known. */
static __always_inline struct l2switch_neigh *find_neighbour(struct iom_meta *m, const struct iom_addr *addr)
{
	struct l2switch_neigh_key key = { .dp = m->dp, .addr = *addr };
	struct l2switch_proxy_key network = { .prefixlen = 32 + 128, .dp = m->dp, .addr = *addr };
	struct l2switch_neigh *neigh = bpf_map_lookup_elem(&l2switch_neighs, &key);
	struct l2switch_config *config;

	if (neigh)
		return neigh;
	config = config_of(m);
	return config && config->flags & L2SWITCH_PROXIES ? bpf_map_lookup_elem(&l2switch_proxies, &network) : NULL;
}

/* Who answers for addr, unless it is the asker. If that is a port itself, owner is where to ask it. */
static __always_inline struct l2switch_neigh *known_neighbour(struct iom_meta *m, const struct iom_addr *addr, iom_ref *owner)
{
	struct l2switch_neigh *neigh = find_neighbour(m, addr);

	if (!neigh || neigh->port == m->in_key)
		return NULL;
	*owner = neigh->owner;
	if (neigh->owner)
		return NULL;
	iom_decide(m, l2switch, ANSWERED, neigh->port);
	return neigh;
}

static __always_inline int answer_arp(struct __sk_buff *skb, struct iom_meta *m, iom_ref *owner)
{
	struct l2switch_neigh *neigh;
	struct iom_arp_packet p;
	struct iom_addr addr;

	if (!iom_arp_load(skb, m, &p) || p.arp.op != iom_htons(ARP_REQUEST))
		return 0;
	iom_addr_set4(&addr, p.arp.tpa);
	neigh = known_neighbour(m, &addr, owner);
	return neigh && iom_arp_answer(skb, m, &p, neigh->mac);
}

static __always_inline int answer_nd(struct __sk_buff *skb, struct iom_meta *m, iom_ref *owner)
{
	struct l2switch_neigh *neigh;
	struct iom_nd_packet p;
	struct iom_addr addr;

	if (!iom_nd_load(skb, m, &p, ICMP6_ND_NS))
		return 0;
	__builtin_memcpy(&addr, p.nd.target, sizeof(addr));
	neigh = iom_nd_asks(m, &addr) ? known_neighbour(m, &addr, owner) : NULL;
	return neigh && iom_nd_answer(skb, m, &p, neigh->mac, 0);
}

/* Whether the packet was a question and now is the answer. If a port answers itself, owner is where to ask it. */
static __always_inline int answer_neighbour(struct __sk_buff *skb, struct iom_meta *m, iom_ref *owner)
{
	if (m->proto == ETH_ARP)
		return answer_arp(skb, m, owner);
	if (m->proto == ETH_IP6 && m->l4_proto == PROTO_ICMP6)
		return answer_nd(skb, m, owner);
	return 0;
}

#endif
