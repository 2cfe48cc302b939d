/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* csum.h: Internet checksums (RFC 1071) of headers that a program builds itself. */
#ifndef IOM_CSUM_H
#define IOM_CSUM_H

#include <iom/headers.h>

/* The checksum field's value for a sum as bpf_csum_diff returns it. */
static __always_inline __u16 iom_csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The checksum of a header after a word that it covers has changed (RFC 1624); all in network byte order. */
static __always_inline __u16 iom_csum_after(__u16 csum, __u16 was, __u16 is)
{
	return iom_csum_fold((__u16)~csum + (__u16)~was + (__u32)is);
}

/* The checksum of an IPv4 header without options, whose csum member is 0. */
static __always_inline __u16 iom_csum_ip4(struct ip4_hdr *ip)
{
	return iom_csum_fold(bpf_csum_diff(NULL, 0, (__u32 *)ip, sizeof(*ip), 0));
}

/* Adds IPv6's pseudo header to a sum; len: bytes of the transport packet. */
static __always_inline __u32 iom_csum_pseudo6(struct iom_addr *src, struct iom_addr *dst, __u8 proto, __u32 len, __u32 sum)
{
	__u32 tail[2] = { iom_htonl(len), iom_htonl(proto) };

	sum = bpf_csum_diff(NULL, 0, src->a, sizeof(*src), sum);
	sum = bpf_csum_diff(NULL, 0, dst->a, sizeof(*dst), sum);
	return bpf_csum_diff(NULL, 0, tail, sizeof(tail), sum);
}

#endif
