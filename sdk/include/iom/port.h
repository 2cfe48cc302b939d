/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* port.h: the shared tables: instances, ports of this node, tunnel peers, groups. Hover writes them, modules read them. Slot 0
 * of each array is "none". */
#ifndef IOM_PORT_H
#define IOM_PORT_H

#include <iom/meta.h>

/* An instance of a module. */
struct iom_dp {
	__u8 id[16]; /* the datapath's UUID: with vni its identity */
	__u32 vni;
	__u32 kind; /* 0: the slot is free */
	__u8 services[IOM_SERVICES]; /* kinds that work on its packets, in order of the pipeline; 0 ends */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_dp);
	__uint(max_entries, IOM_DPS);
} iom_dps SEC(".maps");

enum iom_port_flag {
	IOM_PORT_HERE_ONLY = 1 << 0, /* OVN's localport: neither sends into tunnels nor gets copies from there */
};

/* A port that is plugged on this node. */
struct iom_port {
	__u32 dp; /* instance slot; 0: the slot is free */
	__u32 ifindex; /* of the host-side device; 0: none, see peer */
	__u16 key; /* tunnel key in its datapath */
	__u16 kind; /* of the instance */
	__u8 peer_mac[6]; /* frames for this MAC may go straight into the peer namespace; zero: none may */
	__u16 tag; /* VLAN that tells the port from others on its device, host byte order; 0: untagged */
	enum iom_port_flag flags;
	__u32 peer; /* slot of the other end of a link between instances; 0: none */
	__u8 pad[4]; /* to 32: no row in two cache lines */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_port);
	__uint(max_entries, IOM_PORTS);
} iom_ports SEC(".maps");

/* A tunnel peer. */
struct iom_node {
	struct iom_addr addr; /* IPv4 as v4-mapped; zero: the slot is free */
	struct iom_addr local; /* our own address towards it, of the same family */
	struct iom_addr nexthop;
	__u32 ifindex; /* device that leads there; 0: no route */
	__u32 mtu; /* bytes of the largest outer IP packet */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_node);
	__uint(max_entries, IOM_NODES);
} iom_nodes SEC(".maps");

/* A group: its members are the elements 0..count-1 of iom_members; missing ones are skipped. */
struct iom_group_key {
	__u32 dp;
	__u16 key; /* tunnel key, 32768.. */
	__u16 index; /* in iom_members; 0 in iom_groups */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_group_key);
	__type(value, __u32); /* count */
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_groups SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_group_key);
	__type(value, iom_ref);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_members SEC(".maps");

enum iom_tunnel_flag {
	IOM_TUNNEL_INHERIT_TOS = 1 << 0, /* the inner packet's instead of tos */
	IOM_TUNNEL_MAY_FRAGMENT = 1 << 1, /* no DF on outer IPv4 packets */
};

/* How this node tunnels. */
struct iom_tunnel {
	__u32 relay; /* ifindex of the device whose egress hook encapsulates copies; 0: no tunnels */
	enum iom_tunnel_flag flags;
	__u32 tos; /* of outer packets */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_tunnel);
	__uint(max_entries, 1);
} iom_tunnel_end SEC(".maps");

static __always_inline struct iom_dp *iom_dp_get(__u32 slot)
{
	struct iom_dp *dp = bpf_map_lookup_elem(&iom_dps, &slot);

	return dp && dp->kind ? dp : NULL;
}

static __always_inline struct iom_port *iom_port_get(__u32 slot)
{
	struct iom_port *port = bpf_map_lookup_elem(&iom_ports, &slot);

	return port && port->dp ? port : NULL;
}

#endif
