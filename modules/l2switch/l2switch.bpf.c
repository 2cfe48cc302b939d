// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* l2switch.bpf.c: OVN's logical switch. One program pair for all switches; every table key carries the instance.
 *
 *   l2switch_in   a port sends: port security, ARP and ND answers, then unicast by MAC or flood
 *   l2switch_out  a frame leaves by a port of this node: what the port may receive, then delivery
 *
 * Order as in ovn-northd(8), "Logical Switch Datapaths". */
#include <iom/action.h>
#include "tables.h"
#include "security.h"
#include "neighbour.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* The egress pipeline. */
static __always_inline int leave(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *out)
{
	__u32 slot = m->out;
	struct l2switch_port *port = bpf_map_lookup_elem(&l2switch_ports, &slot);

	if (!port || !(port->flags & L2SWITCH_ENABLED))
		return iom_drop(skb, m, l2switch, DST_DISABLED);
	if (!may_receive(m, port))
		return iom_drop(skb, m, l2switch, DST_SECURITY);
	return iom_deliver(skb, m, out);
}

SEC("tc")
int l2switch_in(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);
	struct l2switch_port *port;
	struct l2switch_config *config;
	struct l2switch_fdb_key fdb = {};
	iom_ref *out;
	__u32 slot, dp;

	if (!m)
		return TC_ACT_SHOT;
	slot = m->port;
	dp = m->dp;
	iom_trace_add(m, IOM_TRACE_ENTER, iom_kind, dp);
	port = bpf_map_lookup_elem(&l2switch_ports, &slot);
	if (!port || !(port->flags & L2SWITCH_ENABLED))
		return iom_drop(skb, m, l2switch, PORT_DISABLED);
	if (skb->vlan_present || m->proto == ETH_VLAN || m->proto == ETH_QINQ)
		return iom_drop(skb, m, l2switch, VLAN_TAGGED);
	if (iom_mac_is_group(m->smac))
		return iom_drop(skb, m, l2switch, SRC_MULTICAST);
	switch (may_send(skb, m, port)) {
	case SECURITY_OK:
		break;
	case SECURITY_MAC:
		return iom_drop(skb, m, l2switch, PORT_SECURITY_MAC);
	case SECURITY_PROTO:
		return iom_drop(skb, m, l2switch, PORT_SECURITY_PROTO);
	case SECURITY_IP:
		return iom_drop(skb, m, l2switch, PORT_SECURITY_IP);
	case SECURITY_ARP:
		return iom_drop(skb, m, l2switch, PORT_SECURITY_ARP);
	default:
		return iom_drop(skb, m, l2switch, PORT_SECURITY_ND);
	}
	if (answer_neighbour(skb, m)) {
		m->flags |= IOM_LOOPBACK;
		return iom_output(skb, m, m->in, leave);
	}
	if (iom_mac_is_group(m->dmac)) {
		config = bpf_map_lookup_elem(&l2switch_configs, &dp);
		if (!config || !config->flood)
			return iom_drop(skb, m, l2switch, NO_FLOOD);
		return iom_flood(skb, m, config->flood);
	}
	fdb.dp = dp;
	iom_mac_copy(fdb.mac, m->dmac);
	out = bpf_map_lookup_elem(&l2switch_fdbs, &fdb);
	if (!out)
		return iom_drop(skb, m, l2switch, UNKNOWN_MAC);
	return iom_output(skb, m, *out, leave);
}

SEC("tc")
int l2switch_out(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);
	struct iom_port *out;

	if (!m)
		return TC_ACT_SHOT;
	out = iom_port_get(m->out);
	return out ? leave(skb, m, out) : iom_drop(skb, m, iom, NO_PORT);
}
