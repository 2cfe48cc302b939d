/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* trace.h: what a traced packet met. With IOM_TRACE in the metadata the action calls append here and send nothing. */
#ifndef IOM_TRACE_H
#define IOM_TRACE_H

#include <iom/meta.h>

#define IOM_TRACE_RECORDS 16384 /* room for a flood to every port of a node and to every peer */

/* What happened; and what a and b of the record mean then. */
enum iom_trace_what {
	IOM_TRACE_DROP = 1, /* kind that has the reason, index of the reason */
	IOM_TRACE_OUTPUT = 2, /* delivered: iom_ref, - */
	IOM_TRACE_TUNNEL = 3, /* encapsulated: iom_ref, vni */
	IOM_TRACE_FLOOD = 4, /* group: key, - */
	IOM_TRACE_COPY = 5, /* a group member: iom_ref, - */
	IOM_TRACE_REWRITE = 6, /* offset in the packet, length */
	IOM_TRACE_ENTER = 7, /* a module gets the packet: -, - */
	IOM_TRACE_PUNT = 8, /* word of the packet to user space: reason, - */
	IOM_TRACE_LEARN = 9, /* the source address belongs to the port it came from: iom_ref, - */
	IOM_TRACE_DECIDE = 10, /* see iom_decide: index of the decision, number of the object */
};

struct iom_trace_rec {
	enum iom_trace_what what;
	__u32 kind; /* of the module that took the step; 0: the platform */
	__u32 dp, port; /* slots of the instance and of the port that have the packet then; 0: none */
	__u32 a, b;
};

/* Element 0: a is the number of steps, whose records follow; those beyond the table are lost. One trace at a time: user space takes turns. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct iom_trace_rec);
	__uint(max_entries, IOM_TRACE_RECORDS + 1);
} iom_trace_log SEC(".maps");

/* The module kind that this program belongs to; the loader sets it. 0: the platform. */
const volatile __u32 iom_kind = 0;

IOM_SUBPROG int iom_trace_append(struct iom_meta *m, __u32 what, __u32 a, __u32 b)
{
	__u32 zero = 0, next;
	struct iom_trace_rec *head = bpf_map_lookup_elem(&iom_trace_log, &zero), *rec;

	if (!head || !m)
		return 0;
	next = ++head->a;
	rec = bpf_map_lookup_elem(&iom_trace_log, &next);
	if (!rec)
		return 0;
	rec->what = what;
	rec->kind = iom_kind;
	rec->dp = m->dp;
	rec->port = m->port;
	rec->a = a;
	rec->b = b;
	return 0;
}

/* iom_trace_add records a step if the packet is traced. */
static __always_inline void iom_trace_add(struct iom_meta *m, __u32 what, __u32 a, __u32 b)
{
	if (iom_unlikely(m->flags & IOM_TRACE))
		iom_trace_append(m, what, a, b);
}

/* Decisions that no action or drop tells, for traces only. A module lists them once, as its drop reasons:
 *	#define SWITCH_DECISIONS(X) X(ANSWERED, "ARP is answered for") ...
 *	IOM_DECISIONS(myswitch, SWITCH_DECISIONS)
 * Names and texts reach user space through the BTF of the variable `myswitch_decisions`. */
#define IOM_DECISION_MEMBER(name, text) __u8 name __attribute__((btf_decl_tag("doc:" text)));
#define IOM_DECISIONS(module, list) \
	struct module##_decisions { \
		list(IOM_DECISION_MEMBER) \
	}; \
	const volatile struct module##_decisions module##_decisions = {};

/* iom_decide records that the module decided so because of an object of the packet's instance: number is a tunnel key for a port or a group,
 * 0 for none, and from IOM_OBJECTS on what the module's kind numbers itself. User space finds the object's name under it in iom_names. */
#define IOM_OBJECTS 65536
#define iom_decide(m, module, decision, number) \
	iom_trace_add(m, IOM_TRACE_DECIDE, __builtin_offsetof(struct module##_decisions, decision), number)

#endif
