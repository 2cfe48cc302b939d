/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* multicast.h: where broadcast and multicast frames go (ovn-northd(8), "Destination Lookup"). */
#ifndef L2SWITCH_MULTICAST_H
#define L2SWITCH_MULTICAST_H

#include <iom/action.h>
#include <iom/punt.h>
#include "tables.h"

enum {
	PROTO_IGMP = 2,
	IGMP_QUERY = 0x11,
	PROTO_PIM = 103,
	PIM_HELLO = 0x20, /* version 2 */
	MCAST_PUNT_BYTES = 512,
};

static __always_inline int is_mcast_control(struct iom_meta *m)
{
	if (m->proto == ETH_IP4)
		return m->l4_proto == PROTO_IGMP;
	return m->l4_proto == PROTO_ICMP6 && m->l4 &&
	       ((m->sport >= ICMP6_MLD_QUERY && m->sport <= ICMP6_MLD_DONE) || m->sport == ICMP6_MLD2_REPORT);
}

/* Whether the packet comes from a multicast router, which user space has to know of; it goes where any other goes. */
static __always_inline int is_pim_hello(struct iom_meta *m)
{
	return m->l4_proto == PROTO_PIM && m->l4 && m->sport >> 8 == PIM_HELLO;
}

/* Whether an IGMP or MLD packet is a query, which hosts have to hear; reports are for routers only: a host that hears another's says nothing
 * itself (RFC 4541, section 2.1.1). */
static __always_inline int is_mcast_query(struct iom_meta *m)
{
	return m->proto == ETH_IP4 ? m->l4 && m->sport >> 8 == IGMP_QUERY : m->sport == ICMP6_MLD_QUERY;
}

/* IP multicast that all ports get whether or not they joined: RFC 4541, section 2.1.2, and ff02::/16 as in OVN's ip6.mcast_flood. */
static __always_inline int is_always_flooded(struct iom_meta *m)
{
	if (m->proto == ETH_IP4)
		return (m->dst.a[3] & iom_htonl(0xffffff00)) == iom_htonl(0xe0000000);
	return (m->dst.a[0] & iom_htonl(0xffff0000)) == iom_htonl(0xff020000);
}

static __always_inline int is_ip_mcast(struct iom_meta *m)
{
	if (m->proto == ETH_IP4)
		return (m->dst.a[3] & iom_htonl(0xf0000000)) == iom_htonl(0xe0000000);
	return m->proto == ETH_IP6 && (m->dst.a[0] & iom_htonl(0xff000000)) == iom_htonl(0xff000000);
}

static __always_inline int forward_mcast(struct __sk_buff *skb, struct iom_meta *m)
{
	struct l2switch_config *config = config_of(m);
	struct l2switch_neigh_key key = { .dp = m->dp, .addr = m->dst };
	__u32 *group;

	if (!config)
		return iom_drop(skb, m, l2switch, NO_FLOOD);
	if (config->flags & L2SWITCH_SNOOP && is_ip_mcast(m)) {
		int is_control = is_mcast_control(m);

		if (is_control || is_pim_hello(m))
			iom_punt(skb, m, L2SWITCH_PUNT_MCAST, MCAST_PUNT_BYTES);
		if (is_control && !is_mcast_query(m)) {
			if (!config->control)
				return iom_drop(skb, m, l2switch, MCAST_CONTROL);
			return iom_flood(skb, m, config->control);
		}
		group = is_control ? NULL : bpf_map_lookup_elem(&l2switch_mcasts, &key);
		if (group) {
			if (config->always)
				iom_flood(skb, m, config->always);
			return iom_flood(skb, m, *group);
		}
		if (!is_control && !is_always_flooded(m)) {
			if (!config->unregistered)
				return iom_drop(skb, m, l2switch, MCAST_UNREGISTERED);
			return iom_flood(skb, m, config->unregistered);
		}
	}
	if (!config->flood)
		return iom_drop(skb, m, l2switch, NO_FLOOD);
	return iom_flood(skb, m, config->flood);
}

#endif
