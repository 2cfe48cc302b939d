// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* acl.bpf.c: OVN's access control lists, a service of the logical switch.
 *
 *   acl_in   a port sends: from-lport ACLs, then those that apply after load balancing
 *   acl_out  a packet leaves by a port of this node: to-lport ACLs
 *
 * As in ovn-northd(8), "from-lport ACLs" and "to-lport ACLs": each end has its own rules and its own view of connections, in a zone of its
 * own. What the lists say about a connection is remembered with it, until rules change. */
#include <iom/action.h>
#include "connection.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Neighbour and router discovery and MLD, which no ACL stops. */
static __always_inline int is_discovery(struct __sk_buff *skb, struct iom_meta *m)
{
	const struct iom_addr mld2 = { .a = { iom_htonl(0xff020000), 0, 0, iom_htonl(0x16) } };
	__u8 limit;

	if (m->proto != ETH_IP6 || m->l4_proto != PROTO_ICMP6 || !m->l4)
		return 0;
	if (m->sport >= ICMP6_ND_RS && m->sport <= ICMP6_ND_NA)
		return !m->dport && !bpf_skb_load_bytes(skb, ETH_LEN + __builtin_offsetof(struct ip6_hdr, hop_limit), &limit, 1) &&
		       limit == 255;
	if (m->sport >= ICMP6_MLD_QUERY && m->sport <= ICMP6_MLD_DONE)
		return iom_addr_is_link_local(&m->src);
	return m->sport == ICMP6_MLD2_REPORT && iom_addr_eq(&m->dst, &mld2);
}

/* Whether a packet is one of a connection, unless an allow-stateless ACL takes it. DHCPv6 requests go to a group and are answered by one host. */
static __always_inline int has_connection(struct iom_meta *m, const struct acl_port *port)
{
	if (port->untracked || iom_mac_is_group(m->dmac) || (m->proto != ETH_IP4 && m->proto != ETH_IP6))
		return 0;
	return !(m->l4_proto == PROTO_UDP && m->sport == 546 && m->dport == 547);
}

/* Whether an allow-stateless ACL takes the packet out of tracking. */
static __always_inline int is_stateless(struct __sk_buff *skb, struct iom_meta *m, const struct acl_place *p, int egress)
{
	const __u32 number = egress ? ACL_STATELESS_TO : ACL_STATELESS_FROM;
	struct iom_match_list list = { .dp = m->dp, .version = p->config->versions[number], .list = number };
	struct iom_match_query *q;

	if (!(p->port->lists & 1 << number))
		return 0;
	q = iom_match_begin(skb, m);
	return q && iom_match(skb, q, &list, 0) >= 0;
}

/* What is to be done about a packet, as far as that is told without rules but those of allow-stateless ACLs. A port that has no connections takes
 * over what the zone of the packet's sender has: what a host answers to a router passes. */
static __always_inline enum acl_step classify(struct __sk_buff *skb, struct iom_meta *m, const struct acl_place *p,
					      struct iom_ct_look *l, int egress)
{
	if (is_discovery(skb, m)) {
		iom_decide(m, acl, DISCOVERY, 0);
		return ACL_STEP_PASS;
	}
	if (!(p->config->flags & ACL_STATEFUL))
		return ACL_STEP_ALONE;
	if (has_connection(m, p->port) && !is_stateless(skb, m, p, egress))
		return track(skb, m, p, l, egress);
	if (!(m->ct_state & (IOM_MATCH_CT_RPL | IOM_MATCH_CT_REL)))
		return ACL_STEP_ALONE;
	iom_decide(m, acl, OTHER_ZONE, 0);
	return ACL_STEP_PASS;
}

/* Carries out what the ACLs say. */
static __always_inline int verdict(struct iom_meta *m, const struct acl_place *p, const struct acl_decision *d)
{
	if (d->no_punt && forbids(p, d))
		return iom_drop(skb, m, acl, BLOCKED);
	switch (d->action) {
	case ACL_DROP:
		return iom_drop(skb, m, acl, DENIED);
	case ACL_REJECT:
		return iom_drop(skb, m, acl, REJECTED);
	case 0:
		if (p->config->flags & ACL_DEFAULT)
			return iom_drop(skb, m, acl, DEFAULT_DROP);
	}
	return TC_ACT_OK;
}

/* Asks the ACLs about a packet, or about its connection. */
static __always_inline int decide(struct __sk_buff *skb, struct iom_meta *m, const struct acl_place *p, struct iom_ct_look *l,
				  int alone, int egress)
{
	const __u32 lists = egress ? 1 << ACL_TO : 1 << ACL_FROM | 1 << ACL_FROM_AFTER;
	struct acl_decision d = { .egress = egress, .no_allow = (m->ct_state & IOM_MATCH_CT_INV) != 0 };
	struct iom_match_query *q;

	if (alone && !(p->port->lists & lists)) { /* of a router, mostly */
		iom_decide(m, acl, NO_MATCH, 0);
		return verdict(m, p, &d);
	}
	q = iom_match_begin(skb, m);
	if (!q)
		return TC_ACT_SHOT;
	q->ct_state = iom_htonl((__u32)m->ct_state);
	if (!alone && l->found)
		ask_original(q, l, &d);
	if (acl_decide(skb, m, q, p->port->lists, p->config->flags & ACL_DEFAULT, &d))
		return iom_drop(skb, m, acl, UNDECIDED);
	if (!alone && remember(m, p, l, &d))
		return iom_drop(skb, m, acl, NO_ROOM);
	if (d.no_punt && d.log & ACL_LOG_REPLIES && !forbids(p, &d))
		acl_tell_reply(skb, m, d.rule, egress);
	return verdict(m, p, &d);
}

/* TC_ACT_OK: the packet passes; else it is dropped. */
static __always_inline int filter(struct __sk_buff *skb, struct iom_meta *m, int egress)
{
	__u32 dp = m->dp, slot = egress ? m->out : m->in;
	__u64 *generation = bpf_map_lookup_elem(&acl_generations, &dp);
	struct acl_place p = {};
	struct iom_ct_look l;
	enum acl_step step;

	iom_flow_holds(m);
	iom_trace_add(m, IOM_TRACE_ENTER, 0, 0);
	if (!generation || !*generation)
		return TC_ACT_OK;
	p.generation = *(volatile __u64 *)generation;
	p.config = bpf_map_lookup_elem(&acl_configs, &dp);
	p.port = bpf_map_lookup_elem(&acl_ports, &slot);
	if (!p.config || !p.port)
		return TC_ACT_SHOT;
	if (egress && !p.port->untracked && iom_ct_is_vouched_for(m, p.generation))
		return TC_ACT_OK;
	step = classify(skb, m, &p, &l, egress);
	switch (step) {
	case ACL_STEP_PASS:
		return TC_ACT_OK;
	case ACL_STEP_DROP_EARLY:
		return iom_drop(skb, m, acl, FRAGMENT_EARLY);
	case ACL_STEP_DROP_INVALID:
		return iom_drop(skb, m, acl, INVALID);
	case ACL_STEP_DROP_BLOCKED:
		return iom_drop(skb, m, acl, BLOCKED);
	default:
		return decide(skb, m, &p, &l, step == ACL_STEP_ALONE, egress);
	}
}

SEC("tc")
int acl_in(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	return m && filter(skb, m, 0) == TC_ACT_OK ? iom_service_done(skb, m) : TC_ACT_SHOT;
}

SEC("tc")
int acl_out(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	return m && filter(skb, m, 1) == TC_ACT_OK ? iom_service_done(skb, m) : TC_ACT_SHOT;
}
