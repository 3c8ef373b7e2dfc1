/* SPDX-License-Identifier: ISC */
#include "relay/attempt_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/damage.h"
#include "relay/mem.h"
#include "relay/public_ip.h"
#include "relay/server_memory.h"
#include "relay/settle.h"
#include "relay/text.h"

enum { PATIENCE_MS = 1000 }; /* who fails sooner keeps nobody waiting */

/* Who did not answer is tried last for a while. */
static void note_server(const struct attempt *a, const struct delivery_report *report)
{
	struct server_memory *servers = a->relay->servers;
	const struct conn_address *server = &a->way.target->address;
	uint64_t now = uv_now(a->relay->loop);

	if (report->event != DELIVERY_FAILED || !delivery_is_connecting(a->delivery))
		server_memory_note_answer(servers, server);
	else if (now - a->asked >= PATIENCE_MS)
		server_memory_note_silence(servers, server, now);
}

/* Receivers tell which address of ours they see; a smarthost's are not asked. */
static void listen_in(const struct attempt *a, const struct delivery_report *report)
{
	const struct target *target = a->way.target;
	struct heard heard = {
		.source = &attempt_source(a)->source,
		.exchange = target->name,
		.seen = {.remote_ip = target->address.ip,
			.stage = report->stage,
			.reply = report->reply},
	};

	if (!a->route && report->reply)
		public_ips_hear(a->relay->public_ips, &heard);
}

/* What the end of a delivery says about its server; the first refusal outlives silent neighbours. */
static enum attempt_result judge_report(
	const struct attempt *a, const struct delivery_report *report)
{
	if (report->event == DELIVERY_DAMAGED || report->event == DELIVERY_UNREADABLE)
		return ATTEMPT_OTHER;
	if (report->event == DELIVERY_FAILED && !report->begun)
		return a->result == ATTEMPT_OTHER ? ATTEMPT_SILENT : a->result;
	if (report->failure || report->reply->code == 421)
		return ATTEMPT_REFUSED;
	return report->stage <= SMTP_STAGE_MAIL && smtp_reply_class(report->reply) == 4
	               ? ATTEMPT_REFUSED
	               : ATTEMPT_SERVED;
}

static void take_answer(struct attempt *a, const struct delivery_report *report)
{
	a->answer.given = true;
	a->answer.dsn_passed = report->dsn_passed;
	a->answer.stage = report->stage;
	a->answer.reply = *report->reply;
	memcpy(a->answer.remote, a->remote, sizeof a->remote);
}

/* A refusal at the door outlives dead neighbours; what is lost in a transaction is the last word. */
static void take_failure(struct attempt *a, const struct delivery_report *report)
{
	if (report->begun)
		a->answer.given = false;
	else if (a->refusals && report->event == DELIVERY_FAILED)
		return;
	snprintf(a->failure.words, sizeof a->failure.words, "%s", report->failure);
	a->failure.status = report->status;
	if (!report->status) /* RFC 3463: bad connection; no answer from host */
		a->failure.status = report->begun ? "4.4.2" : "4.4.1";
	memcpy(a->failure.remote, a->remote, sizeof a->remote);
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
			/* RFC 3463: as in outcome_from_damage */
			outcome_from_failure(
				outcome, "the spool", report->failure, "4.3.0");
	}
	if (is_lost)
		damage_return(a->relay, a->message);
}

void attempt_log_doubt(const struct attempt *a, const char *what)
{
	char id[SPOOL_ID_TEXT], remote[400];

	spool_id_format(a->message->id, id);
	log_event(&a->relay->log, LOG_WARNING, "in-doubt id=%s remote=\"%s\" what=\"%s\"",
		id, text_quote(remote, sizeof remote, a->remote, strlen(a->remote)),
		what);
}

