/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* tables.h: router's tables and drop reasons. */
#ifndef ROUTER_TABLES_H
#define ROUTER_TABLES_H

#include <iom/drop.h>
#include <iom/trace.h>

#define ROUTER_DROPS(X) \
	X(PORT_DISABLED, "router port is disabled") \
	X(VLAN_TAGGED, "tagged frame") \
	X(SRC_MULTICAST, "source MAC is a multicast address") \
	X(NOT_FOR_ROUTER, "destination MAC is not the router port's") \
	X(NOT_IP, "neither IP nor ARP") \
	X(SRC_INVALID, "source IP address can't send: multicast, broadcast, loopback, zero network or the router's own") \
	X(DST_INVALID, "destination IP address can't be routed to: loopback or zero network") \
	X(NEIGHBOUR, "ARP or ND packet that is no question for the router's own address") \
	X(MULTICAST, "IP multicast or Ethernet broadcast is not routed") \
	X(OWN_ADDRESS, "for the router's own address, which is no host: the sender is told") \
	X(TTL_EXCEEDED, "time to live exceeded: the sender is told") \
	X(TOO_BIG, "larger than the way out carries: the sender is told") \
	X(NO_ROUTE, "no route to the destination: the sender is told") \
	X(DISCARD, "route says discard") \
	X(POLICY, "a routing policy says drop") \
	X(UNDECIDED, "routing policies changed while the packet was looked at, or take too long to look at") \
	X(UNRESOLVED, "next hop's MAC address is not known yet: user space asks for it and keeps the packet") \
	X(REWRITE_FAILED, "rewrite refused by the kernel")
IOM_DROPS(router, ROUTER_DROPS)

#define ROUTER_DECISIONS(X) \
	X(CONNECTED, "the destination is on the network of the port") \
	X(ROUTED, "the static route") \
	X(ANSWERED_BACK, "it answers a connection that came by the static route, and leaves the way that this came") \
	X(POLICY_ALLOWS, "the routing policy allows it") \
	X(POLICY_DROPS, "the routing policy drops it") \
	X(POLICY_REROUTES, "the routing policy reroutes it") \
	X(NO_POLICY, "no routing policy matches")
IOM_DECISIONS(router, ROUTER_DECISIONS)

/* Reasons of punts. What user space sends in reply comes back by struct iom_resume. */
enum router_punt {
	ROUTER_PUNT_LEARN = 1, /* ARP or ND packet that says where the address about is */
	ROUTER_PUNT_RESOLVE = 2, /* packet for the next hop about by the port out, as it came in */
	ROUTER_PUNT_TTL = 3, /* ICMP time exceeded is due; as it came in, as all that follow */
	ROUTER_PUNT_NO_ROUTE = 4, /* ICMP network unreachable */
	ROUTER_PUNT_OWN = 5, /* ICMP port or protocol unreachable */
	ROUTER_PUNT_TOO_BIG = 6, /* ICMP fragmentation needed, packet too big; out says by which port */
	ROUTER_PUNT_SOLICIT = 7, /* router solicitation */
	ROUTER_PUNT_RESET = 8, /* TCP reset, SCTP abort */
	ROUTER_PUNT_LEARN_ASKED = 9, /* as LEARN, of a neighbour solicitation */
};
const volatile enum router_punt router_punts = 0; /* puts the enum in BTF, where user space finds it */

/* Punts a second, of a router, without a meter. */
enum {
	ROUTER_LEARN_RATE = 500,
	ROUTER_RESOLVE_RATE = 500,
};

enum router_flag {
	ROUTER_BY_SOURCE = 1 << 0, /* some routes go by the source address */
	ROUTER_LEARN_KNOWN = 1 << 1, /* requests teach only what is known or asks for the router */
	ROUTER_SYMMETRIC = 1 << 2, /* some routes are in router_symmetrics */
};

/* By instance slot. */
struct router_config {
	enum router_flag flags;
	__u32 policies; /* version of their list; 0: there are none */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct router_config);
	__uint(max_entries, IOM_DPS);
} router_configs SEC(".maps");

enum router_port_flag {
	ROUTER_PORT_ENABLED = 1 << 0,
	ROUTER_PORT_ADVERTISES = 1 << 1, /* user space answers router solicitations */
};

/* By port slot. */
struct router_port {
	enum router_port_flag flags;
	__u32 table; /* of the routes for what comes in; 0: main */
	__u8 mac[6];
	__u16 mtu; /* bytes of the largest IP packet that may leave or come in; 0: any */
	__u8 proxy_mac[6]; /* what is for it comes in, too; mac when there is none */
	__u16 pad;
	__u32 exempt; /* version of the list of rules for packets that may be larger; 0: there are none */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct router_port);
	__uint(max_entries, IOM_PORTS);
} router_ports SEC(".maps");

static __always_inline struct router_port *router_port_get(__u32 slot)
{
	return bpf_map_lookup_elem(&router_ports, &slot);
}

