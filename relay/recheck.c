/* SPDX-License-Identifier: ISC */
#include "relay/recheck.h"

#include <string.h>
#include <strings.h>

#include "relay/hash.h"

#define BIT(check) (1u << (check))

/* What the checks of a reason read of the question. */
enum {
	READS_IP = 1,
	READS_EHLO = 2,
	READS_SENDER = 4,
	READS_AUTHOR = 8,
	READS_IP_LISTS = 16,
	READS_DOMAIN_LISTS = 32,
	READS_SPF = READS_IP | READS_EHLO | READS_SENDER,
};

/*
 * The checks that look at the records behind a reason: those that give it, and those whose answers
 * it builds on (without a PTR answer nothing is known about its names). None: nothing to watch.
 */
static const struct {
	unsigned checks;
	unsigned reads;
} reasons[REASON_COUNT] = {
	[REASON_PTR_MISSING] = {BIT(CHECK_PTR), READS_IP},
	[REASON_FCRDNS_MISMATCH] = {BIT(CHECK_PTR) | BIT(CHECK_FCRDNS), READS_IP},
	[REASON_PTR_GENERIC] = {BIT(CHECK_PTR) | BIT(CHECK_PTR_NAME), READS_IP},
	[REASON_HELO_INVALID] = {BIT(CHECK_HELO), READS_IP | READS_EHLO},
	[REASON_HELO_UNRESOLVABLE] = {BIT(CHECK_HELO), READS_IP | READS_EHLO},
	[REASON_HELO_MISMATCH] = {BIT(CHECK_HELO), READS_IP | READS_EHLO},
	[REASON_SENDER_DOMAIN_UNRESOLVABLE] = {BIT(CHECK_SENDER), READS_SENDER},
	[REASON_SENDER_NULL_MX] = {BIT(CHECK_SENDER), READS_SENDER},
	[REASON_SENDER_MX_BOGUS] = {BIT(CHECK_SENDER), READS_SENDER},
	[REASON_SPF_FAIL] = {BIT(CHECK_SPF), READS_SPF},
	[REASON_SPF_SOFTFAIL] = {BIT(CHECK_SPF), READS_SPF},
	[REASON_SPF_NONE] = {BIT(CHECK_SPF), READS_SPF},
	[REASON_SPF_PERMERROR] = {BIT(CHECK_SPF), READS_SPF},
	[REASON_DMARC_FAIL] = {BIT(CHECK_DMARC) | BIT(CHECK_SPF),
		READS_SPF | READS_AUTHOR},
	[REASON_DNSBL_IP] = {BIT(CHECK_DNSBL), READS_IP | READS_IP_LISTS},
	[REASON_DNSBL_DOMAIN] = {BIT(CHECK_DNSBL), READS_SENDER | READS_DOMAIN_LISTS},
};

static bool is_looked_at(enum reason reason, const struct finding *finding)
{
	return reasons[reason].checks & BIT(finding->check);
}

/* Of several findings of a check (one a block list) only that of the subject counts. */
static bool is_about(const struct finding *finding, const char *subject)
{
	return strcasecmp(finding->subject, subject) == 0;
}

/*
 * A finding that could not tell may have no subject. A block list is known then by the name that was
 * asked for: it ends in the zone, as the subject does ("192.0.2.25 zen.example").
 */
static bool may_be_about(const struct finding *finding, const char *subject)
{
	const char *zone = strrchr(subject, ' ');

	if (finding->subject[0])
		return is_about(finding, subject);
	if (finding->check != CHECK_DNSBL || !finding->evidence_count)
		return true;
	const char *asked = finding->evidence[0]->name;
	size_t len = strlen(asked), zone_len;

	zone = zone ? zone + 1 : subject;
	zone_len = strlen(zone);
	return len > zone_len && strcasecmp(asked + len - zone_len, zone) == 0;
}

enum recheck recheck_judge(
	const struct verdict *verdict, enum reason reason, const char *subject)
{
	enum recheck result = RECHECK_GOOD;

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (finding->reason == reason && finding->action >= ACTION_HOLD &&
			is_about(finding, subject))
			return RECHECK_BAD;
		if (finding->result == RESULT_UNKNOWN && is_looked_at(reason, finding) &&
			may_be_about(finding, subject))
			result = RECHECK_UNKNOWN;
	}
	return result;
}

static uint64_t hash_answer(const struct answer *answer)
{
	uint64_t hash = hash_text(0, answer->name);
	char text[2048];

	hash = hash_text(hash, record_type_name(answer->type));
	hash = hash_text(hash, answer_status_name(answer->status));
	for (size_t i = 0; i < answer->count; i++) {
		record_format(answer->type, &answer->records[i], text, sizeof text);
		hash = hash_text(hash, text);
	}
	return hash;
}

bool recheck_hash(const struct verdict *verdict, enum reason reason, uint64_t *hash)
{
	size_t answers = 0;

	*hash = 0;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (!is_looked_at(reason, finding))
			continue;
		for (size_t e = 0; e < finding->evidence_count; e++, answers++) {
			if (finding->evidence[e]->status == ANSWER_FAILED)
				return false;
			*hash += hash_answer(finding->evidence[e]); /* in any order */
		}
	}
	return answers > 0;
}

uint32_t recheck_ttl(const struct verdict *verdict, enum reason reason)
{
	uint32_t ttl = UINT32_MAX;

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];

		if (!is_looked_at(reason, finding))
			continue;
		for (size_t e = 0; e < finding->evidence_count; e++)
			if (finding->evidence[e]->ttl < ttl)
				ttl = finding->evidence[e]->ttl;
	}
	return ttl == UINT32_MAX ? 0 : ttl;
}

void recheck_narrow(struct preflight_question *question, enum reason reason)
{
	unsigned reads = reasons[reason].reads;
	const struct preflight_texts none = {.items = NULL};

	question->recipient = NULL;
	if (!(reads & READS_IP))
		question->ip = NULL;
	if (!(reads & READS_EHLO))
		question->ehlo = NULL;
	if (!(reads & READS_SENDER))
		question->sender = NULL;
	if (!(reads & READS_AUTHOR)) {
		question->author = NULL;
		question->signers = none;
	}
	if (!(reads & READS_IP_LISTS))
		question->ip_lists = none;
	if (!(reads & READS_DOMAIN_LISTS))
		question->domain_lists = none;
}

bool recheck_is_watched(enum reason reason)
{
	/* A name that is no host name is cured in our configuration. */
	return reasons[reason].checks && reason != REASON_HELO_INVALID;
}

bool recheck_is_about_source(enum reason reason)
{
	return reasons[reason].reads & READS_IP;
}

bool recheck_is_about_sender(enum reason reason)
{
	return reasons[reason].reads & READS_SENDER;
}
