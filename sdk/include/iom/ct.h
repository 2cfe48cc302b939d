/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ct.h: connection tracking: which packets belong together, who began, and what was decided for them.
 *
 *	struct iom_ct_look look;
 *
 *	iom_ct_find(skb, m, iom_ct_zone(m->dp, key), &look);
 *	look.state is what ct.* of OVN's matches say; look.found the connection, NULL for the first packet of one
 *	iom_ct_commit(m, &look, &mine) remembers a new one, or what is decided anew
 *	iom_ct_touch(m, &look) each time that a packet of one passes
 *
 * A zone is a port of an instance, told by its key: it survives restarts and follows a port to another device of the node. Both directions
 * find one entry, whose key has the lower endpoint first. Connections that are not yet established are in an LRU table, where a flood of them
 * evicts only its like; a TCP connection is established by its third packet, others by the first reply. Established ones are in a plain table with a limit
 * per zone; one that finds no room there stays where it is, which is counted. Echoes stay in the first table. An entry whose time is up counts as absent; user
 * space removes it.
 *
 * Sequence numbers and windows are not checked. As in Linux (nf_conntrack_tcp_loose), a segment that is no SYN may begin a
 * connection. */
#ifndef IOM_CT_H
#define IOM_CT_H

#include <iom/match.h>
#include <iom/trace.h>

enum {
	IOM_CTS = 262144, /* established connections */
	IOM_CTS_NEW = 65536, /* others */
	IOM_CT_ZONES = 65536,
	IOM_CT_ZONE_LIMIT = 65536, /* established connections of a zone */
	IOM_CT_FRAGS = 16384,
	IOM_CT_FRAG_TIME = 30, /* seconds that later fragments may take */

	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,

	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACH = 3,
	ICMP_QUENCH = 4,
	ICMP_TIME = 11,
	ICMP_PARAM = 12,
};

/* A connection in a zone. Endpoint 0 is the lower one: by address, then by port, as numbers in memory order. */
struct iom_ct_key {
	__u32 zone;
	struct iom_addr addr[2];
	__u16 port[2]; /* host byte order; echo: the identifier, in both */
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
	IOM_CT_BLOCKED = 1 << 3, /* was allowed, and no more: nothing passes */
	IOM_CT_EGRESS = 1 << 4, /* began on its way out by the zone's port, not in */
};

struct iom_ct {
	struct iom_ct_key key; /* once more: a table's element may be another one's by the time that it is read */
	__u32 expires; /* seconds since boot */
	__u64 generation; /* of the rules that decided last */
	__u64 rule; /* the deciding rule's own number, see the module */
	__u32 label;
	__u16 in_key, out_key; /* of the first packet */
	enum iom_ct_flag flags;
	__u8 progress;
	__u8 icmp_type; /* of the request */
	__u8 pad[2];
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

/* Established connections by zone; user space takes back what it removes. */
struct iom_ct_zone_count {
	__u32 established;
	__u32 refused; /* for want of room: they are forgotten sooner when many begin */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct iom_ct_zone_count);
	__uint(max_entries, IOM_CT_ZONES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} iom_ct_zones SEC(".maps") IOM_LIVE;

/* The ports of a packet whose later fragments lack them. */
struct iom_ct_frag_key {
	__u32 zone;
	__u32 id;
	struct iom_addr src, dst;
	__u32 proto;
};
struct iom_ct_frag {
	struct iom_ct_frag_key key; /* once more, as in struct iom_ct */
	__u32 expires;
	__u16 sport, dport;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct iom_ct_frag_key);
	__type(value, struct iom_ct_frag);
	__uint(max_entries, IOM_CT_FRAGS);
} iom_ct_frags SEC(".maps") IOM_LIVE;

