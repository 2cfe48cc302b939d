/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* flow.h: the flow cache: what became of a packet, so that no module needs to look at the next ones of its flow.
 *
 * A flow is what the key says: port, MAC and IP addresses, protocol and ports. A packet that comes in by a port of this node passes all modules; the
 * call that sends it out notes under its key where it went and how many routers it passed. The packets that follow go there at once, for a second
 * at most: then one of them passes all modules again, which keeps connections, learned addresses and the like alive.
 *
 * Only what holds for every packet of the flow may be noted, so:
 *	- only plain packets are looked up: unicast TCP and UDP, no fragments, no tags, no IP options or extensions; of TCP those that begin and end
 *	  nothing
 *	- a module's program says iom_flow_holds(m) if what it does follows from the key, from the tables that user space writes, and from nothing
 *	  else. A packet that met a program which does not say so is not noted: modules that know nothing of the cache are never passed over
 *	- what a program does with a single packet ends that: iom_flow_ends(m). The platform's own calls say it where they are due: punts, checks of
 *	  what is not in the key, floods, rewrites other than iom_hop, packets that change their connection
 *	- user space sets the stamp in iom_flow_stamps to 0 before it writes a table, and to a new value afterwards. A packet takes it along from the
 *	  beginning; what is noted under another one does not count
 *
 * To make sure of it user space may have one of so many packets that would be sent on at once pass all modules nevertheless: what comes out
 * differently is counted. */
#ifndef IOM_FLOW_H
#define IOM_FLOW_H

#include <iom/parse.h>

enum iom_flow_size {
	IOM_FLOWS = 16384, /* of each CPU; a power of two */
	IOM_FLOW_PLACE_BITS = 14,
	IOM_FLOW_TIME = 15, /* see iom_flow_now: how long a flow counts at most */
};

/* What became of a flow's packets. */
struct iom_flow {
	struct iom_flow_key key;
	__u64 stamp;
	__u32 until; /* see iom_flow_now */
	iom_ref out;
	__u32 port; /* slot: out if that is on this node, else by which it came to the instance that out is a port of */
	__u16 in_key; /* tunnel key of the port that it came by */
	__u8 smac[6], dmac[6]; /* of packets that leave, if hops is not 0 */
	__u16 size; /* bytes of the largest IP packet that goes this way; 0: any */
	__u8 hops; /* routers passed: so much less of the time to live */
	__u8 pad[3];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_flow);
	__uint(max_entries, IOM_FLOWS);
} iom_flows SEC(".maps");

/* Differs after each change of tables; 0: some are being written. User space writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} iom_flow_stamps SEC(".maps") IOM_LIVE;

struct iom_flow_config {
	__u32 off; /* 1: nothing is noted or looked up */
	__u32 check; /* one of so many packets that are found passes all modules, to compare; 0: none */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_flow_config);
	__uint(max_entries, 1);
} iom_flow_configs SEC(".maps");

struct iom_flow_count {
	__u64 hits __attribute__((btf_decl_tag("doc:packets that were sent on at once")));
	__u64 notes __attribute__((btf_decl_tag("doc:packets that passed all modules and were noted")));
	__u64 checks __attribute__((btf_decl_tag("doc:packets that passed all modules to be compared with what was noted")));
	__u64 differences __attribute__((btf_decl_tag("doc:of these, those that came out differently")));
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_flow_count);
	__uint(max_entries, 1);
} iom_flow_counts SEC(".maps") IOM_LIVE;

static __always_inline struct iom_flow_count *iom_flow_counted(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&iom_flow_counts, &zero);
}

/* iom_flow_holds says that what this program does with the packet, and where it sends it, holds for its flow. Once in each program. */
static __always_inline void iom_flow_holds(struct iom_meta *m)
{
	m->flow_held++;
}

/* iom_flow_limits says that larger IP packets fare otherwise; size in bytes, 0: none does. */
static __always_inline void iom_flow_limits(struct iom_meta *m, __u16 size)
{
	if (size && (!m->flow_size || size < m->flow_size))
		m->flow_size = size;
}

static __always_inline __u64 iom_flow_stamp(void)
{
	__u32 zero = 0;
	__u64 *stamp = bpf_map_lookup_elem(&iom_flow_stamps, &zero);

	return stamp ? *(volatile __u64 *)stamp : 0;
}

/* Where the transport header is in a packet without IP options or extensions. */
static __always_inline __u16 iom_flow_l4(struct iom_meta *m)
{
	return ETH_LEN + (m->proto == ETH_IP4 ? IP4_LEN : IP6_LEN);
}

