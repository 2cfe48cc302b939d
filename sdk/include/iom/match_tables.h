/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* match_tables.h: the tables of rules that <iom/match.h> looks packets up in; package sdk/iom/match writes them. */
#ifndef IOM_MATCH_TABLES_H
#define IOM_MATCH_TABLES_H

#include <iom/meta.h>

enum {
	IOM_MATCH_NONE = -1, /* no rule matches */
	IOM_MATCH_LOST = -2, /* the list does not exist (any more): read its version again, or drop */

	IOM_MATCH_WORDS = 8, /* of 64 bits in a bitmap */
	IOM_MATCH_CHUNK = 512, /* rules in a bitmap */
	IOM_MATCH_RULES = 64 * IOM_MATCH_CHUNK, /* in a list */
	IOM_MATCH_STEPS = 1 << 16, /* rules and checks looked at for a packet; one that needs more is LOST */

	IOM_MATCH_ND_OPTIONS = 8, /* looked at */
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
	__uint(max_entries, 1 << 17);
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
	__uint(max_entries, 1 << 17);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_match_checks SEC(".maps");

/* Bits of ct_state in struct iom_match_query (here in host byte order, there in network byte order): those of Open vSwitch, ovs-fields(7) "ct_state". */
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
	__u32 hops; /* routers whose passage the packet's time to live does not show yet */

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

#endif
