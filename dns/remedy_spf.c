/* SPDX-License-Identifier: ISC */
#include "dns/remedy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"
#include "dns/spf.h"
#include "dns/spf_record.h"

/*
 * The SPF record as it should read: our addresses first, where they cost no look-up and nothing
 * can go wrong before them, then what of the old record can be read.
 */

enum { STRING_MAX = 255 }; /* RFC 1035 3.3 */

/* A record under construction: terms, with a space before each. */
struct terms {
	char text[REMEDY_RECORD_MAX];
	size_t len;
	bool is_cut; /* it did not all fit */
};

struct correction {
	struct terms terms;
	struct terms all; /* the last term */
	size_t records;   /* SPF records there are now */
	unsigned lookups; /* the old record needs */
};

static bool has_term(const struct terms *terms, const char *term, size_t len)
{
	for (const char *at = terms->text; (at = strchr(at, ' ')); at++)
		if (strncasecmp(at + 1, term, len) == 0 &&
			(at[1 + len] == ' ' || !at[1 + len]))
			return true;
	return false;
}

static void add_term(struct terms *terms, const char *term, size_t len)
{
	if (has_term(terms, term, len))
		return;
	if (terms->len + len + 2 > sizeof terms->text) {
		terms->is_cut = true;
		return;
	}
	terms->text[terms->len++] = ' ';
	memcpy(terms->text + terms->len, term, len);
	terms->len += len;
	terms->text[terms->len] = '\0';
}

/*
 * An address of ours, unless the record lets it pass as it is; query: as it was asked about the one
 * that is judged. May leave the evaluation pending.
 */
static void add_address(struct evaluation *evaluation, struct spf_query query,
	const char *text, struct correction *correction)
{
	struct spf_outcome outcome;
	struct finding unused = {0};
	char term[64];

	if (!address_parse(text, &query.client))
		return;
	if (!spf_evaluate(evaluation, &unused, &query, &outcome) ||
		outcome.result == SPF_PASS)
		return;
	if (outcome.lookups > correction->lookups)
		correction->lookups = outcome.lookups;
	snprintf(term, sizeof term, "%s:%s", query.client.is_v6 ? "ip6" : "ip4", text);
	add_term(&correction->terms, term, strlen(term));
}

/*
 * The readable terms of one old record. The first "all" of all records is kept for the end (*all),
 * and mechanisms behind one, which nobody looks at, are left out.
 */
static void add_old_terms(const struct record *record, struct correction *correction)
{
	struct terms *terms = &correction->terms, *all = &correction->all;
	bool is_behind_all = false;
	enum spf_reading reading;
	struct spf_walk walk;
	struct spf_term term;

	spf_walk_start(&walk, record);
	while ((reading = spf_walk_next(&walk, &term)) != SPF_READ_END) {
		if (reading == SPF_READ_ERROR)
			continue;
		if (term.kind == SPF_TERM_ALL && all->len == 0)
			add_term(all, term.text, term.len);
		is_behind_all = is_behind_all || term.kind == SPF_TERM_ALL;
		bool is_modifier = term.kind >= SPF_TERM_REDIRECT;
		bool is_second =
			(term.kind == SPF_TERM_REDIRECT &&
				strcasestr(terms->text, " redirect=")) ||
			(term.kind == SPF_TERM_EXP && strcasestr(terms->text, " exp="));

		if (is_modifier ? !is_second : !is_behind_all)
			add_term(terms, term.text, term.len);
	}
}

/* 'corp.example. TXT "v=spf1 ..."', in strings that a TXT record can hold. */
static void add_text_record(
	struct remedy *remedy, const char *owner, const struct terms *terms)
{
	char quoted[3 * REMEDY_RECORD_MAX]; /* every byte escaped, and the quotes */
	char text[REMEDY_RECORD_MAX + 8];
	size_t used = 0;
	int len = snprintf(text, sizeof text, "v=spf1%s", terms->text);

	for (int i = 0; i < len; i++) {
		if (i % STRING_MAX == 0)
			used += (size_t)snprintf(quoted + used, sizeof quoted - used,
				"%s\"", i ? "\" " : "");
		if (strchr("\"\\", text[i]))
			quoted[used++] = '\\';
		quoted[used++] = text[i];
	}
	quoted[used] = '\0';
	remedy_record(remedy, "%s. TXT %s\"", owner, quoted);
}

static void add_notes(const struct correction *correction, struct remedy *remedy)
{
	if (correction->records > 1)
		remedy_say(remedy,
			"\nThere are %zu such records now; only one may stand, or all "
			"are ignored.\n",
			correction->records);
	if (correction->lookups > SPF_LOOKUPS_MAX)
		remedy_say(remedy,
			"\nThe record needs more than %d DNS look-ups, which is an error "
			"for every other sender: take out what is not needed any more.\n",
			SPF_LOOKUPS_MAX);
	else if (correction->lookups == SPF_LOOKUPS_MAX)
		remedy_say(remedy,
			"\n"
			"The record needs all %d DNS look-ups that are allowed: there "
			"is no room for another include.\n",
			SPF_LOOKUPS_MAX);
}

void remedy_spf(struct evaluation *evaluation, struct finding *finding,
	const struct spf_asking *asking, struct remedy *remedy)
{
	const struct preflight_question *question = evaluation->question;
	struct correction correction = {.records = 0};
	struct terms *terms = &correction.terms, *all = &correction.all;
	struct spf_query query = asking->query;
	char name[ANSWER_NAME_MAX];

	if (!remedy_is_publishable(query.domain))
		return;
	name_normalize(query.domain, name, sizeof name);
	query.domain = name;
	const struct answer *answer = consult(evaluation, finding, name, TYPE_TXT);

	if (!answer)
		return;
	/* In one order, whichever of them is judged: the kits of all must be one record. */
	for (size_t i = 0; i < question->addresses.count; i++)
		add_address(evaluation, query, question->addresses.items[i], &correction);
	add_address(evaluation, query, question->ip, &correction);
	for (size_t i = 0; i < answer->count; i++) {
		if (!spf_record_is(&answer->records[i]))
			continue;
		add_old_terms(&answer->records[i], &correction);
		correction.records++;
	}
	if (correction.records == 0) {
		add_term(terms, "mx", 2);
		add_term(all, "~all", 4);
	}
	if (all->len)
		add_term(terms, all->text + 1, all->len - 1);
	if (terms->is_cut)
		return;
	add_text_record(remedy, remedy_owner(evaluation, answer), terms);
	add_notes(&correction, remedy);
}
