/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* match.h: which rule of a list is the first that matches a packet: the classifier of access control lists and routing policies.
 *
 *	struct iom_match_query *q = iom_match_begin(skb, m);
 *	struct iom_match_list list = { .dp = m->dp, .version = config->version, .list = MY_LIST };
 *	int rule;
 *
 *	if (!q)
 *		return iom_drop(...);
 *	rule = iom_match(skb, q, &list, 0);
 *	if (rule >= 0)
 *		... q->value is what user space gave the rule
 *
 * User space writes the tables with package sdk/iom/match. Cost does not grow with the number of rules: what a packet has in a dimension (its source
 * address, say) belongs to a class, which stands for the exact collection of sets that it is in; a class has a bitmap of the rules that it
 * satisfies; the lowest bit that all dimensions have in common is the rule. Lists of more than 512 rules have bitmaps of bitmaps. Only the checks that
 * some rules have besides are made one by one, when all else of the rule holds.
 *
 * A field that the packet does not have is 0, as in Open vSwitch: ports of later fragments, ARP fields of a header that isn't for Ethernet and
 * IPv4. The addresses of what is neither IP nor ARP are in no set.
 *
 * Rows carry a version. Those of one version don't change but for the membership of sets, and go away after the list's row in
 * iom_match_lists has gone: a packet that meets another version's end gets IOM_MATCH_LOST and no wrong answer. */
#ifndef IOM_MATCH_H
#define IOM_MATCH_H

#include <iom/match_field.h>

/* ARP and RARP: protocol addresses and the operation stand where IP has addresses and the protocol. */
static __always_inline void iom_match_arp(struct __sk_buff *skb, struct iom_match_query *q)
{
	struct arp_hdr arp;

	if (bpf_skb_load_bytes(skb, ETH_LEN, &arp, sizeof(arp)) || arp.hrd != iom_htons(1) || arp.pro != iom_htons(ETH_IP4) ||
	    arp.hln != 6 || arp.pln != 4)
		return;
	q->arp = 1;
	q->addressed = 1;
	iom_addr_set4(&q->src, arp.spa);
	iom_addr_set4(&q->dst, arp.tpa);
	if (!(arp.op & iom_htons(0xff00)))
		q->l4_proto = iom_ntohs(arp.op);
}

/* iom_match_begin starts a question about the packet as its metadata has it, without connection tracking. NULL cannot happen. */
static __noinline struct iom_match_query *iom_match_begin(struct __sk_buff *skb, struct iom_meta *m)
{
	__u32 depth = skb->cb[0];
	struct iom_match_query *q = bpf_map_lookup_elem(&iom_match_queries, &depth);

	if (!q || !m)
		return NULL;
	__builtin_memset(q, 0, __builtin_offsetof(struct iom_match_query, in_key));
	q->in_key = m->in_key;
	q->out_key = m->out_key;
	q->l4 = m->l4;
	q->later = m->fragment;
	q->arp = 0;
	q->hops = 0;
	q->mark = iom_htonl(m->mark);
	q->proto = iom_htons(m->proto);
	iom_mac_copy(q->smac, m->smac);
	iom_mac_copy(q->dmac, m->dmac);
	if (m->proto == ETH_IP4 || m->proto == ETH_IP6) {
		q->addressed = 1;
		q->src = m->src;
		q->dst = m->dst;
		q->l4_proto = m->l4_proto;
		q->sport = iom_htons(m->sport);
		q->dport = iom_htons(m->dport);
	} else if (m->proto == ETH_ARP || m->proto == ETH_RARP) {
		iom_match_arp(skb, q);
	}
	return q;
}

/* iom_match_swap asks about the other direction of the packet's connection. Type and code of ICMP stay: the caller sets those of the request.
 * Checks of what is not in the query see the packet as it is. */
static __always_inline void iom_match_swap(struct iom_match_query *q)
{
	struct iom_addr addr = q->src;
	__u16 key = q->in_key, port = q->sport;
	__u8 mac[6];

	q->src = q->dst;
	q->dst = addr;
	q->in_key = q->out_key;
	q->out_key = key;
	__builtin_memcpy(mac, q->smac, sizeof(mac));
	__builtin_memcpy(q->smac, q->dmac, sizeof(mac));
	__builtin_memcpy(q->dmac, mac, sizeof(mac));
	if (q->l4_proto != PROTO_ICMP && q->l4_proto != PROTO_ICMP6) {
		q->sport = q->dport;
		q->dport = port;
	}
}

static __always_inline __u64 iom_match_addr_class(struct iom_match_query *q, enum iom_match_dim dim, const struct iom_addr *addr)
{
	struct iom_match_addr_key key = {
		.prefix = 256, .dp = q->at.dp, .version = q->at.version, .list = q->at.list, .dim = dim, .addr = *addr
	};
	__u64 *class = bpf_map_lookup_elem(&iom_match_addrs, &key);

	return class ? *class : 0;
}

