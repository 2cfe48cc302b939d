/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* route.h: the way out of the router (ovn-northd(8), "IP Routing" to "ARP Request"). */
#ifndef ROUTER_ROUTE_H
#define ROUTER_ROUTE_H

#include <iom/action.h>
#include <iom/punt.h>
#include "exempt.h"
#include "policy.h"
#include "symmetric.h"

/* The egress pipeline. */
static __always_inline int leave(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *out)
{
	struct router_port *port = router_port_get(m->out);

	if (!port || !(port->flags & ROUTER_PORT_ENABLED))
		return iom_drop(skb, m, router, PORT_DISABLED);
	return iom_deliver(skb, m, out);
}

/* order of a route to a network of a port, modulo ROUTER_ORDERS; see Entries. */
enum {
	ROUTER_ORDERS = 3,
	ROUTER_ORDER_CONNECTED = 2,
};

static __always_inline struct router_route *route_by(struct iom_meta *m, __u32 table, enum router_by by,
						     const struct iom_addr *addr)
{
	struct router_route_key key = { .prefixlen = 96 + 128, .dp = m->dp, .table = table, .by = by, .addr = *addr };

	return bpf_map_lookup_elem(&router_routes, &key);
}

/* Whether an IPv4 address is on a network of the port that the packet came in by. */
static __always_inline int is_connected(struct iom_meta *m, const struct iom_addr *addr)
{
	struct router_route *route = route_by(m, 0, ROUTER_TO4, addr);

	return route && route->order % ROUTER_ORDERS == ROUTER_ORDER_CONNECTED && route->way.first.out == m->in;
}

/* The route for the packet; NULL: none. Of a route by destination and one by source the one with the longer prefix. */
static __always_inline struct router_route *find_route(struct iom_meta *m, struct router_config *config, __u32 table)
{
	struct router_route *to, *from;
	__u32 is4 = m->proto == ETH_IP4;

	to = route_by(m, table, is4 ? ROUTER_TO4 : ROUTER_TO6, &m->dst);
	if (!(config->flags & ROUTER_BY_SOURCE))
		return to;
	from = route_by(m, table, is4 ? ROUTER_FROM4 : ROUTER_FROM6, &m->src);
	if (!to || !from)
		return to ?: from;
	return from->order > to->order ? from : to;
}

/* Sends the packet by a way out, to a MAC address; NULL: that of the next hop. */
static __always_inline int send_by(struct __sk_buff *skb, struct iom_meta *m, struct router_hop *hop, const __u8 *mac)
{
	struct router_port *port;
	struct router_neigh *neigh;

	m->out = hop->out;
	m->about = iom_addr_is_zero(&hop->addr) ? m->dst : hop->addr;
	port = router_port_get(m->out);
	if (!port || !(port->flags & ROUTER_PORT_ENABLED))
		return iom_drop(skb, m, router, PORT_DISABLED);
	if (!mac) {
		neigh = router_neigh_get(m->dp, m->out, &m->about);
		mac = neigh ? neigh->mac : NULL;
	}
	if (is_too_big(skb, m, port) && !is_exempt_out(skb, m, port, mac)) {
		iom_punt(skb, m, ROUTER_PUNT_TOO_BIG, IOM_PUNT_BYTES);
		return iom_drop(skb, m, router, TOO_BIG);
	}
	if (!mac) {
		iom_punt_at(skb, m, ROUTER_PUNT_RESOLVE, IOM_PUNT_BYTES, ROUTER_RESOLVE_RATE);
		return iom_drop(skb, m, router, UNRESOLVED);
	}
	if (iom_hop(skb, m, port->mac, mac, 1))
		return iom_drop(skb, m, router, REWRITE_FAILED);
	m->flags |= IOM_LOOPBACK;
	return iom_output(skb, m, m->out, leave);
}

/* The way out by the routes: 0; else the packet is dropped. */
static __always_inline int take_route(struct __sk_buff *skb, struct iom_meta *m, struct router_config *config, __u32 table,
				      struct router_hop *hop)
{
	struct router_route *route = find_route(m, config, table);
	struct router_hop *chosen;

	if (!route) {
		iom_punt(skb, m, ROUTER_PUNT_NO_ROUTE, IOM_PUNT_BYTES);
		return iom_drop(skb, m, router, NO_ROUTE);
	}
	if (route->order % ROUTER_ORDERS == ROUTER_ORDER_CONNECTED)
		iom_decide(m, router, CONNECTED, route->object);
	else
		iom_decide(m, router, ROUTED, route->object);
	if (!route->way.count)
		return iom_drop(skb, m, router, DISCARD);
	chosen = choose_hop(m, &route->way, route->object);
	if (!chosen)
		return iom_drop(skb, m, iom, NO_PORT);
	*hop = *chosen;
	return 0;
}

/* Routes the packet. */
static __always_inline int route(struct __sk_buff *skb, struct iom_meta *m)
{
	__u32 dp = m->dp;
	struct router_config *config = bpf_map_lookup_elem(&router_configs, &dp);
	struct router_port *in = router_port_get(m->port);
	__u32 table = in ? in->table : 0;
	struct router_hop hop = { .out = m->in };
	struct router_reply way;

	if (!config)
		return iom_drop(skb, m, router, NO_ROUTE);
	if (m->proto == ETH_IP6 && iom_addr_is_link_local(&m->dst)) {
		iom_decide(m, router, CONNECTED, m->in_key);
	} else {
		if (config->flags & ROUTER_SYMMETRIC) {
			iom_flow_ends(m); /* each packet says where its sender is, and answers go there */
			note_arrival(m);
			if (find_arrival(m, table, &way)) {
				hop.out = way.ref;
				return send_by(skb, m, &hop, way.mac);
			}
		}
		if (take_route(skb, m, config, table, &hop))
			return TC_ACT_SHOT;
	}
	if (config->policies && apply_policies(skb, m, config->policies, &hop))
		return TC_ACT_SHOT;
	return hop.out ? send_by(skb, m, &hop, NULL) : iom_drop(skb, m, iom, NO_PORT);
}

#endif
