/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/check.h"
#include "dns/spf_macro.h"
#include "dns/spf_record.h"

/*
 * One evaluation of SPF on its way. Between spf.c, which walks records and keeps the limits, and
 * spf_match.c, which tells whether one mechanism matches. Nobody else includes it.
 */

struct spf_run {
	struct evaluation *evaluation;
	struct finding *finding;
	struct spf_outcome *outcome;
	struct address client;
	struct spf_macro_values values;
	unsigned includes; /* how deep in includes the record stands */
};

enum spf_match {
	SPF_NO_MATCH,
	SPF_MATCH,
	SPF_MATCH_TEMPERROR, /* outcome->problem is set */
	SPF_MATCH_PERMERROR,
	SPF_MATCH_PENDING, /* facts are missing */
};

/* Any mechanism but include. */
enum spf_match spf_match_term(struct spf_run *run, const struct spf_term *term);

/* The domain a term is about, macros expanded. False: facts are missing. */
bool spf_match_target(struct spf_run *run, const struct spf_term *term,
	char target[static SPF_TEXT_MAX]);

/* Makes %{p} known where a text has it (RFC 7208 7.3). False: facts are missing. */
bool spf_match_validate(struct spf_run *run, const char *text, size_t len);

/* Says what is wrong, unless something deeper has said it already. */
void spf_set_problem(struct spf_run *run, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
