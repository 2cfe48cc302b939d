/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ct_zone.h: which of the tables a connection is in, and how many a zone has: part of <iom/ct.h>. */
#ifndef IOM_CT_ZONE_H
#define IOM_CT_ZONE_H

#include <iom/ct_tables.h>

#define EEXIST 17 /* errno(3) */

/* Takes a place among the established connections of a zone; 0: there is none. */
static __always_inline int iom_ct_room(struct iom_ct_zone_key *zone)
{
	struct iom_ct_zone_count none = {}, *count = bpf_map_lookup_elem(&iom_ct_zones, zone);
	__u32 *removed, *limit;

	if (!count) {
		bpf_map_update_elem(&iom_ct_zones, zone, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&iom_ct_zones, zone);
		if (!count)
			return 0;
	}
	removed = bpf_map_lookup_elem(&iom_ct_removed, zone);
	limit = bpf_map_lookup_elem(&iom_ct_limits, zone);
	if (count->established - (removed ? *removed : 0) >= (limit ? *limit : IOM_CT_ZONE_LIMIT)) {
		__sync_fetch_and_add(&count->refused, 1);
		return 0;
	}
	__sync_fetch_and_add(&count->established, 1);
	return 1;
}

/* Gives the place back. refused: for want of room in the table. */
static __always_inline void iom_ct_leave(struct iom_ct_zone_key *zone, int refused)
{
	struct iom_ct_zone_count *count = bpf_map_lookup_elem(&iom_ct_zones, zone);

	if (!count)
		return;
	__sync_fetch_and_add(&count->established, -1);
	if (refused)
		__sync_fetch_and_add(&count->refused, 1);
}

/* Whether an element that was looked up is still that of a key, as far as it tells: of the same zone and ports. */
static __always_inline int iom_ct_is(const struct iom_ct *ct, const struct iom_ct_key *key)
{
	return ct->zone == key->zone && ct->l4[0] == key->l4[0] && ct->l4[1] == key->l4[1];
}

/* Removes a connection that is not established from its table. */
static __always_inline void iom_ct_forget_new(const struct iom_ct_key *key)
{
	if (bpf_map_delete_elem(&iom_cts_new, key))
		bpf_map_delete_elem(&iom_cts_brief, key);
}

/* Takes a connection out of the established ones. */
static __always_inline int iom_ct_forget_established(const struct iom_ct_key *key)
{
	struct iom_ct_zone_key zone = { .zone = key->zone };

	if (bpf_map_delete_elem(&iom_cts, key))
		return -1;
	iom_ct_leave(&zone, 0);
	return 0;
}

/* Removes a connection. */
IOM_SUBPROG int iom_ct_forget(const struct iom_ct_key *key)
{
	if (!key)
		return -1;
	iom_ct_forget_new(key);
	return iom_ct_forget_established(key);
}

/* Counts a connection that begins in a zone; 1: it is one too many for this second. */
static __always_inline int iom_ct_hurries(__u32 number, __u32 now)
{
	struct iom_ct_zone_key zone = { .zone = number };
	struct iom_ct_pace first = { .second = now }, *pace = bpf_map_lookup_elem(&iom_ct_paces, &zone);

	if (!pace) {
		bpf_map_update_elem(&iom_ct_paces, &zone, &first, BPF_NOEXIST);
		pace = bpf_map_lookup_elem(&iom_ct_paces, &zone);
		if (!pace)
			return 1;
	}
	if (pace->second != now) {
		pace->before = pace->begun;
		pace->begun = 0;
		pace->second = now;
	}
	__sync_fetch_and_add(&pace->begun, 1);
	return pace->begun > IOM_CT_PACE;
}

/* Puts a connection that begins where it does not make those of other zones be forgotten. */
static __always_inline int iom_ct_enter(const struct iom_ct_key *key, const struct iom_ct *row, __u32 now)
{
	if (iom_likely(!iom_ct_hurries(key->zone, now)))
		return bpf_map_update_elem(&iom_cts_new, key, row, 0);
	return bpf_map_update_elem(&iom_cts_brief, key, row, 0);
}

/* Moves a connection to the established ones, if there is room, or one that is closed from there, where it would take a place for nothing, to
 * the brief ones. It is in one of the tables all the time. */
IOM_SUBPROG int iom_ct_move(const struct iom_ct *ct, const struct iom_ct_key *key)
{
	struct iom_ct_zone_key zone;
	struct iom_ct row;
	long err;

	if (!ct || !key)
		return -1;
	row = *ct;
	if (!iom_ct_is(&row, key))
		return -1;
	if (row.progress == IOM_CT_CLOSED)
		return bpf_map_update_elem(&iom_cts_brief, key, &row, 0) ? -1 : iom_ct_forget_established(key);
	zone.zone = key->zone;
	if (!iom_ct_room(&zone))
		return -1;
	err = bpf_map_update_elem(&iom_cts, key, &row, BPF_NOEXIST);
	if (err)
		iom_ct_leave(&zone, err != -EEXIST);
	if (err == -EEXIST) /* one whose time is up: it has its place */
		err = bpf_map_update_elem(&iom_cts, key, &row, 0);
	if (!err)
		iom_ct_forget_new(key);
	return err;
}

#endif