/* The value is the first bytes of `bits`, the others 0. */
static __noinline __u64 iom_match_bits_class(struct iom_match_query *q, enum iom_match_dim dim, __u64 bits, __u32 width)
{
	struct iom_match_bits_key key = { .prefix = 128 + width, .dim = dim };
	__u64 *class;

	if (!q)
		return 0;
	key.dp = q->at.dp;
	key.version = q->at.version;
	key.list = q->at.list;
	__builtin_memcpy(key.bits, &bits, sizeof(bits));
	class = bpf_map_lookup_elem(&iom_match_bits, &key);
	return class ? *class : 0;
}

static __always_inline __u64 iom_match_port_class(struct iom_match_query *q, enum iom_match_dim dim, __u32 port)
{
	struct iom_match_port_key key = { .dp = q->at.dp, .version = q->at.version, .list = q->at.list, .dim = dim, .port = port };
	__u64 *class = bpf_map_lookup_elem(&iom_match_ports, &key);

	return class ? *class : 0;
}

static __always_inline __u64 iom_match_mac_bits(const __u8 *mac)
{
	__u64 bits = 0;

	__builtin_memcpy(&bits, mac, 6);
	return bits;
}

static __noinline __u64 iom_match_class_of(struct iom_match_query *q, enum iom_match_dim dim)
{
	if (!q)
		return 0;
	switch (dim) {
	case IOM_MATCH_IN:
		return iom_match_port_class(q, dim, q->in_key);
	case IOM_MATCH_OUT:
		return iom_match_port_class(q, dim, q->out_key);
	case IOM_MATCH_SRC:
		return q->addressed ? iom_match_addr_class(q, dim, &q->src) : 0;
	case IOM_MATCH_DST:
		return q->addressed ? iom_match_addr_class(q, dim, &q->dst) : 0;
	case IOM_MATCH_SMAC:
		return iom_match_bits_class(q, dim, iom_match_mac_bits(q->smac), 48);
	case IOM_MATCH_DMAC:
		return iom_match_bits_class(q, dim, iom_match_mac_bits(q->dmac), 48);
	case IOM_MATCH_PROTO:
		return iom_match_bits_class(q, dim, q->proto | (__u64)q->l4_proto << 16, 24);
	case IOM_MATCH_SPORT:
		return iom_match_bits_class(q, dim, q->sport, 16);
	case IOM_MATCH_DPORT:
		return iom_match_bits_class(q, dim, q->dport, 16);
	default:
		return 0;
	}
}

/* Finds the packet's class in a dimension and leaves in q->words what it has in common with the others. Negative if its row is missing. */
static __noinline int iom_match_classify(struct iom_match_query *q, enum iom_match_dim dim)
{
	struct iom_match_class_key key = { .dim = dim };
	struct iom_match_class *class;

	if (!q || dim >= IOM_MATCH_DIMS)
		return -1;
	key.dp = q->at.dp;
	key.version = q->at.version;
	key.list = q->at.list;
	key.class = iom_match_class_of(q, dim);
	class = bpf_map_lookup_elem(&iom_match_classes, &key);
	if (!class)
		return -1;
	q->class[dim] = key.class;
	q->own[dim] = class->own;
	for (int i = 0; i < IOM_MATCH_WORDS; i++)
		q->words[i] &= class->words[i];
	return 0;
}

/* The rules of a word that all dimensions agree on, in a list of several chunks. Negative if a row is missing. */
static __noinline int iom_match_word(struct iom_match_query *q)
{
	struct iom_match_chunk_key key = {};
	struct iom_match_chunk *rules;
	__u64 bits = ~0ull;

	if (!q)
		return -1;
	key.dp = q->at.dp;
	key.version = q->at.version;
	key.list = q->at.list;
	key.chunk = q->word / IOM_MATCH_WORDS;
	for (int dim = 0; dim < IOM_MATCH_DIMS; dim++) {
		if (!(q->size.dims & 1 << dim))
			continue;
		key.dim = dim;
		key.class = q->own[dim] >> (key.chunk & 63) & 1 ? q->class[dim] : 0;
		rules = bpf_map_lookup_elem(&iom_match_chunks, &key);
		if (!rules)
			return -1;
		bits &= rules->words[q->word % IOM_MATCH_WORDS];
	}
	q->bits = bits;
	return 0;
}

/* The number of the lowest bit that is set; x is not 0. */
static __always_inline __u32 iom_match_lowest(__u64 x)
{
	__u32 n = 0;

	for (int half = 32; half; half >>= 1) {
		if (!(x & ((1ull << half) - 1))) {
			x >>= half;
			n += half;
		}
	}
	return n;
}

