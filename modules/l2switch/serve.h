/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* serve.h: requests that user space answers (ovn-northd(8), "DHCP option processing", "DNS Lookup"). */
#ifndef L2SWITCH_SERVE_H
#define L2SWITCH_SERVE_H

#include <iom/punt.h>
#include "tables.h"

enum serve { SERVE_NOT, SERVE_TAKEN, SERVE_BUSY };

static __always_inline int is_dhcp_request(struct iom_meta *m, struct l2switch_port *port)
{
	if (m->proto == ETH_IP4)
		return port->flags & L2SWITCH_DHCP4 && m->sport == 68 && m->dport == 67;
	return port->flags & L2SWITCH_DHCP6 && m->sport == 546 && m->dport == 547;
}

/* Hands a request to user space, whole. What user space can't take: a DNS request goes on to the server that it names. */
static __always_inline enum serve serve(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	struct l2switch_config *config;

	if (m->l4_proto != PROTO_UDP || !m->l4 || m->flags & IOM_RESUMED || (m->proto != ETH_IP4 && m->proto != ETH_IP6))
		return SERVE_NOT;
	if (is_dhcp_request(m, port))
		return iom_punt(skb, m, L2SWITCH_PUNT_DHCP, IOM_PUNT_BYTES) ? SERVE_TAKEN : SERVE_BUSY;
	config = m->dport == 53 ? config_of(m) : NULL;
	if (!config || !(config->flags & L2SWITCH_DNS))
		return SERVE_NOT;
	return iom_punt(skb, m, L2SWITCH_PUNT_DNS, IOM_PUNT_BYTES) ? SERVE_TAKEN : SERVE_NOT;
}

#endif
