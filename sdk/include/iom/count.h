/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* count.h: packets and bytes of each port of this node. A GSO packet counts as one. */
#ifndef IOM_COUNT_H
#define IOM_COUNT_H

#include <iom/meta.h>

/* Seen from the network, as OVS counts: rx is what the port's owner sent. */
struct iom_stats {
	__u64 rx_packets __attribute__((btf_decl_tag("doc:packets that the port sent into the network")));
	__u64 rx_bytes __attribute__((btf_decl_tag("doc:bytes that the port sent into the network")));
	__u64 tx_packets __attribute__((btf_decl_tag("doc:packets delivered to the port")));
	__u64 tx_bytes __attribute__((btf_decl_tag("doc:bytes delivered to the port")));
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32); /* port slot */
	__type(value, struct iom_stats);
	__uint(max_entries, IOM_PORTS);
} iom_port_stats SEC(".maps") IOM_LIVE_BY_PORT;

static __always_inline void iom_count_rx(struct __sk_buff *skb, __u32 slot)
{
	struct iom_stats *stats = bpf_map_lookup_elem(&iom_port_stats, &slot);

	if (stats) {
		stats->rx_packets++;
		stats->rx_bytes += skb->len;
	}
}

static __always_inline void iom_count_tx(struct __sk_buff *skb, __u32 slot)
{
	struct iom_stats *stats = bpf_map_lookup_elem(&iom_port_stats, &slot);

	if (stats) {
		stats->tx_packets++;
		stats->tx_bytes += skb->len;
	}
}

#endif
