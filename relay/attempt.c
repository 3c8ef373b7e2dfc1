/* SPDX-License-Identifier: ISC */
#include "relay/attempt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/damage.h"
#include "relay/delivery.h"
#include "relay/fitness.h"
#include "relay/mem.h"
#include "relay/outcome.h"
#include "relay/public_ip.h"
#include "relay/settle.h"
#include "relay/text.h"

/*
 *   PREFLIGHT ──fit sources──> CONNECT ──answer──> SETTLE ──> gone
 *     │  ^                      │  ^ next address, then next fit source
 *     │  └── next smarthost ────┤  │                  ^
 *     └── none is fit ──────────┴──┴── nobody answers ─┘
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
	struct fitness *fitness;
	size_t order[SOURCES_MAX]; /* fit sources, the best first */
	size_t place, fit_count;   /* in order */
	size_t target;             /* of the source at place */
	char *left_out;            /* sources not used, and why; or NULL */
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
	bool is_greeted; /* by whom we talk to */
	enum attempt_result result;
	attempt_cb done;
	void *owner;
};

static void attempt_step(struct attempt *a);

static void free_attempt(struct attempt *a)
{
	for (size_t i = 0; i < a->count; i++)
		outcome_fini(&a->outcomes[i]);
	json_decref(a->transcript);
	fitness_free(a->fitness);
	free(a->left_out);
	free(a->outcomes);
	free(a->addresses);
	free(a->rcpts);
	free(a);
}

