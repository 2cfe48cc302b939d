/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* punt.h: a copy of a packet, or only word of it, for user space. Punts are rate limited per instance, reason and family, and a lost one is
 * counted; nothing may depend on one arriving. The verdict on the packet itself is another matter. */
#ifndef IOM_PUNT_H
#define IOM_PUNT_H

#include <iom/trace.h>

enum {
	IOM_PUNT_BYTES = 1536, /* of a packet at most */
	IOM_PUNT_RATE = 100, /* per second: where neither a meter nor the reason has another rate */
	IOM_PUNT_BURST = 2, /* how many seconds' worth may come at once, without a meter */
};

/* What user space gets, followed by the first caplen bytes of the packet. */
struct iom_punted {
	__u32 kind; /* module kind that punted; reason is its own number */
	__u32 reason;
	__u32 dp; /* instance slot */
	__u32 in, out; /* iom_ref of the ports it came in and goes out by; 0: not known */
	__u32 len, caplen; /* bytes of the packet, and of it here */
	struct iom_addr about; /* depends on the reason; else nothing */
	__u32 mark; /* pkt.mark */
};
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} iom_punts SEC(".maps");

struct iom_punt_buf {
	struct iom_punted head;
	__u8 data[IOM_PUNT_BYTES];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_punt_buf);
	__uint(max_entries, 1);
} iom_punt_bufs SEC(".maps");

struct iom_punt_key {
	__u32 dp; /* instance slot */
	__u8 kind;
	__u8 ip6; /* 1: IPv6 packets; 0: all others */
	__u16 reason;
};

/* How many punts there may be. User space writes it; without a row the rate is the reason's own. */
struct iom_punt_meter {
	__u32 rate; /* packets/s or kbit/s */
	__u32 burst; /* packets or kbit */
	__u32 bits; /* 1: kbit and kbit/s, of whole packets, from the Ethernet header on; a packet larger than the burst never gets through */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_punt_key);
	__type(value, struct iom_punt_meter);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_punt_meters SEC(".maps");

struct iom_punt_limit {
	__s64 at; /* ms; time of the last refill */
	__s64 tokens; /* thousandths of packets, or bits */
	__u64 sent, lost; /* lost: over the limit, or no room in the ring */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_punt_key);
	__type(value, struct iom_punt_limit);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_punt_limits SEC(".maps") IOM_LIVE;

/* Takes the tokens of a packet of len bytes, where there may be rate packets a second unless a meter says otherwise. NULL: there are too few. Two
 * CPUs may take the same ones: the limit is a protection, not an account. */
static __always_inline struct iom_punt_limit *iom_punt_allowed(struct iom_punt_key *key, __u32 len, __u32 rate)
{
	const __s64 now = bpf_ktime_get_coarse_ns() / 1000000, most_since = 1 << 30;
	struct iom_punt_limit fresh = { .at = now, .tokens = 1LL << 62 }, *limit = bpf_map_lookup_elem(&iom_punt_limits, key);
	struct iom_punt_meter *meter = bpf_map_lookup_elem(&iom_punt_meters, key);
	__s64 full = (__s64)rate * IOM_PUNT_BURST * 1000, cost = 1000, since;

	if (!limit) {
		bpf_map_update_elem(&iom_punt_limits, key, &fresh, BPF_NOEXIST);
		limit = bpf_map_lookup_elem(&iom_punt_limits, key);
		if (!limit)
			return NULL;
	}
	if (meter) {
		rate = meter->rate;
		full = (__s64)meter->burst * 1000;
		if (meter->bits)
			cost = (__s64)len * 8;
	}
	since = now - limit->at;
	if (since > 0) {
		limit->tokens += (since < most_since ? since : most_since) * rate;
		limit->at = now;
	}
	if (limit->tokens > full)
		limit->tokens = full;
	if (limit->tokens < cost) {
		__sync_fetch_and_add(&limit->lost, 1);
		return NULL;
	}
	limit->tokens -= cost;
	return limit;
}

/* iom_punt_at is iom_punt for a reason with a rate of its own: punts a second. */
IOM_SUBPROG int iom_punt_at(struct __sk_buff *skb, struct iom_meta *m, __u32 reason, __u32 caplen, __u32 rate)
{
	struct iom_punt_key key = { .kind = iom_kind, .reason = reason };
	struct iom_punt_limit *limit;
	struct iom_punt_buf *buf;
	__u32 zero = 0;

	if (!m)
		return 0;
	key.dp = m->dp;
	key.ip6 = m->proto == ETH_IP6;
	iom_flow_ends(m);
	iom_trace_add(m, IOM_TRACE_PUNT, reason, 0);
	if (m->flags & IOM_TRACE)
		return 1;
	limit = iom_punt_allowed(&key, skb->len, rate);
	buf = bpf_map_lookup_elem(&iom_punt_bufs, &zero);
	if (!limit || !buf)
		return 0;
	if (caplen > skb->len)
		caplen = skb->len;
	if (caplen > IOM_PUNT_BYTES)
		caplen = IOM_PUNT_BYTES;
	if (caplen && bpf_skb_load_bytes(skb, 0, buf->data, caplen))
		caplen = 0;
	buf->head.kind = iom_kind;
	buf->head.reason = reason;
	buf->head.dp = m->dp;
	buf->head.in = m->in;
	buf->head.out = m->out;
	buf->head.about = m->about;
	buf->head.mark = m->mark;
	buf->head.len = skb->len;
	buf->head.caplen = caplen;
	if (bpf_ringbuf_output(&iom_punts, buf, sizeof(buf->head) + caplen, 0)) {
		__sync_fetch_and_add(&limit->lost, 1);
		return 0;
	}
	__sync_fetch_and_add(&limit->sent, 1);
	return 1;
}

/* iom_punt sends up to caplen bytes of the packet, which goes on unchanged, to user space. 1: they are on their way; 0: they are lost. */
static __always_inline int iom_punt(struct __sk_buff *skb, struct iom_meta *m, __u32 reason, __u32 caplen)
{
	return iom_punt_at(skb, m, reason, caplen, IOM_PUNT_RATE);
}

#endif
