/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "dns/preflight.h"

/*
 * `check --as`: which known receivers are asked for, and their answers as JSON. What they answer is
 * decided in dns/ (profile_judge).
 */

enum { PROFILES_MAX = 32 }; /* named on one command line */

struct profiles {
	const struct profile *items[PROFILES_MAX];
	size_t count;
};

/* Adds those of "gmail,yahoo". Returns EX_OK, or EX_USAGE after it has said what is wrong. */
int profiles_add(struct profiles *profiles, const char *list);

/* [{"profile","verdict","reply"}]; reply is null where the receiver accepts. The caller owns it. */
json_t *profiles_describe(const struct profiles *profiles,
	const struct preflight_question *question, const struct verdict *verdict);
