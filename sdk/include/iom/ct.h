/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ct.h: connection tracking: which packets belong together, who began, and what was decided for them.
 *
 *	struct iom_ct_look look;
 *
 *	iom_ct_find(skb, m, iom_ct_zone(m->dp, key), &look);
 *	look.state is what ct.* of OVN's matches say; look.found the connection, NULL for the first packet of one
 *	iom_ct_commit(m, &look, &mine) remembers a new one, or what is decided anew
 *	iom_ct_touch(m, &look) each time that a packet of one passes
 *
 * A zone is a port of an instance, told by its key: it survives restarts and follows a port to another device of the node. Both directions
 * find one entry, whose key has the lower endpoint first. An entry whose time is up counts as absent; user space removes it.
 *
 * Connections begin in an LRU table; a TCP connection is established by its third packet, others by the first reply. Established ones are in a
 * plain table with a limit per zone; one that finds no room there stays where it is, which is counted. Echoes stay in the first table. So a flood
 * of new connections evicts no established ones. Nor does it evict those that begin in other zones: what begins in a zone beyond IOM_CT_PACE a
 * second is in another LRU table, with TCP connections that are closed, and competes only with its like.
 *
 * Sequence numbers and windows are not checked. As in Linux (nf_conntrack_tcp_loose), a segment that is no SYN may begin a
 * connection. */
#ifndef IOM_CT_H
#define IOM_CT_H

#include <iom/ct_packet.h>
#include <iom/ct_zone.h>
#include <iom/match.h>
#include <iom/trace.h>

enum {
	IOM_TCP_CONTROL = TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK, /* flags that say how far a connection is */
};

/* What iom_ct_find found. */
struct iom_ct_look {
	struct iom_ct_key key; /* of the packet, or of the one that an ICMP error is about */
	struct iom_ct *found; /* NULL: no such connection */
	__u32 state; /* enum iom_match_ct */
	__u32 now; /* seconds since boot */
	__u8 from_1; /* the packet is from endpoint 1 */
	__u8 tcp; /* IOM_TCP_CONTROL flags */
	__u8 established; /* the connection is in iom_cts */
	__u8 reopens; /* there is a closed one with the same ports */
	__u8 overtook; /* a fragment that came before its first one: nothing is known of it */
};

static __always_inline __u32 iom_ct_zone(__u32 dp, __u16 key)
{
	return dp << 16 | key;
}

/* Seconds since boot. */
static __always_inline __u32 iom_ct_now(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000000;
}

static __always_inline struct iom_ct *iom_ct_in(void *table, const struct iom_ct_look *l)
{
	struct iom_ct *ct = bpf_map_lookup_elem(table, &l->key);

	return ct && iom_ct_is(ct, &l->key) && ct->expires > l->now ? ct : NULL;
}

/* Looks l->key up. A closed connection whose ports begin again is none. */
static __always_inline void iom_ct_lookup(struct iom_ct_look *l)
{
	struct iom_ct *ct = iom_ct_in(&iom_cts, l);

	l->established = ct != NULL;
	if (!ct)
		ct = iom_ct_in(&iom_cts_new, l);
	if (!ct)
		ct = iom_ct_in(&iom_cts_brief, l);
	l->reopens = ct && ct->progress == IOM_CT_CLOSED && l->tcp == TCP_SYN;
	l->found = l->reopens ? NULL : ct;
}

/* Whether a packet may be the first of a connection. A TCP segment with ACK is in the midst of one that began before it was tracked. */
static __always_inline int iom_ct_may_begin(struct iom_meta *m, const struct iom_ct_look *l)
{
	if (iom_ct_is_icmp(m))
		return iom_ct_is_echo_request(m);
	return m->l4_proto != PROTO_TCP || m->fragment || l->tcp == TCP_SYN || l->tcp == TCP_ACK;
}

/* Whether a TCP segment's flags make sense: RFC 9293; as Linux has it. */
static __always_inline int iom_ct_flags_valid(__u8 tcp)
{
	return tcp & TCP_SYN ? !(tcp & (TCP_FIN | TCP_RST)) : (tcp & (TCP_RST | TCP_ACK)) != 0;
}

