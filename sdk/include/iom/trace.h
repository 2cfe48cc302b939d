/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* trace.h: what a traced packet met. With IOM_TRACE in the metadata the action calls append here and send nothing. */
#ifndef IOM_TRACE_H
#define IOM_TRACE_H

#include <iom/meta.h>

#define IOM_TRACE_RECORDS 64

/* What happened; and what a and b of the record mean then. */
enum iom_trace_what {
	IOM_TRACE_DROP = 1, /* kind, index of the reason */
	IOM_TRACE_OUTPUT = 2, /* delivered: iom_ref, - */
	IOM_TRACE_TUNNEL = 3, /* encapsulated: iom_ref, vni */
	IOM_TRACE_FLOOD = 4, /* group: key, - */
	IOM_TRACE_COPY = 5, /* a group member: iom_ref, - */
	IOM_TRACE_REWRITE = 6, /* offset in the packet, length */
	IOM_TRACE_ENTER = 7, /* a module gets the packet: kind, instance slot */
	IOM_TRACE_PUNT = 8, /* a copy to user space: kind, reason */
	IOM_TRACE_LEARN = 9, /* the source address belongs to the port it came from: iom_ref, - */
};

struct iom_trace_rec {
	enum iom_trace_what what;
	__u32 a, b;
};

/* Element 0: a is the number of records, which follow. One trace at a time: user space takes turns. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_trace_rec);
	__uint(max_entries, IOM_TRACE_RECORDS + 1);
} iom_trace_log SEC(".maps");

/* The module kind that this program belongs to; the loader sets it. 0: the platform. */
const volatile __u32 iom_kind = 0;

static __noinline void iom_trace_append(__u32 what, __u32 a, __u32 b)
{
	__u32 zero = 0, next;
	struct iom_trace_rec *head = bpf_map_lookup_elem(&iom_trace_log, &zero), *rec;

	if (!head || head->a >= IOM_TRACE_RECORDS)
		return;
	next = ++head->a;
	rec = bpf_map_lookup_elem(&iom_trace_log, &next);
	if (!rec)
		return;
	rec->what = what;
	rec->a = a;
	rec->b = b;
}

/* iom_trace_add records a step if the packet is traced. */
static __always_inline void iom_trace_add(struct iom_meta *m, __u32 what, __u32 a, __u32 b)
{
	if (iom_unlikely(m->flags & IOM_TRACE))
		iom_trace_append(what, a, b);
}

#endif
