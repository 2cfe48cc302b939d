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

#include <iom/meta.h>

enum {
	IOM_MATCH_NONE = -1, /* no rule matches */
	IOM_MATCH_LOST = -2, /* the list does not exist (any more): read its version again, or drop */

	IOM_MATCH_WORDS = 8, /* of 64 bits in a bitmap */
	IOM_MATCH_CHUNK = 512, /* rules in a bitmap */
	IOM_MATCH_RULES = 64 * IOM_MATCH_CHUNK, /* in a list */
	IOM_MATCH_STEPS = 1 << 16, /* rules and checks looked at for a packet; one that needs more is LOST */

	IOM_MATCH_ARP_LEN = 28,
	IOM_MATCH_ND_OPTIONS = 8, /* looked at */
	IOM_MATCH_EXTENSIONS = 6, /* IPv6 extension headers looked at */
};

/* What of a packet belongs to classes. */
enum iom_match_dim {
	IOM_MATCH_IN, /* in_key */
	IOM_MATCH_OUT, /* out_key */
	IOM_MATCH_SRC, /* src; ARP and RARP: the sender's protocol address */
	IOM_MATCH_DST, /* dst; ARP and RARP: the target's */
	IOM_MATCH_SMAC,
	IOM_MATCH_DMAC,
	IOM_MATCH_PROTO, /* ethertype, then the IP protocol; ARP and RARP: the lower byte of the operation */
	IOM_MATCH_SPORT, /* TCP, UDP, SCTP; ICMP: type */
	IOM_MATCH_DPORT, /* ICMP: code */
	IOM_MATCH_DIMS
};

/* Where a check finds its bytes. */
enum iom_match_base {
	IOM_MATCH_KEY, /* struct iom_match_query */
	IOM_MATCH_NET, /* the header after Ethernet */
	IOM_MATCH_ARP, /* the same, if it is ARP or RARP for Ethernet and IPv4 */
	IOM_MATCH_L4, /* the transport header */
	IOM_MATCH_TTL, /* or hop limit, 1 byte */
	IOM_MATCH_TOS, /* or traffic class, 1 byte */
	IOM_MATCH_FRAG, /* 1 byte: 1 any fragment, 2 any but the first */
	IOM_MATCH_VLAN, /* 2 bytes: tag control information with bit 12 set; 0 without tag */
	IOM_MATCH_SLL, /* 6 bytes: source link-layer address option of neighbour discovery */
	IOM_MATCH_TLL, /* 6 bytes: target link-layer address option */
};

/* A list of an instance; whoever writes lists of one instance agrees on their numbers. */
struct iom_match_list {
	__u32 dp, version, list;
};
struct iom_match_size {
	__u32 rules;
	__u32 dims; /* bit set of enum iom_match_dim: those that some rule tests */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_match_list);
	__type(value, struct iom_match_size);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_lists SEC(".maps");

/* Classes of values, by longest prefix. What is in no table has class 0: it is in no set. */
struct iom_match_addr_key {
	__u32 prefix; /* bits from dp on */
	__u32 dp, version, list;
	enum iom_match_dim dim;
	struct iom_addr addr;
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct iom_match_addr_key);
	__type(value, __u64);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_addrs SEC(".maps");

struct iom_match_bits_key {
	__u32 prefix; /* bits from dp on */
	__u32 dp, version, list;
	enum iom_match_dim dim;
	__u8 bits[8]; /* network byte order */
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct iom_match_bits_key);
	__type(value, __u64);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_bits SEC(".maps");

struct iom_match_port_key {
	__u32 dp, version, list;
	enum iom_match_dim dim;
	__u32 port; /* key */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_match_port_key);
	__type(value, __u64);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_ports SEC(".maps");

/* Rules by class. In a list of at most IOM_MATCH_CHUNK rules bit i of words stands for rule i. In a longer one it stands for the rules 64i..64i+63, which
 * are in iom_match_chunks: under this class where own has the chunk's bit, else under class 0, from which it does not differ there. */
struct iom_match_class_key {
	__u32 dp, version, list;
	enum iom_match_dim dim;
	__u64 class;
};
struct iom_match_class {
	__u64 own;
	__u64 words[IOM_MATCH_WORDS];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_match_class_key);
	__type(value, struct iom_match_class);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_classes SEC(".maps");

struct iom_match_chunk_key {
	__u32 dp, version, list;
	__u16 dim, chunk;
	__u64 class;
};
struct iom_match_chunk {
	__u64 words[IOM_MATCH_WORDS];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_match_chunk_key);
	__type(value, struct iom_match_chunk);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_chunks SEC(".maps");

