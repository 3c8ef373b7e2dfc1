/* SPDX-License-Identifier: ISC */
#include "dns/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/cache.h"
#include "dns/laid.h"
#include "dns/name.h"

/* One question: its answer, or NULL while it is wanted. */
struct fact {
	char *name;
	enum record_type type;
	struct answer *answer;
	struct answer *covered; /* what laid records make of the answer, or NULL */
};

/*
 * A few dozen facts an evaluation, some hundred at most (INQUIRY_QUESTIONS_MAX): walking an
 * array is faster than anything cleverer.
 */
struct facts {
	struct fact *facts;
	size_t count, cap;
	struct answer **laid; /* each the whole RRset of its name and type */
	size_t laid_count;
	size_t stale_uses;
};

struct facts *facts_new(void)
{
	return calloc(1, sizeof(struct facts));
}

void facts_free(struct facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < facts->count; i++) {
		free(facts->facts[i].name);
		answer_free(facts->facts[i].answer);
		answer_free(facts->facts[i].covered);
	}
	for (size_t i = 0; i < facts->laid_count; i++)
		answer_free(facts->laid[i]);
	free(facts->facts);
	free(facts->laid);
	free(facts);
}

static struct fact *find(
	const struct facts *facts, const char *name, enum record_type type)
{
	for (size_t i = 0; i < facts->count; i++)
		if (facts->facts[i].type == type &&
			strcmp(facts->facts[i].name, name) == 0)
			return &facts->facts[i];
	return NULL;
}

static struct fact *find_or_make(
	struct facts *facts, const char *name, enum record_type type)
{
	struct fact *fact = find(facts, name, type);

	if (fact)
		return fact;
	if (facts->count == facts->cap) {
		size_t cap = facts->cap ? 2 * facts->cap : 32;
		struct fact *grown = realloc(facts->facts, cap * sizeof *grown);

		if (!grown)
			return NULL;
		facts->facts = grown;
		facts->cap = cap;
	}
	fact = &facts->facts[facts->count];
	*fact = (struct fact){.name = strdup(name), .type = type};
	if (!fact->name)
		return NULL;
	facts->count++;
	return fact;
}

static const struct answer *find_laid(
	const struct facts *facts, const char *name, enum record_type type)
{
	for (size_t i = 0; i < facts->laid_count; i++)
		if (facts->laid[i]->type == type &&
			strcmp(facts->laid[i]->name, name) == 0)
			return facts->laid[i];
	return NULL;
}

static bool is_laid_name(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->laid_count; i++)
		if (strcmp(facts->laid[i]->name, name) == 0)
			return true;
	return false;
}

/* The walk from a name to what stands at the end of its chain, laid records first. */
struct walk {
	const char *at;
	const char *chain[ANSWER_CHAIN_MAX + 1];
	size_t steps;
	bool touched;             /* laid records had a say */
	const struct answer *end; /* its records count, or its "no" */
};

static bool step(struct walk *walk, const char *target)
{
	if (walk->steps == ANSWER_CHAIN_MAX)
		return false;
	walk->chain[walk->steps++] = target;
	walk->at = target;
	return true;
}

/*
 * Follows the chain of a real answer up to the first name at which something is laid that
 * changes it: the very records, or any, since they take the place of a CNAME.
 */
static bool leave_at_laid_name(
	const struct facts *facts, struct walk *walk, const struct answer *answer)
{
	for (size_t i = 0; i < answer->chain_count; i++) {
		bool is_last = i + 1 == answer->chain_count;

		if (!step(walk, answer->chain[i]))
			return false;
		if (find_laid(facts, walk->at, answer->type) ||
			find_laid(facts, walk->at, TYPE_CNAME) ||
			(!is_last && is_laid_name(facts, walk->at)))
			return true;
	}
	return false;
}