/* What iom_ct_find found. */
struct iom_ct_look {
	struct iom_ct_key key; /* of the packet, or of the one that an ICMP error is about */
	struct iom_ct *found; /* NULL: no such connection */
	__u32 state; /* enum iom_match_ct */
	__u32 now; /* seconds since boot */
	__u8 from_1; /* the packet is from endpoint 1 */
	__u8 tcp; /* flags */
	__u8 established; /* found is in iom_cts */
	__u8 overtook; /* a fragment that came before its first one: nothing is known of it */
};

static __always_inline __u32 iom_ct_zone(__u32 dp, __u16 key)
{
	return dp << 16 | key;
}

static __always_inline __u32 iom_ct_now(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000000;
}

static __always_inline int iom_ct_same_key(const struct iom_ct_key *a, const struct iom_ct_key *b)
{
	return a->zone == b->zone && iom_addr_eq(&a->addr[0], &b->addr[0]) && iom_addr_eq(&a->addr[1], &b->addr[1]) &&
	       a->port[0] == b->port[0] && a->port[1] == b->port[1] && a->proto == b->proto;
}

static __always_inline int iom_ct_lower(const struct iom_addr *a, const struct iom_addr *b)
{
	for (int i = 0; i < 4; i++) {
		if (a->a[i] != b->a[i])
			return a->a[i] < b->a[i];
	}
	return 0;
}

/* Fills a key from a packet's endpoints; whether the source is endpoint 1. */
static __always_inline __u8 iom_ct_fill(struct iom_ct_key *key, __u32 zone, __u8 proto, const struct iom_addr *src,
					const struct iom_addr *dst, __u16 sport, __u16 dport)
{
	__u8 from_1 = iom_ct_lower(dst, src) || (iom_addr_eq(src, dst) && dport < sport);

	__builtin_memset(key, 0, sizeof(*key));
	key->zone = zone;
	key->proto = proto;
	if (from_1) {
		key->addr[0] = *dst;
		key->addr[1] = *src;
		key->port[0] = dport;
		key->port[1] = sport;
	} else {
		key->addr[0] = *src;
		key->addr[1] = *dst;
		key->port[0] = sport;
		key->port[1] = dport;
	}
	return from_1;
}

static __always_inline struct iom_ct *iom_ct_in(void *table, const struct iom_ct_look *l)
{
	struct iom_ct *ct = bpf_map_lookup_elem(table, &l->key);

	return ct && iom_ct_same_key(&ct->key, &l->key) && ct->expires > l->now ? ct : NULL;
}

static __always_inline int iom_ct_lookup(struct iom_ct_look *l)
{
	if (!l)
		return 0;
	l->found = iom_ct_in(&iom_cts, l);
	l->established = l->found != NULL;
	if (!l->found)
		l->found = iom_ct_in(&iom_cts_new, l);
	return l->established;
}

static __always_inline int iom_ct_is_icmp(struct iom_meta *m)
{
	return m->l4_proto == (m->proto == ETH_IP4 ? PROTO_ICMP : PROTO_ICMP6);
}

static __always_inline int iom_ct_is_icmp_error(struct iom_meta *m)
{
	if (m->proto == ETH_IP6)
		return m->sport >= 1 && m->sport <= 4;
	return m->sport == ICMP_UNREACH || m->sport == ICMP_QUENCH || m->sport == ICMP_TIME || m->sport == ICMP_PARAM;
}

static __always_inline int iom_ct_is_echo(struct iom_meta *m, int reply)
{
	if (m->proto == ETH_IP6)
		return m->sport == (reply ? ICMP6_ECHO_REPLY : ICMP6_ECHO);
	return m->sport == (reply ? ICMP_ECHO_REPLY : ICMP_ECHO);
}

