/* SPDX-License-Identifier: ISC */
#pragma once

#include <jansson.h>

#include "relay/relay.h"
#include "relay/source.h"
#include "relay/target.h"

/*
 * Which of our sources is fit for a destination (DESIGN section 3, "Per address family"): all are
 * judged side by side, a source whose family the recipient's servers lack is not usable, and of
 * the rest the best verdict counts. An attempt asks, and a
 * cause of holds whether there is a way round it; nothing is connected to here. What was found for mail of the
 * same kind lately is found again without asking (judged.h).
 */

/* One source and what was found about it. */
struct candidate {
	struct source source;
	enum action action;  /* what the pre-flight leads to from here */
	enum mx_status path; /* where the mail would go... */
	bool has_private;    /* ...whether private addresses were left out there... */
	bool lacks_tlsa;     /* ...and servers of which nobody can tell what they must show */
	struct target *targets;
	size_t target_count;    /* TARGETS_MAX at most; 0: there is no way from here */
	struct finding finding; /* the one that decides, without evidence and remedy... */
	json_t *described;      /* ...which are here; NULL when all is clear */
	uint32_t ttl;           /* seconds for which that evidence may be believed */
};

/* Pure: the sources that mail may leave from, the best first; equals in the order of the configuration.
 * Fills order with their numbers and returns how many. */
size_t fitness_rank(
	const struct candidate *candidates, size_t count, size_t order[SOURCES_MAX]);

/*
 * Pure: when none is fit, the one that came closest: its finding decides. NULL: no finding stands in
 * the way, there just is none.
 */
const struct candidate *fitness_closest(const struct candidate *candidates, size_t count);

/* Pure: seconds until the first answer that a finding rests on may be another. */
uint32_t fitness_evidence_ttl(const struct finding *finding, int64_t now);

/*
 * Pure: what was left out for used, and why: "IPv6 2001:db8::25 left out: ptr-missing", or NULL when
 * nothing was. Sources without a way are not mentioned. The caller frees the text.
 */
char *fitness_left_out(
	const struct candidate *candidates, size_t count, const struct candidate *used);

/* What is to be judged. All is borrowed until the end of the judging. */
struct fitness_question {
	const struct message *message;
	const char *domain;               /* of the recipients */
	const struct config_route *route; /* NULL: by MX */
	bool is_released;                 /* by hand: this time without the pre-flight */
	bool is_overdue; /* the DNS could not tell for so long that it is tried all the same */
	enum resolver_freshness freshness;
};

struct fitness;

/* Called once, from the loop, when every source is judged. */
typedef void (*fitness_cb)(void *owner);

struct fitness *fitness_start(struct relay *relay,
	const struct fitness_question *question, fitness_cb cb, void *owner);

/* Breaks off what is still being asked; NULL is fine. */
void fitness_free(struct fitness *fitness);

/* The sources in the order of the configuration; all that the pure functions need. Borrowed. */
const struct candidate *fitness_candidates(const struct fitness *fitness, size_t *count);
