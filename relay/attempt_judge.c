/* SPDX-License-Identifier: ISC */
#include "relay/attempt_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/text.h"

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
	const struct finding *finding = &used->finding;
	char id[SPOOL_ID_TEXT], what[800];

	spool_id_format(a->message->id, id);
	if (used->action == ACTION_WARN)
		log_event(log, LOG_INFO, "preflight-warning id=%s reason=%s what=\"%s\"",
			id, reason_name(finding->reason),
			text_quote(what, sizeof what, finding->summary,
				strlen(finding->summary)));
	if (a->left_out)
		log_event(log, LOG_INFO, "source-left-out id=%s what=\"%s\"", id,
			a->left_out);
}

/*
 * RFC 3463: routing loop detected; the directory (ours is the DNS) tells of no server that we can reach;
 * unable to route.
 */
static const char *status_of_none(enum mx_status path)
{
	switch (path) {
	case MX_LOOP:
		return "5.4.6";
	case MX_FOUND:
	case MX_UNKNOWN:
		return "4.4.3";
	default:
		return "4.4.4";
	}
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
		snprintf(a->failure.remote, sizeof a->failure.remote, "%s",
			a->route ? a->route->host : a->domain);
		snprintf(a->failure.words, sizeof a->failure.words, "%s",
			target_none_words(
				all[0].path, all[0].has_private, all[0].lacks_tlsa));
		a->failure.status = status_of_none(all[0].path);
	}
	a->state = ATTEMPT_READ;
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
	a->place = a->refusals = 0;
	memset(a->tried, 0, sizeof a->tried);
	for (size_t i = 0; i < a->count; i++)
		outcome_fini(&a->outcomes[i]);
}

void attempt_judge(struct attempt *a)
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
