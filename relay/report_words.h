/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/outcome.h"

/*
 * What a sender reads about one recipient: first a paragraph for itself (what happened, whether
 * there is something to do), then one that it may forward to its administrator, with the record that
 * is missing and whose zone it belongs to, or what the receiver said. Pure. settle.c and notice.c
 * ask; dsn.c folds and escapes.
 */

/*
 * Of a recipient that is given up. detail: what the spool has about it (detail.h), or NULL; it
 * counts where the outcome itself was no attempt. The caller frees the text.
 */
char *report_words_failed(const struct outcome *outcome, const json_t *detail);

/* Of one that is deferred or held; until in milliseconds since the epoch. The caller frees the text. */
char *report_words_delayed(
	enum recipient_state state, const json_t *detail, int64_t until);

/* The last thing that happened, in one line: a reply, a finding, or what the history has last. Caller's. */
char *report_words_short(const json_t *detail);