/* The connection of a packet in l, and its state but for the direction. */
static __always_inline __u32 iom_ct_identify(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, __u16 echo,
					     struct iom_ct_look *l)
{
	if (iom_ct_is_icmp(m) && m->l4 && iom_ct_is_icmp_error(m)) {
		if (iom_ct_inner(skb, m, zone, &l->key, &l->from_1))
			return IOM_MATCH_CT_INV;
		iom_ct_lookup(l);
		return l->found ? IOM_MATCH_CT_REL : IOM_MATCH_CT_INV;
	}
	if (iom_ct_outer(skb, m, zone, echo, &l->key, &l->from_1, &l->tcp))
		return IOM_MATCH_CT_INV;
	if (m->l4_proto == PROTO_TCP && !m->fragment && !iom_ct_flags_valid(l->tcp))
		return IOM_MATCH_CT_INV;
	l->tcp &= IOM_TCP_CONTROL;
	iom_ct_lookup(l);
	if (!l->found)
		return iom_ct_may_begin(m, l) ? IOM_MATCH_CT_NEW : IOM_MATCH_CT_INV;
	return l->found->progress == IOM_CT_ASKED ? IOM_MATCH_CT_NEW : IOM_MATCH_CT_EST;
}

/* Whether a packet changes nothing about an established connection. */
static __always_inline int iom_ct_is_plain(const struct iom_ct_look *l)
{
	return l->established && !(l->state & IOM_MATCH_CT_REL) && (l->key.proto != PROTO_TCP || l->tcp == TCP_ACK);
}

/* iom_ct_find looks an IP packet's connection up and gives l->state. Sets the ports of later fragments in m. */
static __always_inline __u32 iom_ct_find(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, struct iom_ct_look *l)
{
	int echo = 0;

	__builtin_memset(l, 0, sizeof(*l));
	l->now = iom_ct_now();
	if (iom_unlikely(m->fragment || m->first_fragment))
		echo = iom_ct_gather(skb, m, zone, l->now);
	if (echo < 0) {
		iom_flow_ends(m);
		l->overtook = 1;
		return l->state = IOM_MATCH_CT_TRK | IOM_MATCH_CT_INV;
	}
	l->state = IOM_MATCH_CT_TRK | iom_ct_identify(skb, m, zone, echo, l);
	if (l->found && l->from_1 != (l->found->flags & IOM_CT_FROM_1)) {
		l->state |= IOM_MATCH_CT_RPL;
		if (l->state & IOM_MATCH_CT_NEW) /* the first reply */
			l->state ^= IOM_MATCH_CT_NEW | IOM_MATCH_CT_EST;
	}
	if (!l->found || !iom_ct_is_plain(l) || l->found->progress != IOM_CT_ESTABLISHED)
		iom_flow_ends(m);
	return l->state;
}

/* Seconds until a connection is forgotten, as Linux has them. */
static __always_inline __u32 iom_ct_timeout(const struct iom_ct *ct, __u8 proto)
{
	if (proto == PROTO_TCP) {
		switch (ct->progress) {
		case IOM_CT_ANSWERED:
			return 60;
		case IOM_CT_ESTABLISHED:
			return 432000;
		case IOM_CT_CLOSED:
			return ct->flags & IOM_CT_RESET ? 10 : 120;
		default:
			return 120;
		}
	}
	if (proto == PROTO_UDP)
		return ct->progress == IOM_CT_ASKED ? 30 : 120;
	if (proto == PROTO_ICMP || proto == PROTO_ICMP6)
		return 30;
	return 600;
}

