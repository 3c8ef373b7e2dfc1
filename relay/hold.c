/* SPDX-License-Identifier: ISC */
#include "relay/hold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"
#include "relay/dispatch.h"
#include "relay/hand_off.h"
#include "relay/mem.h"
#include "relay/text.h"

TAILQ_HEAD(recipient_list, recipient);
TAILQ_HEAD(cause_list, cause);

/*
 * What our own checks found:                    What a receiver said with 5xx:
 *
 *   ┌─> WAITING ──timer──> ASKING                 ┌─> WAITING ──timer──> ASKING
 *   │      ^                 │                    │                        │
 *   │      ├── still bad ────┤ good = 0           ├── first answer ─────────┤ remembered
 *   │      ├── cannot tell ──┤ good as it was     ├── as remembered ────────┤
 *   │      └── good once ────┤                    └── cannot tell ──────────┤
 *   │                        └─ good twice ─> released       changed ─> released
 *
 * A receiver's 4xx is not asked about: it is simply tried again (retry_plan).
 */
struct cause {
	enum reason reason;
	enum hold_origin origin;
	char *subject;
	size_t source; /* number of the source address that was judged */
	struct recipient_list members;
	size_t count;
	unsigned good;    /* good answers in a row */
	bool has_records; /* 5xx: records holds what the DNS said at first */
	uint64_t records;
	int64_t next_check;
	uv_timer_t timer;
	struct inquiry *inquiry;
	struct holds *holds;
	TAILQ_ENTRY(cause) others;
};

struct holds {
	struct relay *relay;
	struct cause_list causes;
	size_t count;
};

enum { SPREAD_MS = 10 }; /* between the releases of two recipients */

struct holds *holds_new(struct relay *relay)
{
	struct holds *holds = mem_alloc(sizeof *holds);

	holds->relay = relay;
	TAILQ_INIT(&holds->causes);
	return holds;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct cause *cause = handle->data;

	free(cause->subject);
	free(cause);
}

static void end_cause(struct cause *cause)
{
	struct recipient *rcpt;

	TAILQ_FOREACH(rcpt, &cause->members, siblings)
	rcpt->cause = NULL;
	if (cause->inquiry)
		inquiry_cancel(cause->inquiry);
	TAILQ_REMOVE(&cause->holds->causes, cause, others);
	cause->holds->count--;
	uv_close((uv_handle_t *)&cause->timer, on_timer_closed);
}

void holds_free(struct holds *holds)
{
	struct cause *cause;

	while ((cause = TAILQ_FIRST(&holds->causes)))
		end_cause(cause);
	free(holds);
}

static void ask(struct cause *cause);

static void on_timer(uv_timer_t *timer)
{
	ask(timer->data);
}

/* Not before the evidence may have changed, not more often than asked for, not too seldom. */
static void wait_for(struct cause *cause, uint32_t ttl_seconds)
{
	const struct config *config = cause->holds->relay->config;
	int64_t delay = (int64_t)ttl_seconds * 1000;

	if (delay < config->hold_recheck_min)
		delay = config->hold_recheck_min;
	if (delay > config->hold_recheck_max)
		delay = config->hold_recheck_max;
	cause->next_check = text_now() + delay;
	uv_timer_start(&cause->timer, on_timer, (uint64_t)delay, 0);
}

static void log_cause(const struct cause *cause, enum log_level level, const char *what)
{
	char subject[600];

	text_escape(subject, sizeof subject, cause->subject, strlen(cause->subject));
	log_event(&cause->holds->relay->log, level,
		"cause-%s reason=%s subject=%s recipients=%zu", what,
		reason_name(cause->reason), subject, cause->count);
}

static void release_all(struct cause *cause)
{
	struct relay *relay = cause->holds->relay;
	struct recipient *rcpt;
	int64_t when = text_now();

	log_cause(cause, LOG_INFO, "cleared");
	while ((rcpt = TAILQ_FIRST(&cause->members))) {
		TAILQ_REMOVE(&cause->members, rcpt, siblings);
		cause->count--;
		rcpt->cause = NULL;
		dispatch_release(relay->dispatch, rcpt, when);
		when += SPREAD_MS;
	}
	end_cause(cause);
}

/* What the re-check says about the cause: its finding still there, gone, or no telling. */
enum recheck {
	STILL_BAD,
	GOOD,
	CANNOT_TELL,
};

static enum recheck judge(const struct cause *cause, const struct verdict *verdict)
{
	bool is_unknown = false;

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (finding->reason == cause->reason && finding->action >= ACTION_HOLD)
			return STILL_BAD;
		if (finding->result == RESULT_UNKNOWN &&
			finding->check != CHECK_RECIPIENT)
			is_unknown = true;
	}
	return is_unknown ? CANNOT_TELL : GOOD;
}

/* Which check looks at the records behind a reason a receiver gave. */
static enum check check_of(enum reason reason)
{
	switch (reason) {
	case REASON_PTR_MISSING:
		return CHECK_PTR;
	case REASON_HELO_INVALID:
	case REASON_HELO_UNRESOLVABLE:
	case REASON_HELO_MISMATCH:
		return CHECK_HELO;
	case REASON_SENDER_DOMAIN_UNRESOLVABLE:
	case REASON_SENDER_NULL_MX:
	case REASON_SENDER_MX_BOGUS:
		return CHECK_SENDER;
	default:
		return CHECK_FCRDNS; /* looks at PTR, A and AAAA: the widest */
	}
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u; /* FNV-1a */
	return hash;
}

