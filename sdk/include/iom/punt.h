/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* punt.h: a copy of a packet, or only word of it, for user space. Punts are rate limited per instance and reason, and a lost one is
 * counted; nothing may depend on one arriving. The verdict on the packet itself is another matter. */
#ifndef IOM_PUNT_H
#define IOM_PUNT_H

#include <iom/trace.h>

enum {
	IOM_PUNT_BYTES = 1536, /* of a packet at most */
	IOM_PUNT_RATE = 100, /* per second, instance and reason */
	IOM_PUNT_BURST = 200,
};

/* What user space gets, followed by the first caplen bytes of the packet. */
struct iom_punted {
	__u32 kind; /* module kind that punted; reason is its own number */
	__u32 reason;
	__u32 dp; /* instance slot */
	__u32 in, out; /* iom_ref of the ports it came in and goes out by; 0: not known */
	__u32 len, caplen; /* bytes of the packet, and of it here */
	struct iom_addr about; /* depends on the reason; else nothing */
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
	__u32 dp;
	__u16 kind, reason;
};
struct iom_punt_limit {
	__u64 at; /* ns; time of the last refill */
	__u64 tokens; /* thousandths */
	__u64 sent, lost; /* lost: over the limit, or no room in the ring */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct iom_punt_key);
	__type(value, struct iom_punt_limit);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_punt_limits SEC(".maps") IOM_LIVE;

/* Takes one token. Two CPUs may take the same one: the limit is a protection, not an account. */
static __always_inline struct iom_punt_limit *iom_punt_allowed(struct iom_punt_key *key)
{
	struct iom_punt_limit full = { .tokens = IOM_PUNT_BURST * 1000 }, *limit = bpf_map_lookup_elem(&iom_punt_limits, key);
	__u64 now = bpf_ktime_get_coarse_ns(), more;

	if (!limit) {
		full.at = now;
		bpf_map_update_elem(&iom_punt_limits, key, &full, BPF_NOEXIST);
		limit = bpf_map_lookup_elem(&iom_punt_limits, key);
		if (!limit)
			return NULL;
	}
	more = (now - limit->at) / 1000000 * IOM_PUNT_RATE;
	if (more) {
		limit->tokens = limit->tokens + more > IOM_PUNT_BURST * 1000 ? IOM_PUNT_BURST * 1000 : limit->tokens + more;
		limit->at = now;
	}
	if (limit->tokens < 1000) {
		__sync_fetch_and_add(&limit->lost, 1);
		return NULL;
	}
	limit->tokens -= 1000;
	return limit;
}

/* iom_punt sends up to caplen bytes of the packet, which goes on unchanged, to user space. 1: they are on their way; 0: they are lost. */
IOM_SUBPROG int iom_punt(struct __sk_buff *skb, struct iom_meta *m, __u32 reason, __u32 caplen)
{
	struct iom_punt_key key = { .kind = iom_kind, .reason = reason };
	struct iom_punt_limit *limit;
	struct iom_punt_buf *buf;
	__u32 zero = 0;

	if (!m)
		return 0;
	key.dp = m->dp;
	iom_trace_add(m, IOM_TRACE_PUNT, reason, 0);
	if (m->flags & IOM_TRACE)
		return 1;
	limit = iom_punt_allowed(&key);
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
	buf->head.len = skb->len;
	buf->head.caplen = caplen;
	if (bpf_ringbuf_output(&iom_punts, buf, sizeof(buf->head) + caplen, 0)) {
		__sync_fetch_and_add(&limit->lost, 1);
		return 0;
	}
	__sync_fetch_and_add(&limit->sent, 1);
	return 1;
}

#endif