void attempt_cancel(struct attempt *a)
{
	assert(a->state != ATTEMPT_SETTLE);
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

bool attempt_is_connecting(const struct attempt *a)
{
	return a->delivery && !a->is_greeted;
}

static void on_settled(void *owner)
{
	struct attempt *a = owner;
	attempt_cb done = a->done;
	void *done_owner = a->owner;

	done(done_owner, a, a->result);
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
		if (outcome->state != RCPT_DELIVERED && a->left_out)
			outcome->left_out = mem_strdup(a->left_out);
	}
	a->state = ATTEMPT_SETTLE;
	settle_start(
		a->relay, a->message, a->rcpts, a->outcomes, a->count, on_settled, a);
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

/*
 * That a domain does not exist is final for its mail: a resolver that makes up answers, or gives none,
 * is not believed.
 */
static bool is_believed(const struct attempt *a, const struct finding *finding)
{
	return finding->reason != REASON_RECIPIENT_DOMAIN_UNRESOLVABLE ||
	       resolver_is_healthy(a->relay->resolver);
}

/* What decides when no source is fit. */
static void take_finding(
	struct attempt *a, const struct candidate *closest, size_t number)
{
	struct finding finding = closest->finding;
	int64_t now = text_now();

	if (!is_believed(a, &finding))
		finding.action = ACTION_DEFER;
	for (size_t i = 0; i < a->count; i++) {
		outcome_from_finding(
			&a->outcomes[i], a->rcpts[i], &finding, closest->described, now);
		a->outcomes[i].source = number;
		a->outcomes[i].ttl = closest->ttl;
	}
}

static void log_choice(const struct attempt *a, const struct candidate *used)
{
	const struct log *log = &a->relay->log;
	char id[SPOOL_ID_TEXT];

	spool_id_format(a->message->id, id);
	if (used->action == ACTION_WARN)
		log_event(log, LOG_INFO, "preflight-warning id=%s reason=%s what=\"%s\"",
			id, reason_name(used->finding.reason), used->finding.summary);
	if (a->left_out)
		log_event(log, LOG_INFO, "source-left-out id=%s what=\"%s\"", id,
			a->left_out);
}

static void on_judged(void *owner)
{
	struct attempt *a = owner;
	size_t count;
	const struct candidate *all = fitness_candidates(a->fitness, &count);
	const struct candidate *used;

	a->fit_count = fitness_rank(all, count, a->order);
	used = a->fit_count ? &all[a->order[0]] : fitness_closest(all, count);
	if (used) {
		a->left_out = fitness_left_out(all, count, used);
		log_choice(a, used);
	}
	if (used && !a->fit_count)
		take_finding(a, used, (size_t)(used - all));
	if (!used) {
		snprintf(a->remote, sizeof a->remote, "%s",
			a->route ? a->route->host : a->domain);
		a->failure = target_none_words(all[0].path, all[0].has_private);
		/* RFC 3463: routing loop detected; unable to route */
		a->failure_status = all[0].path == MX_LOOP ? "5.4.6" : "4.4.4";
	}
	a->state = ATTEMPT_CONNECT;
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
	for (size_t i = 0; i < a->count; i++)
		if (a->rcpts[i]->reason == REASON_RECIPIENT_DOMAIN_UNRESOLVABLE)
			return RESOLVER_FRESH;
	return RESOLVER_CACHED;
}

/* What the judging for a smarthost that did not answer has said. */
static void forget_judging(struct attempt *a)
{
	fitness_free(a->fitness);
	free(a->left_out);
	a->left_out = NULL;
	a->place = a->target = 0;
	for (size_t i = 0; i < a->count; i++)
		outcome_fini(&a->outcomes[i]);
}

static void judge(struct attempt *a)
{
	struct fitness_question question = {
		.message = a->message,
		.domain = a->domain,
		.route = a->route,
		.is_released = is_released(a),
		.is_overdue = is_waiting_too_long(a, text_now()),
		.freshness = freshness(a),
	};

	forget_judging(a);
	a->fitness = fitness_start(a->relay, &question, on_judged, a);
}

/* The fit source that is tried now; NULL: there is none. */
static const struct candidate *current_source(const struct attempt *a)
{
	size_t count;
	const struct candidate *all = fitness_candidates(a->fitness, &count);

	return a->place < a->fit_count ? &all[a->order[a->place]] : NULL;
}

/* Receivers tell which address of ours they see; a smarthost's are not asked. */
static void listen_in(const struct attempt *a, const struct delivery_report *report)
{
	const struct candidate *used = current_source(a);
	const struct target *target = &used->targets[a->target];
	struct heard heard = {
		.source = &used->source,
		.exchange = target->name,
		.seen = {.remote_ip = target->address.ip,
			.stage = report->stage,
			.reply = report->reply},
	};

	if (!a->route && report->reply)
		public_ips_hear(a->relay->public_ips, &heard);
}

/* What the end of a delivery says about its server; the first answer outlives silent neighbours. */
static enum attempt_result judge_report(
	const struct attempt *a, const struct delivery_report *report)
{
	if (report->event == DELIVERY_DAMAGED || report->event == DELIVERY_UNREADABLE)
		return ATTEMPT_OTHER;
	if (!report->reply && !report->begun)
		return a->answer.given ? a->result : ATTEMPT_SILENT;
	if (!report->reply || report->reply->code == 421)
		return ATTEMPT_REFUSED;
	return report->stage <= SMTP_STAGE_MAIL && smtp_reply_class(report->reply) == 4
	               ? ATTEMPT_REFUSED
	               : ATTEMPT_SERVED;
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

/*
 * Nothing was handed over. A damaged message is returned to its sender, whoever else was to get it; a disk
 * that fails may do better the next time, but not for ever.
 */
static void take_damage(struct attempt *a, const struct delivery_report *report)
{
	bool is_lost = report->event == DELIVERY_DAMAGED ||
	               ++a->message->failed_reads == FAILED_READS_MAX;

	for (size_t i = 0; i < a->count; i++) {
		struct outcome *outcome = &a->outcomes[i];

		if (is_lost && outcome->state != RCPT_BOUNCED)
			outcome_from_damage(outcome, report->failure);
		else if (outcome->state == RCPT_ACTIVE)
			outcome_from_failure( /* RFC 3463: as in outcome_from_damage */
				outcome, "the spool", report->failure, "4.3.0");
	}
	if (is_lost)
		damage_return(a->relay, a->message);
	conclude(a);
}

static void on_report(void *owner, const struct delivery_report *report)
{
	struct attempt *a = owner;

	listen_in(a, report);
	if (report->event == DELIVERY_GREETED) {
		a->is_greeted = true;
		return;
	}
	if (report->event == DELIVERY_RCPT) {
		outcome_from_reply(&a->outcomes[report->index], a->rcpts[report->index],
			report->stage, report->reply, a->remote);
		return;
	}
	json_decref(a->transcript);
	a->transcript = delivery_transcript(a->delivery);
	a->delivery = NULL;
	a->result = judge_report(a, report);
	if (report->reply ||
		report->begun) /* a refusal at the door outlives dead neighbours */
		take_answer(a, report);
	a->failure = report->failure;
	a->failure_status = "4.4.1"; /* RFC 3463: no answer from host */
	if (report->event == DELIVERY_DAMAGED || report->event == DELIVERY_UNREADABLE) {
		take_damage(a, report);
		return;
	}
	if (report->event == DELIVERY_DONE || report->begun) {
		conclude(a);
		return;
	}
	a->target++;
	attempt_step(a);
}

/* The next address, or when nobody has answered at all that of the next fit source; false: none. */
static bool connect_next(struct attempt *a)
{
	const struct candidate *used = current_source(a);

	if (used && a->target == used->target_count && !a->answer.given) {
		a->place++;
		a->target = 0;
		used = current_source(a);
	}
	if (!used || a->target == used->target_count)
		return false;
	const struct target *target = &used->targets[a->target];

	target_format(target, a->remote, sizeof a->remote);
	a->is_greeted = false;
	a->delivery = delivery_start(a->relay, &target->address, used->source.bind_ip,
		a->message->id, &a->transaction, on_report, a);
	return true;
}

/* Starts over with the next smarthost, if there is one. */
static bool next_smarthost(struct attempt *a)
{
	const struct config *config = a->relay->config;
	bool is_smarthost = a->route && !a->route->domain[0];

	if (!is_smarthost || a->route + 1 == config->smarthosts + config->smarthost_count)
		return false;
	a->route++;
	a->state = ATTEMPT_PREFLIGHT;
	return true;
}

static void attempt_step(struct attempt *a)
{
	for (;;) {
		switch (a->state) {
		case ATTEMPT_PREFLIGHT:
			judge(a);
			return;
		case ATTEMPT_CONNECT:
			if (connect_next(a))
				return;
			if (next_smarthost(a))
				continue;
			conclude(a);
			return;
		case ATTEMPT_SETTLE:
			return;
		}
	}
}

struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner)
{
	struct attempt *a = mem_alloc(sizeof *a);

	a->relay = relay;
	a->message = message;
	a->count = count;
	a->result = ATTEMPT_OTHER;
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
		.utf8 = message->utf8,
	};
	a->route = config_next_hop(relay->config, a->domain);
	attempt_step(a);
	return a;
}