/* Fragments: identification, and whether others follow. 0: the packet is none. */
static __always_inline int iom_ct_fragment(struct __sk_buff *skb, struct iom_meta *m, __u32 *id)
{
	__u32 offset = ETH_LEN + IP6_LEN;
	__u8 next, b[8];

	if (m->proto == ETH_IP4) {
		if (bpf_skb_load_bytes(skb, ETH_LEN + 4, b, 4))
			return 0;
		*id = b[0] << 8 | b[1];
		return ((b[2] << 8 | b[3]) & 0x3fff) != 0;
	}
	if (bpf_skb_load_bytes(skb, ETH_LEN + 6, &next, 1))
		return 0;
	for (int i = 0; i < IOM_MATCH_EXTENSIONS; i++) {
		if ((next != 0 && next != 43 && next != 44 && next != 51 && next != 60) ||
		    bpf_skb_load_bytes(skb, offset, b, sizeof(b)))
			return 0;
		if (next == 44) {
			__builtin_memcpy(id, b + 4, sizeof(*id));
			return 1;
		}
		offset += next == 51 ? (b[1] + 2) * 4 : (b[1] + 1) * 8;
		next = b[0];
	}
	return 0;
}

/* A fragment's ports: the first one's are remembered, the later ones' recalled into the metadata. 0: nothing is known of its first one. */
IOM_SUBPROG int iom_ct_ports(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, __u32 now)
{
	struct iom_ct_frag_key key = { .zone = zone };
	struct iom_ct_frag *frag, row = {};

	if (!m)
		return 0;
	key.src = m->src;
	key.dst = m->dst;
	key.proto = m->l4_proto;
	if (!iom_ct_fragment(skb, m, &key.id))
		return 1;
	if (!m->fragment) {
		row.key = key;
		row.expires = now + IOM_CT_FRAG_TIME;
		row.sport = m->sport;
		row.dport = m->dport;
		if (!(m->flags & IOM_TRACE))
			bpf_map_update_elem(&iom_ct_frags, &key, &row, 0);
		return 1;
	}
	frag = bpf_map_lookup_elem(&iom_ct_frags, &key);
	if (!frag || frag->key.zone != key.zone || frag->key.id != key.id || frag->key.proto != key.proto ||
	    !iom_addr_eq(&frag->key.src, &key.src) || !iom_addr_eq(&frag->key.dst, &key.dst) || frag->expires <= now)
		return 0;
	m->sport = frag->sport;
	m->dport = frag->dport;
	return 1;
}

/* The connection that an ICMP error is about, as its first bytes say. Negative: they don't. */
static __always_inline int iom_ct_inner(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, struct iom_ct_look *l)
{
	__u32 at = m->l4 + 8, l4;
	struct iom_addr src, dst;
	__u16 ports[4] = {};
	__u8 proto;

	if (m->proto == ETH_IP4) {
		struct ip4_hdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.ver_ihl >> 4 != 4 || ip.frag & iom_htons(0x1fff))
			return -1;
		iom_addr_set4(&src, ip.src);
		iom_addr_set4(&dst, ip.dst);
		proto = ip.proto;
		l4 = at + (ip.ver_ihl & 15) * 4;
	} else {
		struct ip6_hdr ip;

		if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || (ip.ver_tc_flow & 0xf0) != 0x60)
			return -1;
		__builtin_memcpy(&src, ip.src, sizeof(src));
		__builtin_memcpy(&dst, ip.dst, sizeof(dst));
		proto = ip.next;
		l4 = at + sizeof(ip);
	}
	if (bpf_skb_load_bytes(skb, l4, ports, 2 * sizeof(*ports)))
		return -1;
	if (proto == PROTO_ICMP || proto == PROTO_ICMP6) {
		if (bpf_skb_load_bytes(skb, l4 + 4, ports, sizeof(*ports)))
			return -1;
		ports[1] = ports[0];
	} else if (proto != PROTO_TCP && proto != PROTO_UDP && proto != PROTO_SCTP) {
		ports[0] = ports[1] = 0;
	}
	l->from_1 = !iom_ct_fill(&l->key, zone, proto, &src, &dst, iom_ntohs(ports[0]),
				 iom_ntohs(ports[1])); /* the error goes the other way */
	return 0;
}

