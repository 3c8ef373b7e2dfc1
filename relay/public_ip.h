/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/log.h"
#include "relay/seen_address.h"
#include "relay/source.h"

/*
 * Our public addresses as receivers see them (DESIGN section 4, "Public IP"). What two unrelated
 * destinations agree on is believed: it becomes our address where we do not know it (behind
 * a NAT), and where we do, it is a contradiction that is reported. It never overrides a configured
 * address. Forgotten at the end of the process: the next replies teach it again.
 */

struct public_ips;

/* log is borrowed. */
struct public_ips *public_ips_new(const struct log *log);
void public_ips_free(struct public_ips *ips); /* NULL is fine */

/* A reply that came over a connection from source; all borrowed. */
struct heard {
	const struct source *source;
	const char *exchange; /* the receiver's host name */
	struct seen_reply seen;
};

/* Learns from a reply; most teach nothing. ips may be NULL. */
void public_ips_hear(struct public_ips *ips, const struct heard *heard);

/* The address learned for a family; "" when there is none, or no ips. */
const char *public_ips_learned(const struct public_ips *ips, bool is_v6);

/* How often an address was learned: another number, and what is known may be another. */
uint64_t public_ips_lessons(const struct public_ips *ips);

/* What receivers see instead of the address ip that we know; NULL: nobody contradicts. */
const char *public_ips_contradiction(const struct public_ips *ips, const char *ip);
