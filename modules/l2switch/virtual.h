/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* virtual.h: a virtual port is where one of its parents says that it has the port's address (ovn-northd(8), "ARP/ND responder", bind_vport). */
#ifndef L2SWITCH_VIRTUAL_H
#define L2SWITCH_VIRTUAL_H

#include <iom/neighbour.h>
#include <iom/punt.h>
#include "tables.h"

enum {
	ANNOUNCED_PUNT_BYTES = 128,
};

/* Whether the packet says that its sender has an address: gratuitous ARP, an ARP reply, a neighbour advertisement, or a solicitation by which a
 * sender looks whether anybody else has it (RFC 4862). */
static __always_inline int announces(struct __sk_buff *skb, struct iom_meta *m)
{
	struct iom_arp_packet p;

	if (m->proto == ETH_ARP)
		return iom_arp_load(skb, m, &p) && (p.arp.op == iom_htons(ARP_REPLY) || p.arp.spa == p.arp.tpa);
	if (m->proto != ETH_IP6 || m->l4_proto != PROTO_ICMP6 || !m->l4)
		return 0;
	return m->sport == ICMP6_ND_NA || (m->sport == ICMP6_ND_NS && iom_addr_is_zero(&m->src));
}

/* Tells user space what a parent of virtual ports announces. The packet goes on. */
static __always_inline void tell_announced(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	if (port->flags & L2SWITCH_PARENT && !(m->flags & IOM_RESUMED) && announces(skb, m))
		iom_punt(skb, m, L2SWITCH_PUNT_ANNOUNCED, ANNOUNCED_PUNT_BYTES);
}

#endif
