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

/* A JSON string of any bytes: what is not valid UTF-8, and control bytes, are escaped. */
json_t *describe_text(const char *bytes, size_t len);

/* One row of "checks". */
json_t *describe_finding(const struct finding *finding);

/* The whole object of `check`. */
json_t *describe_verdict(
	const struct preflight_question *question, const struct verdict *verdict);

/*
 * One message of `queue list --json`; entry adds last_reply (and with full the stored detail of each
 * recipient as "detail"), or is NULL: last_reply is null then.
 */
json_t *describe_message(
	const struct message *message, const struct spool_entry *entry, bool full);
