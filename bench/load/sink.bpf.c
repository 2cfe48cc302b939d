// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* sink.bpf.c: the end of packet-rate measurements. */
#include <iom/bpf.h>

char _license[] SEC("license") = "Dual BSD/GPL";

/* Packets that reached the socket. */
__u64 arrived = 0;

/* As a socket's filter: counts and refuses, so that no receiver has to be woken up and fed. */
SEC("socket")
int sink(struct __sk_buff *skb)
{
	(void)skb;
	__sync_fetch_and_add(&arrived, 1);
	return 0;
}
