/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "dns/check.h"
#include "dns/name.h"

/*
 * Is our address, or a domain of the message, on a block list (RFC 5782)? A list accuses only by an
 * answer that is plainly a listing, from a zone that does not list everything; whatever else it
 * says is at most a warning about the list.
 */

enum {
	SUBJECTS_MAX = 3,
	CODES_SHOWN = 4,
	CODES_SIZE = CODES_SHOWN * 18,
	TEXT_SHOWN = 200
};

/* One question to one list. */
struct entry {
	const char *zone;
	const char *subject;         /* "192.0.2.25", "corp.example" */
	char label[ANSWER_NAME_MAX]; /* subject as it stands before the zone */
	char test[80];               /* an entry that no working list has (RFC 5782 5) */
	enum reason reason;
	bool is_warning; /* From: and EHLO domains only warn */
};

/* The findings of this check as they come; first is the one the caller made. */
struct results {
	struct evaluation *evaluation;
	struct finding *first;
	struct finding clean; /* collects what all the clean answers were */
	size_t entries, findings;
	bool is_full;
};

/*
 * What the codes of Spamhaus mean: the lists of others have no common ones.
 * https://www.spamhaus.org/faqs/dnsbl-usage/ (ZEN, also SBL, XBL, PBL alone) and, for domains, DBL.
 */
static const struct {
	enum reason reason;
	uint8_t code[4];
	const char *words;
} meanings[] = {
	{REASON_DNSBL_IP, {127, 0, 0, 2}, "a known source of spam (SBL)"},
	{REASON_DNSBL_IP, {127, 0, 0, 3},
		"what it sends looks like spam, often unknown to its owner (CSS)"},
	{REASON_DNSBL_IP, {127, 0, 0, 4},
		"a machine behind this address is infected or abused (XBL), find it "
		"first"},
	{REASON_DNSBL_IP, {127, 0, 0, 9}, "a network in the hands of criminals (DROP)"},
	{REASON_DNSBL_IP, {127, 0, 0, 10},
		"its provider says that this range sends no mail itself (PBL), so send "
		"through the provider's smarthost or have the address taken off"},
	{REASON_DNSBL_IP, {127, 0, 0, 11},
		"a range of end users (PBL), so send through your provider's smarthost "
		"or have the address taken off"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 2}, "a domain of spammers"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 4}, "a domain used for phishing"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 5}, "a domain used for malware"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 6}, "a domain that controls a botnet"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 102}, "an honest domain, abused for spam"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 103}, "an honest domain, abused to redirect"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 104}, "an honest domain, abused for phishing"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 105}, "an honest domain, abused for malware"},
	{REASON_DNSBL_DOMAIN, {127, 0, 1, 106}, "an honest domain, abused by a botnet"},
};

/* Answers that are no listing, whatever list gives them. */
static const struct {
	uint8_t code[4];
	const char *words;
} errors[] = {
	{{127, 255, 255, 252}, "the list's name is misspelt"},
	{{127, 255, 255, 254}, "the list does not answer a public resolver"},
	{{127, 255, 255, 255}, "too many questions were asked from here"},
	{{127, 0, 0, 1}, "it refuses the question"},
	{{127, 0, 1, 255}, "it was asked for an address instead of a domain"},
};

/* NULL: the record is a listing. */
static const char *find_error(const struct entry *entry, const uint8_t code[4])
{
	static const uint8_t address_asked[4] = {127, 0, 1, 255};

	if (entry->reason == REASON_DNSBL_IP && memcmp(code, address_asked, 4) == 0)
		return NULL;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (memcmp(errors[i].code, code, 4) == 0)
			return errors[i].words;
	if (code[0] != 127)
		return "the answer is outside 127.0.0.0/8: somebody else answers for it";
	return code[1] == 255 ? "it answers with an error" : NULL;
}

/* The first in the table's order: the worst one. */
static const char *find_meaning(const struct entry *entry, const struct answer *answer)
{
	if (!strcasestr(entry->zone, "spamhaus"))
		return NULL;
	for (size_t m = 0; m < sizeof meanings / sizeof meanings[0]; m++)
		for (size_t i = 0; i < answer->count; i++)
			if (meanings[m].reason == entry->reason &&
				memcmp(answer->records[i].address, meanings[m].code, 4) ==
					0)
				return meanings[m].words;
	return NULL;
}

