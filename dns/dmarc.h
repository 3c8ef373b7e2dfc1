/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "dns/preflight.h"
#include "dns/spf.h"

/*
 * DMARC (RFC 9989), pure, over facts: which policy holds for the author's domain, and whether what
 * authenticates the message is aligned with it. check_dmarc asks; nothing here verifies a
 * signature or evaluates SPF.
 */

struct evaluation;
struct finding;

enum dmarc_policy {
	DMARC_ASKS_NOTHING,
	DMARC_QUARANTINE,
	DMARC_REJECT,
};

/* One record's tags; what is missing or wrong has its default (RFC 9989 4.7, 4.10.1). */
struct dmarc_record {
	enum dmarc_policy domain;      /* p= */
	enum dmarc_policy subdomain;   /* sp=, else p= */
	enum dmarc_policy nonexistent; /* np=, else sp=, else p= */
	char psd;                      /* 'y', 'n' or 'u' */
	bool is_strict_spf, is_strict_dkim;
	bool is_test; /* t=y: one level less is wanted */
};

/* False: this text is no DMARC record. */
bool dmarc_parse(const char *text, size_t len, struct dmarc_record *record);

/* Texts are borrowed. */
struct dmarc_query {
	const char *author;     /* the domain in From: */
	const char *spf_domain; /* whose SPF was asked: MAIL FROM, or EHLO; NULL: none */
	bool is_spf_known;      /* false: it could not be judged, say without our IP */
	enum spf_result spf;    /* only when is_spf_known */
	struct preflight_texts signers; /* d= of the message's signatures */
};

enum dmarc_result {
	DMARC_NO_RECORD,
	DMARC_NO_POLICY, /* there is a record, and it asks for nothing */
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_UNDECIDED, /* SPF would decide, but it is not known */
	DMARC_TEMPERROR, /* the DNS could not tell */
};

struct dmarc_outcome {
	enum dmarc_result result;
	enum dmarc_policy policy; /* what is asked for; FAIL only */
	char domain[256];         /* whose record holds; "" when there is none */
	const char *aligned;      /* PASS: what is aligned, of the query */
	bool is_signed;           /* PASS: by a signature, not by SPF */
};

/*
 * Evaluates; the TXT answers it rests on become evidence of finding. Asks for no more than it needs:
 * a record at the author's own domain and an equal identifier need no walk. Returns false
 * while facts are missing (evaluation->pending is set).
 */
bool dmarc_evaluate(struct evaluation *evaluation, struct finding *finding,
	const struct dmarc_query *query, struct dmarc_outcome *outcome);