/* The router's own addresses, and the broadcast addresses of its networks. */
struct router_addr_key {
	__u32 dp; /* instance slot */
	__u32 port; /* key of the port for link-local addresses, which another port may have as well; else 0 */
	struct iom_addr addr;
};
struct router_addr {
	__u16 port; /* key */
	__u16 broadcast; /* 1: it is such an address */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct router_addr_key);
	__type(value, struct router_addr);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} router_addrs SEC(".maps");

enum router_by {
	ROUTER_TO4 = 1, /* by destination */
	ROUTER_TO6 = 2,
	ROUTER_FROM4 = 3, /* by source */
	ROUTER_FROM6 = 4,
};

struct router_route_key {
	__u32 prefixlen; /* bits: 96 for what comes first, then the address (IPv4 as v4-mapped: 96 more) */
	__u32 dp; /* instance slot */
	__u32 table;
	enum router_by by;
	struct iom_addr addr;
};

/* A way out. */
struct router_hop {
	iom_ref out; /* 0: the port leads nowhere */
	struct iom_addr addr; /* next router; zero: the destination itself */
};

/* One way out or several, among which flows are spread. */
struct router_way {
	__u32 count; /* 0: there is none */
	struct router_hop first;
};

struct router_route {
	__u32 object; /* its number, also in router_hops; the port's key for a port's own network */
	__u32 order; /* of two routes that match the one with the higher */
	struct router_way way; /* none: discard */
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct router_route_key);
	__type(value, struct router_route);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} router_routes SEC(".maps");

/* The ways out of a route or policy that has several. */
struct router_hop_key {
	__u32 dp; /* instance slot */
	__u32 object;
	__u32 index;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct router_hop_key);
	__type(value, struct router_hop);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} router_hops SEC(".maps");

/* Routes whose connections are answered the way that they came: for each the prefix of what comes in by its port, and of what answers that. */
struct router_symmetric_key {
	__u32 prefixlen; /* bits: 160 for what comes first, then the address (IPv4 as v4-mapped: 96 more) */
	__u32 dp; /* instance slot */
	__u32 port; /* slot */
	__u32 answers; /* 1: of an answer, which is to leave by the port; 0: of what comes in by it */
	__u32 table; /* of an answer: the table of its routes; else 0 */
	enum router_by by;
	struct iom_addr addr;
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct router_symmetric_key);
	__type(value, __u32); /* number of the route */
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} router_symmetrics SEC(".maps");

/* Where such connections came from, by what answers them. */
#define ROUTER_REPLY_TIME 600 /* seconds after the last packet that came in */
struct router_reply_key {
	__u32 dp; /* instance slot */
	struct iom_addr src, dst;
	__u16 l4[2]; /* ports of source and destination; 0 where there are none */
	__u32 proto;
};
struct router_reply {
	struct router_reply_key key; /* once more: a table's element may be another one's by the time that it is read */
	iom_ref ref; /* the port that it came in by */
	__u32 seen; /* seconds since boot */
	__u8 mac[6]; /* of who sent it */
	__u8 pad[2];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct router_reply_key);
	__type(value, struct router_reply);
	__uint(max_entries, 65536);
} router_replies SEC(".maps") IOM_LIVE;

/* Lists of rules. */
enum router_list {
	ROUTER_POLICIES = 1,
	ROUTER_EXEMPTIONS = 1 << 16, /* and the key of the port */
};
const volatile enum router_list router_lists = 0;

enum router_policy_action {
	ROUTER_ALLOW = 1,
	ROUTER_DROP = 2,
	ROUTER_REROUTE = 3,
};

/* Policies, by the value that their rules have. */
struct router_policy_key {
	__u32 dp; /* instance slot */
	__u32 object;
};
struct router_policy {
	enum router_policy_action action;
	__u32 mark; /* pkt.mark from here on; 0: as it was */
	struct router_way way; /* of REROUTE */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct router_policy_key);
	__type(value, struct router_policy);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} router_policies SEC(".maps");

/* MAC addresses of next hops. */
struct router_neigh_key {
	__u32 dp; /* instance slot */
	__u32 port; /* slot of the port they are reached by */
	struct iom_addr addr;
};
struct router_neigh {
	__u8 mac[6];
	__u16 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct router_neigh_key);
	__type(value, struct router_neigh);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} router_neighs SEC(".maps");

static __always_inline struct router_neigh *router_neigh_get(__u32 dp, __u32 port, const struct iom_addr *addr)
{
	struct router_neigh_key key = { .dp = dp, .port = port, .addr = *addr };

	return bpf_map_lookup_elem(&router_neighs, &key);
}

/* The router's own address or broadcast address addr, as seen from the port that the packet came in by; NULL: it is neither. */
static __always_inline struct router_addr *router_addr_get(struct iom_meta *m, const struct iom_addr *addr)
{
	struct router_addr_key key = { .dp = m->dp, .addr = *addr };

	if (iom_addr_is_link_local(addr))
		key.port = m->in_key;
	return bpf_map_lookup_elem(&router_addrs, &key);
}

#endif