/* "127.0.0.2, 127.0.0.10" */
static void format_codes(const struct answer *answer, char out[static CODES_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < answer->count && i < CODES_SHOWN; i++) {
		const uint8_t *code = answer->records[i].address;

		used += (size_t)snprintf(out + used, CODES_SIZE - used, "%s%u.%u.%u.%u",
			i ? ", " : "", code[0], code[1], code[2], code[3]);
	}
}

/* The name to ask: LABEL.ZONE. False: the DNS has no such names, so nothing is listed. */
static bool entry_name(const char *label, const char *zone, char name[ANSWER_NAME_MAX])
{
	int len = snprintf(name, ANSWER_NAME_MAX, "%s.%s", label, zone);

	return len < ANSWER_NAME_MAX && name_is_possible(name);
}

/* A list that has the entry no list may have lists everything. False: the answer is missing. */
static bool find_death(struct evaluation *evaluation, struct finding *finding,
	const struct entry *entry, bool *is_dead)
{
	char name[ANSWER_NAME_MAX];

	*is_dead = false;
	if (!entry_name(entry->test, entry->zone, name))
		return true;
	const struct answer *answer = consult(evaluation, finding, name, TYPE_A);

	if (answer)
		*is_dead = answer->status == ANSWER_FOUND;
	return answer != NULL;
}

/* A list's name for others to read: the key of a customer of Spamhaus (KEY.zen.dq.spamhaus.net) is not. */
static const char *public_zone(const char *zone)
{
	const char *paid = strcasestr(zone, ".dq.spamhaus.net");
	const char *dot = strchr(zone, '.');

	return paid && dot < paid ? dot + 1 : zone;
}

static void accuse(struct evaluation *evaluation, struct finding *finding,
	const struct entry *entry, const struct answer *answer, const struct answer *txt)
{
	char subject[512], name[200], zone[200], codes[CODES_SIZE];
	char text[TEXT_SHOWN + sizeof "DDD"] = "";
	const char *words = find_meaning(entry, answer);
	const char *list = public_zone(entry->zone);

	format_codes(answer, codes);
	if (txt->count)
		shown_text(txt->records[0].text, txt->records[0].len, text, sizeof text);
	snprintf(subject, sizeof subject, "%.255s %.255s", entry->subject, list);
	conclude_fail(evaluation, finding, entry->reason, subject,
		"%s is on the block list %s (%s)%s%s%s%s", shown(entry->subject, name),
		shown(list, zone), codes, words ? ": " : "", words ? words : "",
		text[0] ? "; it says: " : "", text);
	if (entry->is_warning)
		warn_at_most(finding);
}

/* The list cannot be relied on: a warning about it, whatever the configuration says. */
static void doubt(struct evaluation *evaluation, struct finding *finding,
	const struct entry *entry, const char *why)
{
	char zone[200];

	conclude_unknown(evaluation, finding, entry->reason,
		"the block list %s could not tell: %s",
		shown(public_zone(entry->zone), zone), why);
}

/* The list has an answer: is it a listing, by a list that works? */
static void judge_answer(struct evaluation *evaluation, struct finding *finding,
	const struct entry *entry, const struct answer *answer)
{
	bool is_dead;

	for (size_t i = 0; i < answer->count; i++) {
		const char *error = find_error(entry, answer->records[i].address);

		if (error) {
			doubt(evaluation, finding, entry, error);
			return;
		}
	}
	const struct answer *txt = consult(evaluation, finding, answer->name, TYPE_TXT);

	if (!find_death(evaluation, finding, entry, &is_dead) || !txt)
		return;
	if (is_dead)
		doubt(evaluation, finding, entry, "it lists everything, so it is dead");
	else
		accuse(evaluation, finding, entry, answer, txt);
}

static void keep_evidence(struct finding *clean, const struct answer *answer)
{
	if (clean->evidence_count < EVIDENCE_MAX)
		clean->evidence[clean->evidence_count++] = answer;
}

/* Adds what was found about one entry. */
static void keep(struct results *results, const struct finding *finding)
{
	struct finding *place =
		results->findings++ ? another_finding(results->evaluation, CHECK_DNSBL)
				    : results->first;

	if (place)
		*place = *finding;
	else
		results->is_full = true;
}

