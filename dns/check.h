/* SPDX-License-Identifier: ISC */
#pragma once

#include "dns/address.h"
#include "dns/preflight.h"
#include "dns/spf.h"

/*
 * What the checks share. Each check is straight-line C over the facts: it consults what it needs,
 * returns as soon as something is missing (the evaluation is then pending and is done again from the
 * start), and fills its finding. Internal to dns/.
 */

struct evaluation {
	const struct preflight_question *question;
	struct facts *facts;
	struct verdict *verdict;
	bool pending;
	bool no_memory;
	/* What check_spf has found, for those that build on it; only when is_spf_known. */
	struct spf_outcome spf;
	bool is_spf_known;
};

void check_ip(struct evaluation *evaluation, struct finding *finding);
void check_ptr(struct evaluation *evaluation, struct finding *finding);
void check_fcrdns(struct evaluation *evaluation, struct finding *finding);
void check_ptr_name(struct evaluation *evaluation, struct finding *finding);
void check_helo(struct evaluation *evaluation, struct finding *finding);
void check_sender(struct evaluation *evaluation, struct finding *finding);
void check_spf(struct evaluation *evaluation, struct finding *finding);
void check_spf_helo(struct evaluation *evaluation, struct finding *finding);
void check_dmarc(struct evaluation *evaluation, struct finding *finding);
void check_dnsbl(struct evaluation *evaluation, struct finding *finding);
void check_recipient(struct evaluation *evaluation, struct finding *finding);

/* One more finding of the same check (a second block list), or NULL: there are too many. */
struct finding *another_finding(struct evaluation *evaluation, enum check check);

/* The answer, shown as evidence from now on; NULL: missing, the evaluation is pending. */
const struct answer *consult(struct evaluation *evaluation, struct finding *finding,
	const char *name, enum record_type type);

/* What a check concludes. subject: what a cause would be about; the sentence by printf. */
void conclude_pass(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void conclude_skipped(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void conclude_fail(struct evaluation *evaluation, struct finding *finding,
	enum reason reason, const char *subject, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The DNS could not tell whether reason holds. It defers what that reason would stop; a warning about
 * DMARC and block lists is all it leads to. */
void conclude_unknown(struct evaluation *evaluation, struct finding *finding,
	enum reason reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* With answers that could not be had now it might be otherwise: what it blames somebody for becomes
 * unknown, and its action no worse than it was. */
void withdraw_blame(struct evaluation *evaluation, struct finding *finding);

/* Whatever the configuration says, this finding stops no mail. */
void warn_at_most(struct finding *finding);

/* The question's IP address. False: not given, or no address. */
bool own_address(const struct preflight_question *question, struct address *address);

/* The same; where it is false, the finding says that the check was skipped. */
bool needs_own_address(const struct evaluation *evaluation, struct finding *finding,
	struct address *address);

/* The PTR records of an address, by consult. */
const struct answer *consult_ptr(struct evaluation *evaluation, struct finding *finding,
	const struct address *address);

/* Names behind an address that are host names: so many at most as RFC 7208 4.6.4 looks at. */
enum { PTR_NAMES_MAX = 10 };
struct ptr_names {
	const char *items[PTR_NAMES_MAX];
	size_t count;
};
void usable_ptr_names(const struct answer *ptr, struct ptr_names *names);

/*
 * Those of our address. False: there is none to look at, as the finding says, or facts are missing.
 */
bool consult_ptr_names(struct evaluation *evaluation, struct finding *finding,
	struct address *address, struct ptr_names *names);

/* True for a name that looks made from an address or names a dial-up pool (ptr-generic). */
bool is_generic_name(const char *name);
/* The same, and true for what only this address makes suspicious: its hex form, three of its octets. */
bool is_generic_name_of(const char *name, const struct address *address);

/* A name for a sentence: unprintable bytes escaped, cut when it is very long. */
const char *shown(const char *name, char out[200]);
/* The same of any text: it may have blanks. */
void shown_text(const char *text, size_t len, char *out, size_t cap);

/* "" and "<>". */
bool is_null_sender(const char *sender);

/* Whose SPF receivers ask for: MAIL FROM's domain, for the null sender the EHLO name (RFC 7208
 * 2.4). NULL: it is not given. */
const char *spf_identity(const struct preflight_question *question);

/* Whom SPF is asked about. Texts are the question's, or the asking's own: it must not be copied. */
struct spf_asking {
	struct spf_query query; /* but its client */
	char postmaster[300];   /* the query's sender, where it is not the sender as given */
};
/* MAIL FROM; for the null sender postmaster@EHLO (RFC 7208 2.4). Its domain is NULL as spf_identity is. */
void spf_ask_sender(const struct preflight_question *question, struct spf_asking *asking);
/* The EHLO name, which must be given (RFC 7208 2.3). */
void spf_ask_ehlo(const struct preflight_question *question, struct spf_asking *asking);

/* The domain of a mailbox (or the domain itself, without '@'); "" when there is none. */
const char *domain_of(const char *mailbox);

/* True for name@domain, unless the domain is an address literal. */
bool has_domain(const char *mailbox);

/*
 * Adds the repair kit to a finding that has a reason; its records are none where no record cures it. May
 * leave the evaluation pending.
 */
void remedy_add(struct evaluation *evaluation, struct finding *finding);