/* Until its answer is durable, a link carries nothing else; what is no answer frees it at once. */
static void end_delivery(struct attempt *a, const struct delivery_report *report)
{
	json_decref(a->transcript);
	a->transcript = NULL;
	if (report->event == DELIVERY_DONE)
		return;
	a->transcript = delivery_transcript(a->delivery);
	delivery_close(a->delivery);
	a->delivery = NULL;
}

/* Its server will not take the message tomorrow either. */
static bool is_permanent(const struct delivery_report *report)
{
	return !report->failure && smtp_reply_class(report->reply) == 5;
}

static void take_end(struct attempt *a, const struct delivery_report *report)
{
	note_server(a, report);
	a->result = judge_report(a, report);
	if (report->failure)
		take_failure(a, report);
	else
		take_answer(a, report);
	a->refusals += report->event == DELIVERY_REFUSED;
	a->may_be_taken |= !report->begun && !is_permanent(report);
	if (report->in_doubt)
		attempt_log_doubt(a, report->failure);
	if (report->event == DELIVERY_DAMAGED || report->event == DELIVERY_UNREADABLE)
		take_damage(a, report);
	end_delivery(a, report);
	if (report->event == DELIVERY_DONE || report->begun)
		attempt_conclude(a);
	else
		attempt_step(a);
}

void attempt_on_report(void *owner, const struct delivery_report *report)
{
	struct attempt *a = owner;

	listen_in(a, report);
	if (report->event == DELIVERY_RCPT)
		outcome_from_reply(&a->outcomes[report->index], a->rcpts[report->index],
			report->stage, report->reply, a->remote);
	else if (report->event != DELIVERY_GREETED)
		take_end(a, report);
}

static void on_settled(void *owner)
{
	struct attempt *a = owner;
	attempt_cb done = a->done;
	void *done_owner = a->owner;

	if (a->delivery) /* first: who is next may want its link */
		delivery_close(a->delivery);
	a->delivery = NULL;
	done(done_owner, a, a->result);
	attempt_free(a);
}

/* The dialogue is of interest where it did not end well. */
static void add_dialogue(struct attempt *a, struct outcome *outcome)
{
	if (outcome->state == RCPT_DELIVERED)
		return;
	if (!a->transcript && a->delivery)
		a->transcript = delivery_transcript(a->delivery);
	outcome->transcript = json_incref(a->transcript);
	outcome->left_out = a->left_out ? mem_strdup(a->left_out) : NULL;
}

/*
 * A 5xx at the door is about that server. It returns no message that another one of the next hop may take, who did
 * not answer this time or asked for patience (RFC 5321 4.2.1).
 */
static void decide_by_answer(
	struct attempt *a, struct outcome *outcome, const struct recipient *rcpt)
{
	outcome_from_reply(
		outcome, rcpt, a->answer.stage, &a->answer.reply, a->answer.remote);
	if (outcome->state != RCPT_BOUNCED || a->answer.stage >= SMTP_STAGE_MAIL ||
		!a->may_be_taken)
		return;
	char *words = mem_printf("%s; another server may take it", outcome->reply);

	/* RFC 3463: the system does not accept messages */
	outcome_from_failure(outcome, a->answer.remote, words, "4.3.2");
	free(words);
}

void attempt_conclude(struct attempt *a)
{
	for (size_t i = 0; i < a->count; i++) {
		struct outcome *outcome = &a->outcomes[i];

		if (outcome->state == RCPT_ACTIVE && a->answer.given)
			decide_by_answer(a, outcome, a->rcpts[i]);
		else if (outcome->state == RCPT_ACTIVE)
			outcome_from_failure(outcome, a->failure.remote, a->failure.words,
				a->failure.status);
		outcome->dsn_passed =
			outcome->state == RCPT_DELIVERED && a->answer.dsn_passed;
		add_dialogue(a, outcome);
	}
	a->state = ATTEMPT_SETTLE;
	settle_start(
		a->relay, a->message, a->rcpts, a->outcomes, a->count, on_settled, a);
}