/* One number for what the DNS says about the reason; false when it cannot tell. */
static bool hash_records(
	const struct cause *cause, const struct verdict *verdict, uint64_t *hash)
{
	char text[2048];

	*hash = 14695981039346656037u;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (finding->check != check_of(cause->reason))
			continue;
		for (size_t e = 0; e < finding->evidence_count; e++) {
			const struct answer *answer = finding->evidence[e];

			if (answer->status == ANSWER_FAILED)
				return false;
			*hash = hash_text(*hash, answer->name);
			*hash = hash_text(*hash, answer_status_name(answer->status));
			for (size_t r = 0; r < answer->count; r++) {
				record_format(answer->type, &answer->records[r], text,
					sizeof text);
				*hash = hash_text(*hash, text);
			}
		}
	}
	return true;
}

static void on_reply_cause_checked(struct cause *cause, const struct verdict *verdict)
{
	uint64_t records;

	if (hash_records(cause, verdict, &records)) {
		if (cause->has_records && records != cause->records) {
			release_all(cause);
			return;
		}
		if (!cause->has_records)
			log_cause(cause, LOG_DEBUG, "remembered");
		cause->records = records;
		cause->has_records = true;
	}
	wait_for(cause, verdict->ttl);
}

static void on_own_cause_checked(struct cause *cause, const struct verdict *verdict)
{
	uint32_t ttl = verdict->ttl;

	switch (judge(cause, verdict)) {
	case GOOD:
		ttl = 0; /* hold_recheck_min apart */
		if (++cause->good == 2) {
			release_all(cause);
			return;
		}
		break;
	case STILL_BAD:
		cause->good = 0;
		break;
	case CANNOT_TELL:
		break;
	}
	wait_for(cause, ttl);
}

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct cause *cause = owner;

	(void)facts;
	cause->inquiry = NULL;
	if (cause->origin == HOLD_PREFLIGHT)
		on_own_cause_checked(cause, verdict);
	else
		on_reply_cause_checked(cause, verdict);
}

/* One of the members stands for all: they share the reason and its subject. */
static void ask(struct cause *cause)
{
	struct relay *relay = cause->holds->relay;
	const struct config *config = relay->config;
	const struct recipient *sample = TAILQ_FIRST(&cause->members);
	struct source sources[SOURCES_MAX];
	size_t count = source_list(config, relay->public_ips, sources);
	struct hand_off hand_off = {.config = config,
		.message = sample->message,
		.domain = recipient_domain(sample),
		.sources = sources,
		.source_count = count,
		.source = cause->source < count ? cause->source : 0};
	struct hand_off_question question = {0};

	hand_off_ask(&hand_off, &question);
	cause->inquiry = mem_must(inquiry_start(relay->loop, relay->resolver,
		&question.preflight, RESOLVER_FRESH, NULL, on_verdict, cause));
}

static struct cause *find_or_make(struct holds *holds, const struct recipient *rcpt,
	const char *subject, size_t source)
{
	struct cause *cause;

	TAILQ_FOREACH(cause, &holds->causes, others)
	if (cause->reason == (enum reason)rcpt->reason &&
		cause->origin == (enum hold_origin)rcpt->origin &&
		strcmp(cause->subject, subject) == 0)
		return cause;
	cause = mem_alloc(sizeof *cause);
	cause->holds = holds;
	cause->reason = (enum reason)rcpt->reason;
	cause->origin = (enum hold_origin)rcpt->origin;
	cause->subject = mem_strdup(subject);
	cause->source = source;
	TAILQ_INIT(&cause->members);
	uv_timer_init(holds->relay->loop, &cause->timer);
	cause->timer.data = cause;
	TAILQ_INSERT_TAIL(&holds->causes, cause, others);
	holds->count++;
	return cause;
}

void holds_add(
	struct holds *holds, struct recipient *rcpt, const char *subject, size_t source)
{
	assert(!rcpt->cause && !rcpt->destination);
	struct cause *cause = find_or_make(holds, rcpt, subject, source);

	rcpt->cause = cause;
	TAILQ_INSERT_TAIL(&cause->members, rcpt, siblings);
	if (++cause->count > 1)
		return;
	log_cause(cause, LOG_INFO, "opened");
	if (cause->origin == HOLD_PREFLIGHT)
		wait_for(cause, 0);
	else if (cause->origin == HOLD_REPLY_5XX)
		uv_timer_start(
			&cause->timer, on_timer, 0, 0); /* remember what led to it */
}

void holds_remove(struct recipient *rcpt)
{
	struct cause *cause = rcpt->cause;

	if (!cause)
		return;
	rcpt->cause = NULL;
	TAILQ_REMOVE(&cause->members, rcpt, siblings);
	if (--cause->count == 0)
		end_cause(cause);
}

int64_t holds_next_check(const struct recipient *rcpt)
{
	return rcpt->cause ? rcpt->cause->next_check : 0;
}

size_t holds_count(const struct holds *holds)
{
	return holds->count;
}
