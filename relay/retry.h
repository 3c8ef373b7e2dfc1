/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

#include "relay/config.h"
#include "relay/envelope.h"

/*
 * When next. Pure: time and chance are arguments. Times are milliseconds since the epoch.
 */

/*
 * The back-off in milliseconds: retry_first, doubled with each attempt, up to retry_max, and up
 * to a tenth more so that what failed together does not come back together.
 */
int64_t retry_delay(const struct config *config, uint32_t attempts, uint32_t chance);

/*
 * When the recipient that record describes (its next_attempt is not read) is to be looked at by
 * itself: its next try, or the end of its life, whichever comes first; 0: never.
 */
int64_t retry_plan(const struct config *config, int64_t received,
	const struct recipient_record *record, uint32_t chance, int64_t now);

/* The end of its life: then the sender is told. 0: none (held by an administrator). */
int64_t retry_end(const struct config *config, int64_t received,
	const struct recipient_record *record);
