/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* symmetric.h: connections that come in by a route with options:ecmp_symmetric_reply are answered the way that they came, whatever routes and
 * policies say (ovn-nb(5), Logical_Router_Static_Route). As in OVN it is the last packet that came in which says where that is. */
#ifndef ROUTER_SYMMETRIC_H
#define ROUTER_SYMMETRIC_H

#include <iom/parse.h>
#include "tables.h"

/* What answers the packet, or with answers what the packet is itself. */
static __always_inline void reply_key(struct iom_meta *m, int answers, struct router_reply_key *key)
{
	int has_ports = m->l4 && (m->l4_proto == PROTO_TCP || m->l4_proto == PROTO_UDP || m->l4_proto == PROTO_SCTP);

	key->dp = m->dp;
	key->proto = m->l4_proto;
	key->src = answers ? m->src : m->dst;
	key->dst = answers ? m->dst : m->src;
	key->l4[0] = !has_ports ? 0 : answers ? m->sport : m->dport;
	key->l4[1] = !has_ports ? 0 : answers ? m->dport : m->sport;
}

static __always_inline int is_reply_key(const struct router_reply_key *a, const struct router_reply_key *b)
{
	return a->dp == b->dp && a->proto == b->proto && a->l4[0] == b->l4[0] && a->l4[1] == b->l4[1] &&
	       iom_addr_eq(&a->src, &b->src) && iom_addr_eq(&a->dst, &b->dst);
}

/* The number of the route that the packet came by or, with answers, that what it answers came by; NULL: none. */
static __always_inline __u32 *symmetric_route(struct iom_meta *m, __u32 port, __u32 answers, __u32 table)
{
	struct router_symmetric_key key = { .prefixlen = 160 + 128, .dp = m->dp, .port = port, .answers = answers, .table = table };
	int is4 = m->proto == ETH_IP4;
	__u32 *object;

	key.by = is4 ? ROUTER_FROM4 : ROUTER_FROM6;
	key.addr = m->src;
	object = bpf_map_lookup_elem(&router_symmetrics, &key);
	if (object)
		return object;
	key.by = is4 ? ROUTER_TO4 : ROUTER_TO6;
	key.addr = m->dst;
	return bpf_map_lookup_elem(&router_symmetrics, &key);
}

static __always_inline __u32 seconds(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000000;
}

/* Notes where the packet came from, if it came by such a route; at most once a second unless that changes. */
IOM_SUBPROG int note_arrival(struct iom_meta *m)
{
	struct router_reply row = {}, *known;

	if (!m || m->flags & (IOM_TRACE | IOM_RESUMED) || !symmetric_route(m, m->in, 0, 0))
		return 0;
	reply_key(m, 0, &row.key);
	row.ref = m->in;
	row.seen = seconds();
	iom_mac_copy(row.mac, m->smac);
	known = bpf_map_lookup_elem(&router_replies, &row.key);
	if (known && is_reply_key(&known->key, &row.key) && known->seen == row.seen && known->ref == row.ref &&
	    iom_mac_eq(known->mac, row.mac))
		return 0;
	return bpf_map_update_elem(&router_replies, &row.key, &row, 0);
}

/* Where a packet has to go because it answers one that came by such a route; table: of the routes for what comes in as it did. 1: way says
 * where; 0: where routes lead. */
IOM_SUBPROG int find_arrival(struct iom_meta *m, __u32 table, struct router_reply *way)
{
	struct router_reply_key key = {};
	struct router_reply *known;
	__u32 *object;

	if (!m || !way)
		return 0;
	reply_key(m, 1, &key);
	known = bpf_map_lookup_elem(&router_replies, &key);
	if (!known)
		return 0;
	*way = *known;
	if (!is_reply_key(&way->key, &key) || seconds() - way->seen > ROUTER_REPLY_TIME)
		return 0;
	object = symmetric_route(m, way->ref, 1, table);
	if (!object)
		return 0;
	iom_decide(m, router, ANSWERED_BACK, *object);
	return 1;
}

#endif
