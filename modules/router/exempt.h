/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* exempt.h: packets larger than a port carries (ovn-nb(5), Logical_Router_Port options:gateway_mtu), and which of them pass all the same
 * (options:gateway_mtu_bypass; ovn-northd(8), "Check packet length"). */
#ifndef ROUTER_EXEMPT_H
#define ROUTER_EXEMPT_H

#include <iom/match.h>
#include <iom/parse.h>
#include <iom/port.h>
#include "tables.h"

static __always_inline int is_too_big(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port)
{
	iom_flow_limits(m, port->mtu);
	return port->mtu && iom_frame_size(skb, m) > ETH_LEN + (__u32)port->mtu;
}

/* Whether a rule for a port, which has a key, matches. */
static __always_inline int is_exempt(struct __sk_buff *skb, struct iom_match_query *q, __u32 dp, struct router_port *port,
				     __u16 key)
{
	struct iom_match_list list = { .dp = dp, .version = port->exempt, .list = ROUTER_EXEMPTIONS | key };

	return iom_match(skb, q, &list, 0) >= 0;
}

/* Whether a packet may come in by a port though it is too big. */
static __always_inline int is_exempt_in(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port)
{
	struct iom_match_query *q = port->exempt ? iom_match_begin(skb, m) : NULL;

	return q && is_exempt(skb, q, m->dp, port, m->in_key);
}

/* Whether a packet may leave by a port, m->out, though it is too big. As in OVN rules see the packet routed, with the MAC address mac of the next
 * hop, NULL if that is not known, as its destination. */
static __always_inline int is_exempt_out(struct __sk_buff *skb, struct iom_meta *m, struct router_port *port, const __u8 *mac)
{
	struct iom_port *slot = port->exempt ? iom_port_get(m->out) : NULL;
	struct iom_match_query *q;

	if (!slot)
		return 0;
	m->out_key = slot->key;
	q = iom_match_begin(skb, m);
	if (!q)
		return 0;
	q->hops = 1;
	iom_mac_copy(q->smac, port->mac);
	if (mac)
		iom_mac_copy(q->dmac, mac);
	else
		__builtin_memset(q->dmac, 0, sizeof(q->dmac));
	return is_exempt(skb, q, m->dp, port, slot->key);
}

#endif
