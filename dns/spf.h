/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>

#include "dns/address.h"

/*
 * check_host() of RFC 7208, pure, over facts. Internal to dns/: check_spf asks about MAIL FROM and
 * EHLO, check_dmarc and the repair kit use what it found.
 */

enum { SPF_LOOKUPS_MAX = 10, SPF_VOIDS_MAX = 2, SPF_NAMES_MAX = 10 }; /* RFC 7208 4.6.4 */

struct evaluation;
struct finding;

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
};

/* Texts are borrowed. */
struct spf_query {
	struct address client; /* may it send for domain? */
	const char *domain;    /* whose record */
	const char *sender;    /* for the macros: "ann@corp.example", "postmaster@..." */
	const char *helo;      /* for the macro %{h}; "" when there is none */
};

struct spf_outcome {
	enum spf_result result;
	/* The domain's own record, or NULL; borrowed from the facts. */
	const char *record;
	/* The term that decided, in the record it stands in; or "". */
	char term[128];
	/* PERMERROR, TEMPERROR: what is wrong, where; NONE: why no record could be looked for;
	 * else "". */
	char problem[200];
	/* FAIL: exp= of the domain, expanded and escaped; or "". */
	char explanation[300];
	/* Never with PASS. An answer was stale, or a look-up failed that RFC 7208 5.5 reads as "no
	 * match": with what the DNS cannot tell now, another term might have decided. */
	bool is_uncertain;
	unsigned lookups, voids; /* terms counted in evaluation order (RFC 7208 4.6.4) */
};

/*
 * Evaluates; the answers it rests on become evidence of finding. Returns false while facts are
 * missing (evaluation->pending is set).
 */
bool spf_evaluate(struct evaluation *evaluation, struct finding *finding,
	const struct spf_query *query, struct spf_outcome *outcome);

/* "pass", "temperror"... as RFC 7208 2.6 spells them. Static text. */
const char *spf_result_name(enum spf_result result);
