/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/filter.h"
#include "spool/spool.h"

/*
 * What the listings show of a message, the same whether the daemon is asked (control_job.c) or the
 * spool is read without it (offline.c).
 */

enum listing_form {
	LISTING_ROWS,  /* for people: adds "next_check" to what is held */
	LISTING_PLAIN, /* `queue list --json`, nothing else */
	LISTING_FULL,  /* `show` and `explain`: all there is */
};

/*
 * True when an unfinished recipient of message is selected, or one in the very state that filter names;
 * *count is increased by their number.
 */
bool listing_selects(const struct filter *filter, const struct message *message,
	int64_t now, uint64_t *count);

/*
 * The message with those recipients that filter selects; but for rows, without a state named,
 * also those already served. entry may be NULL. The caller's.
 */
json_t *listing_describe(const struct filter *filter, const struct message *message,
	const struct spool_entry *entry, enum listing_form form, int64_t now);
