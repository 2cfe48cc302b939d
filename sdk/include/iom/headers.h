/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* headers.h: protocol headers as they lie in the packet (all multi-byte members in network byte order) and their constants. */
#ifndef IOM_HEADERS_H
#define IOM_HEADERS_H

#include <iom/bpf.h>

enum {
	ETH_LEN = 14,
	ETH_IP4 = 0x0800, /* ethertypes in host byte order */
	ETH_ARP = 0x0806,
	ETH_RARP = 0x8035,
	ETH_VLAN = 0x8100,
	ETH_QINQ = 0x88a8,
	ETH_IP6 = 0x86dd,
	ETH_TEB = 0x6558, /* Ethernet within Geneve */

	IP4_LEN = 20,
	IP6_LEN = 40,
	UDP_LEN = 8,

	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
	PROTO_SCTP = 132,

	TCP_FIN = 1 << 0,
	TCP_SYN = 1 << 1,
	TCP_RST = 1 << 2,
	TCP_ACK = 1 << 4,

	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACH = 3,
	ICMP_QUENCH = 4,
	ICMP_ECHO = 8,
	ICMP_TIME = 11,
	ICMP_PARAM = 12,
	ICMP6_PARAM = 4,
	ICMP6_MLD_QUERY = 130,
	ICMP6_MLD_REPORT = 131,
	ICMP6_MLD_DONE = 132,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ND_RS = 133,
	ICMP6_ND_NS = 135,
	ICMP6_ND_NA = 136,
	ICMP6_MLD2_REPORT = 143,
	ND_OPT_SLL = 1,
	ND_OPT_TLL = 2,
};

/* Packed, but at even addresses, as in every packet: the compiler takes byte by byte what is merely packed. */
#define IOM_HALFWORDS __attribute__((packed, aligned(2)))

struct eth_hdr {
	__u8 dst[6];
	__u8 src[6];
	__u16 proto;
};

/* RFC 826, for Ethernet and IPv4. */
struct arp_hdr {
	__u16 hrd, pro;
	__u8 hln, pln;
	__u16 op;
	__u8 sha[6];
	__u32 spa;
	__u8 tha[6];
	__u32 tpa;
} IOM_HALFWORDS;

struct ip4_hdr {
	__u8 ver_ihl, tos;
	__u16 len, id, frag;
	__u8 ttl, proto;
	__u16 csum;
	__u32 src, dst;
};

struct ip6_hdr {
	__u32 ver_tc_flow;
	__u16 plen;
	__u8 next, hop_limit;
	__u32 src[4], dst[4];
};

struct udp_hdr {
	__u16 sport, dport, len, csum;
};

/* What follows the Ethernet addresses of a tagged frame. */
struct vlan_hdr {
	__u16 tpid, tci, proto;
};
#define VLAN_LEN 4

/* Neighbour solicitation or advertisement with one link-layer address option, RFC 4861 sections 4.3 and 4.4. */
struct nd_msg {
	__u8 type, code;
	__u16 csum;
	__u32 flags;
	__u32 target[4];
	__u8 opt_type, opt_len; /* opt_len in units of 8 bytes */
	__u8 lladdr[6];
};
#define ND_NO_OPT_LEN 24 /* bytes of nd_msg before the option */

/* Geneve (RFC 8926) with OVN's one option. */
struct geneve_hdr {
	__u8 ver_optlen; /* version 2 bits, length of the options in 4 bytes 6 bits */
	__u8 flags;
	__u16 proto;
	__u32 vni; /* upper 24 bits */
};
struct geneve_opt {
	__u16 class;
	__u8 type;
	__u8 len; /* of the data, in 4 bytes; lower 5 bits */
};
enum {
	GENEVE_PORT = 6081,
	GENEVE_CLASS_OVN = 0x0102,
	GENEVE_TYPE_OVN = 0x80, /* critical; data: 1 bit 0, 15 bits in-port key, 16 bits out-port key */
	GENEVE_CRITICAL = 0x80,
};

/* An IPv4 address, network byte order. */
typedef __u32 iom_ip4;

/* An address of either family: IPv4 as ::ffff:a.b.c.d, network byte order. */
struct iom_addr {
	__u32 a[4];
};

static __always_inline void iom_addr_set4(struct iom_addr *to, __u32 ip4)
{
	to->a[0] = 0;
	to->a[1] = 0;
	to->a[2] = iom_htonl(0xffff);
	to->a[3] = ip4;
}

static __always_inline int iom_addr_eq(const struct iom_addr *x, const struct iom_addr *y)
{
	return x->a[0] == y->a[0] && x->a[1] == y->a[1] && x->a[2] == y->a[2] && x->a[3] == y->a[3];
}

static __always_inline int iom_addr_is4(const struct iom_addr *x)
{
	return !x->a[0] && !x->a[1] && x->a[2] == iom_htonl(0xffff);
}

/* fe80::/10 */
static __always_inline int iom_addr_is_link_local(const struct iom_addr *x)
{
	return (x->a[0] & iom_htonl(0xffc00000)) == iom_htonl(0xfe800000);
}

static __always_inline int iom_addr_is_zero(const struct iom_addr *x)
{
	return !(x->a[0] | x->a[1] | x->a[2] | x->a[3]);
}

/* MAC addresses lie at even addresses, in packets and in tables. */
static __always_inline void iom_mac_copy(__u8 *to, const __u8 *from)
{
	__u16 *a = (__u16 *)to;
	const __u16 *b = (const __u16 *)from;

	a[0] = b[0];
	a[1] = b[1];
	a[2] = b[2];
}

static __always_inline int iom_mac_eq(const __u8 *x, const __u8 *y)
{
	const __u16 *a = (const __u16 *)x, *b = (const __u16 *)y;

	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

static __always_inline int iom_mac_is_zero(const __u8 *x)
{
	const __u16 *a = (const __u16 *)x;

	return !(a[0] | a[1] | a[2]);
}

/* Broadcast and multicast. */
static __always_inline int iom_mac_is_group(const __u8 *x)
{
	return x[0] & 1;
}

#endif