/* The next word with rules that may match: 1; none: 0; a row is missing: negative. */
static __always_inline int iom_match_next_word(struct iom_match_query *q)
{
	__u64 words;

	for (int i = 0; i < IOM_MATCH_WORDS; i++) {
		if (q->group >= IOM_MATCH_WORDS || q->words[q->group & (IOM_MATCH_WORDS - 1)])
			break;
		q->group++;
	}
	if (q->group >= IOM_MATCH_WORDS)
		return 0;
	words = q->words[q->group & (IOM_MATCH_WORDS - 1)];
	if (q->size.rules <= IOM_MATCH_CHUNK) {
		q->word = q->group++;
		q->bits = words;
		return 1;
	}
	q->word = q->group * 64 + iom_match_lowest(words);
	q->words[q->group & (IOM_MATCH_WORDS - 1)] = words & (words - 1);
	if (iom_match_word(q))
		return -1;
	if (q->word == q->from / 64)
		q->bits &= ~0ull << (q->from & 63);
	return 1;
}

/* The next rule on which all dimensions agree; its checks are still to be made. Negative if its row is missing. */
static __always_inline int iom_match_next_rule(struct iom_match_query *q)
{
	struct iom_match_rule_key key = { .dp = q->at.dp, .version = q->at.version, .list = q->at.list };
	struct iom_match_rule *rule;

	key.rule = q->word * 64 + iom_match_lowest(q->bits);
	q->bits &= q->bits - 1;
	rule = bpf_map_lookup_elem(&iom_match_rules, &key);
	if (!rule)
		return -1;
	q->rule = key.rule;
	q->value = rule->value;
	q->checks = rule->checks;
	return 0;
}

struct iom_match_run {
	struct __sk_buff *skb;
	struct iom_match_query *q;
};

static __always_inline long iom_match_end(struct iom_match_query *q, int rule)
{
	q->rule = rule;
	return 1;
}

/* One word, one rule or one check. 1: q->rule is the answer. Dimensions are the same for all packets of a flow, what is checked need not be. */
static long iom_match_step(__u32 step, struct iom_match_run *r)
{
	struct iom_match_query *q = r->q;
	struct iom_meta *m;
	int found;

	if (step == IOM_MATCH_STEPS - 1)
		return iom_match_end(q, IOM_MATCH_LOST);
	if (q->checks) {
		q->checks--;
		m = iom_meta_get(r->skb);
		if (m)
			iom_flow_ends(m);
		found = iom_match_holds(r->skb, q);
		if (found < 0)
			return iom_match_end(q, IOM_MATCH_LOST);
		if (!found)
			q->checks = 0;
		return found && !q->checks;
	}
	if (q->bits) {
		if (iom_match_next_rule(q))
			return iom_match_end(q, IOM_MATCH_LOST);
		return !q->checks;
	}
	found = iom_match_next_word(q);
	if (found <= 0)
		return iom_match_end(q, found ? IOM_MATCH_LOST : IOM_MATCH_NONE);
	return 0;
}

/* Prepares q for the steps: the words that all dimensions have in common, but for those before q->from. Negative if a row is missing. */
static __always_inline int iom_match_start(struct iom_match_query *q)
{
	__u32 start = q->size.rules > IOM_MATCH_CHUNK ? q->from / 64 : q->from;

	for (int i = 0; i < IOM_MATCH_WORDS; i++)
		q->words[i] = start >= i * 64u + 64 ? 0 : start > i * 64u ? ~0ull << (start & 63) : ~0ull;
	for (int dim = 0; dim < IOM_MATCH_DIMS; dim++) {
		if (q->size.dims & 1 << dim && iom_match_classify(q, dim))
			return -1;
	}
	q->bits = 0;
	q->group = 0;
	q->checks = 0;
	return 0;
}

/* iom_match gives the index of the first rule of a list, from `from` on, that the packet matches; q->value is the rule's value then. Otherwise
 * IOM_MATCH_NONE or IOM_MATCH_LOST. */
static __noinline int iom_match(struct __sk_buff *skb, struct iom_match_query *q, struct iom_match_list *list, __u32 from)
{
	struct iom_match_run run = { .skb = skb, .q = q };
	struct iom_match_size *size;

	if (!q || !list)
		return IOM_MATCH_LOST;
	q->at = *list;
	q->from = from;
	size = bpf_map_lookup_elem(&iom_match_lists, &q->at);
	if (!size)
		return IOM_MATCH_LOST;
	if (from >= size->rules)
		return IOM_MATCH_NONE;
	q->size = *size;
	if (iom_match_start(q))
		return IOM_MATCH_LOST;
	bpf_loop(IOM_MATCH_STEPS, iom_match_step, &run, 0);
	/* What was looked up belongs together if the list is still there: its row goes first. */
	return bpf_map_lookup_elem(&iom_match_lists, &q->at) ? q->rule : IOM_MATCH_LOST;
}

#endif
