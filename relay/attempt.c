/* SPDX-License-Identifier: ISC */
#include "relay/attempt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"
#include "relay/delivery.h"
#include "relay/hand_off.h"
#include "relay/mem.h"
#include "relay/outcome.h"
#include "relay/settle.h"
#include "relay/source.h"
#include "relay/target.h"
#include "relay/text.h"

/*
 *   PREFLIGHT ──clear──> CONNECT ──answer──> SETTLE ──> gone
 *     │  ^ next source     │  ^ next address    ^  ^
 *     │  └─ this one no ───┤  └─ none here ─────┤  │
 *     └── hold, defer, bounce ─────────────────────┘
 *
 * Sources are judged one after another, in the order of the configuration; the first usable one
 * that is clear is used. A route is not judged, only looked up.
 */
enum attempt_state {
	ATTEMPT_PREFLIGHT,
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
	size_t smarthosts_left;
	struct source sources[SOURCES_MAX];
	size_t source, source_count;
	enum action best; /* of the sources that said no */
	struct inquiry *inquiry;
	struct target targets[TARGETS_MAX];
	size_t target, target_count;
	struct smtp_transaction transaction;
	struct delivery *delivery;
	struct {
		bool given; /* decides for whom no outcome stands yet... */
		enum smtp_stage stage;
		struct smtp_reply reply;
		char remote[320];
	} answer;
	const char *failure; /* ...else this, of remote */
	const char *failure_status;
	char remote[320]; /* whom we talk to */
	json_t *transcript;
	attempt_cb done;
	void *owner;
};

static void attempt_step(struct attempt *a);

static void free_attempt(struct attempt *a)
{
	for (size_t i = 0; i < a->count; i++)
		outcome_fini(&a->outcomes[i]);
	json_decref(a->transcript);
	free(a->outcomes);
	free(a->addresses);
	free(a->rcpts);
	free(a);
}

void attempt_cancel(struct attempt *a)
{
	assert(a->state != ATTEMPT_SETTLE);
	if (a->inquiry)
		inquiry_cancel(a->inquiry);
	if (a->delivery)
		delivery_cancel(a->delivery);
	free_attempt(a);
}

bool attempt_can_cancel(const struct attempt *a, bool force)
{
	if (a->state == ATTEMPT_SETTLE)
		return false;
	return force || !a->delivery || !delivery_has_begun(a->delivery);
}

static void on_settled(void *owner)
{
	struct attempt *a = owner;
	attempt_cb done = a->done;
	void *done_owner = a->owner;

	done(done_owner, a);
	free_attempt(a);
}

/* Whoever has no outcome yet gets the one of the attempt as a whole. */
static void conclude(struct attempt *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct outcome *outcome = &a->outcomes[i];

		if (outcome->state == RCPT_ACTIVE && a->answer.given)
			outcome_from_reply(outcome, a->rcpts[i], a->answer.stage,
				&a->answer.reply, a->answer.remote);
		else if (outcome->state == RCPT_ACTIVE)
			outcome_from_failure(
				outcome, a->remote, a->failure, a->failure_status);
		if (outcome->state != RCPT_DELIVERED && a->transcript)
			outcome->transcript = json_incref(a->transcript);
	}
	a->state = ATTEMPT_SETTLE;
	settle_start(
		a->relay, a->message, a->rcpts, a->outcomes, a->count, on_settled, a);
}

static const struct source *current_source(const struct attempt *a)
{
	return &a->sources[a->source];
}

/* A route by domain leads to our own side; a smarthost (no domain) leads out. */
static bool is_inside(const struct attempt *a)
{
	return a->route && a->route->domain[0];
}

/* Our own trouble with the DNS must not stop mail for ever (unknown_send_after). */
static bool is_waiting_too_long(const struct attempt *a, int64_t now)
{
	for (size_t i = 0; i < a->count; i++) {
		int64_t since = a->rcpts[i]->first_deferral;

		if (since && now - since >= a->relay->config->unknown_send_after)
			return true;
	}
	return false;
}

