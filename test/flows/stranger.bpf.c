// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
//go:build ignore

/* stranger.bpf.c: a service that knows nothing of the flow cache. */
#include <iom/action.h>

char _license[] SEC("license") = "Dual BSD/GPL";

#define STRANGER_DROPS(X) X(NEVER, "it drops nothing")
IOM_DROPS(stranger, STRANGER_DROPS)

SEC("tc")
int stranger_in(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	return m ? iom_service_done(skb, m) : TC_ACT_SHOT;
}

SEC("tc")
int stranger_out(struct __sk_buff *skb)
{
	struct iom_meta *m = iom_meta_get(skb);

	return m ? iom_service_done(skb, m) : TC_ACT_SHOT;
}