/* Returns 0, -EAGAIN (a fact is missing) or -ENOMEM. A chain without end has no end->records. */
static int walk_to_end(struct facts *facts, struct walk *walk, enum record_type type)
{
	for (;;) {
		const struct answer *laid = find_laid(facts, walk->at, type);
		const struct answer *alias =
			type == TYPE_CNAME ? NULL
					   : find_laid(facts, walk->at, TYPE_CNAME);

		walk->touched = walk->touched || is_laid_name(facts, walk->at);
		walk->end = laid;
		if (laid)
			return 0;
		if (alias && step(walk, alias->records[0].text))
			continue;
		if (alias)
			return 0; /* end is NULL: no data */
		struct fact *fact = find_or_make(facts, walk->at, type);

		if (!fact)
			return -ENOMEM;
		if (!fact->answer)
			return -EAGAIN;
		if (fact->answer->chain_count && is_laid_name(facts, walk->at))
			return 0; /* its CNAME is gone: no data */
		walk->end = fact->answer;
		if (!leave_at_laid_name(facts, walk, fact->answer))
			return 0;
	}
}

/* What laid records make of the answer to (name, type). */
static struct answer *cover(const struct facts *facts, const struct walk *walk,
	const char *name, enum record_type type)
{
	struct answer meta = {
		.status = ANSWER_NO_DATA, .laid = true, .learned = answer_now()};
	struct answer_builder *builder = answer_builder_new(name, type);

	if (!builder)
		return NULL;
	int error = 0;

	for (size_t i = 0; i < walk->steps && !error; i++)
		error = answer_builder_chain(builder, walk->chain[i]);
	if (walk->end) {
		meta = *walk->end;
		meta.laid = true;
		for (size_t i = 0; i < walk->end->count && !error; i++)
			error = answer_builder_add(builder, &walk->end->records[i]);
		if (!error)
			error = answer_builder_zone(
				builder, meta.zone, meta.zone_mname, meta.zone_rname);
		if (meta.status == ANSWER_NO_NAME && is_laid_name(facts, walk->at))
			meta.status = ANSWER_NO_DATA; /* the name exists now */
	}
	if (error) {
		answer_builder_free(builder);
		return NULL;
	}
	return answer_builder_finish(builder, &meta);
}

static const struct answer *look_up(
	struct facts *facts, const char *name, enum record_type type)
{
	char normalized[ANSWER_NAME_MAX];

	name_normalize(name, normalized, sizeof normalized);
	struct fact *fact = find(facts, normalized, type);

	if (fact && (fact->covered || facts->laid_count == 0))
		return fact->covered ? fact->covered : fact->answer;
	struct walk walk = {.at = normalized};

	if (walk_to_end(facts, &walk, type))
		return NULL;
	fact = find_or_make(facts, normalized, type);
	if (!fact || (!walk.touched && fact->answer))
		return fact ? fact->answer : NULL;
	fact->covered = cover(facts, &walk, normalized, type);
	return fact->covered;
}

const struct answer *facts_lookup(
	struct facts *facts, const char *name, enum record_type type)
{
	const struct answer *answer = look_up(facts, name, type);

	facts->stale_uses += answer && answer->stale;
	return answer;
}

size_t facts_stale_uses(const struct facts *facts)
{
	return facts->stale_uses;
}

int64_t facts_stand_until(const struct facts *facts)
{
	int64_t until = facts->count && !facts->laid_count ? INT64_MAX : 0;

	for (size_t i = 0; i < facts->count && until; i++) {
		const struct answer *answer = facts->facts[i].answer;
		bool is_no = answer && (answer->status == ANSWER_NO_NAME ||
					       answer->status == ANSWER_NO_DATA);
		int64_t end = 0;

		if (answer && !answer->stale)
			end = answer->learned +
			      (int64_t)(is_no && answer->ttl > CACHE_NEGATIVE_MAX
						? CACHE_NEGATIVE_MAX
						: answer->ttl) *
				      1000;
		if (end < until)
			until = end;
	}
	return until;
}

