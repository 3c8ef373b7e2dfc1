/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "dns/preflight.h"
#include "relay/queue.h"
#include "spool/spool.h"

/*
 * The JSON of DESIGN section 6: the one form in which verdicts, findings and messages are shown,
 * stored with a hold, and read by scripts. Text for people is made from it (render.h).
 */

/*
 * A JSON string of any bytes: what is not valid UTF-8, and control bytes, become \xNN (text_escape).
 * Backslashes stay as they are: an address, or a record to publish, must come out unchanged.
 */
json_t *describe_text(const char *bytes, size_t len);

/* The same for our own texts of several lines: line ends stay too. */
json_t *describe_lines(const char *text);

/* One row of "checks". */
json_t *describe_finding(const struct finding *finding);

/* The whole object of `check`. */
json_t *describe_verdict(
	const struct preflight_question *question, const struct verdict *verdict);

/* "clear", "warn", "defer", "hold", "bounce": an action as a verdict. Static text. */
const char *describe_action(enum action action);

/*
 * One message of `queue list --json`; entry adds last_reply, or is NULL: last_reply is null then.
 * full, for `show` and `explain`, adds "origin", "held_since", "expires" and the stored "detail"
 * to each recipient.
 */
json_t *describe_message(
	const struct message *message, const struct spool_entry *entry, bool full);
