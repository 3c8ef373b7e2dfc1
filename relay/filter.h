/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "relay/queue.h"

/*
 * Which recipients a queue command means: one grammar for all verbs (DESIGN section 6). Pure.
 */

struct filter {
	uint64_t *ids; /* of these messages; none: of all */
	size_t id_count;
	char *from, *to;    /* globs, compared without case, or NULL */
	char *domain;       /* of the recipient, or NULL */
	enum reason reason; /* REASON_NONE: any */
	int state;          /* enum recipient_state, or -1: any that is open or still to be reported */
	int64_t older;      /* milliseconds since received; 0: any */
	bool all;
};

/* Reads what filter_to_json wrote. Returns 0, or -EINVAL with *error = a text (static). */
int filter_from_json(struct filter *filter, const json_t *json, const char **error);
json_t *filter_to_json(const struct filter *filter);
void filter_fini(struct filter *filter);

/* True when the filter names nothing at all: verbs that change something then need --all. */
bool filter_is_empty(const struct filter *filter);
bool filter_matches(
	const struct filter *filter, const struct recipient *rcpt, int64_t now);
