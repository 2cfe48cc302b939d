/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* tables.h: acl's tables, punts and drop reasons. */
#ifndef ACL_TABLES_H
#define ACL_TABLES_H

#include <iom/drop.h>
#include <iom/match.h>

#define ACL_DROPS(X) \
	X(DENIED, "an ACL says drop") \
	X(REJECTED, "an ACL says reject: the sender is told") \
	X(DEFAULT_DROP, "no ACL matches, and such packets are dropped") \
	X(BLOCKED, "of a connection that was allowed and is no more") \
	X(INVALID, "belongs to no connection and can't begin one") \
	X(FRAGMENT_EARLY, "fragment that came before its first one") \
	X(NO_ROOM, "no room to track the connection") \
	X(UNDECIDED, "rules changed while the packet was looked at, or too many pass it on")
IOM_DROPS(acl, ACL_DROPS)

#define ACL_DECISIONS(X) \
	X(ALLOWED, "the ACL allows it") \
	X(DENIED, "the ACL drops it") \
	X(REJECTED, "the ACL rejects it") \
	X(STATELESS, "the ACL allows it without tracking") \
	X(ESTABLISHED, "the ACL, or the default, has allowed its connection") \
	X(FORBIDDEN, "the ACL, or the default, forbids its connection, which was allowed before") \
	X(NO_MATCH, "no ACL matches") \
	X(DISCOVERY, "no ACL stops neighbour and router discovery and MLD") \
	X(ANSWERS, "it answers a packet that passed") \
	X(OTHER_ZONE, "the ACLs of the port that it came in by have allowed its connection")
IOM_DECISIONS(acl, ACL_DECISIONS)

/* Reasons of punts. What they are about is a struct acl_told. */
enum acl_punt {
	ACL_PUNT_LOG = 1, /* to be logged; the beginning of the packet */
	ACL_PUNT_REJECT = 2, /* dropped, the sender is to be told; the packet */
};
const volatile enum acl_punt acl_punts = 0; /* puts the enum in BTF, where user space finds it */

/* What became of a packet. */
enum acl_verdict {
	ACL_ALLOWED = 1,
	ACL_DROPPED = 2,
	ACL_REJECTED = 3,
};

/* What a punt says about its packet, in place of an address. */
struct acl_told {
	__u64 rule; /* number of the ACL */
	__u32 egress; /* 1: looked up for a port that receives, 0: for one that sends */
	enum acl_verdict verdict;
};
const volatile struct acl_told acl_tells = {};

/* Lists of rules. */
enum acl_list {
	ACL_FROM, /* from-lport */
	ACL_FROM_AFTER, /* from-lport with apply-after-lb */
	ACL_TO, /* to-lport */
	ACL_STATELESS_FROM, /* what goes untracked: the allow-stateless ACLs of both lists, and of the other direction */
	ACL_STATELESS_TO,
	ACL_LISTS
};
const volatile enum acl_list acl_lists = 0;

enum acl_flag {
	ACL_STATEFUL = 1 << 0, /* IP packets of connections are tracked */
	ACL_DEFAULT = 1 << 1, /* what no ACL matches is dropped */
	ACL_ALLOW_INVALID = 1 << 2, /* what tracking finds invalid is not dropped for that */
	ACL_EACH_FROM = 1 << 3, /* rules look at what differs from packet to packet: each one of the originator is decided anew */
	ACL_EACH_TO = 1 << 4,
};

/* By instance slot. */
struct acl_config {
	enum acl_flag flags;
	__u32 versions[ACL_LISTS];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct acl_config);
	__uint(max_entries, IOM_DPS);
} acl_configs SEC(".maps");

/* By instance slot: stands for all that decides. 0: there are no ACLs. User space writes it last; programs read it first, so that what they note it for
 * was decided by rules that are at least as new. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, IOM_DPS);
} acl_generations SEC(".maps");

/* By port slot. */
struct acl_port {
	__u32 lists; /* bit set of enum acl_list: those with rules that may match packets from, or to, the port */
	__u32 untracked; /* 1: leads to a router, say, and has no connections */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct acl_port);
	__uint(max_entries, IOM_PORTS);
} acl_ports SEC(".maps");

enum acl_action {
	ACL_ALLOW = 1,
	ACL_ALLOW_STATELESS = 2,
	ACL_DROP = 3,
	ACL_REJECT = 4,
	ACL_PASS = 5, /* go on with the next tier */
};

/* What user space gets word of. */
enum acl_log {
	ACL_LOG = 1 << 0, /* packets that are decided on */
	ACL_LOG_REPLIES = 1 << 1, /* replies and related packets of the connections */
};

/* ACLs, by the value that their rules have. */
struct acl_rule_key {
	struct iom_match_list list;
	__u32 value;
};
struct acl_rule {
	__u64 id; /* number of the ACL, see package config */
	__u32 label;
	enum acl_action action;
	__u16 next; /* index of the first rule of the next tier */
	__u16 pad;
	enum acl_log log;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct acl_rule_key);
	__type(value, struct acl_rule);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} acl_rules SEC(".maps");

/* How often an ACL decided: for a packet that is not of a connection, the first one of a connection, or the first one after rules changed. */
struct acl_hit_key {
	__u64 id;
	__u32 dp; /* instance slot */
	__u32 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct acl_hit_key);
	__type(value, __u64);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} acl_hits SEC(".maps") IOM_LIVE;

#endif