static bool mentions(const struct answer *answer, const char *text)
{
	if (!answer || answer->type != TYPE_TXT)
		return false;
	for (size_t i = 0; i < answer->count; i++)
		if (strcasestr(answer->records[i].text, text))
			return true;
	return false;
}

bool facts_mention(const struct facts *facts, const char *text)
{
	for (size_t i = 0; i < facts->count; i++)
		if (mentions(facts->facts[i].answer, text))
			return true;
	return false;
}

int facts_add(struct facts *facts, const struct answer *answer)
{
	char normalized[ANSWER_NAME_MAX];

	name_normalize(answer->name, normalized, sizeof normalized);
	struct fact *fact = find_or_make(facts, normalized, answer->type);

	if (!fact)
		return -ENOMEM;
	if (fact->answer)
		return 0;
	fact->answer = answer_copy(answer);
	return fact->answer ? 0 : -ENOMEM;
}

static void uncover_all(struct facts *facts)
{
	for (size_t i = 0; i < facts->count; i++) {
		answer_free(facts->facts[i].covered);
		facts->facts[i].covered = NULL;
	}
}

/* The RRset old (or none) with one record more. */
static struct answer *with_record(
	const struct answer *old, const struct laid_record *laid)
{
	struct answer meta = {.status = ANSWER_FOUND,
		.laid = true,
		.ttl = laid->ttl,
		.learned = answer_now(),
		.server = "laid by hand"};
	struct answer_builder *builder = answer_builder_new(laid->name, laid->type);

	if (!builder)
		return NULL;
	for (size_t i = 0; old && i < old->count; i++)
		if (answer_builder_add(builder, &old->records[i]))
			goto fail;
	if (answer_builder_add(builder, &laid->record) == 0)
		return answer_builder_finish(builder, &meta);
fail:
	answer_builder_free(builder);
	return NULL;
}

static int put_laid(struct facts *facts, struct answer *answer)
{
	for (size_t i = 0; i < facts->laid_count; i++) {
		if (facts->laid[i]->type == answer->type &&
			strcmp(facts->laid[i]->name, answer->name) == 0) {
			answer_free(facts->laid[i]);
			facts->laid[i] = answer;
			return 0;
		}
	}
	struct answer **grown =
		realloc(facts->laid, (facts->laid_count + 1) * sizeof(struct answer *));

	if (!grown) {
		answer_free(answer);
		return -ENOMEM;
	}
	facts->laid = grown;
	facts->laid[facts->laid_count++] = answer;
	return 0;
}

int facts_lay(struct facts *facts, const char *record, const char **error)
{
	struct laid_record laid;

	*error = laid_parse(record, &laid);
	if (*error)
		return -EINVAL;
	struct answer *answer =
		with_record(find_laid(facts, laid.name, laid.type), &laid);

	if (!answer)
		return -ENOMEM;
	uncover_all(facts);
	return put_laid(facts, answer);
}

int facts_lay_all(struct facts *facts, const struct facts *from)
{
	uncover_all(facts);
	for (size_t i = 0; i < from->laid_count; i++) {
		struct answer *copy = answer_copy(from->laid[i]);

		if (!copy || put_laid(facts, copy))
			return -ENOMEM;
	}
	return 0;
}

static bool is_wanted(const struct fact *fact)
{
	return !fact->answer && !fact->covered;
}

size_t facts_wanted(const struct facts *facts)
{
	size_t wanted = 0;

	for (size_t i = 0; i < facts->count; i++)
		wanted += is_wanted(&facts->facts[i]);
	return wanted;
}

void facts_wanted_at(
	const struct facts *facts, size_t i, const char **name, enum record_type *type)
{
	const struct fact *fact = facts->facts;

	while (!is_wanted(fact) || i-- > 0)
		fact++;
	*name = fact->name;
	*type = fact->type;
}