/* False: the list is no good, and need not be asked about more. */
static bool check_entry(struct results *results, const struct entry *entry)
{
	struct finding finding = {.check = CHECK_DNSBL};
	char name[ANSWER_NAME_MAX];

	if (!entry_name(entry->label, entry->zone, name))
		return true;
	results->entries++;
	const struct answer *answer =
		consult(results->evaluation, &finding, name, TYPE_A);

	if (!answer)
		return true;
	if (answer->status == ANSWER_FOUND)
		judge_answer(results->evaluation, &finding, entry, answer);
	else if (answer->status == ANSWER_FAILED)
		doubt(results->evaluation, &finding, entry,
			answer->failure ? answer->failure : "no answer");
	else
		keep_evidence(&results->clean, answer);
	if (finding.summary[0])
		keep(results, &finding);
	return finding.result != RESULT_UNKNOWN;
}

/* The reverse name without ".in-addr.arpa" or ".ip6.arpa" (RFC 5782 2.1, 2.4). */
static void reverse_label(const struct address *address, char label[80])
{
	address_reverse(address, label);
	*strstr(label, address->is_v6 ? ".ip6.arpa" : ".in-addr.arpa") = '\0';
}

static void check_ip_lists(struct results *results)
{
	static const struct address loopback = {.ip = {127, 0, 0, 1}};
	static const struct address mapped_loopback = {
		.ip = {[10] = 0xFF, 0xFF, 127, 0, 0, 1}, .is_v6 = true};
	const struct preflight_question *question = results->evaluation->question;
	struct entry entry = {.subject = question->ip, .reason = REASON_DNSBL_IP};
	struct address own;

	if (!own_address(question, &own))
		return;
	reverse_label(&own, entry.label);
	reverse_label(own.is_v6 ? &mapped_loopback : &loopback, entry.test);
	for (size_t i = 0; i < question->ip_lists.count && !results->is_full; i++) {
		entry.zone = question->ip_lists.items[i];
		check_entry(results, &entry);
	}
}

/* A domain that a list may know: with a dot, and no address (RFC 5782 2.3). */
static bool is_listable(const char *name)
{
	struct address address;

	return name && strchr(name, '.') && name[0] != '[' && strlen(name) < 256 &&
	       !address_parse(name, &address);
}

/* The domains of the message, each once: MAIL FROM first, since only that one may hold. */
static size_t list_domains(
	const struct preflight_question *question, struct entry entries[SUBJECTS_MAX])
{
	const char *ehlo = question->ehlo;
	const char *const candidates[SUBJECTS_MAX] = {
		question->sender ? domain_of(question->sender) : NULL,
		question->author ? domain_of(question->author) : NULL,
		ehlo && !preflight_name_problem(ehlo) ? ehlo : NULL};
	size_t count = 0;

	for (size_t i = 0; i < SUBJECTS_MAX; i++) {
		struct entry *entry = &entries[count];
		bool is_double = !is_listable(candidates[i]);

		*entry = (struct entry){.subject = candidates[i],
			.reason = REASON_DNSBL_DOMAIN,
			.test = "invalid",
			.is_warning = i > 0};
		if (!is_double)
			name_normalize(candidates[i], entry->label, sizeof entry->label);
		for (size_t j = 0; j < count; j++)
			is_double =
				is_double || strcmp(entries[j].label, entry->label) == 0;
		count += !is_double;
	}
	return count;
}

static void check_domain_lists(struct results *results)
{
	const struct preflight_question *question = results->evaluation->question;
	struct entry entries[SUBJECTS_MAX];
	size_t count = list_domains(question, entries);

	for (size_t i = 0; i < question->domain_lists.count; i++) {
		bool is_good = true;

		for (size_t j = 0; j < count && is_good && !results->is_full; j++) {
			entries[j].zone = question->domain_lists.items[i];
			is_good = check_entry(results, &entries[j]);
		}
	}
}

void check_dnsbl(struct evaluation *evaluation, struct finding *finding)
{
	const struct preflight_question *question = evaluation->question;
	struct results results = {.evaluation = evaluation, .first = finding};

	if (question->ip_lists.count + question->domain_lists.count == 0) {
		conclude_skipped(finding, "no block list is configured");
		return;
	}
	check_ip_lists(&results);
	check_domain_lists(&results);
	if (results.findings)
		return;
	if (results.entries == 0) {
		conclude_skipped(finding, "there is nothing to ask the block lists for");
		return;
	}
	results.clean.check = CHECK_DNSBL;
	conclude_pass(&results.clean, "no block list knows us (%zu entries looked for)",
		results.entries);
	*finding = results.clean;
}