/* How far a connection is after the packet. */
static __always_inline void iom_ct_advance(struct iom_ct *ct, const struct iom_ct_look *l)
{
	int is_reply = (l->state & IOM_MATCH_CT_RPL) != 0;
	const __u32 both = IOM_CT_FIN_0 | IOM_CT_FIN_1;

	if (l->key.proto != PROTO_TCP) {
		if (is_reply && ct->progress == IOM_CT_ASKED)
			ct->progress = IOM_CT_ESTABLISHED;
		return;
	}
	if (ct->progress == IOM_CT_ASKED && is_reply)
		ct->progress = IOM_CT_ANSWERED;
	else if (ct->progress == IOM_CT_ANSWERED && !is_reply && l->tcp & TCP_ACK)
		ct->progress = IOM_CT_ESTABLISHED;
	if (iom_likely(!(l->tcp & (TCP_FIN | TCP_RST))))
		return;
	if (l->tcp & TCP_RST)
		ct->flags |= IOM_CT_RESET;
	else
		ct->flags |= l->from_1 ? IOM_CT_FIN_1 : IOM_CT_FIN_0;
	if (ct->flags & IOM_CT_RESET || (ct->flags & both) == both)
		ct->progress = IOM_CT_CLOSED;
	else if (ct->progress == IOM_CT_ESTABLISHED)
		ct->progress = IOM_CT_CLOSING;
}

/* iom_ct_touch keeps a connection whose packet passes, and follows how far it is. l->found must not be used afterwards. */
static __always_inline void iom_ct_touch(struct iom_meta *m, struct iom_ct_look *l)
{
	struct iom_ct *ct = l->found;
	enum iom_ct_progress was;
	__u32 expires;

	if (!ct || m->flags & IOM_TRACE || l->state & IOM_MATCH_CT_REL)
		return;
	was = ct->progress;
	iom_ct_advance(ct, l);
	expires = l->now + iom_ct_timeout(ct, l->key.proto);
	if (ct->expires != expires)
		ct->expires = expires;
	if (iom_likely(was == ct->progress) || iom_ct_is_icmp(m))
		return;
	if (ct->progress == (l->established ? IOM_CT_CLOSED : IOM_CT_ESTABLISHED))
		iom_ct_move(ct, &l->key);
}

/* A voucher in the connection's entry of the zone that a packet came in by says that the zone of the port that it goes out by, which a router may lie
 * before, lets it pass, too: nobody needs to look there. It is for the rules of a generation, for that port, a slot, and for a second: later somebody looks
 * again, which keeps the entry there alive. Only packets that change nothing about an established connection have one: see iom_ct_is_plain. Never 0. */
static __always_inline __u32 iom_ct_voucher(__u64 generation, __u32 out, __u32 now)
{
	return (((__u32)(generation >> 32) ^ (__u32)generation) + out * 0x9e3779b1u + now * 0x85ebca6bu) | 1;
}

/* A packet that came in, and that others may vouch for, takes its voucher along. */
static __always_inline void iom_ct_take_voucher(struct iom_meta *m, const struct iom_ct_look *l)
{
	if (m->flags & IOM_TRACE || !iom_ct_is_plain(l))
		return;
	m->ct_zone = l->key.zone;
	m->ct_came = l->state;
	m->ct_voucher = l->found->voucher;
}

/* Whether the packet at egress has a voucher; if so its state is told. */
static __always_inline int iom_ct_is_vouched_for(struct iom_meta *m, __u64 generation)
{
	if (!m->ct_voucher || m->ct_voucher != iom_ct_voucher(generation, m->out, iom_ct_now()))
		return 0;
	m->ct_state = m->ct_came;
	return 1;
}

/* Vouches for the packet at egress: once a second for each connection. */
static __always_inline void iom_ct_vouch(struct iom_meta *m, const struct iom_ct_look *l, __u64 generation)
{
	struct iom_ct_key key = l->key;
	struct iom_ct *ct;

	if (!m->ct_zone || m->ct_came != l->state || !iom_ct_is_plain(l))
		return;
	key.zone = m->ct_zone;
	ct = bpf_map_lookup_elem(&iom_cts, &key);
	if (ct && iom_ct_is(ct, &key))
		ct->voucher = iom_ct_voucher(generation, m->out, l->now);
}

/* What is decided for a connection. */
struct iom_ct_decision {
	__u64 generation;
	__u64 rule;
	__u32 label;
	__u8 blocked;
	__u8 tell; /* see IOM_CT_TELL */
	__u8 egress; /* it begins on its way out by the zone's port */
};