static enum action weigh(const struct attempt *a, const struct verdict *verdict)
{
	const struct finding *finding = verdict_decisive(verdict);

	if (verdict->action != ACTION_DEFER || finding->check == CHECK_RECIPIENT)
		return verdict->action;
	if (a->relay->config->preflight == ACTION_WARN ||
		is_waiting_too_long(a, text_now()))
		return ACTION_WARN;
	return verdict->action;
}

/* Keeps the verdict of the source that came closest to being usable. */
static void take_finding(
	struct attempt *a, const struct finding *finding, enum action action)
{
	int64_t now = text_now();

	if (a->best != ACTION_NONE && a->best <= action)
		return;
	a->best = action;
	for (size_t i = 0; i < a->count; i++) {
		outcome_from_finding(&a->outcomes[i], a->rcpts[i], finding, now);
		a->outcomes[i].source = a->source;
	}
}

static void log_warning(const struct attempt *a, const struct verdict *verdict)
{
	const struct finding *finding = verdict_decisive(verdict);
	char id[SPOOL_ID_TEXT];

	if (!finding)
		return;
	spool_id_format(a->message->id, id);
	log_event(&a->relay->log, LOG_INFO,
		"preflight-warning id=%s reason=%s what=\"%s\"", id,
		reason_name(finding->reason), finding->summary);
}

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct attempt *a = owner;
	const struct config *config = a->relay->config;
	enum action action = weigh(a, verdict);
	struct mx_options options = {
		.host = config->hostname,
		.allowed = config->private_mx,
		.allowed_count = config->private_mx_count,
		.seed = (uint32_t)a->message->id,
	};
	struct mx_list list;

	a->inquiry = NULL;
	if (a->route)
		mx_host(facts, a->route->host, &list);
	else
		mx_order(facts, a->domain, &options, &list);
	a->target = 0;
	a->target_count = target_choose(&list, a->route, current_source(a), a->targets);
	if (action >= ACTION_DEFER) {
		take_finding(a, verdict_decisive(verdict), action);
	} else if (a->target_count) {
		log_warning(a, verdict);
		for (size_t i = 0; i < a->count; i++)
			outcome_fini(&a->outcomes[i]);
		a->state = ATTEMPT_CONNECT;
		attempt_step(a);
		return;
	} else {
		snprintf(a->remote, sizeof a->remote, "%s",
			a->route ? a->route->host : a->domain);
		a->failure = target_none_words(&list);
		/* RFC 3463: routing loop detected; unable to route */
		a->failure_status = list.status == MX_LOOP ? "5.4.6" : "4.4.4";
	}
	a->source++;
	attempt_step(a);
}

static bool is_released(const struct attempt *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (!a->rcpts[i]->skip_preflight)
			return false;
	return true;
}

/* A domain that seemed not to exist is asked about anew, not found in the cache. */
static enum resolver_freshness freshness(const struct attempt *a)
{
	return a->rcpts[0]->reason == REASON_RECIPIENT_DOMAIN_UNRESOLVABLE
	               ? RESOLVER_FRESH
	               : RESOLVER_CACHED;
}

/* A route to our own side is never judged (DESIGN section 3); its address is only looked up. */
static void ask(struct attempt *a, struct hand_off_question *question)
{
	const struct config *config = a->relay->config;
	struct hand_off hand_off = {.config = config,
		.message = a->message,
		.domain = a->domain,
		.sources = a->sources,
		.source_count = a->source_count,
		.source = a->source};

	hand_off_settings(&question->preflight, config, a->domain);
	question->preflight.host = a->route ? a->route->host : NULL;
	question->preflight.recipient = a->route ? NULL : a->domain;
	if (!is_inside(a) && config->preflight != ACTION_NONE && !is_released(a))
		hand_off_ask(&hand_off, question);
}

static void start_inquiry(struct attempt *a)
{
	struct hand_off_question question = {0};

	ask(a, &question);
	a->relay->stats.preflights++;
	a->inquiry = mem_must(inquiry_start(a->relay->loop, a->relay->resolver,
		&question.preflight, freshness(a), NULL, on_verdict, a));
}

