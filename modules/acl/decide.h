/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* decide.h: what the ACLs say about a packet. */
#ifndef ACL_DECIDE_H
#define ACL_DECIDE_H

#include <iom/punt.h>
#include "tables.h"

enum {
	ACL_LOOKS = 32, /* rules of a list that may match a packet without deciding */
	ACL_LOG_BYTES = 256, /* of a packet that is logged: its headers */
};

/* A question to the lists of one direction, and the answer. */
struct acl_decision {
	__u64 rule; /* number of the ACL that decides; 0: none, the default */
	__u32 label;
	__u8 egress; /* to-lport, else from-lport */
	__u8 no_allow; /* ACLs that allow don't count */
	__u8 no_punt; /* the packet is not the one that is decided on */
	__u8 action; /* enum acl_action; 0: the default */
	__u8 log; /* enum acl_log of the ACL */
};

static __always_inline void acl_count(__u32 dp, __u64 id)
{
	struct acl_hit_key key = { .id = id, .dp = dp };
	__u64 one = 1, *hits = bpf_map_lookup_elem(&acl_hits, &key);

	if (hits)
		__sync_fetch_and_add(hits, 1);
	else
		bpf_map_update_elem(&acl_hits, &key, &one, BPF_NOEXIST);
}

static __always_inline enum acl_verdict acl_verdict_of(__u8 action)
{
	return action == ACL_DROP ? ACL_DROPPED : action == ACL_REJECT ? ACL_REJECTED : ACL_ALLOWED;
}

static __always_inline void acl_trace(struct iom_meta *m, const struct acl_decision *d)
{
	if (iom_likely(!(m->flags & IOM_TRACE)))
		return;
	switch (d->action) {
	case ACL_ALLOW:
		iom_decide(m, acl, ALLOWED, d->rule);
		break;
	case ACL_ALLOW_STATELESS:
		iom_decide(m, acl, STATELESS, d->rule);
		break;
	case ACL_DROP:
		iom_decide(m, acl, DENIED, d->rule);
		break;
	case ACL_REJECT:
		iom_decide(m, acl, REJECTED, d->rule);
		break;
	default:
		iom_decide(m, acl, NO_MATCH, 0);
	}
}

/* What a punt is to say about the packet. */
static __always_inline void acl_say(struct iom_meta *m, __u64 rule, __u32 egress, enum acl_verdict verdict)
{
	struct acl_told told = { .rule = rule, .egress = egress, .verdict = verdict };

	_Static_assert(sizeof(told) == sizeof(m->about), "a punt has room for struct acl_told");
	__builtin_memcpy(&m->about, &told, sizeof(told));
}

/* Says which ACL allows a reply or a related packet, to user space. A global function: few packets need it. */
__noinline int acl_tell_reply(struct __sk_buff *skb, struct iom_meta *m, __u64 rule, __u32 egress)
{
	if (!m)
		return 0;
	acl_say(m, rule, egress, ACL_ALLOWED);
	return iom_punt(skb, m, ACL_PUNT_LOG, ACL_LOG_BYTES);
}

/* Says which ACL decided: to the counters and user space. */
static __always_inline void acl_tell(struct __sk_buff *skb, struct iom_meta *m, const struct acl_decision *d)
{
	iom_flow_ends(m); /* each packet that an ACL decides on counts */
	if (!(m->flags & IOM_TRACE))
		acl_count(m->dp, d->rule);
	acl_say(m, d->rule, d->egress, acl_verdict_of(d->action));
	if (d->log & ACL_LOG && !d->no_punt)
		iom_punt(skb, m, ACL_PUNT_LOG, ACL_LOG_BYTES);
	if (d->action == ACL_REJECT && !d->no_punt && !m->fragment)
		iom_punt(skb, m, ACL_PUNT_REJECT, IOM_PUNT_BYTES);
}

/* A look through a list. */
struct acl_walk {
	struct __sk_buff *skb;
	struct iom_match_query *q;
	struct acl_decision *d;
	struct acl_rule_key key;
	__u32 from;
	int found; /* 1: d has the ACL that decides; 0: there is none; negative: it can't be told */
};

/* The next rule that matches. 1: the walk is over. */
static long acl_next(__u32 step, struct acl_walk *w)
{
	struct acl_decision *d = w->d;
	struct acl_rule *rule;
	int index;

	(void)step;
	index = iom_match(w->skb, w->q, &w->key.list, w->from);
	if (index == IOM_MATCH_NONE) {
		w->found = 0;
		return 1;
	}
	w->key.value = w->q->value;
	rule = index < 0 ? NULL : bpf_map_lookup_elem(&acl_rules, &w->key);
	if (!rule)
		return 1;
	if (rule->action == ACL_PASS || (rule->action == ACL_ALLOW && d->no_allow)) {
		w->from = rule->action == ACL_PASS ? rule->next : index + 1;
		return 0;
	}
	d->rule = rule->id;
	d->action = rule->action;
	d->log = rule->log;
	if (rule->label)
		d->label = rule->label;
	w->found = 1;
	return 1;
}

/* What a list says, told: 0, or negative: it can't be told. The list's version is read anew if it has just gone. A global function, which the
 * verifier looks at once, not from each place that calls it. */
__noinline int acl_ask(struct __sk_buff *skb, struct iom_meta *m, struct iom_match_query *q, __u32 list, struct acl_decision *d)
{
	struct acl_walk w = { .skb = skb, .q = q, .d = d, .found = -1 };
	struct acl_config *config;

	if (!m || !q || !d || list >= ACL_LISTS)
		return -1;
	w.key.list.dp = m->dp;
	w.key.list.list = list;
	config = bpf_map_lookup_elem(&acl_configs, &w.key.list.dp);
	if (!config)
		return -1;
	for (int i = 0; i < 2 && w.found < 0; i++) {
		w.key.list.version = *(volatile __u32 *)&config->versions[list];
		w.from = 0;
		bpf_loop(ACL_LOOKS, acl_next, &w, 0);
	}
	acl_trace(m, d);
	if (w.found <= 0)
		return w.found;
	acl_tell(skb, m, d);
	return 0;
}

/* acl_decide asks the lists of a direction in turn: d->action is what the last one says that was asked. lists: those that may say something; drops:
 * what no ACL of a list matches is dropped. Negative: it can't be told. */
static __always_inline int acl_decide(struct __sk_buff *skb, struct iom_meta *m, struct iom_match_query *q, __u32 lists, int drops,
				      struct acl_decision *d)
{
	const __u32 first = d->egress ? ACL_TO : ACL_FROM;

	if (!(lists & 1 << first))
		iom_decide(m, acl, NO_MATCH, 0);
	else if (acl_ask(skb, m, q, first, d))
		return -1;
	if (d->egress || d->action == ACL_DROP || d->action == ACL_REJECT || (!d->action && drops))
		return 0;
	d->action = 0;
	return lists & 1 << ACL_FROM_AFTER ? acl_ask(skb, m, q, ACL_FROM_AFTER, d) : 0;
}

#endif
