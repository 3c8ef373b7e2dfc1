/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/render.h"

/*
 * `queue list --by reason|domain|sender`: recipients and their messages counted, from the objects
 * of a listing.
 */

struct groups;

/* by: "reason", "domain" or "sender"; borrowed. */
struct groups *groups_new(const char *by);
void groups_free(struct groups *groups);

/* Counts one object of `queue list`. */
void groups_add(struct groups *groups, const json_t *message);

/* The largest first, as a table. */
void groups_render(struct groups *groups, struct page *page);

/* Number i of the groups as an object, the largest first; NULL: there are no more. The caller's. */
json_t *groups_describe(struct groups *groups, size_t i);