struct iom_match_rule_key {
	__u32 dp, version, list;
	__u16 rule, check; /* check: 0 in iom_match_rules */
};
struct iom_match_rule {
	__u32 value; /* the module's own */
	__u32 checks; /* rows of iom_match_checks */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_match_rule_key);
	__type(value, struct iom_match_rule);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_rules SEC(".maps");

/* A field, masked, is (or with `not` is not) within low..high. Two halves of 128 bits, high one first; the field's first byte is the highest. */
struct iom_match_check {
	__u64 mask[2], low[2], high[2];
	enum iom_match_base base;
	__u16 offset; /* of the field, in bytes */
	__u8 len; /* of the field, 1..16 bytes */
	__u8 not;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_match_rule_key);
	__type(value, struct iom_match_check);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_checks SEC(".maps");

/* A question about a packet. */
struct iom_match_query {
	/* What the rules see, in network byte order. iom_match_begin takes it from the metadata; the caller may change it. */
	struct iom_addr src, dst;
	__u8 smac[6], dmac[6];
	__u16 proto, sport, dport;
	__u8 l4_proto;
	__u8 addressed; /* src and dst mean something */
	__u32 ct_state, ct_mark, mark;
	__u64 ct_label[2]; /* high half first */
	/* In host byte order. */
	__u16 in_key, out_key;
	__u16 l4; /* as in struct iom_meta */
	__u8 later; /* a fragment but the first */
	__u8 arp; /* an ARP or RARP header for Ethernet and IPv4 follows Ethernet */

	/* The answer. */
	__u32 value; /* of the rule */
	__s32 rule; /* its index, or IOM_MATCH_NONE or IOM_MATCH_LOST */

	/* Work. */
	struct iom_match_list at;
	struct iom_match_size size;
	__u32 from;
	__u32 word; /* the rules of bits are 64*word.. */
	__u32 group; /* of words */
	__u32 checks; /* of the rule at hand still to be made */
	__u64 bits;
	__u64 words[IOM_MATCH_WORDS]; /* what all dimensions have in common */
	__u64 class[IOM_MATCH_DIMS], own[IOM_MATCH_DIMS];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32); /* depth, as of iom_metas */
	__type(value, struct iom_match_query);
	__uint(max_entries, IOM_DEPTH_TRACE + 1);
} iom_match_queries SEC(".maps");

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

/* iom_match_begin starts a question about the packet as its metadata has it, without connection tracking and mark. NULL cannot happen. */
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

/* Bits of q->ct_state (in host byte order; q has it in network byte order): those of Open vSwitch, ovs-fields(7) "ct_state". */
enum iom_match_ct {
	IOM_MATCH_CT_NEW = 1 << 0,
	IOM_MATCH_CT_EST = 1 << 1,
	IOM_MATCH_CT_REL = 1 << 2,
	IOM_MATCH_CT_RPL = 1 << 3,
	IOM_MATCH_CT_INV = 1 << 4,
	IOM_MATCH_CT_TRK = 1 << 5,
	IOM_MATCH_CT_SNAT = 1 << 6,
	IOM_MATCH_CT_DNAT = 1 << 7,
};

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

/* IPv6: whether the packet is a fragment, by its fragment header. Later fragments are known to be. */
static __always_inline __u8 iom_match_frag6(struct __sk_buff *skb, struct iom_match_query *q)
{
	__u32 offset = ETH_LEN + IP6_LEN;
	__u8 next, b[2];

	if (q->later)
		return 3;
	if (bpf_skb_load_bytes(skb, ETH_LEN + 6, &next, 1))
		return 0;
	for (int i = 0; i < IOM_MATCH_EXTENSIONS; i++) {
		if (next == 44)
			return 1;
		if ((next != 0 && next != 43 && next != 51 && next != 60) || bpf_skb_load_bytes(skb, offset, b, sizeof(b)))
			return 0;
		offset += next == 51 ? (b[1] + 2) * 4 : (b[1] + 1) * 8;
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
		return six ? b[7] : b[8];
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

/* The next word with rules that may match: 1; none: 0; a row is missing: negative. */
static __always_inline int iom_match_next_word(struct iom_match_query *q)
{
	__u64 words;

	while (q->group < IOM_MATCH_WORDS && !q->words[q->group & (IOM_MATCH_WORDS - 1)])
		q->group++;
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

/* One word, one rule or one check. 1: q->rule is the answer. */
static long iom_match_step(__u32 step, struct iom_match_run *r)
{
	struct iom_match_query *q = r->q;
	int found;

	if (step == IOM_MATCH_STEPS - 1)
		return iom_match_end(q, IOM_MATCH_LOST);
	if (q->checks) {
		q->checks--;
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