/* The key of a packet that is no ICMP error. Negative: it can't belong to a connection. */
static __always_inline int iom_ct_outer(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, struct iom_ct_look *l)
{
	__u16 sport = m->sport, dport = m->dport, id;

	if (iom_ct_is_icmp(m)) {
		if (!m->l4 || (!iom_ct_is_echo(m, 0) && !iom_ct_is_echo(m, 1)) ||
		    bpf_skb_load_bytes(skb, m->l4 + 4, &id, sizeof(id)))
			return -1;
		sport = dport = iom_ntohs(id);
	} else if (m->l4_proto == PROTO_TCP || m->l4_proto == PROTO_UDP || m->l4_proto == PROTO_SCTP) {
		if (!m->l4 && !m->fragment)
			return -1;
	} else {
		sport = dport = 0;
	}
	if (m->l4_proto == PROTO_TCP && !m->fragment && bpf_skb_load_bytes(skb, m->l4 + 13, &l->tcp, sizeof(l->tcp)))
		return -1;
	l->from_1 = iom_ct_fill(&l->key, zone, m->l4_proto, &m->src, &m->dst, sport, dport);
	return 0;
}

/* Whether a packet may be the first of a connection. */
static __always_inline int iom_ct_may_begin(struct iom_meta *m, struct iom_ct_look *l)
{
	if (iom_ct_is_icmp(m))
		return iom_ct_is_echo(m, 0);
	if (m->l4_proto != PROTO_TCP || m->fragment)
		return 1;
	switch (l->tcp & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) {
	case TCP_SYN:
	case TCP_ACK: /* in its midst: begun before it was tracked */
		return 1;
	}
	return 0;
}

/* Whether a TCP segment's flags make sense: RFC 9293; as Linux does it. */
static __always_inline int iom_ct_flags_valid(__u8 tcp)
{
	if (tcp & TCP_SYN)
		return !(tcp & (TCP_FIN | TCP_RST));
	return tcp & (TCP_RST | TCP_ACK);
}

/* iom_ct_find looks an IP packet's connection up and gives l->state. Sets the ports of later fragments in m. */
static __always_inline __u32 iom_ct_find(struct __sk_buff *skb, struct iom_meta *m, __u32 zone, struct iom_ct_look *l)
{
	int from_1;

	if (!m || !l)
		return 0;
	__builtin_memset(l, 0, sizeof(*l));
	l->now = iom_ct_now();
	l->state = IOM_MATCH_CT_TRK | IOM_MATCH_CT_INV;
	if (!iom_ct_ports(skb, m, zone, l->now)) {
		l->overtook = 1;
		return l->state;
	}
	if (iom_ct_is_icmp(m) && m->l4 && iom_ct_is_icmp_error(m)) {
		if (iom_ct_inner(skb, m, zone, l))
			return l->state;
		iom_ct_lookup(l);
		if (l->found)
			l->state = IOM_MATCH_CT_TRK | IOM_MATCH_CT_REL;
	} else {
		if (iom_ct_outer(skb, m, zone, l) || (m->l4_proto == PROTO_TCP && !m->fragment && !iom_ct_flags_valid(l->tcp)))
			return l->state;
		iom_ct_lookup(l);
		if (l->found && l->found->progress == IOM_CT_CLOSED && l->tcp == TCP_SYN)
			l->found = NULL; /* the same ports again */
		if (!l->found) {
			if (iom_ct_may_begin(m, l))
				l->state = IOM_MATCH_CT_TRK | IOM_MATCH_CT_NEW;
			return l->state;
		}
		l->state = IOM_MATCH_CT_TRK | (l->found->progress == IOM_CT_ASKED ? IOM_MATCH_CT_NEW : IOM_MATCH_CT_EST);
	}
	if (l->found) {
		from_1 = (l->found->flags & IOM_CT_FROM_1) != 0;
		if (from_1 != l->from_1) {
			l->state |= IOM_MATCH_CT_RPL;
			if (l->state & IOM_MATCH_CT_NEW) /* the first reply */
				l->state ^= IOM_MATCH_CT_NEW | IOM_MATCH_CT_EST;
		}
	}
	return l->state;
}

