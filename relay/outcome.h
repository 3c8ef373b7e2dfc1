/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "dns/preflight.h"
#include "relay/config.h"
#include "relay/envelope.h"
#include "relay/queue.h"
#include "smtp/smtp.h"

/*
 * What became of one recipient, and why: the result of an attempt or of an administrator's
 * command, on its way into the spool. The judgements here are pure; settle.c makes them
 * durable.
 */

struct outcome {
	enum recipient_state state; /* what it becomes; RCPT_ACTIVE: not decided yet */
	enum reason reason;
	enum hold_origin origin;
	bool tried;      /* counts as an attempt */
	bool dsn_passed; /* DELIVERED: the receiver knows what the sender wants to hear */
	bool is_notice;  /* no outcome: the sender is told that it takes longer */
	bool is_report_owed; /* BOUNCED: told later, in a summary */
	bool is_damaged; /* BOUNCED: what is left of the message is to be kept aside */
	int64_t next_attempt; /* DEFERRED: not before; 0: as the back-off says */
	size_t source;   /* HELD: number of the source address that was judged */
	uint32_t ttl;    /* HELD: seconds for which the finding may be believed yet */
	int64_t until;   /* is_notice: when it is given up, milliseconds since the epoch */
	char status[12]; /* RFC 3463, for the notification: "5.1.8" */
	char *subject;   /* HELD: what the cause is about; or NULL */
	char *event;     /* one line for the timeline and the log */
	char *left_out;  /* sources that were not used, and why; beside event. Or NULL */
	char *words; /* BOUNCED: for the sender, in plain words; or NULL: event will do */
	char *reply; /* what the receiver said, "451 4.1.8 text", or NULL */
	char *remote;      /* who said it, "mx.dest.example [198.51.100.7]:25", or NULL */
	const char *stage; /* when, static text, or NULL */
	json_t *finding;   /* what decided, as describe_finding gives it, or NULL */
	json_t *transcript; /* the last lines of the dialogue, or NULL */
};

void outcome_fini(struct outcome *outcome);

/*
 * Judges a receiver's reply to rcpt (DESIGN section 3, "Refusals teach"): 2xx delivers; a DNS
 * reason holds, or defers where the DNS only failed for now; the rest follows the reply code.
 * A second 5xx for the reason it was held for bounces.
 */
void outcome_from_reply(struct outcome *outcome, const struct recipient *rcpt,
	enum smtp_stage stage, const struct smtp_reply *reply, const char *remote);

/*
 * Judges what the pre-flight found for rcpt; described: the finding as JSON (describe_finding), or NULL;
 * borrowed, as is all else. now in milliseconds. An unresolvable recipient domain is
 * believed only when it still is so RECIPIENT_DOMAIN_PATIENCE after the first time.
 */
void outcome_from_finding(struct outcome *outcome, const struct recipient *rcpt,
	const struct finding *finding, json_t *described, int64_t now);

/*
 * No reply at all: connection refused, timeout, nowhere to go. Deferred, or bounced when status (RFC
 * 3463) is permanent.
 */
void outcome_from_failure(struct outcome *outcome, const char *remote,
	const char *failure, const char *status);

/*
 * What the spool is to hold about rcpt after outcome, with the next time planned; the subject is
 * borrowed. Released, it keeps why it was held: a second 5xx must find the first one.
 */
struct recipient_record outcome_record(const struct outcome *outcome,
	const struct recipient *rcpt, const struct config *config, int64_t now);

/*
 * The stored message is damaged: nobody can have it any more, and its sender is told. failure says how
 * it was found.
 */
void outcome_from_damage(struct outcome *outcome, const char *failure);

enum { RECIPIENT_DOMAIN_PATIENCE = 5 * 60 * 1000 };