static void take_answer(struct attempt *a, const struct delivery_report *report)
{
	a->answer.given = report->reply != NULL;
	if (!report->reply)
		return;
	a->answer.stage = report->stage;
	a->answer.reply = *report->reply;
	memcpy(a->answer.remote, a->remote, sizeof a->remote);
}

static void on_report(void *owner, const struct delivery_report *report)
{
	struct attempt *a = owner;

	if (report->event == DELIVERY_RCPT) {
		outcome_from_reply(&a->outcomes[report->index], a->rcpts[report->index],
			report->stage, report->reply, a->remote);
		return;
	}
	json_decref(a->transcript);
	a->transcript = delivery_transcript(a->delivery);
	a->delivery = NULL;
	if (report->reply ||
		report->begun) /* a refusal at the door outlives dead neighbours */
		take_answer(a, report);
	a->failure = report->failure;
	a->failure_status = "4.4.1"; /* RFC 3463: no answer from host */
	if (report->event == DELIVERY_DAMAGED)
		for (size_t i = 0; i < a->count; i++)
			outcome_from_damage(&a->outcomes[i], report->failure);
	if (report->event == DELIVERY_DONE || report->event == DELIVERY_DAMAGED ||
		report->begun) {
		conclude(a);
		return;
	}
	a->target++;
	attempt_step(a);
}

static void connect_target(struct attempt *a)
{
	const struct target *target = &a->targets[a->target];
	const char *local = is_inside(a) ? "" : current_source(a)->bind_ip;

	target_format(target, a->remote, sizeof a->remote);
	a->delivery = delivery_start(a->relay, &target->address, local, a->message->id,
		&a->transaction, on_report, a);
}

/* Starts over with the next smarthost, if there is one. */
static bool next_smarthost(struct attempt *a)
{
	if (!a->route || a->smarthosts_left == 0)
		return false;
	a->smarthosts_left--;
	a->route++;
	a->source = 0;
	a->state = ATTEMPT_PREFLIGHT;
	return true;
}

static void attempt_step(struct attempt *a)
{
	for (;;) {
		switch (a->state) {
		case ATTEMPT_PREFLIGHT:
			if (a->source < a->source_count) {
				start_inquiry(a);
				return;
			}
			break;
		case ATTEMPT_CONNECT:
			if (a->target < a->target_count) {
				connect_target(a);
				return;
			}
			break;
		case ATTEMPT_SETTLE:
			return;
		}
		if (next_smarthost(a))
			continue;
		conclude(a);
		return;
	}
}

static void find_route(struct attempt *a)
{
	const struct config *config = a->relay->config;

	a->route = config_route_for(config, a->domain);
	if (!a->route && config->smarthost_count) {
		a->route = config->smarthosts;
		a->smarthosts_left = config->smarthost_count - 1;
	}
	a->source_count = source_list(config, a->sources);
	if (is_inside(a))
		a->source_count = 1; /* not judged: one look-up will do */
}

struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner)
{
	struct attempt *a = mem_alloc(sizeof *a);

	a->relay = relay;
	a->message = message;
	a->count = count;
	a->done = done;
	a->owner = owner;
	a->rcpts = mem_alloc(count * sizeof(struct recipient *));
	a->addresses = mem_alloc(count * sizeof(char *));
	a->outcomes = mem_alloc(count * sizeof *a->outcomes);
	for (size_t i = 0; i < count; i++) {
		a->rcpts[i] = rcpts[i];
		a->addresses[i] = rcpts[i]->address;
		a->outcomes[i].state = RCPT_ACTIVE;
		rcpts[i]->state = RCPT_ACTIVE;
	}
	a->domain = recipient_domain(rcpts[0]);
	a->transaction = (struct smtp_transaction){
		.sender = message->sender,
		.recipients = a->addresses,
		.count = count,
		.size = message->size,
		.eight_bit = message->eight_bit,
	};
	find_route(a);
	attempt_step(a);
	return a;
}