/* Seconds until a connection is forgotten, as Linux has them. */
static __always_inline __u32 iom_ct_timeout(const struct iom_ct *ct)
{
	if (ct->key.proto == PROTO_TCP) {
		switch (ct->progress) {
		case IOM_CT_ASKED:
			return 120;
		case IOM_CT_ANSWERED:
			return 60;
		case IOM_CT_ESTABLISHED:
			return 432000;
		case IOM_CT_CLOSING:
			return 120;
		}
		return 10;
	}
	if (ct->key.proto == PROTO_UDP)
		return ct->progress == IOM_CT_ASKED ? 30 : 120;
	if (ct->key.proto == PROTO_ICMP || ct->key.proto == PROTO_ICMP6)
		return 30;
	return 600;
}

/* How far a connection is after the packet. */
static __always_inline void iom_ct_advance(struct iom_ct *ct, const struct iom_ct_look *l, int is_reply)
{
	if (ct->key.proto != PROTO_TCP) {
		if (is_reply && ct->progress == IOM_CT_ASKED)
			ct->progress = IOM_CT_ESTABLISHED;
		return;
	}
	if (l->tcp & TCP_RST) {
		ct->progress = IOM_CT_CLOSED;
		return;
	}
	if (l->tcp & TCP_FIN)
		ct->flags |= l->from_1 ? IOM_CT_FIN_1 : IOM_CT_FIN_0;
	if (ct->progress == IOM_CT_ASKED && is_reply)
		ct->progress = IOM_CT_ANSWERED;
	else if (ct->progress == IOM_CT_ANSWERED && !is_reply && l->tcp & TCP_ACK)
		ct->progress = IOM_CT_ESTABLISHED;
	if ((ct->flags & (IOM_CT_FIN_0 | IOM_CT_FIN_1)) == (IOM_CT_FIN_0 | IOM_CT_FIN_1))
		ct->progress = IOM_CT_CLOSED;
	else if (ct->flags & (IOM_CT_FIN_0 | IOM_CT_FIN_1) && ct->progress == IOM_CT_ESTABLISHED)
		ct->progress = IOM_CT_CLOSING;
}

/* Takes a place among the established connections of a zone. */
static __always_inline int iom_ct_room(__u32 zone)
{
	struct iom_ct_zone_count none = {}, *count = bpf_map_lookup_elem(&iom_ct_zones, &zone);

	if (!count) {
		bpf_map_update_elem(&iom_ct_zones, &zone, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&iom_ct_zones, &zone);
		if (!count)
			return 0;
	}
	if (count->established >= IOM_CT_ZONE_LIMIT) {
		__sync_fetch_and_add(&count->refused, 1);
		return 0;
	}
	__sync_fetch_and_add(&count->established, 1);
	return 1;
}

static __always_inline void iom_ct_no_room(__u32 zone)
{
	struct iom_ct_zone_count *count = bpf_map_lookup_elem(&iom_ct_zones, &zone);

	if (count) {
		__sync_fetch_and_add(&count->established, -1);
		__sync_fetch_and_add(&count->refused, 1);
	}
}

/* Moves a connection to the established ones, if there is room. */
IOM_SUBPROG int iom_ct_establish(struct iom_ct *ct)
{
	struct iom_ct_key key;

	if (!ct)
		return -1;
	key = ct->key;
	if (!iom_ct_room(key.zone))
		return -1;
	if (bpf_map_update_elem(&iom_cts, &key, ct, BPF_NOEXIST))
		iom_ct_no_room(key.zone);
	else
		bpf_map_delete_elem(&iom_cts_new, &key);
	return 0;
}

