/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/outcome.h"
#include "relay/relay.h"

/*
 * Failures, and delays, that are told later, many in one message: to their sender when it was told very much
 * in a short time, else, in the digest, to report_to: of notifications and of mail from <> that
 * failed (there is no bounce of a bounce), and of all failures with notify_sender = off. Until the
 * summary is durable the failed recipient stays in the spool, marked is_report_owed; the mark, or the
 * message, goes in the transaction that has the summary. What fails of the digest itself is
 * only logged.
 */

struct summaries;

struct summaries *summaries_new(struct relay *relay);

/* Starts no more summaries. What is being written counts as a settlement (stats.h) until it is done. */
void summaries_stop(struct summaries *summaries);
/* After summaries_stop and the last settlement. */
void summaries_free(struct summaries *summaries);

/*
 * Decides which of the outcomes that one notification would tell of are told later, and sets
 * their is_report_owed. Once for each settlement: a notification that goes out now is counted.
 */
void summaries_choose(struct summaries *summaries, const struct message *message,
	struct recipient *const *rcpts, struct outcome *outcomes, size_t count);

/* True when sender may have a notification now: then it is counted. */
bool summaries_may_tell(struct summaries *summaries, const char *sender);

/*
 * A report is owed for recipients of message, durably. When nobody is left who could hear it (no
 * report_to any more) that is logged, and it is owed no more.
 */
void summaries_add(struct summaries *summaries, struct message *message, int64_t now);

/* The sender of message is told in a summary of whoever is late then (notice_is_due). */
void summaries_add_delay(struct summaries *summaries, const struct message *message);
