/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* connection.h: what is to be done about packets of connections. */
#ifndef ACL_CONNECTION_H
#define ACL_CONNECTION_H

#include <iom/ct.h>
#include "decide.h"

/* What decides about packets of a port. */
struct acl_place {
	struct acl_config *config;
	struct acl_port *port;
	__u64 generation;
};

/* What is to be done about a packet. */
enum acl_step {
	ACL_STEP_PASS,
	ACL_STEP_DROP_EARLY, /* drops: FRAGMENT_EARLY, ... */
	ACL_STEP_DROP_INVALID,
	ACL_STEP_DROP_BLOCKED,
	ACL_STEP_ALONE, /* decide on it by itself */
	ACL_STEP_DECIDE, /* decide on its connection */
};

/* Whether what was decided for the connection still holds for the packet. */
static __always_inline int is_settled(const struct acl_place *p, const struct iom_ct *ct, __u32 state)
{
	if (ct->generation != p->generation)
		return 0;
	if (state & (IOM_MATCH_CT_RPL | IOM_MATCH_CT_REL))
		return 1;
	return !(p->config->flags & (ct->flags & IOM_CT_EGRESS ? ACL_EACH_TO : ACL_EACH_FROM));
}

/* A packet that may be of a connection. One that looks like its originator's, but goes the other way through the zone's port, is decided on by
 * itself: somebody uses the port's own address. */
static __always_inline enum acl_step track(struct __sk_buff *skb, struct iom_meta *m, const struct acl_place *p,
					   struct iom_ct_look *l, int egress)
{
	struct iom_ct *ct;

	m->ct_state = iom_ct_find(skb, m, iom_ct_zone(m->dp, egress ? m->out_key : m->in_key), l);
	ct = l->found;
	if (iom_unlikely(!ct && m->flags & IOM_TRACE_REPLY)) {
		m->ct_state = IOM_MATCH_CT_TRK | IOM_MATCH_CT_EST | IOM_MATCH_CT_RPL;
		iom_decide(m, acl, ANSWERS, 0);
		return ACL_STEP_PASS;
	}
	if (l->overtook)
		return ACL_STEP_DROP_EARLY;
	if (l->state & IOM_MATCH_CT_INV)
		return p->config->flags & ACL_ALLOW_INVALID ? ACL_STEP_ALONE : ACL_STEP_DROP_INVALID;
	if (!ct)
		return ACL_STEP_DECIDE;
	if (!(l->state & (IOM_MATCH_CT_RPL | IOM_MATCH_CT_REL)) && egress != ((ct->flags & IOM_CT_EGRESS) != 0))
		return ACL_STEP_ALONE;
	if (iom_unlikely(!is_settled(p, ct, l->state)))
		return ACL_STEP_DECIDE;
	if (ct->flags & IOM_CT_BLOCKED) {
		iom_decide(m, acl, FORBIDDEN, ct->rule);
		return ACL_STEP_DROP_BLOCKED;
	}
	iom_decide(m, acl, ESTABLISHED, ct->rule);
	if (iom_unlikely(ct->flags & IOM_CT_TELL)) {
		if (l->state & (IOM_MATCH_CT_RPL | IOM_MATCH_CT_REL))
			acl_tell_reply(skb, m, ct->rule, egress);
	} else if (egress) {
		iom_ct_vouch(m, l, p->generation);
	} else {
		iom_ct_take_voucher(m, l);
	}
	iom_ct_touch(m, l);
	return ACL_STEP_PASS;
}

/* The question about a connection that was found: about its first packet, in the state that another one of its originator would have. */
static __always_inline void ask_original(struct iom_match_query *q, const struct iom_ct_look *l, struct acl_decision *d)
{
	struct iom_ct *ct = l->found;

	iom_ct_original(q, l, ct);
	q->ct_state = iom_htonl(IOM_MATCH_CT_TRK | (ct->progress == IOM_CT_ASKED ? IOM_MATCH_CT_NEW : IOM_MATCH_CT_EST));
	q->ct_mark = iom_htonl(ct->flags & IOM_CT_BLOCKED ? 1 : 0);
	q->ct_label[0] = __builtin_bswap64((__u64)ct->label << 32);
	d->egress = (ct->flags & IOM_CT_EGRESS) != 0;
	d->no_punt = (l->state & (IOM_MATCH_CT_RPL | IOM_MATCH_CT_REL)) != 0;
}

static __always_inline int forbids(const struct acl_place *p, const struct acl_decision *d)
{
	return d->action == ACL_DROP || d->action == ACL_REJECT || (!d->action && p->config->flags & ACL_DEFAULT);
}

/* Remembers what was decided on a connection. Negative: there is no room for it. */
static __always_inline int remember(struct iom_meta *m, const struct acl_place *p, struct iom_ct_look *l,
				    const struct acl_decision *d)
{
	struct iom_ct_decision mine = { .generation = p->generation, .rule = d->rule, .label = d->label, .egress = d->egress };

	mine.blocked = forbids(p, d);
	mine.tell = (d->log & ACL_LOG_REPLIES) != 0;
	if (mine.blocked && !l->found)
		return 0;
	if (iom_ct_commit(m, l, &mine))
		return -1;
	if (!mine.blocked && l->found)
		iom_ct_touch(m, l);
	return 0;
}

#endif
