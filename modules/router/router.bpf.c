// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* router.bpf.c: OVN's logical router, which runs on the node that sends. Every table key carries the instance.
 *
 *   router_in     a packet comes in by a router port: admission, ARP and ND, what is for the router itself, then the services
 *   router_next   routes, next hops, new MAC addresses, and out
 *   router_out    a packet leaves by a router port: the services
 *   router_leave  delivery
 *
 * Order as in ovn-northd(8), "Logical Router Datapaths". ICMP errors and what else takes time is made by user space from a punted copy. */
#include <iom/action.h>
#include "tables.h"
#include "route.h"
#include "neighbour.h"
#include "input.h"

char _license[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int router_in(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);
	struct router_port *port;

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	iom_trace_add(m, IOM_TRACE_ENTER, 0, 0);
	port = router_port_get(m->port);
	if (!port || !(port->flags & ROUTER_PORT_ENABLED))
		return iom_drop(skb, m, router, PORT_DISABLED);
	if (skb->vlan_present || m->proto == ETH_VLAN || m->proto == ETH_QINQ)
		return iom_drop(skb, m, router, VLAN_TAGGED);
	if (iom_mac_is_group(m->smac))
		return iom_drop(skb, m, router, SRC_MULTICAST);
	if (!iom_mac_is_group(m->dmac) && !iom_mac_eq(m->dmac, port->mac) && !iom_mac_eq(m->dmac, port->proxy_mac))
		return iom_drop(skb, m, router, NOT_FOR_ROUTER);
	if (m->proto == ETH_ARP)
		return arp_in(skb, m, port);
	if (m->proto != ETH_IP4 && m->proto != ETH_IP6)
		return iom_drop(skb, m, router, NOT_IP);
	return ip_in(skb, m, port);
}

SEC("tc")
int router_next(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	return route(skb, m);
}

static __always_inline int leave_now(struct __sk_buff *skb, struct iom_meta *m)
{
	struct iom_port *out = iom_port_get(m->out);

	return out ? leave(skb, m, out) : iom_drop(skb, m, iom, NO_PORT);
}

SEC("tc")
int router_out(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	return iom_has_services(m) ? iom_services(skb, m, 1) : leave_now(skb, m);
}

SEC("tc")
int router_leave(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	return leave_now(skb, m);
}