/* Whether the packet is of a kind that is looked up at all. */
static __always_inline int iom_flow_has(struct __sk_buff *skb, struct iom_meta *m)
{
	if ((m->proto != ETH_IP4 && m->proto != ETH_IP6) || (m->l4_proto != PROTO_TCP && m->l4_proto != PROTO_UDP))
		return 0;
	return m->l4 == iom_flow_l4(m) && !m->fragment && !m->first_fragment && !iom_mac_is_group(m->dmac) && !skb->vlan_present;
}

/* Whether the packet begins and ends no connection. */
static __always_inline int iom_flow_is_plain(struct __sk_buff *skb, struct iom_meta *m)
{
	__u8 *l4 = (void *)(long)skb->data + iom_flow_l4(m);

	if (m->l4_proto == PROTO_UDP)
		return 1;
	return (void *)(l4 + 14) <= (void *)(long)skb->data_end && (l4[13] & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK;
}

static __always_inline void iom_flow_fill(struct iom_meta *m, __u32 in)
{
	struct iom_flow_key *key = &m->flow;

	key->in = in;
	key->sport = m->sport;
	key->dport = m->dport;
	key->src = m->src;
	key->dst = m->dst;
	iom_mac_copy(key->smac, m->smac);
	iom_mac_copy(key->dmac, m->dmac);
	key->proto = m->proto;
	key->l4_proto = m->l4_proto;
	key->pad = 0;
}

/* A part of the key for the hash. Addresses differ in their last bytes, the highest ones of a word: the fold takes them down. */
static __always_inline __u64 iom_flow_mix(__u64 word, const __u64 odd)
{
	return (word ^ word >> 32) * odd;
}

static __always_inline __u32 iom_flow_hash_of(const struct iom_flow_key *key)
{
	const __u64 *word = (const __u64 *)key;
	__u64 h = iom_flow_mix(word[0], 0x9e3779b97f4a7c15) + iom_flow_mix(word[1], 0xbf58476d1ce4e5b9) +
		  iom_flow_mix(word[2], 0x94d049bb133111eb) + iom_flow_mix(word[3], 0xd6e8feb86659fd93) +
		  iom_flow_mix(word[4], 0xa0761d6478bd642f);

	h = (h ^ h >> 32) * 0xe7037ed1a0b428db;
	return h >> 32;
}

/* Since boot, in units of 2^26 ns: 67 ms. Once in nine years it begins again. */
static __always_inline __u32 iom_flow_now(void)
{
	return bpf_ktime_get_coarse_ns() >> 26;
}

/* Until when a flow counts that is noted now: not all of them end at once. */
static __always_inline __u32 iom_flow_until(__u32 now, __u32 hash)
{
	return now + IOM_FLOW_TIME - (hash & 3);
}

static __always_inline int iom_flow_counts_at(const struct iom_flow *f, __u64 stamp, __u32 now)
{
	return f->stamp == stamp && f->until - now - 1 < IOM_FLOW_TIME;
}

/* A flow is in one of two places. */
static __always_inline struct iom_flow *iom_flow_place(__u32 hash, const int second)
{
	__u32 place = (second ? hash >> IOM_FLOW_PLACE_BITS : hash) & (IOM_FLOWS - 1);

	return bpf_map_lookup_elem(&iom_flows, &place);
}

/* Whether what is noted is about the packet's flow, and under a stamp. */
static __always_inline int iom_flow_is(const struct iom_flow *f, const struct iom_meta *m, __u64 stamp)
{
	const __u64 *a = (const __u64 *)&f->key, *b = (const __u64 *)&m->flow;
	__u64 differs = f->stamp ^ stamp;

	for (int i = 0; i < (int)(sizeof(f->key) / sizeof(*a)); i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

static __always_inline struct iom_flow *iom_flow_noted(const struct iom_meta *m, __u64 stamp)
{
	struct iom_flow *f = iom_flow_place(m->flow_hash, 0);

	if (f && iom_flow_is(f, m, stamp))
		return f;
	f = iom_flow_place(m->flow_hash, 1);
	return f && iom_flow_is(f, m, stamp) ? f : NULL;
}

/* Whether the packet fares as those of its flow did: its size, and its time to live at all routers. */
static __always_inline int iom_flow_fits(struct __sk_buff *skb, struct iom_meta *m, const struct iom_flow *f)
{
	__u32 size;
	__u8 ttl;

	if (f->size) {
		size = iom_frame_size(skb, m);
		if (!size || size > ETH_LEN + (__u32)f->size)
			return 0;
	}
	if (!f->hops)
		return 1;
	return !iom_ttl(skb, m, &ttl) && ttl > f->hops;
}

/* Whether this packet is one of those that are compared. */
static __always_inline int iom_flow_is_checked(const struct iom_flow_config *config)
{
	return iom_unlikely(config->check) && bpf_get_prandom_u32() % config->check == 0;
}

/* iom_flow_find gives what is noted about a packet that has just come in by a port slot; NULL: all modules have to look at it. */
static __always_inline struct iom_flow *iom_flow_find(struct __sk_buff *skb, struct iom_meta *m, __u32 slot)
{
	__u32 zero = 0;
	struct iom_flow_config *config = bpf_map_lookup_elem(&iom_flow_configs, &zero);
	__u64 stamp = iom_flow_stamp();
	struct iom_flow_count *count;
	struct iom_flow *f;

	if (!stamp || !config || config->off || !iom_flow_has(skb, m))
		return NULL;
	iom_flow_fill(m, slot);
	m->flow_hash = iom_flow_hash_of(&m->flow);
	f = iom_flow_noted(m, stamp);
	if (!iom_flow_is_plain(skb, m)) {
		if (f)
			f->stamp = 0; /* its connection changes: the next packets are to be seen */
		return NULL;
	}
	m->flow_stamp = stamp;
	if (!f || !iom_flow_counts_at(f, stamp, iom_flow_now()) || !iom_flow_fits(skb, m, f))
		return NULL;
	count = iom_flow_counted();
	if (!count)
		return NULL;
	if (iom_flow_is_checked(config)) {
		m->flags |= IOM_FLOW_CHECK;
		count->checks++;
		return NULL;
	}
	m->flow_stamp = 0;
	count->hits++;
	return f;
}

/* Counts a packet that came out differently from what was noted, unless tables have changed since. */
IOM_SUBPROG int iom_flow_differs(struct iom_meta *m)
{
	struct iom_flow_count *count = iom_flow_counted();

	if (m && count && m->flow_stamp && m->flow_stamp == iom_flow_stamp())
		count->differences++;
	return 0;
}

/* Where to note a flow: where it is, where there is nothing that counts, else anywhere: what was there finds its other place. */
static __always_inline struct iom_flow *iom_flow_room(struct iom_meta *m, __u32 now)
{
	struct iom_flow *first = iom_flow_place(m->flow_hash, 0), *second = iom_flow_place(m->flow_hash, 1);

	if (!first || !second || iom_flow_is(first, m, m->flow_stamp))
		return first;
	if (iom_flow_is(second, m, m->flow_stamp))
		return second;
	if (!iom_flow_counts_at(first, m->flow_stamp, now))
		return first;
	if (!iom_flow_counts_at(second, m->flow_stamp, now))
		return second;
	return bpf_get_prandom_u32() & 1 ? first : second;
}

static __always_inline int iom_flow_same(const struct iom_flow *a, const struct iom_flow *b)
{
	return a->out == b->out && a->port == b->port && a->in_key == b->in_key && a->size == b->size && a->hops == b->hops &&
	       (!a->hops || (iom_mac_eq(a->smac, b->smac) && iom_mac_eq(a->dmac, b->dmac)));
}

/* Notes where the packet goes, m->out, if that holds; first it is compared if it is one of those. */
IOM_SUBPROG int iom_flow_note(struct iom_meta *m)
{
	struct iom_flow_count *count = iom_flow_counted();
	struct iom_flow is = {}, *f;
	__u32 now = iom_flow_now();

	if (!m || !count)
		return 0;
	is.key = m->flow;
	is.stamp = m->flow_stamp;
	is.until = iom_flow_until(now, m->flow_hash);
	is.out = m->out;
	is.port = m->port;
	is.in_key = m->in_key;
	iom_mac_copy(is.smac, m->smac);
	iom_mac_copy(is.dmac, m->dmac);
	is.size = m->flow_size;
	is.hops = m->flow_hops;
	if (m->flags & IOM_FLOW_CHECK) {
		f = iom_flow_noted(m, m->flow_stamp);
		if (f && !iom_flow_same(f, &is))
			iom_flow_differs(m);
	}
	if (m->flow_held != m->hops)
		return 0;
	f = iom_flow_room(m, now);
	if (f)
		*f = is;
	count->notes++;
	return 0;
}

/* The packet leaves the network by m->out: what has become of it is noted. From here on it fares as one that is sent on at once. */
static __always_inline void iom_flow_leaves(struct iom_meta *m)
{
	if (m->flow_stamp && (m->flow_held == m->hops || m->flags & IOM_FLOW_CHECK))
		iom_flow_note(m);
	m->flow_stamp = 0;
}

#endif
