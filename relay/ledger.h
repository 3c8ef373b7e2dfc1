/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How much whom may be told at once, and of what a summary is to tell later. A sender gets LEDGER_AT_ONCE
 * notifications a minute; what fails or is late beyond that is gathered for LEDGER_SENDER_WAIT. The administrator's
 * digest goes out soon after the first failure, then at most once an hour. Pure: time is an
 * argument, in milliseconds. summary.c writes what is due; the spool, not this, survives a restart.
 */

enum {
	LEDGER_AT_ONCE = 20,
	LEDGER_WINDOW = 60 * 1000,
	LEDGER_SENDER_WAIT = 10 * 60 * 1000,
	LEDGER_DIGEST_WAIT = 10 * 1000,
	LEDGER_DIGEST_PAUSE = 60 * 60 * 1000,
	LEDGER_BATCH = 20000, /* messages in one summary: its transaction is small then */
};

/* What a summary tells of; one mailbox may have one of each. */
enum ledger_kind {
	LEDGER_FAILURES, /* for their sender */
	LEDGER_DELAYS,   /* for their sender */
	LEDGER_DIGEST,   /* failures, for the administrator */
};

struct ledger;

/* What one summary tells of. */
struct ledger_batch {
	char *to;
	enum ledger_kind kind;
	uint64_t *ids; /* of messages, ascending, each once */
	size_t count;
};

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/* True when to may be told something now: then that counts. */
bool ledger_may_tell(struct ledger *ledger, const char *to, int64_t now);

/* Message id is to stand in the next summary of that kind to the mailbox to. */
void ledger_add(struct ledger *ledger, const char *to, enum ledger_kind kind, uint64_t id,
	int64_t now);

/* When the next summary is due; 0: none is. */
int64_t ledger_next(const struct ledger *ledger);

/* Takes what is due out. False: nothing is. */
bool ledger_take(struct ledger *ledger, int64_t now, struct ledger_batch *batch);
void ledger_batch_fini(struct ledger_batch *batch);