/* iom_ct_touch keeps a connection whose packet passes, and follows how far it is. look->found must not be used afterwards. */
static __always_inline int iom_ct_touch(struct iom_meta *m, struct iom_ct_look *l)
{
	struct iom_ct *ct, row;
	__u8 progress;
	__u32 flags, expires;

	if (!m || !l || m->flags & IOM_TRACE || l->state & IOM_MATCH_CT_REL)
		return 0;
	ct = l->found;
	if (!ct)
		return 0;
	progress = ct->progress;
	flags = ct->flags;
	iom_ct_advance(ct, l, (l->state & IOM_MATCH_CT_RPL) != 0);
	expires = l->now + iom_ct_timeout(ct);
	if (ct->expires != expires)
		ct->expires = expires;
	if (!l->established && ct->progress == IOM_CT_ESTABLISHED && (progress != ct->progress || flags != ct->flags) &&
	    !iom_ct_is_icmp(m)) {
		row = *ct;
		if (iom_ct_same_key(&row.key, &l->key))
			iom_ct_establish(&row);
	}
	return progress;
}

/* What is decided for a connection. */
struct iom_ct_decision {
	__u64 generation;
	__u64 rule;
	__u32 label;
	__u8 blocked;
	__u8 egress; /* it begins on its way out by the zone's port */
};

/* iom_ct_commit remembers what was decided: for a new connection, which the packet begins, or for one that was found. */
static __always_inline int iom_ct_commit(struct iom_meta *m, struct iom_ct_look *l, struct iom_ct_decision *d)
{
	struct iom_ct row = {};

	if (!m || !l || !d || m->flags & IOM_TRACE)
		return 0;
	if (l->found) {
		l->found->generation = d->generation;
		l->found->rule = d->rule;
		l->found->label = d->label;
		if (d->blocked)
			__sync_fetch_and_or((__u32 *)&l->found->flags, IOM_CT_BLOCKED);
		else
			__sync_fetch_and_and((__u32 *)&l->found->flags, ~(__u32)IOM_CT_BLOCKED);
		return l->state;
	}
	row.key = l->key;
	row.generation = d->generation;
	row.rule = d->rule;
	row.label = d->label;
	row.in_key = m->in_key;
	row.out_key = m->out_key;
	row.progress = IOM_CT_ASKED;
	row.icmp_type = m->sport;
	row.flags = (l->from_1 ? IOM_CT_FROM_1 : 0) | (d->egress ? IOM_CT_EGRESS : 0);
	if (m->l4_proto == PROTO_TCP && l->tcp & TCP_ACK)
		row.progress = IOM_CT_ANSWERED; /* in its midst: one more packet of this side, or a reply, will do */
	row.expires = l->now + iom_ct_timeout(&row);
	return bpf_map_update_elem(&iom_cts_new, &row.key, &row, 0);
}

/* iom_ct_original makes a question about a connection's first packet, as far as the connection tells: for rules that have changed since. */
static __always_inline void iom_ct_original(struct iom_match_query *q, const struct iom_ct_look *l, const struct iom_ct *ct)
{
	int from_1 = (ct->flags & IOM_CT_FROM_1) != 0;

	if (l->state & (IOM_MATCH_CT_RPL | IOM_MATCH_CT_REL)) {
		__u8 mac[6];

		__builtin_memcpy(mac, q->smac, sizeof(mac));
		__builtin_memcpy(q->smac, q->dmac, sizeof(mac));
		__builtin_memcpy(q->dmac, mac, sizeof(mac));
	}
	q->src = ct->key.addr[from_1];
	q->dst = ct->key.addr[!from_1];
	q->l4_proto = ct->key.proto;
	q->sport = iom_htons(ct->key.port[from_1]);
	q->dport = iom_htons(ct->key.port[!from_1]);
	if (ct->key.proto == PROTO_ICMP || ct->key.proto == PROTO_ICMP6) {
		q->sport = iom_htons(ct->icmp_type);
		q->dport = 0;
	}
	q->in_key = ct->in_key;
	q->out_key = ct->out_key;
}

#endif
