// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* l2switch.bpf.c: OVN's logical switch. One program pair for all switches; every table key carries the instance.
 *
 *   l2switch_in     a port sends: port security, learning; then the services
 *   l2switch_next   ARP and ND answers, then unicast by MAC or multicast by group
 *   l2switch_out    a frame leaves by a port of this node: the services
 *   l2switch_leave  what the port may receive, then delivery
 *
 * Without services the second of each pair is part of the first. What user space sends on from a port has been through
 * the services of its ingress, what it sends to a port has none to go through.
 *
 * Order as in ovn-northd(8), "Logical Switch Datapaths". */
#include <iom/action.h>
#include "tables.h"
#include "activate.h"
#include "learn.h"
#include "multicast.h"
#include "neighbour.h"
#include "security.h"
#include "serve.h"
#include "virtual.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* The port that the packet leaves by; NULL: it is disabled. */
static __always_inline struct l2switch_port *enabled_out(struct iom_meta *m)
{
	__u32 slot = m->out;
	struct l2switch_port *port = bpf_map_lookup_elem(&l2switch_ports, &slot);

	return port && port->flags & L2SWITCH_ENABLED ? port : NULL;
}

/* The egress pipeline behind the services. */
static __always_inline int leave_now(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *out)
{
	struct l2switch_port *port = enabled_out(m);

	if (!port)
		return iom_drop(skb, m, l2switch, DST_DISABLED);
	if (port->flags & L2SWITCH_INACTIVE)
		return iom_drop(skb, m, l2switch, NOT_ACTIVE);
	if (!may_receive(m, port))
		return iom_drop(skb, m, l2switch, DST_SECURITY);
	return iom_deliver(skb, m, out);
}

/* The egress pipeline. */
static __always_inline int leave(struct __sk_buff *skb, struct iom_meta *m, struct iom_port *out)
{
	if (!iom_has_services(m) || (m->flags & IOM_RESUMED && !m->in)) /* user space sends to the port itself */
		return leave_now(skb, m, out);
	if (!enabled_out(m)) /* nothing gets there, and services have no say: an ACL rejects nothing */
		return iom_drop(skb, m, l2switch, DST_DISABLED);
	return iom_services(skb, m, 1);
}

/* Where a unicast frame goes. */
static __always_inline int forward_unicast(struct __sk_buff *skb, struct iom_meta *m)
{
	struct l2switch_fdb_key key = { .dp = m->dp };
	struct l2switch_config *config;
	struct l2switch_learned *learned;
	iom_ref *out;

	iom_mac_copy(key.mac, m->dmac);
	out = bpf_map_lookup_elem(&l2switch_fdbs, &key);
	if (out)
		return iom_output(skb, m, *out, leave);
	config = config_of(m);
	if (!config || !config->unknown)
		return iom_drop(skb, m, l2switch, UNKNOWN_MAC);
	learned = bpf_map_lookup_elem(&l2switch_learned_macs, &key);
	if (!learned)
		return iom_flood(skb, m, config->unknown);
	iom_flow_ends(m); /* it may move */
	iom_decide(m, l2switch, LEARNED, 0);
	return iom_output(skb, m, learned->ref, leave);
}

static __always_inline int is_tagged(struct __sk_buff *skb, struct iom_meta *m)
{
	return skb->vlan_present || m->proto == ETH_VLAN || m->proto == ETH_QINQ;
}

static __always_inline int passes_tags(struct iom_meta *m)
{
	struct l2switch_config *config = config_of(m);

	return config && config->flags & L2SWITCH_VLAN_PASSTHRU;
}

/* The ingress pipeline behind the services. */
static __always_inline int forward(struct __sk_buff *skb, struct iom_meta *m)
{
	__u32 slot = m->port;
	struct l2switch_port *port = bpf_map_lookup_elem(&l2switch_ports, &slot);
	iom_ref owner = 0;

	if (port)
		tell_announced(skb, m, port);
	if (answer_neighbour(skb, m, &owner)) {
		m->flags |= IOM_LOOPBACK;
		return iom_output(skb, m, m->in, leave);
	}
	if (owner)
		return iom_output(skb, m, owner, leave);
	switch (port ? serve(skb, m, port) : SERVE_NOT) {
	case SERVE_NOT:
		break;
	case SERVE_TAKEN:
		return iom_drop(skb, m, l2switch, SERVED);
	case SERVE_BUSY:
		return iom_drop(skb, m, l2switch, SERVICE_BUSY);
	}
	return iom_mac_is_group(m->dmac) ? forward_mcast(skb, m) : forward_unicast(skb, m);
}

SEC("tc")
int l2switch_in(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);
	struct l2switch_port *port;
	__u32 slot;

	if (!m)
		return TC_ACT_SHOT;
	slot = m->port;
	iom_flow_holds(m);
	iom_trace_add(m, IOM_TRACE_ENTER, 0, 0);
	if (m->flags & IOM_RESUMED)
		return forward(skb, m);
	port = bpf_map_lookup_elem(&l2switch_ports, &slot);
	if (!port || !(port->flags & L2SWITCH_ENABLED))
		return iom_drop(skb, m, l2switch, PORT_DISABLED);
	if (!is_active(skb, m, port))
		return iom_drop(skb, m, l2switch, NOT_ACTIVE);
	if (is_tagged(skb, m) && !passes_tags(m))
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
	if (port->flags & L2SWITCH_LEARN)
		learn(skb, m);
	return iom_has_services(m) ? iom_services(skb, m, 0) : forward(skb, m);
}

SEC("tc")
int l2switch_next(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	return forward(skb, m);
}

SEC("tc")
int l2switch_out(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);
	struct iom_port *out;

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	out = iom_port_get(m->out);
	return out ? leave(skb, m, out) : iom_drop(skb, m, iom, NO_PORT);
}

SEC("tc")
int l2switch_leave(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);
	struct iom_port *out;

	if (!m)
		return TC_ACT_SHOT;
	iom_flow_holds(m);
	out = iom_port_get(m->out);
	return out ? leave_now(skb, m, out) : iom_drop(skb, m, iom, NO_PORT);
}
