/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* neighbour.h: answers for the router's own addresses, and what ARP and ND packets teach (ovn-northd(8), "Neighbor lookup" to "IP Input"). */
#ifndef ROUTER_NEIGHBOUR_H
#define ROUTER_NEIGHBOUR_H

#include <iom/neighbour.h>
#include <iom/punt.h>
#include "route.h"

#define ROUTER_LEARN_BYTES 128

/* Tells user space where addr is, unless that is known. A request (by whoever has addr) teaches, when the router is told to learn
 * only what is known, only if it asks the router itself (asks_us) or addr is known already. */
static __always_inline void learn(struct __sk_buff *skb, struct iom_meta *m, struct iom_addr *addr, const __u8 *mac, int is_request,
				  int asks_us)
{
	struct router_neigh *known = router_neigh_get(m->dp, m->port, addr);
	__u32 dp = m->dp;
	struct router_config *config = bpf_map_lookup_elem(&router_configs, &dp);

	if (known && iom_mac_eq(known->mac, mac))
		return;
	if (is_request && !known && !asks_us && config && config->flags & ROUTER_LEARN_KNOWN)
		return;
	m->about = *addr;
	iom_punt_at(skb, m, is_request && m->proto == ETH_IP6 ? ROUTER_PUNT_LEARN_ASKED : ROUTER_PUNT_LEARN, ROUTER_LEARN_BYTES,
		    ROUTER_LEARN_RATE);
}

/* The router's own address addr on the port that the packet came in by; NULL: it is none. */
static __always_inline struct router_addr *own_here(struct iom_meta *m, struct iom_addr *addr)
{
	struct router_addr *own = router_addr_get(m, addr);

	return own && own->port == m->in_key && !own->broadcast ? own : NULL;
}

static __always_inline int arp_in(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port)
{
	struct iom_addr spa, tpa;
	struct iom_arp_packet p;
	struct router_addr *own;
	int is_request;

	if (!iom_arp_load(skb, m, &p))
		return iom_drop(skb, m, router, NEIGHBOUR);
	iom_addr_set4(&spa, p.arp.spa);
	iom_addr_set4(&tpa, p.arp.tpa);
	is_request = p.arp.op == iom_htons(ARP_REQUEST);
	own = own_here(m, &tpa);
	if (p.arp.op == iom_htons(ARP_REPLY) || (is_request && is_connected(m, &spa)))
		learn(skb, m, &spa, p.arp.sha, is_request, own != NULL);
	if (!is_request || !own) /* whoever asks, as OVN's switches answer for routers: also those who probe (RFC 5227) */
		return iom_drop(skb, m, router, NEIGHBOUR);
	if (!iom_arp_answer(skb, m, &p, port->mac))
		return iom_drop(skb, m, router, REWRITE_FAILED);
	m->flags |= IOM_LOOPBACK;
	return iom_output(skb, m, m->in, leave);
}

static __always_inline int solicitation_in(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port,
					   struct iom_nd_packet *p)
{
	struct iom_addr target;

	if (!iom_addr_is_zero(&m->src) && p->nd.opt_type == ND_OPT_SLL && !iom_mac_is_zero(p->nd.lladdr))
		learn(skb, m, &m->src, p->nd.lladdr, 1, 0);
	__builtin_memcpy(&target, p->nd.target, sizeof(target));
	if (!iom_nd_asks(m, &target) || !own_here(m, &target))
		return iom_drop(skb, m, router, NEIGHBOUR);
	if (!iom_nd_answer(skb, m, p, port->mac, 1))
		return iom_drop(skb, m, router, REWRITE_FAILED);
	m->flags |= IOM_LOOPBACK;
	return iom_output(skb, m, m->in, leave);
}

static __always_inline int advertisement_in(struct __sk_buff *skb, struct iom_meta *m, struct iom_nd_packet *p)
{
	struct iom_addr target;
	int has_mac = p->nd.opt_type == ND_OPT_TLL && !iom_mac_is_zero(p->nd.lladdr);

	__builtin_memcpy(&target, p->nd.target, sizeof(target));
	learn(skb, m, &target, has_mac ? p->nd.lladdr : m->smac, 0, 0);
	return iom_drop(skb, m, router, NEIGHBOUR);
}

/* Neighbour and router discovery. */
static __always_inline int nd_in(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port)
{
	struct iom_nd_packet p;

	if (m->sport == ICMP6_ND_NS && iom_nd_load(skb, m, &p, ICMP6_ND_NS))
		return solicitation_in(skb, m, port, &p);
	if (m->sport == ICMP6_ND_NA && iom_nd_load(skb, m, &p, ICMP6_ND_NA))
		return advertisement_in(skb, m, &p);
	if (m->sport == ICMP6_ND_RS && port->flags & ROUTER_PORT_ADVERTISES)
		iom_punt(skb, m, ROUTER_PUNT_SOLICIT, IOM_PUNT_BYTES);
	return iom_drop(skb, m, router, NEIGHBOUR);
}

#endif
