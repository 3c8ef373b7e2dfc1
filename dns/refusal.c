/* SPDX-License-Identifier: ISC */
#include "dns/refusal.h"

#include <stdbool.h>
#include <string.h>

#include "dns/refusal_rules.h"
#include "dns/refusal_words.h"

/* A reply as the rules see it. */
struct reply {
	unsigned code;
	const char *enhanced;
	struct refusal_words words;
};

/* True when the enhanced code, without its class, is one of those listed. */
static bool has_code(const char *enhanced, const char *codes)
{
	const char *detail = strchr(enhanced, '.');

	if (!detail || !detail[1])
		return false;
	size_t len = strlen(++detail);

	for (const char *at = codes; (at = strstr(at, detail)); at += len)
		if ((at == codes || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static bool matches(const struct refusal_rule *rule, const struct reply *reply)
{
	if (rule->is_temporary && reply->code / 100 != 4 && reply->enhanced[0] != '4')
		return false;
	if (rule->codes && !has_code(reply->enhanced, rule->codes))
		return false;
	for (size_t i = 0; i < REFUSAL_PHRASES_MAX && rule->all[i]; i++)
		if (!refusal_words_have(&reply->words, rule->all[i]))
			return false;
	return !rule->none || !refusal_words_have(&reply->words, rule->none);
}

struct refusal refusal_classify(unsigned code, const char *enhanced, const char *text)
{
	struct reply reply = {.code = code};

	refusal_words_read(&reply.words, text);
	reply.enhanced = enhanced[0] ? enhanced : reply.words.enhanced;
	for (size_t i = 0; i < sizeof refusal_rules / sizeof refusal_rules[0]; i++)
		if (matches(&refusal_rules[i], &reply))
			return (struct refusal){
				refusal_rules[i].reason, refusal_rules[i].name};
	return (struct refusal){REASON_NONE, "no rule matched"};
}
