/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/answer.h"

/*
 * The table the checks are functions of: answers by name and type. A lookup that misses is
 * remembered as wanted; whoever drives the evaluation brings the answers and evaluates again.
 */

struct facts;

struct facts *facts_new(void); /* NULL without memory */
void facts_free(struct facts *facts);

/*
 * The answer to (name, type), or NULL: not known yet, remembered as wanted. Valid as long as
 * facts. Laid records win over answers, also at a name that a CNAME chain leads through.
 */
const struct answer *facts_lookup(
	struct facts *facts, const char *name, enum record_type type);

/*
 * How many lookups have returned a stale answer so far. What rests on one may let mail pass, but accuses
 * nobody: the repair may have been published since.
 */
size_t facts_stale_uses(const struct facts *facts);

/*
 * Until when (answer_now) a look-up of any of these facts, through the cache of a resolver, would give the
 * same; 0: some are stale, laid or open, or there is none.
 */
int64_t facts_stand_until(const struct facts *facts);

/* True when a TXT record among them has the bytes of text, in any case. */
bool facts_mention(const struct facts *facts, const char *text);

/* Adds an answer (copied). Returns 0 or -ENOMEM. A second one for the same question is ignored. */
int facts_add(struct facts *facts, const struct answer *answer);

/*
 * Lays a record over the facts: "NAME [TTL] TYPE RDATA" as in a zone file. Records of one name and
 * type together replace that RRset and a CNAME at the name. Returns 0, -ENOMEM, or -EINVAL with
 * *error set to a static text that says what is wrong.
 */
int facts_lay(struct facts *facts, const char *record, const char **error);

/* Copies every laid record of from into facts. Returns 0 or -ENOMEM. */
int facts_lay_all(struct facts *facts, const struct facts *from);

/* The questions still open, in the order they were wanted. */
size_t facts_wanted(const struct facts *facts);
void facts_wanted_at(
	const struct facts *facts, size_t i, const char **name, enum record_type *type);
