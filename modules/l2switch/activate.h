/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* activate.h: a port that is being migrated here passes nothing until its workload runs here, which a packet of the kinds that
 * options:activation-strategy names tells (ovn-nb(5)). */
#ifndef L2SWITCH_ACTIVATE_H
#define L2SWITCH_ACTIVATE_H

#include <iom/punt.h>
#include "tables.h"

/* Whether this packet makes the port active. */
static __always_inline int activates(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	struct arp_hdr arp;

	if (m->proto == ETH_RARP)
		return port->flags & L2SWITCH_ACTIVATE_RARP;
	if (m->proto == ETH_ARP && port->flags & L2SWITCH_ACTIVATE_GARP)
		return !bpf_skb_load_bytes(skb, ETH_LEN, &arp, sizeof(arp)) && arp.spa == arp.tpa;
	return m->proto == ETH_IP6 && m->l4_proto == PROTO_ICMP6 && m->l4 && m->sport == ICMP6_ND_NA &&
	       port->flags & L2SWITCH_ACTIVATE_NA;
}

/* Whether the port may send this packet; activates the port if the packet does. */
static __always_inline int is_active(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	if (!(port->flags & L2SWITCH_INACTIVE))
		return 1;
	if (!activates(skb, m, port))
		return 0;
	if (!(m->flags & IOM_TRACE))
		__sync_fetch_and_and((__u32 *)&port->flags, ~(__u32)L2SWITCH_INACTIVE);
	iom_punt(skb, m, L2SWITCH_PUNT_ACTIVATED, 0);
	return 1;
}

#endif
