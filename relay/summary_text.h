/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/buf.h"
#include "relay/config.h"
#include "relay/ledger.h"
#include "relay/queue.h"

/*
 * The text of a summary (summary.h): a plain message that people read. Every text from outside is escaped. Pure.
 */

enum { SUMMARY_LISTED_MAX = 500 }; /* of one summary that are listed */

struct summary_text {
	struct buf lines;     /* what is listed so far */
	size_t listed, count; /* count: all that it tells of */
};

/* One more: rcpt, and why in one line; NULL: it is not listed, only counted. */
void summary_text_add(
	struct summary_text *text, const struct recipient *rcpt, const char *why);

/* The whole message, for out. id: its queue id; now in milliseconds. */
struct summary_head {
	const char *to, *id;
	enum ledger_kind kind;
	int64_t now;
};

void summary_text_finish(const struct summary_text *text, const struct config *config,
	const struct summary_head *head, struct buf *out);
