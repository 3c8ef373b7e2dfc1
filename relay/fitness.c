/* SPDX-License-Identifier: ISC */
#include "relay/fitness.h"

#include <stdlib.h>

#include "dns/preflight.h"
#include "relay/buf.h"
#include "relay/describe.h"
#include "relay/hand_off.h"
#include "relay/mem.h"
#include "relay/text.h"

/* The judging of one source. */
struct judging {
	struct fitness *fitness;
	struct inquiry *inquiry; /* NULL: done */
};

struct fitness {
	struct relay *relay;
	struct fitness_question question;
	struct source sources[SOURCES_MAX];
	struct candidate candidates[SOURCES_MAX];
	struct judging judgings[SOURCES_MAX];
	size_t count, open;
	fitness_cb cb;
	void *owner;
};

static bool is_fit(const struct candidate *candidate)
{
	return candidate->target_count && candidate->action < ACTION_DEFER;
}

size_t fitness_rank(
	const struct candidate *candidates, size_t count, size_t order[SOURCES_MAX])
{
	size_t ranked = 0;

	for (enum action action = ACTION_NONE; action < ACTION_DEFER; action++)
		for (size_t i = 0; i < count; i++)
			if (is_fit(&candidates[i]) && candidates[i].action == action)
				order[ranked++] = i;
	return ranked;
}

static bool has_any_way(const struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (candidates[i].target_count)
			return true;
	return false;
}

/*
 * A finding about a source that cannot reach the recipient says nothing, unless none can because of
 * what is found about the recipient itself (null MX, no such domain, no telling).
 */
static bool counts(const struct candidate *candidate, bool is_reachable)
{
	if (candidate->action < ACTION_DEFER)
		return false;
	if (is_reachable)
		return candidate->target_count > 0;
	return candidate->path != MX_FOUND && candidate->path != MX_LOOP;
}

const struct candidate *fitness_closest(const struct candidate *candidates, size_t count)
{
	const struct candidate *closest = NULL;
	bool is_reachable = has_any_way(candidates, count);

	for (size_t i = 0; i < count; i++)
		if (counts(&candidates[i], is_reachable) &&
			(!closest || candidates[i].action < closest->action))
			closest = &candidates[i];
	return closest;
}

char *fitness_left_out(
	const struct candidate *candidates, size_t count, const struct candidate *used)
{
	struct buf text = {0};

	for (size_t i = 0; i < count; i++) {
		const struct candidate *other = &candidates[i];
		bool is_worse = is_fit(used) ? other->action > used->action
		                             : other->action >= ACTION_DEFER;

		if (other == used || !other->target_count || !is_worse)
			continue;
		buf_printf(&text, "%s%s %s left out: %s", text.len ? ", " : "",
			source_family_name(other->source.is_v6),
			other->source.public_ip[0] ? other->source.public_ip
						   : "(address unknown)",
			other->finding.reason ? reason_name(other->finding.reason)
					      : action_name(other->action));
	}
	char *result = text.len ? mem_strndup(text.bytes, text.len) : NULL;

	buf_fini(&text);
	return result;
}

/* Seconds until the first of the answers behind the finding may have changed. */
uint32_t fitness_evidence_ttl(const struct finding *finding, int64_t now)
{
	int64_t end = INT64_MAX;

	for (size_t i = 0; i < finding->evidence_count; i++) {
		const struct answer *answer = finding->evidence[i];
		int64_t expires = answer->learned + (int64_t)answer->ttl * 1000;

		if (expires < end)
			end = expires;
	}
	return end == INT64_MAX || end <= now ? 0 : (uint32_t)((end - now) / 1000);
}

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

	hand_off_settings(&asked->preflight, config, question->domain);
	asked->preflight.host = question->route ? question->route->host : NULL;
	asked->preflight.recipient = question->route ? NULL : question->domain;
	if (!is_inside(question) && config->preflight != ACTION_NONE &&
		!question->is_released)
		hand_off_ask(&hand_off, asked);
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
	const struct fitness *fitness, struct facts *facts, struct candidate *candidate)
{
	const struct fitness_question *question = &fitness->question;
	struct mx_options options = hand_off_mx(fitness->relay->config);
	struct mx_list list;

	options.seed = (uint32_t)question->message->id;
	if (question->route)
		mx_host(facts, question->route->host, &list);
	else
		mx_order(facts, question->domain, &options, &list);
	candidate->path = list.status;
	candidate->has_private = list.has_private;
	candidate->target_count = target_choose(
		&list, question->route, &candidate->source, candidate->targets);
}

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct judging *judging = owner;
	struct fitness *fitness = judging->fitness;
	struct candidate *candidate = &fitness->candidates[judging - fitness->judgings];
	const struct finding *finding = verdict_decisive(verdict);

	judging->inquiry = NULL;
	candidate->action = weigh(fitness, verdict);
	find_targets(fitness, facts, candidate);
	if (finding) {
		candidate->described = describe_finding(finding);
		candidate->finding = *finding;
		candidate->ttl = fitness_evidence_ttl(finding, text_now());
		candidate->finding.evidence_count = 0; /* it ends with the facts */
		candidate->finding.remedy = NULL;
	}
	if (--fitness->open == 0)
		fitness->cb(fitness->owner);
}

/* A route without public_ip does not depend on our address: one look-up, from anywhere. */
static size_t list_sources(const struct relay *relay,
	const struct fitness_question *question, struct source sources[SOURCES_MAX])
{
	if (!is_inside(question) && !config_is_hidden(relay->config, question->route))
		return source_list(relay->config, relay->public_ips, sources);
	sources[0] = (struct source){0};
	return 1;
}

struct fitness *fitness_start(struct relay *relay,
	const struct fitness_question *question, fitness_cb cb, void *owner)
{
	struct fitness *fitness = mem_alloc(sizeof *fitness);

	fitness->relay = relay;
	fitness->question = *question;
	fitness->cb = cb;
	fitness->owner = owner;
	fitness->count = fitness->open = list_sources(relay, question, fitness->sources);
	relay->stats.preflights++;
	for (size_t i = 0; i < fitness->count; i++) {
		struct hand_off_question asked = {0};

		fitness->candidates[i].source = fitness->sources[i];
		ask(fitness, i, &asked);
		fitness->judgings[i].fitness = fitness;
		fitness->judgings[i].inquiry = mem_must(inquiry_start(relay->loop,
			relay->resolver, &asked.preflight, question->freshness, NULL,
			on_verdict, &fitness->judgings[i]));
	}
	return fitness;
}

void fitness_free(struct fitness *fitness)
{
	if (!fitness)
		return;
	for (size_t i = 0; i < fitness->count; i++) {
		if (fitness->judgings[i].inquiry)
			inquiry_cancel(fitness->judgings[i].inquiry);
		json_decref(fitness->candidates[i].described);
	}
	free(fitness);
}

const struct candidate *fitness_candidates(const struct fitness *fitness, size_t *count)
{
	*count = fitness->count;
	return fitness->candidates;
}
