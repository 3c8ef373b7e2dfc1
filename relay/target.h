/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/mx.h"
#include "relay/config.h"
#include "relay/conn.h"
#include "relay/source.h"

/*
 * The servers one attempt may connect to, chosen from what the DNS said. Pure.
 */

enum { TARGETS_MAX = 5 }; /* addresses tried in one attempt */

struct target {
	struct conn_address address;
	uint16_t preference; /* of it: equals may be tried in any order */
	char name[256];      /* the exchange */
};

/*
 * The first TARGETS_MAX of list that source can reach (by MX, or when it is bound: its family only),
 * on the route's port or 25. route may be NULL. Returns how many.
 */
size_t target_choose(const struct mx_list *list, const struct config_route *route,
	const struct source *source, struct target targets[TARGETS_MAX]);

/* Why target_choose found none in a list with this status, in words. Static text. */
const char *target_none_words(enum mx_status path, bool has_private);

/* "mx.dest.example [198.51.100.7]:25" */
void target_format(const struct target *target, char *text, size_t cap);
