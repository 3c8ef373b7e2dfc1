/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

#include "relay/outcome.h"
#include "spool/spool.h"

/*
 * The part of a recipient's state that only `explain` and `show` read: JSON text with "reply",
 * "remote", "stage", "status", "finding", "transcript" of the last attempt and a "history" of all.
 */

enum { DETAIL_HISTORY_MAX = 20 }; /* events kept: the first, then the latest */

/* The detail with one more event in its history, which happened at now. The caller frees the text. */
char *detail_note(const json_t *before, const char *event, int64_t now);

/* The stored detail of a recipient, the caller's; NULL when there is none. entry may be NULL. */
json_t *detail_load(const struct spool_entry *entry, uint32_t recipient);

/*
 * The detail after outcome, which happened at now; before is the stored one (or NULL). The caller
 * frees the text.
 */
char *detail_update(const json_t *before, const struct outcome *outcome, int64_t now);
