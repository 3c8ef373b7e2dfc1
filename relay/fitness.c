/* SPDX-License-Identifier: ISC */
#include "relay/fitness.h"

#include <stdlib.h>
#include <string.h>

#include "dns/preflight.h"
#include "relay/describe.h"
#include "relay/hand_off.h"
#include "relay/judged.h"
#include "relay/mem.h"
#include "relay/text.h"

/*
 *   start ──mail of its kind was judged lately──> cb, in the next turn
 *     └─ an inquiry for each source ──the last──> cb; when there is a free way, it is remembered
 */

/* The judging of one source. */
struct judging {
	struct fitness *fitness;
	struct inquiry *inquiry; /* NULL: done */
	struct target_list list; /* of which the candidate's targets are chosen */
};

struct fitness {
	struct relay *relay;
	struct fitness_question question;
	struct source sources[SOURCES_MAX];
	struct candidate *candidates; /* one a source, as are judgings */
	struct judging *judgings;
	size_t count, open;
	struct judged_key *key; /* what is found may be remembered under it; or NULL */
	int64_t until;          /* ...for so long, by answer_now */
	struct judged_call call;
	fitness_cb cb;
	void *owner;
};

/*
 * A route by domain leads to our own side; a smarthost (no domain) leads out. What stays inside is
 * never judged (DESIGN section 3): its address is only looked up.
 */
static bool is_inside(const struct fitness_question *question)
{
	return question->route && question->route->domain[0];
}

static void ask(
	const struct fitness *fitness, size_t source, struct hand_off_question *asked)
{
	const struct fitness_question *question = &fitness->question;
	const struct config *config = fitness->relay->config;
	struct hand_off hand_off = {.config = config,
		.message = question->message,
		.domain = question->domain,
		.sources = fitness->sources,
		.source_count = fitness->count,
		.source = source};

	if (!is_inside(question) && config->preflight != ACTION_NONE &&
		!question->is_released)
		hand_off_ask(&hand_off, asked);
	else
		hand_off_settings(&asked->preflight, config, question->domain);
	asked->preflight.host = question->route ? question->route->host : NULL;
	asked->preflight.recipient = question->route ? NULL : question->domain;
	if (config_tls_level(config, question->domain, question->route) == TLS_DANE)
		asked->preflight.tlsa_port =
			question->route ? question->route->port : TARGETS_PORT;
	hand_off_find_own(&asked->own, config, fitness->sources, fitness->count);
	asked->preflight.mx = hand_off_mx(config, &asked->own);
}

/* Nobody knows where to send it: there is nothing to try all the same. */
static bool is_nowhere(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->findings[i].check == CHECK_RECIPIENT &&
			verdict->findings[i].action == ACTION_DEFER)
			return true;
	return false;
}

/* Our own trouble with the DNS must not stop mail for ever (unknown_send_after). */
static enum action weigh(const struct fitness *fitness, const struct verdict *verdict)
{
	if (verdict->action == ACTION_DEFER && !is_nowhere(verdict) &&
		(fitness->question.is_overdue ||
			fitness->relay->config->preflight == ACTION_WARN))
		return ACTION_WARN;
	return verdict->action;
}

static void find_targets(
	const struct fitness *fitness, struct facts *facts, struct judging *judging)
{
	const struct fitness_question *question = &fitness->question;
	const struct config *config = fitness->relay->config;
	struct hand_off_own own;
	struct target_way way = {.source = &fitness->sources[judging - fitness->judgings],
		.route = question->route,
		.level = config_tls_level(config, question->domain, question->route)};
	struct mx_list list;

	hand_off_find_own(&own, config, fitness->sources, fitness->count);
	struct mx_options options = hand_off_mx(config, &own);

	if (question->route)
		mx_host(facts, question->route->host, &list);
	else
		mx_order(facts, question->domain, &options, &list);
	target_list_make(&judging->list, facts, &list, &way);
}

static void take_targets(const struct fitness *fitness, struct candidate *candidate,
	const struct target_list *list)
{
	candidate->path = list->path;
	candidate->has_private = list->has_private;
	candidate->lacks_tlsa = list->lacks_tlsa;
	candidate->targets = target_choose(
		list, (uint32_t)fitness->question.message->id, &candidate->target_count);
}

/* Mail of this kind is judged so until the first fact is over. The lists are given away. */
static void keep(struct fitness *fitness)
{
	struct judged_ways *ways = judged_ways_new(fitness->count);

	for (size_t i = 0; i < fitness->count; i++) {
		const struct candidate *candidate = &fitness->candidates[i];
		struct judged_way *way = &ways->items[i];

		way->source = candidate->source;
		way->action = candidate->action;
		way->ttl = candidate->ttl;
		way->described = json_incref(candidate->described);
		if (candidate->described) {
			way->finding = mem_alloc(sizeof *way->finding);
			*way->finding = candidate->finding;
		}
		way->list = fitness->judgings[i].list;
		fitness->judgings[i].list = (struct target_list){.count = 0};
	}
	judged_keep(fitness->relay->judged, fitness->key, ways, fitness->until);
}

static void finish(struct fitness *fitness)
{
	size_t order[SOURCES_MAX];

	if (fitness->key && fitness_rank(fitness->candidates, fitness->count, order) > 0)
		keep(fitness);
	fitness->cb(fitness->owner);
}

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct judging *judging = owner;
	struct fitness *fitness = judging->fitness;
	struct candidate *candidate = &fitness->candidates[judging - fitness->judgings];
	const struct finding *finding = verdict_decisive(verdict);
	int64_t until = preflight_stands_until(facts);

	judging->inquiry = NULL;
	candidate->action = weigh(fitness, verdict);
	find_targets(fitness, facts, judging);
	take_targets(fitness, candidate, &judging->list);
	if (finding) {
		candidate->described = describe_finding(finding);
		candidate->finding = *finding;
		candidate->ttl = fitness_evidence_ttl(finding, text_now());
		candidate->finding.evidence_count = 0; /* it ends with the facts */
		candidate->finding.remedy = NULL;
	}
	if (until < fitness->until)
		fitness->until = until;
	if (--fitness->open == 0)
		finish(fitness);
}

