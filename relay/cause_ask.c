/* SPDX-License-Identifier: ISC */
#include "relay/cause_ask.h"

#include <string.h>

#include "relay/hand_off.h"
#include "relay/mem.h"

/* True when word is one of the words of text: "192.0.2.25 bl.example", "corp.example 192.0.2.25". */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (; len && *text; text += *text == ' ') {
		size_t next = strcspn(text, " ");

		if (next == len && strncmp(text, word, len) == 0)
			return true;
		text += next;
	}
	return false;
}

/* The source that was judged. Its number may be another one since; an address is known by itself. */
static size_t find_source(
	const struct cause *cause, const struct source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (has_word(cause->subject, sources[i].public_ip))
			return i;
	return cause->source < count ? cause->source : 0;
}

struct inquiry *cause_ask(
	struct relay *relay, const struct cause *cause, inquiry_cb cb, void *owner)
{
	const struct recipient *sample = TAILQ_FIRST(&cause->members);
	struct source sources[SOURCES_MAX];
	size_t count = source_list(relay->config, relay->public_ips, sources);
	struct hand_off hand_off = {.config = relay->config,
		.message = sample->message,
		.domain = recipient_domain(sample),
		.sources = sources,
		.source_count = count,
		.source = find_source(cause, sources, count)};
	struct hand_off_question question = {0};

	hand_off_ask(&hand_off, &question);
	recheck_narrow(&question.preflight, cause->reason);
	relay->stats.rechecks++;
	return mem_must(inquiry_start(relay->loop, relay->resolver, &question.preflight,
		RESOLVER_FRESH, NULL, cb, owner));
}

struct fitness *cause_ask_ways(
	struct relay *relay, const struct cause *cause, fitness_cb cb, void *owner)
{
	const struct recipient *sample = TAILQ_FIRST(&cause->members);
	const char *domain = recipient_domain(sample);
	struct source sources[SOURCES_MAX];
	struct fitness_question question = {.message = sample->message,
		.domain = domain,
		.route = config_next_hop(relay->config, domain),
		.freshness = RESOLVER_CACHED};

	if (cause->origin != HOLD_PREFLIGHT || !recheck_is_about_source(cause->reason) ||
		source_list(relay->config, relay->public_ips, sources) < 2)
		return NULL;
	return fitness_start(relay, &question, cb, owner);
}
