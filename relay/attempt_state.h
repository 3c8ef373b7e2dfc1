/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/attempt.h"
#include "relay/delivery.h"
#include "relay/fitness.h"
#include "relay/outcome.h"
#include "relay/wishes.h"

/*
 * What the parts of an attempt share: attempt.c has its life and whom it connects to,
 * attempt_judge.c the pre-flight, attempt_answer.c what servers said and what that means for the
 * recipients. Internal to attempt*.c.
 */

/*
 *   JUDGE ──fit sources──> (READ) ──> CONNECT ──answer──> SETTLE ──> gone
 *     │  ^                            │  ^ next address, then next fit source
 *     │  └────── next smarthost ──────┤  │                  ^
 *     └───────── none is fit ─────────┴──┴── nobody answers ─┘
 *
 * READ is for messages with wishes of RFC 3461 only. Servers that were silent lately (server_memory.h) are
 * tried last: of the targets, and of the smarthosts, which are gone through a second time for them.
 */
enum attempt_state {
	ATTEMPT_JUDGE,
	ATTEMPT_READ,
	ATTEMPT_CONNECT,
	ATTEMPT_SETTLE,
};

struct attempt {
	enum attempt_state state;
	struct relay *relay;
	struct message *message;
	struct recipient **rcpts;
	const char **addresses; /* of rcpts, for the transaction */
	struct outcome *outcomes;
	size_t count;
	const char *domain;               /* of all rcpts; borrowed from the first */
	const struct config_route *route; /* NULL: by MX */
	uint64_t began;                   /* uv_now */

	struct fitness *fitness;
	size_t order[SOURCES_MAX]; /* fit sources, the best first */
	size_t place, fit_count;   /* in order */
	char *left_out;            /* sources not used, and why; or NULL */

	uint32_t tried[SOURCES_MAX]; /* targets of the source at that place: a bit each */
	uint32_t put_off;            /* smarthosts where all were silent: a bit each... */
	bool is_second_round;        /* ...whose turn it is now */
	unsigned refusals;           /* at the door, by servers of this next hop */
	bool may_be_taken;     /* a server did not answer, or did not say no for good */
	struct wishes *wishes; /* NULL: none, or not read yet */
	struct smtp_transaction transaction;
	struct link_way way;       /* to whom we talk... */
	char remote[320];          /* ...in words */
	uint64_t asked;            /* ...since then, uv_now */
	struct delivery *delivery; /* until what it brought is durable */

	struct {
		bool given; /* decides for whom no outcome stands yet... */
		enum smtp_stage stage;
		struct smtp_reply reply;
		char remote[320];
		bool dsn_passed;
	} answer;
	struct { /* ...else this */
		char words[400];
		const char *status; /* static text */
		char remote[320];
	} failure;
	json_t *transcript;
	enum attempt_result result;
	attempt_cb done;
	void *owner;
};

/* Goes on from a->state. */
void attempt_step(struct attempt *attempt);

/* Asks the pre-flight; goes on with CONNECT. */
void attempt_judge(struct attempt *attempt);

/* The fit source that is tried now; NULL: there is none. */
const struct candidate *attempt_source(const struct attempt *attempt);

void attempt_free(struct attempt *attempt);

/* For delivery_start. */
void attempt_on_report(void *owner, const struct delivery_report *report);

/* Logs that it may be delivered twice: only the receiver knows, and it will be asked again (RFC 1047). */
void attempt_log_doubt(const struct attempt *attempt, const char *what);

/* Whoever has no outcome yet gets the one of the attempt as a whole; all are settled. */
void attempt_conclude(struct attempt *attempt);
