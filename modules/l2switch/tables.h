/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* tables.h: l2switch's tables and drop reasons. */
#ifndef L2SWITCH_TABLES_H
#define L2SWITCH_TABLES_H

#include <iom/drop.h>

#define L2SWITCH_DROPS(X) \
	X(PORT_DISABLED, "sending port is disabled") \
	X(VLAN_TAGGED, "tagged frame on a switch without vlan-passthru") \
	X(SRC_MULTICAST, "source address is a multicast address") \
	X(PORT_SECURITY_MAC, "source MAC is not allowed by port security") \
	X(PORT_SECURITY_PROTO, "neither IP nor ARP, sent by a port that port security restricts to IP addresses") \
	X(PORT_SECURITY_IP, "source IP is not allowed by port security") \
	X(PORT_SECURITY_ARP, "ARP sender is not allowed by port security") \
	X(PORT_SECURITY_ND, "ND sender or target is not allowed by port security") \
	X(NO_FLOOD, "switch has no flood group") \
	X(NOT_ACTIVE, "port waits for its workload's activation after a migration") \
	X(MCAST_UNREGISTERED, "IP multicast that nobody joined") \
	X(MCAST_CONTROL, "IGMP or MLD report, and no port wants them") \
	X(UNKNOWN_MAC, "destination MAC is on no port of the switch") \
	X(SERVED, "DHCP or DNS request: user space answers it or sends it on") \
	X(SERVICE_BUSY, "DHCP or DNS request that user space is too busy for") \
	X(DST_DISABLED, "receiving port is disabled") \
	X(DST_SECURITY, "destination is not allowed by the receiving port's port security")
IOM_DROPS(l2switch, L2SWITCH_DROPS)

#define L2SWITCH_DECISIONS(X) \
	X(ANSWERED, "the switch answers ARP and ND for the port with that address") \
	X(LEARNED, "the destination MAC was learned")
IOM_DECISIONS(l2switch, L2SWITCH_DECISIONS)

enum l2switch_config_flag {
	L2SWITCH_VLAN_PASSTHRU = 1 << 0, /* tagged frames pass */
	L2SWITCH_SNOOP = 1 << 1, /* IP multicast goes where it was joined */
	L2SWITCH_DNS = 1 << 2, /* user space may answer DNS requests */
	L2SWITCH_PROXIES = 1 << 3, /* has rows in l2switch_proxies */
};

/* By instance slot. */
struct l2switch_config {
	__u16 flood; /* group for broadcast and multicast; 0: none */
	__u16 unknown; /* group for unknown unicast; 0: none */
	__u16 unregistered; /* with SNOOP: group for IP multicast that nobody joined; 0: none */
	__u16 always; /* with SNOOP: group for IP multicast that somebody joined, besides those who did; 0: none */
	__u16 control; /* with SNOOP: group for IGMP and MLD packets but queries, which go to flood; 0: none */
	__u16 pad;
	enum l2switch_config_flag flags;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct l2switch_config);
	__uint(max_entries, IOM_DPS);
} l2switch_configs SEC(".maps");

/* The row of the packet's switch. */
static __always_inline struct l2switch_config *config_of(struct iom_meta *m)
{
	__u32 dp = m->dp;

	return bpf_map_lookup_elem(&l2switch_configs, &dp);
}

enum l2switch_flag {
	L2SWITCH_ENABLED = 1 << 0,
	L2SWITCH_SECURED = 1 << 1, /* port security is on */
	L2SWITCH_MORE = 1 << 2, /* more allowed addresses in l2switch_macs and l2switch_ips */
	L2SWITCH_LEARN = 1 << 3, /* source addresses are learned */
	L2SWITCH_INACTIVE = 1 << 4, /* passes nothing until one of the packets below comes from it */
	L2SWITCH_ACTIVATE_RARP = 1 << 5,
	L2SWITCH_ACTIVATE_GARP = 1 << 6,
	L2SWITCH_ACTIVATE_NA = 1 << 7,
	L2SWITCH_DHCP4 = 1 << 8, /* user space answers the port's DHCP requests */
	L2SWITCH_DHCP6 = 1 << 9,
	L2SWITCH_PARENT = 1 << 10, /* of virtual ports: user space is told which addresses it announces */
};

