// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* driver.bpf.c: feeds packets of many flows to a program under test, within one test run.
 *
 * A test run repeats one packet on one device, and what a program wrote into it stays. So each repetition enters here: the driver
 * writes the next flow's headers over the packet, plugs the device into the flow's port, and tail-calls the program. The same with
 * an empty program is what to subtract. */
#include <iom/bpf.h>

char _license[] SEC("license") = "Dual BSD/GPL";

enum {
	FLOWS = 4096,
	DEVICE = 1, /* ifindex that a test run without a context has: the loopback device's */
};

struct flow {
	__u32 port; /* slot of the sending port */
	__u8 head[44]; /* Ethernet, IPv4 and UDP headers, 2 bytes of payload */
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct flow);
	__uint(max_entries, FLOWS);
} flows SEC(".maps");

/* Element 0: the program under test. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} target SEC(".maps");

/* The platform's, see wire.bpf.c. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 65536);
} iom_bindings SEC(".maps");

/* As large as the switch's table of MAC addresses in this benchmark, and keyed like it. */
struct key {
	__u32 number, zero[2];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct key);
	__type(value, __u32);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} table SEC(".maps");

__u32 flow = 0; /* number of the last packet's flow */
__u32 mask = FLOWS - 1; /* 0: one flow only */

SEC("tc")
int drive(struct __sk_buff *skb)
{
	__u32 n = (flow + 1) & mask, device = DEVICE;
	struct flow *f = bpf_map_lookup_elem(&flows, &n);
	__u32 *port = bpf_map_lookup_elem(&iom_bindings, &device);

	if (!f || !port || bpf_skb_store_bytes(skb, 0, f->head, sizeof(f->head), 0))
		return TC_ACT_UNSPEC;
	flow = n;
	*port = f->port;
	bpf_tail_call(skb, &target, 0);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int empty(struct __sk_buff *skb)
{
	(void)skb;
	return TC_ACT_OK;
}

SEC("tc")
int hot_lookup(struct __sk_buff *skb)
{
	struct key key = {};

	(void)skb;
	return bpf_map_lookup_elem(&table, &key) ? TC_ACT_OK : TC_ACT_UNSPEC;
}

SEC("tc")
int flow_lookup(struct __sk_buff *skb)
{
	struct key key = { .number = flow };

	(void)skb;
	return bpf_map_lookup_elem(&table, &key) ? TC_ACT_OK : TC_ACT_UNSPEC;
}