static void on_known(void *owner)
{
	struct fitness *fitness = owner;

	fitness->cb(fitness->owner);
}

/* What was found for mail of this kind, with the targets in an order of its own. */
static void recall(struct fitness *fitness, const struct judged_ways *ways)
{
	for (size_t i = 0; i < fitness->count; i++) {
		const struct judged_way *way = &ways->items[i];
		struct candidate *candidate = &fitness->candidates[i];

		candidate->action = way->action;
		candidate->ttl = way->ttl;
		candidate->described = json_incref(way->described);
		if (way->finding)
			candidate->finding = *way->finding;
		take_targets(fitness, candidate, &way->list);
	}
	fitness->call = (struct judged_call){.cb = on_known, .owner = fitness};
	judged_call_soon(fitness->relay->judged, &fitness->call);
}

/* A route without public_ip does not depend on our address: one look-up, from anywhere. */
static size_t list_sources(const struct relay *relay,
	const struct fitness_question *question, struct source sources[SOURCES_MAX])
{
	if (is_inside(question) || config_is_hidden(relay->config, question->route)) {
		sources[0] = (struct source){0};
		return 1;
	}
	if (relay->judged)
		return judged_sources(
			relay->judged, relay->config, relay->public_ips, sources);
	return source_list(relay->config, relay->public_ips, sources);
}

/* Mail of one kind: all that the verdicts depend on, but what is the same for all mail. */
static void make_key(const struct fitness *fitness, struct judged_key *key)
{
	const struct fitness_question *question = &fitness->question;
	const struct message *message = question->message;
	const char *signers[SMTP_SIGNERS_MAX], *at = strrchr(message->sender, '@');
	size_t count = message_signers(message, signers);

	key->len = 0;
	judged_key_add(key, question->domain);
	judged_key_add(key, question->route ? question->route->host : "");
	judged_key_add_number(key, question->route ? question->route->port : 0);
	/* Who stands before the @ matters only to SPF, and then nothing is remembered. */
	judged_key_add(key, at && at != message->sender ? at : message->sender);
	judged_key_add(key, message->author);
	for (size_t i = 0; i < count; i++)
		judged_key_add(key, signers[i]);
}

/* True when it was known. */
static bool look_back(struct fitness *fitness)
{
	const struct fitness_question *question = &fitness->question;
	struct judged *judged = fitness->relay->judged;
	struct judged_key key; /* a large thing, copied only for the first of its kind */

	if (!judged || question->is_released || question->is_overdue ||
		question->freshness != RESOLVER_CACHED)
		return false;
	make_key(fitness, &key);
	const struct judged_ways *ways = judged_find(judged, &key);

	if (ways) {
		recall(fitness, ways);
		return true;
	}
	fitness->key = mem_alloc(sizeof key);
	memcpy(fitness->key->bytes, key.bytes, key.len);
	fitness->key->len = key.len;
	fitness->key->generation = key.generation;
	return false;
}

static void start_judging(struct fitness *fitness, size_t source)
{
	const struct relay *relay = fitness->relay;
	struct judging *judging = &fitness->judgings[source];
	struct hand_off_question asked = {0};

	ask(fitness, source, &asked);
	judging->fitness = fitness;
	judging->inquiry =
		mem_must(inquiry_start(relay->loop, relay->resolver, &asked.preflight,
			fitness->question.freshness, NULL, on_verdict, judging));
}

struct fitness *fitness_start(struct relay *relay,
	const struct fitness_question *question, fitness_cb cb, void *owner)
{
	struct fitness *fitness = mem_alloc(sizeof *fitness);

	fitness->relay = relay;
	fitness->question = *question;
	fitness->cb = cb;
	fitness->owner = owner;
	fitness->until = INT64_MAX;
	fitness->count = list_sources(relay, question, fitness->sources);
	fitness->candidates = mem_alloc(fitness->count * sizeof *fitness->candidates);
	for (size_t i = 0; i < fitness->count; i++)
		fitness->candidates[i].source = fitness->sources[i];
	relay->stats.preflights++;
	if (look_back(fitness))
		return fitness;
	fitness->judgings = mem_alloc(fitness->count * sizeof *fitness->judgings);
	fitness->open = fitness->count;
	for (size_t i = 0; i < fitness->count; i++)
		start_judging(fitness, i);
	return fitness;
}

void fitness_free(struct fitness *fitness)
{
	if (!fitness)
		return;
	if (fitness->call.is_waiting)
		judged_call_cancel(fitness->relay->judged, &fitness->call);
	for (size_t i = 0; i < fitness->count; i++) {
		struct candidate *candidate = &fitness->candidates[i];

		for (size_t t = 0; t < candidate->target_count; t++)
			target_fini(&candidate->targets[t]);
		free(candidate->targets);
		json_decref(candidate->described);
	}
	for (size_t i = 0; fitness->judgings && i < fitness->count; i++) {
		if (fitness->judgings[i].inquiry)
			inquiry_cancel(fitness->judgings[i].inquiry);
		target_list_fini(&fitness->judgings[i].list);
	}
	free(fitness->key);
	free(fitness->judgings);
	free(fitness->candidates);
	free(fitness);
}

const struct candidate *fitness_candidates(const struct fitness *fitness, size_t *count)
{
	*count = fitness->count;
	return fitness->candidates;
}