/* Reasons of punts. */
enum l2switch_punt {
	L2SWITCH_PUNT_LEARNED = 1, /* without the packet: look into l2switch_learned_macs */
	L2SWITCH_PUNT_ACTIVATED = 2, /* the port has become active */
	L2SWITCH_PUNT_MCAST = 3, /* IGMP, MLD, or a hello of PIM */
	L2SWITCH_PUNT_DHCP = 4, /* DHCPv4 or DHCPv6 request; comes back if it is not answered */
	L2SWITCH_PUNT_DNS = 5, /* DNS request; comes back if it is not answered */
	L2SWITCH_PUNT_ANNOUNCED = 6, /* ARP or ND by which a parent of virtual ports says that it has an address */
};
const volatile enum l2switch_punt l2switch_punts = 0; /* puts the enum in BTF, where user space finds it */

/* What goes with an allowed MAC; MAC_OK alone: any IP address. */
enum l2switch_mac_flag {
	L2SWITCH_IP4 = 1 << 0, /* listed IPv4 addresses */
	L2SWITCH_IP6 = 1 << 1, /* listed IPv6 addresses */
	L2SWITCH_VIRTUAL = 1 << 2, /* a virtual router's: ARP and ND that name it come from another MAC */
	L2SWITCH_VRRP = 1 << 3, /* may send ARP and ND that name the port's virtual MACs */
	L2SWITCH_MAC_OK = 1 << 7, /* the MAC is allowed */
};

/* As what an address is allowed. */
enum l2switch_ip_use {
	L2SWITCH_SRC = 1 << 0,
	L2SWITCH_DST = 1 << 1,
};

/* By port slot. The first allowed MAC with its first addresses is here, so that most ports need no further lookup. */
struct l2switch_port {
	enum l2switch_flag flags;
	__u8 mac[6]; /* zero: none here */
	__u8 mac_flags; /* enum l2switch_mac_flag */
	__u8 pad;
	iom_ip4 ip4; /* 0: none here */
	struct iom_addr ip6; /* zero: none here */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct l2switch_port);
	__uint(max_entries, IOM_PORTS);
} l2switch_ports SEC(".maps");

/* Further MACs that a port may use. */
struct l2switch_mac_key {
	__u32 port; /* slot */
	__u8 mac[6];
	__u16 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct l2switch_mac_key);
	__type(value, enum l2switch_mac_flag);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_macs SEC(".maps");

/* Further prefixes that a port may use with a MAC. */
struct l2switch_ip_key {
	__u32 prefixlen; /* bits: 96 for port and MAC, then the address (IPv4 as v4-mapped: 96 more) */
	__u32 port; /* slot */
	__u8 mac[6];
	__u16 pad;
	struct iom_addr addr;
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct l2switch_ip_key);
	__type(value, enum l2switch_ip_use);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_ips SEC(".maps");

/* Which port owns a MAC; 0: plugged nowhere. */
struct l2switch_fdb_key {
	__u32 dp; /* instance slot */
	__u8 mac[6];
	__u16 pad;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct l2switch_fdb_key);
	__type(value, iom_ref);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_fdbs SEC(".maps");

/* Learned addresses, which the programs write and user space joins with the other nodes'. */
struct l2switch_learned {
	iom_ref ref;
	__u32 seen; /* seconds since boot */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct l2switch_fdb_key);
	__type(value, struct l2switch_learned);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_learned_macs SEC(".maps") IOM_LIVE;

/* By port slot: how many addresses are learned, and how many were not for the limit's or the table's sake. */
#define L2SWITCH_LEARN_LIMIT 1024
struct l2switch_learn_count {
	__u32 learned;
	__u32 refused;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct l2switch_learn_count);
	__uint(max_entries, IOM_PORTS);
} l2switch_learn_counts SEC(".maps") IOM_LIVE_BY_PORT;

/* An address in a switch. */
struct l2switch_neigh_key {
	__u32 dp; /* instance slot */
	struct iom_addr addr;
};

/* Groups that IP multicast addresses go to. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct l2switch_neigh_key);
	__type(value, __u32); /* group key */
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_mcasts SEC(".maps");

/* Addresses for which the switch answers ARP and ND, or asks the owner alone. */
struct l2switch_neigh {
	__u8 mac[6];
	__u16 port; /* key of the owner, whose own requests are not answered */
	iom_ref owner; /* who answers itself, a router say; 0: the switch answers */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct l2switch_neigh_key);
	__type(value, struct l2switch_neigh);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_neighs SEC(".maps");

/* Networks for whose addresses the switch answers if none of its ports has them. */
struct l2switch_proxy_key {
	__u32 prefixlen; /* bits: 32 for the instance, then the address (IPv4 as v4-mapped: 96 more) */
	__u32 dp; /* instance slot */
	struct iom_addr addr;
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct l2switch_proxy_key);
	__type(value, struct l2switch_neigh);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} l2switch_proxies SEC(".maps");

#endif
