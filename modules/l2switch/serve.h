/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* serve.h: requests that user space answers (ovn-northd(8), "DHCP option processing", "DNS Lookup"). */
#ifndef L2SWITCH_SERVE_H
#define L2SWITCH_SERVE_H

#include <iom/punt.h>
#include "tables.h"

enum serve { SERVE_NOT, SERVE_TAKEN, SERVE_BUSY };

#define SERVE_RATE 1000 /* requests a second that user space takes: of a switch, for DHCP and DNS each, without a meter */

static __always_inline int is_dhcp_request(struct iom_meta *m, struct l2switch_port *port)
{
	if (m->proto == ETH_IP4)
		return port->flags & L2SWITCH_DHCP4 && m->sport == 68 && m->dport == 67;
	return port->flags & L2SWITCH_DHCP6 && m->sport == 546 && m->dport == 547;
}

/* Hands a request to user space, whole. What user space can't take is dropped, DNS requests too: their names may be known here only. */
static __always_inline enum serve serve(struct __sk_buff *skb, struct iom_meta *m, struct l2switch_port *port)
{
	struct l2switch_config *config;
	__u32 reason = L2SWITCH_PUNT_DHCP;

	if (m->l4_proto != PROTO_UDP || !m->l4 || m->flags & IOM_RESUMED || (m->proto != ETH_IP4 && m->proto != ETH_IP6))
		return SERVE_NOT;
	if (!is_dhcp_request(m, port)) {
		config = m->dport == 53 ? config_of(m) : NULL;
		if (!config || !(config->flags & L2SWITCH_DNS))
			return SERVE_NOT;
		reason = L2SWITCH_PUNT_DNS;
	}
	return iom_punt_at(skb, m, reason, IOM_PUNT_BYTES, SERVE_RATE) ? SERVE_TAKEN : SERVE_BUSY;
}

#endif
