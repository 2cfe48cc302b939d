/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* match_field.h: the checks that some rules have besides what belongs to classes: fields of the packet and of its metadata. */
#ifndef IOM_MATCH_FIELD_H
#define IOM_MATCH_FIELD_H

#include <iom/match_tables.h>
#include <iom/parse.h>

/* IPv6: whether the packet is a fragment, by its fragment header. Later fragments are known to be. */
static __always_inline __u8 iom_match_frag6(struct __sk_buff *skb, struct iom_match_query *q)
{
	__u32 offset = ETH_LEN + IP6_LEN;
	__u8 next, b[2];

	if (q->later)
		return 3;
	if (bpf_skb_load_bytes(skb, ETH_LEN + 6, &next, 1))
		return 0;
	for (int i = 0; i < IP6_EXT_MAX; i++) {
		if (next == IP6_EXT_FRAGMENT)
			return 1;
		if ((next != IP6_EXT_HOPOPTS && next != IP6_EXT_ROUTING && next != IP6_EXT_AUTH && next != IP6_EXT_DSTOPTS) ||
		    bpf_skb_load_bytes(skb, offset, b, sizeof(b)))
			return 0;
		offset += next == IP6_EXT_AUTH ? (b[1] + 2) * 4 : (b[1] + 1) * 8;
		next = b[0];
	}
	return 0;
}

static __always_inline __u8 iom_match_frag(struct __sk_buff *skb, struct iom_match_query *q)
{
	__u16 frag;

	if (q->proto == iom_htons(ETH_IP6))
		return iom_match_frag6(skb, q);
	if (q->proto != iom_htons(ETH_IP4) || bpf_skb_load_bytes(skb, ETH_LEN + 6, &frag, sizeof(frag)))
		return 0;
	return (frag & iom_htons(0x3fff) ? 1 : 0) | (q->later ? 2 : 0);
}

/* Time to live, or type of service, of either family. */
static __always_inline __u8 iom_match_ip(struct __sk_buff *skb, struct iom_match_query *q, enum iom_match_base base)
{
	__u8 b[9];
	int six = q->proto == iom_htons(ETH_IP6);

	if ((!six && q->proto != iom_htons(ETH_IP4)) || bpf_skb_load_bytes(skb, ETH_LEN, b, sizeof(b)))
		return 0;
	if (base == IOM_MATCH_TTL)
		return (six ? b[7] : b[8]) - q->hops;
	return six ? b[0] << 4 | b[1] >> 4 : b[1];
}

/* The address in a link-layer option of neighbour discovery. */
static __always_inline void iom_match_nd_option(struct __sk_buff *skb, struct iom_match_query *q, __u8 type, __u8 *to)
{
	__u32 offset = q->l4 + ND_NO_OPT_LEN;
	__u8 b[2];

	for (int i = 0; i < IOM_MATCH_ND_OPTIONS; i++) {
		if (bpf_skb_load_bytes(skb, offset, b, sizeof(b)) || !b[1])
			return;
		if (b[0] == type && b[1] == 1) {
			bpf_skb_load_bytes(skb, offset + 2, to, 6);
			return;
		}
		offset += b[1] * 8;
	}
}

/* Loads a field of the packet; what is beyond its end stays as it is. */
static __always_inline void iom_match_load(struct __sk_buff *skb, __u32 offset, __u64 *to, __u32 len)
{
	if (len >= 1 && len <= 16)
		bpf_skb_load_bytes(skb, offset, to, len);
}

/* The field of a check in the first bytes of v, which is 0. */
static __noinline int iom_match_field(struct __sk_buff *skb, struct iom_match_query *q, struct iom_match_check *check, __u64 *v)
{
	if (!q || !check || !v)
		return -1;
	switch (check->base) {
	case IOM_MATCH_KEY:
		if (check->offset <= __builtin_offsetof(struct iom_match_query, ct_label)) {
			__u64 *field = (__u64 *)((__u8 *)q + check->offset);

			v[0] = field[0];
			v[1] = field[1];
		}
		break;
	case IOM_MATCH_NET:
		iom_match_load(skb, ETH_LEN + check->offset, v, check->len);
		break;
	case IOM_MATCH_ARP:
		if (q->arp)
			iom_match_load(skb, ETH_LEN + check->offset, v, check->len);
		break;
	case IOM_MATCH_L4:
		if (q->l4)
			iom_match_load(skb, q->l4 + check->offset, v, check->len);
		break;
	case IOM_MATCH_TTL:
	case IOM_MATCH_TOS:
		*(__u8 *)v = iom_match_ip(skb, q, check->base);
		break;
	case IOM_MATCH_FRAG:
		*(__u8 *)v = iom_match_frag(skb, q);
		break;
	case IOM_MATCH_VLAN:
		if (skb->vlan_present)
			*(__u16 *)v = iom_htons(skb->vlan_tci | 0x1000);
		break;
	case IOM_MATCH_SLL:
	case IOM_MATCH_TLL:
		if (q->l4)
			iom_match_nd_option(skb, q, check->base == IOM_MATCH_SLL ? ND_OPT_SLL : ND_OPT_TLL, (__u8 *)v);
		break;
	}
	return 0;
}

/* Whether a check of the rule at hand holds. Negative if its row is missing. */
static __noinline int iom_match_holds(struct __sk_buff *skb, struct iom_match_query *q)
{
	struct iom_match_rule_key key = {};
	struct iom_match_check *check;
	__u64 v[2] = {}, high, low;
	int within;

	if (!q)
		return -1;
	key.dp = q->at.dp;
	key.version = q->at.version;
	key.list = q->at.list;
	key.rule = q->rule;
	key.check = q->checks;
	check = bpf_map_lookup_elem(&iom_match_checks, &key);
	if (!check)
		return -1;
	iom_match_field(skb, q, check, v);
	high = __builtin_bswap64(v[0]) & check->mask[0];
	low = __builtin_bswap64(v[1]) & check->mask[1];
	within = (high > check->low[0] || (high == check->low[0] && low >= check->low[1])) &&
		 (high < check->high[0] || (high == check->high[0] && low <= check->high[1]));
	return within != check->not;
}

#endif
