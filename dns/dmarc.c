/* SPDX-License-Identifier: ISC */
#include "dns/dmarc.h"

#include <stdio.h>
#include <string.h>

#include "dns/check.h"
#include "dns/name.h"

/* RFC 9989 4.10: eight questions whatever the number of labels. */
enum { WALK_MAX = 8, LABELS_WALKED = 7 };

/* One name on the way up to the root; names point into the domain the walk started at. */
struct step {
	const char *name;
	bool has_record;
	struct dmarc_record record;
};

struct walk {
	struct step steps[WALK_MAX]; /* from the longest name to the shortest */
	size_t count;
	bool is_uncertain; /* a look-up failed: there may be a record more */
};

/* A DNS Tree Walk wants the facts and somewhere to show them. */
struct asking {
	struct evaluation *evaluation;
	struct finding *finding;
};

static size_t count_labels(const char *name)
{
	size_t labels = 1;

	for (; *name; name++)
		labels += *name == '.';
	return labels;
}

/* The next name to ask, or NULL behind the last one. */
static const char *next_name(const char *name)
{
	size_t labels = count_labels(name);
	size_t skip = labels > LABELS_WALKED ? labels - LABELS_WALKED : 1;

	for (; name && skip; skip--) {
		const char *dot = strchr(name, '.');

		name = dot ? dot + 1 : NULL;
	}
	return name && *name ? name : NULL;
}

/* Of several records at a name none counts, but what is no DMARC record does not count either. */
static void read_records(const struct answer *answer, struct step *step)
{
	struct dmarc_record record;
	size_t count = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (!dmarc_parse(
			    answer->records[i].text, answer->records[i].len, &record))
			continue;
		step->record = record;
		count++;
	}
	step->has_record = count == 1;
}

/* Asks at one name and adds the step. False: the answer is missing. */
static bool take_step(const struct asking *asking, const char *name, struct walk *walk)
{
	char target[ANSWER_NAME_MAX];

	snprintf(target, sizeof target, "_dmarc.%.1000s", name);
	const struct answer *answer =
		consult(asking->evaluation, asking->finding, target, TYPE_TXT);

	if (!answer)
		return false;
	struct step *step = &walk->steps[walk->count++];

	*step = (struct step){.name = name};
	read_records(answer, step);
	walk->is_uncertain = walk->is_uncertain || answer->status == ANSWER_FAILED;
	return true;
}

static bool is_last_step(const struct walk *walk)
{
	const struct step *step = &walk->steps[walk->count - 1];

	return step->has_record && step->record.psd != 'u';
}

/* Goes on from the first step to where the walk stops. False: answers are missing. */
static bool walk_up(const struct asking *asking, struct walk *walk)
{
	const char *name = walk->steps[0].name;
	bool is_complete = true;

	while (!is_last_step(walk) && (name = next_name(name)))
		is_complete = take_step(asking, name, walk) && is_complete;
	return is_complete;
}

/* The name one label longer than name, on the way down to domain. */
static const char *one_below(const char *domain, const char *name)
{
	const char *at = name - 1; /* its dot */

	while (at > domain && at[-1] != '.')
		at--;
	return at;
}

/* RFC 9989 4.10.2; a pointer into the domain the walk started at. */
static const char *organization(const struct walk *walk)
{
	const char *domain = walk->steps[0].name, *shortest = domain;

	for (size_t i = 0; i < walk->count; i++) {
		const struct step *step = &walk->steps[i];

		if (!step->has_record)
			continue;
		if (step->record.psd == 'n')
			return step->name;
		if (step->record.psd == 'y' && i > 0)
			return one_below(domain, step->name);
		shortest = step->name;
	}
	return shortest;
}

/* The step whose record holds for the author: its own, its organization's, its suffix's. */
static const struct step *find_policy(const struct walk *walk)
{
	const char *organizational = organization(walk);
	const struct step *suffix = NULL;

	if (walk->steps[0].has_record)
		return &walk->steps[0];
	for (size_t i = 1; i < walk->count; i++) {
		const struct step *step = &walk->steps[i];

		if (step->has_record && step->name == organizational)
			return step;
		if (step->has_record && step->record.psd == 'y')
			suffix = step;
	}
	return suffix;
}

enum existence {
	EXISTS,
	MISSING,
	UNCERTAIN,
};

/*
 * RFC 9989 3.2 takes "non-existent" from RFC 8020: NXDOMAIN, and not the older "no A, AAAA or MX" of RFC
 * 9091. A name with a CNAME exists, even if its target does not.
 */
static bool find_existence(
	const struct asking *asking, const char *domain, enum existence *existence)
{
	const struct answer *mx =
		consult(asking->evaluation, asking->finding, domain, TYPE_MX);

	if (!mx)
		return false;
	*existence = mx->status == ANSWER_FAILED                            ? UNCERTAIN
	             : mx->status == ANSWER_NO_NAME && mx->chain_count == 0 ? MISSING
	                                                                    : EXISTS;
	return true;
}

