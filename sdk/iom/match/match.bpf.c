// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* match.bpf.c: a program that asks which rule matches a frame; the tests of rules run it. The Go types of the tables come from here, too. */
#include <iom/match.h>
#include <iom/parse.h>

char _license[] SEC("license") = "Dual BSD/GPL";

/* What the frame does not say. */
struct match_asked {
	struct iom_match_list list;
	__u32 from; /* rule to begin with */
	__u16 in_key, out_key;
	__u16 tag; /* control information of the VLAN tag that the frame gets, with bit 12 set; 0: none */
	__u16 swap; /* ask about the other direction */
	__u32 ct_state, ct_mark, mark; /* network byte order */
	__u64 ct_label[2];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct match_asked);
	__uint(max_entries, 1);
} match_asks SEC(".maps");

/* The answer is the rule's index, or IOM_MATCH_NONE or IOM_MATCH_LOST. */
SEC("tc")
int match_first(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct match_asked *ask = bpf_map_lookup_elem(&match_asks, &zero);
	struct iom_meta *m = iom_meta_get(skb);
	struct iom_match_list list;
	struct iom_match_query *q;

	if (!ask || !m)
		return IOM_MATCH_LOST;
	if (ask->tag && bpf_skb_vlan_push(skb, iom_htons(ETH_VLAN), ask->tag & ~0x1000))
		return IOM_MATCH_LOST;
	iom_parse(skb, m);
	m->in_key = ask->in_key;
	m->out_key = ask->out_key;
	q = iom_match_begin(skb, m);
	if (!q)
		return IOM_MATCH_LOST;
	q->ct_state = ask->ct_state;
	q->ct_mark = ask->ct_mark;
	q->mark = ask->mark;
	q->ct_label[0] = ask->ct_label[0];
	q->ct_label[1] = ask->ct_label[1];
	if (ask->swap)
		iom_match_swap(q);
	list = ask->list;
	return iom_match(skb, q, &list, ask->from);
}