static __always_inline void iom_ct_set_flag(struct iom_ct *ct, enum iom_ct_flag flag, int on)
{
	if (on)
		__sync_fetch_and_or((__u32 *)&ct->flags, flag);
	else
		__sync_fetch_and_and((__u32 *)&ct->flags, ~(__u32)flag);
}

/* What is decided anew for a connection that was found. The generation comes last: a copy that has it has the rest. */
static __always_inline void iom_ct_redecide(struct iom_ct_look *l, const struct iom_ct_decision *d)
{
	struct iom_ct *ct = l->found;

	if (!iom_ct_is(ct, &l->key))
		return;
	iom_ct_set_flag(ct, IOM_CT_BLOCKED, d->blocked);
	iom_ct_set_flag(ct, IOM_CT_TELL, d->tell);
	ct->rule = d->rule;
	ct->label = d->label;
	asm volatile("" ::: "memory");
	ct->generation = d->generation;
}

/* Remembers a connection that the packet begins. */
IOM_SUBPROG int iom_ct_begin(const struct iom_meta *m, const struct iom_ct_key *key, const struct iom_ct_decision *d, __u32 flags,
			     __u32 now)
{
	struct iom_ct row = {};

	if (!m || !key || !d)
		return -1;
	row.zone = key->zone;
	row.l4[0] = key->l4[0];
	row.l4[1] = key->l4[1];
	row.generation = d->generation;
	row.rule = d->rule;
	row.label = d->label;
	row.in_key = m->in_key;
	row.out_key = m->out_key;
	row.progress = IOM_CT_ASKED;
	row.icmp_type = m->sport;
	row.flags = flags;
	row.expires = now + iom_ct_timeout(&row, key->proto);
	return iom_ct_enter(key, &row, now);
}

/* iom_ct_commit remembers what was decided: for a new connection, which the packet begins, or for one that was found. Negative: there is no
 * room for it. */
static __always_inline int iom_ct_commit(struct iom_meta *m, struct iom_ct_look *l, const struct iom_ct_decision *d)
{
	__u32 flags;

	if (m->flags & IOM_TRACE)
		return 0;
	if (l->found) {
		iom_ct_redecide(l, d);
		return 0;
	}
	flags = (l->from_1 ? IOM_CT_FROM_1 : 0) | (d->egress ? IOM_CT_EGRESS : 0) | (d->tell ? IOM_CT_TELL : 0);
	if (iom_unlikely(l->reopens))
		iom_ct_forget(&l->key);
	return iom_ct_begin(m, &l->key, d, flags, l->now);
}

/* The endpoints of a question; from and to are constants: the verifier allows no variable index on the stack. */
static __always_inline void iom_ct_ends(struct iom_match_query *q, const struct iom_ct_key *key, const int from, const int to)
{
	q->src = key->addr[from];
	q->dst = key->addr[to];
	q->sport = iom_htons(key->l4[from]);
	q->dport = iom_htons(key->l4[to]);
}

/* iom_ct_original makes a question about the packet of a connection one about its first packet, as far as the connection tells: for
 * rules that have changed since. */
static __always_inline void iom_ct_original(struct iom_match_query *q, const struct iom_ct_look *l, const struct iom_ct *ct)
{
	__u8 mac[6];

	if (l->state & IOM_MATCH_CT_RPL) {
		iom_mac_copy(mac, q->smac);
		iom_mac_copy(q->smac, q->dmac);
		iom_mac_copy(q->dmac, mac);
	}
	q->l4_proto = l->key.proto;
	if (ct->flags & IOM_CT_FROM_1)
		iom_ct_ends(q, &l->key, 1, 0);
	else
		iom_ct_ends(q, &l->key, 0, 1);
	if (l->key.proto == PROTO_ICMP || l->key.proto == PROTO_ICMP6) {
		q->sport = iom_htons(ct->icmp_type);
		q->dport = 0;
	}
	q->in_key = ct->in_key;
	q->out_key = ct->out_key;
}

#endif