/* What is asked for about the author's domain. False: facts are missing. */
static bool find_wish(const struct asking *asking, const struct walk *walk,
	const struct step *step, struct dmarc_outcome *outcome)
{
	const struct dmarc_record *record = &step->record;
	enum existence existence = EXISTS;

	outcome->policy = record->domain;
	if (step != &walk->steps[0]) {
		outcome->policy = record->subdomain;
		if (record->nonexistent != record->subdomain &&
			!find_existence(asking, walk->steps[0].name, &existence))
			return false;
	}
	if (existence == MISSING)
		outcome->policy = record->nonexistent;
	if (record->is_test && outcome->policy != DMARC_ASKS_NOTHING)
		outcome->policy--;
	if (existence == UNCERTAIN)
		outcome->result = DMARC_TEMPERROR;
	else if (outcome->policy == DMARC_ASKS_NOTHING)
		outcome->result = DMARC_NO_POLICY;
	snprintf(outcome->domain, sizeof outcome->domain, "%s", step->name);
	return true;
}

enum alignment {
	APART,
	ALIGNED,
	UNCLEAR, /* a look-up failed */
	PENDING,
};

/* Is identifier aligned with the author, at whose domain the walk began? */
static enum alignment align(const struct asking *asking, struct walk *author,
	const char *identifier, bool is_strict)
{
	char normalized[ANSWER_NAME_MAX];
	const char *domain = author->steps[0].name;
	struct walk walk = {0};

	name_normalize(identifier, normalized, sizeof normalized);
	if (strcmp(normalized, domain) == 0)
		return ALIGNED;
	/* Without the last label in common there is no organization in common. */
	const char *dot = strrchr(domain, '.');

	if (is_strict || !normalized[0] ||
		!name_is_within(normalized, dot ? dot + 1 : domain))
		return APART;
	if (author->count == 1 && !walk_up(asking, author))
		return PENDING;
	if (!author->is_uncertain && !name_is_within(normalized, organization(author)))
		return APART;
	if (!take_step(asking, normalized, &walk) || !walk_up(asking, &walk))
		return PENDING;
	if (author->is_uncertain || walk.is_uncertain)
		return UNCLEAR;
	return strcmp(organization(author), organization(&walk)) == 0 ? ALIGNED : APART;
}

/* DKIM first: a signature decides without SPF. */
static enum alignment align_signers(const struct asking *asking,
	const struct dmarc_query *query, struct walk *author, bool is_strict,
	const char **aligned)
{
	enum alignment best = APART;

	for (size_t i = 0; i < query->signers.count; i++) {
		enum alignment alignment =
			align(asking, author, query->signers.items[i], is_strict);

		if (alignment == ALIGNED) {
			*aligned = query->signers.items[i];
			return ALIGNED;
		}
		if (alignment > best)
			best = alignment;
	}
	return best;
}

/* Only a pass counts; a temperror may become one, and so may what our unknown address gives. */
static enum alignment align_spf(const struct asking *asking,
	const struct dmarc_query *query, struct walk *author, bool is_strict)
{
	if (!query->spf_domain || (query->is_spf_known && query->spf != SPF_PASS &&
					  query->spf != SPF_TEMPERROR))
		return APART;
	return align(asking, author, query->spf_domain, is_strict);
}

static void judge(const struct asking *asking, const struct dmarc_query *query,
	struct walk *author, const struct dmarc_record *record,
	struct dmarc_outcome *outcome)
{
	enum alignment signers = align_signers(
		asking, query, author, record->is_strict_dkim, &outcome->aligned);

	if (signers == ALIGNED) {
		outcome->result = DMARC_PASS;
		outcome->is_signed = true;
		return;
	}
	enum alignment spf = align_spf(asking, query, author, record->is_strict_spf);

	if (spf == ALIGNED && query->is_spf_known && query->spf == SPF_PASS) {
		outcome->result = DMARC_PASS;
		outcome->aligned = query->spf_domain;
	} else if (signers == UNCLEAR || spf == UNCLEAR ||
		   (spf == ALIGNED && query->is_spf_known)) {
		outcome->result = DMARC_TEMPERROR;
	} else if (spf == ALIGNED) {
		outcome->result = DMARC_UNDECIDED;
	} else {
		outcome->result = DMARC_FAIL;
	}
}

bool dmarc_evaluate(struct evaluation *evaluation, struct finding *finding,
	const struct dmarc_query *query, struct dmarc_outcome *outcome)
{
	const struct asking asking = {evaluation, finding};
	struct walk author = {0};
	char domain[ANSWER_NAME_MAX];

	memset(outcome, 0, sizeof *outcome);
	outcome->result = DMARC_FAIL;
	name_normalize(query->author, domain, sizeof domain);
	if (!take_step(&asking, domain, &author))
		return false;
	if (!author.steps[0].has_record && !author.is_uncertain &&
		!walk_up(&asking, &author))
		return false;
	if (author.is_uncertain) {
		outcome->result = DMARC_TEMPERROR;
		return true;
	}
	const struct step *step = find_policy(&author);

	if (!step) {
		outcome->result = DMARC_NO_RECORD;
		return true;
	}
	if (!find_wish(&asking, &author, step, outcome))
		return false;
	if (outcome->result == DMARC_FAIL)
		judge(&asking, query, &author, &step->record, outcome);
	return !evaluation->pending;
}
