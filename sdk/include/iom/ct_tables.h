/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ct_tables.h: the tables of <iom/ct.h>. Programs write them; user space removes what has expired. */
#ifndef IOM_CT_TABLES_H
#define IOM_CT_TABLES_H

#include <iom/meta.h>

enum iom_ct_size {
	IOM_CTS = 262144, /* established connections */
	IOM_CTS_NEW = 65536, /* those that begin */
	IOM_CTS_BRIEF = 65536, /* those that are the first to be forgotten */
	IOM_CT_ZONES = 65536,
	IOM_CT_ZONE_LIMIT = 65536, /* established connections of a zone, unless user space says otherwise */
	IOM_CT_PACE =
		2048, /* connections that may begin in a zone within a second, and be remembered before those of the brief table */
	IOM_CT_FRAGS = 16384,
};

/* A connection in a zone. Endpoint 0 is the lower one: by address, then by port, as numbers in memory order. */
struct iom_ct_key {
	__u32 zone;
	struct iom_addr addr[2];
	__u16 l4[2]; /* ports, host byte order; echo: see iom_ct_echo_ends. Not `port`, which in live tables is a slot */
	__u8 proto;
	__u8 pad[3];
};

enum iom_ct_progress {
	IOM_CT_ASKED = 1, /* packets of one direction only */
	IOM_CT_ANSWERED = 2, /* TCP: the originator has not confirmed yet */
	IOM_CT_ESTABLISHED = 3,
	IOM_CT_CLOSING = 4, /* one side has finished */
	IOM_CT_CLOSED = 5,
};

enum iom_ct_flag {
	IOM_CT_FROM_1 = 1 << 0, /* endpoint 1 began */
	IOM_CT_FIN_0 = 1 << 1, /* endpoint 0 has finished */
	IOM_CT_FIN_1 = 1 << 2,
	IOM_CT_RESET = 1 << 3,
	IOM_CT_BLOCKED = 1 << 4, /* was allowed, and no more: nothing passes */
	IOM_CT_EGRESS = 1 << 5, /* began on its way out by the zone's port, not in */
	IOM_CT_TELL = 1 << 6, /* user space gets word of replies and related packets */
};

/* What is known of one. What each packet needs comes first: with the end of the key it is in one cache line. */
struct iom_ct {
	__u32 zone; /* as in the key: a table's element may be another one's by the time that it is read */
	__u16 l4[2];
	__u32 expires; /* seconds since boot */
	enum iom_ct_flag flags;
	__u64 generation; /* of the rules that decided last */
	enum iom_ct_progress progress;
	__u32 voucher; /* see iom_ct_voucher; 0: none */
	__u64 rule; /* the deciding rule's own number, see the module */
	__u32 label;
	__u16 in_key, out_key; /* of the first packet */
	__u8 icmp_type; /* of the request */
	__u8 pad[7];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_ct_key);
	__type(value, struct iom_ct);
	__uint(max_entries, IOM_CTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_cts SEC(".maps") IOM_LIVE;
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct iom_ct_key);
	__type(value, struct iom_ct);
	__uint(max_entries, IOM_CTS_NEW);
} iom_cts_new SEC(".maps") IOM_LIVE;
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct iom_ct_key);
	__type(value, struct iom_ct);
	__uint(max_entries, IOM_CTS_BRIEF);
} iom_cts_brief SEC(".maps") IOM_LIVE;

struct iom_ct_zone_key {
	__u32 zone;
};

/* How many established connections a zone may have; an absent one: IOM_CT_ZONE_LIMIT. User space writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_ct_zone_key);
	__type(value, __u32);
	__uint(max_entries, IOM_CT_ZONES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_ct_limits SEC(".maps");

/* How many connections begin in a zone. */
struct iom_ct_pace {
	__u32 second; /* since boot */
	__u32 begun; /* in it */
	__u32 before; /* in the last one before it in which some began */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_ct_zone_key);
	__type(value, struct iom_ct_pace);
	__uint(max_entries, IOM_CT_ZONES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_ct_paces SEC(".maps") IOM_LIVE;

/* Established connections by zone: what programs put in iom_cts less what they took out, and what user space took out. Nobody writes the
 * other's count, so that none is lost. */
struct iom_ct_zone_count {
	__u32 established;
	__u32 refused; /* for want of room: they are forgotten sooner when many begin */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_ct_zone_key);
	__type(value, struct iom_ct_zone_count);
	__uint(max_entries, IOM_CT_ZONES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_ct_zones SEC(".maps") IOM_LIVE;
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_ct_zone_key);
	__type(value, __u32);
	__uint(max_entries, IOM_CT_ZONES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_ct_removed SEC(".maps") IOM_LIVE;

/* What the later fragments of a packet lack. */
struct iom_ct_frag_key {
	__u32 zone;
	__u32 id;
	struct iom_addr src, dst;
	__u32 proto;
};
struct iom_ct_frag {
	struct iom_ct_frag_key key; /* once more: a table's element may be another one's by the time that it is read */
	__u32 expires;
	__u16 sport, dport; /* as in struct iom_meta */
	__u16 echo; /* identifier, host byte order */
	__u16 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct iom_ct_frag_key);
	__type(value, struct iom_ct_frag);
	__uint(max_entries, IOM_CT_FRAGS);
} iom_ct_frags SEC(".maps") IOM_LIVE;

#endif
