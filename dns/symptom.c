/* SPDX-License-Identifier: ISC */
#include "dns/symptom.h"

#include <string.h>
#include <strings.h>

#include "dns/check.h"
#include "dns/name.h"

static bool is_unknown(const struct finding *finding)
{
	return finding->result == RESULT_UNKNOWN;
}

static bool is_numeric(const char *name)
{
	return name[0] && strspn(name, "0123456789.") == strlen(name);
}

/* What can be asked of a record in evidence. */

static bool is_any(const struct record *record)
{
	(void)record;
	return true;
}

static bool is_public_v4(const struct record *record)
{
	return !mx_address_is_private(record->address, false);
}

static bool is_public_v6(const struct record *record)
{
	return !mx_address_is_private(record->address, true);
}

/* What Sendmail's FEATURE(`badmx') looks for. */
static bool is_local(const struct record *record)
{
	const uint8_t *ip = record->address;

	return ip[0] == 127 || ip[0] == 10 || !(ip[0] | ip[1] | ip[2] | ip[3]);
}

static bool is_null_exchange(const struct record *record)
{
	return !record->text[0];
}

static bool is_named_exchange(const struct record *record)
{
	return record->text[0] != '\0';
}

static bool is_literal(const struct record *record)
{
	return is_numeric(record->text);
}

static bool is_reject_policy(const struct record *record)
{
	return strncasecmp(record->text, "v=DMARC1", 8) == 0 &&
	       strcasestr(record->text, "reject");
}

/* True when a record of this type is in evidence that passes the test. */
static bool has_record(const struct finding *finding, enum record_type type,
	bool (*test)(const struct record *record))
{
	for (size_t i = 0; i < finding->evidence_count; i++) {
		const struct answer *answer = finding->evidence[i];

		for (size_t r = 0; answer->type == type && r < answer->count; r++)
			if (test(&answer->records[r]))
				return true;
	}
	return false;
}

static bool has_public_address(const struct finding *finding)
{
	return has_record(finding, TYPE_A, is_public_v4) ||
	       has_record(finding, TYPE_AAAA, is_public_v6);
}

/* Delivery ignores a null MX among others; Postfix and Sendmail do not. */
static bool has_null_mx_beside(const struct finding *finding)
{
	return has_record(finding, TYPE_MX, is_null_exchange) &&
	       has_record(finding, TYPE_MX, is_named_exchange);
}

static enum symptom read_ptr(const struct finding *finding)
{
	if (is_unknown(finding))
		return PTR_UNKNOWN;
	if (finding->reason != REASON_PTR_MISSING)
		return SYMPTOM_NONE;
	if (has_record(finding, TYPE_PTR, is_literal))
		return PTR_ADDRESS;
	return has_record(finding, TYPE_PTR, is_any) ? PTR_NO_HOST : PTR_MISSING;
}

/* The configuration may have turned a mismatch into a warning: only the evidence tells. */
static enum symptom read_fcrdns(
	const struct preflight_question *question, const struct finding *finding)
{
	struct address own;

	if (is_unknown(finding))
		return FCRDNS_UNKNOWN;
	if (finding->reason != REASON_FCRDNS_MISMATCH || !own_address(question, &own))
		return SYMPTOM_NONE;
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (finding->evidence[i]->type == address_type(&own) &&
			answer_has_address(finding->evidence[i], &own))
			return FCRDNS_STRAY;
	return FCRDNS_MISMATCH;
}

/* helo-invalid, by its cause. */
static enum symptom read_helo_name(const char *ehlo, bool is_own_literal)
{
	if (is_own_literal)
		return strchr(ehlo, ':') ? HELO_LITERAL6 : HELO_LITERAL;
	if (ehlo[0] == '[')
		return strcmp(ehlo, "[127.0.0.1]") == 0 ? HELO_LOOPBACK
		                                        : HELO_FOREIGN_LITERAL;
	if (strchr(ehlo, ':') || is_numeric(ehlo))
		return strchr(ehlo, ':') ? HELO_ADDRESS6 : HELO_ADDRESS;
	if (!strchr(ehlo, '.'))
		return HELO_NO_DOT;
	if (strstr(ehlo, "..") || ehlo[0] == '.')
		return HELO_SYNTAX;
	if (name_ends_in(ehlo, "."))
		return HELO_END_DOT;
	if (is_numeric(strrchr(ehlo, '.')) || name_ends_in(ehlo, ".local") ||
		name_ends_in(ehlo, ".localdomain") || name_ends_in(ehlo, ".localhost"))
		return HELO_LOCAL;
	return strchr(ehlo, '_') ? HELO_UNDERSCORE : HELO_SYNTAX;
}

/* Our own address in brackets. */
static bool is_own_literal(const struct preflight_question *question)
{
	struct address own, named;

	return own_address(question, &own) &&
	       address_parse_literal(question->ehlo, &named) &&
	       address_is_same(&own, &named);
}

static enum symptom read_helo(
	const struct preflight_question *question, const struct finding *finding)
{
	switch (finding->reason) {
	case REASON_HELO_INVALID:
		return read_helo_name(question->ehlo, is_own_literal(question));
	case REASON_HELO_UNRESOLVABLE:
		return has_record(finding, TYPE_MX, is_any) ? HELO_MX_ONLY : HELO_MISSING;
	case REASON_HELO_MISMATCH:
		return HELO_MISMATCH;
	default:
		return is_unknown(finding) ? HELO_UNKNOWN : SYMPTOM_NONE;
	}
}

/* Names that some receivers refuse for their form, whatever the DNS says about them. */
static enum symptom read_sender_syntax(const char *domain)
{
	size_t len;

	if (domain[0] == '[')
		return SYMPTOM_NONE;
	for (const char *label = domain; *label; label += len + (label[len] == '.')) {
		len = strcspn(label, ".");
		if (len == 0 || len > 63)
			return SENDER_SYNTAX;
	}
	return strchr(domain, '_') ? SENDER_UNDERSCORE : SYMPTOM_NONE;
}

static enum symptom read_sender(
	const struct preflight_question *question, const struct finding *finding)
{
	const char *domain = domain_of(question->sender ? question->sender : "");

	if (is_unknown(finding))
		return has_record(finding, TYPE_MX, is_any) ? SENDER_MX_UNKNOWN
		                                            : SENDER_UNKNOWN;
	switch (finding->reason) {
	case REASON_SENDER_DOMAIN_UNRESOLVABLE:
		if (!strchr(question->sender, '@') || !domain[0])
			return SENDER_NO_DOMAIN;
		if (domain[0] == '[')
			return SENDER_LITERAL;
		return strchr(domain, '.') ? SENDER_MISSING : SENDER_NO_DOT;
	case REASON_SENDER_NULL_MX:
		return has_null_mx_beside(finding) ? SENDER_NULL_MX_BESIDE
		                                   : SENDER_NULL_MX;
	case REASON_SENDER_MX_BOGUS:
		if (!strchr(domain, '.'))
			return SENDER_NO_DOT;
		if (has_public_address(finding)) /* only one of several is bad */
			return SYMPTOM_NONE;
		return has_record(finding, TYPE_A, is_any) ||
		                       has_record(finding, TYPE_AAAA, is_any)
		               ? SENDER_MX_BOGUS
		               : SENDER_MX_DEAD;
	default:
		return SYMPTOM_NONE;
	}
}

static enum symptom read_spf(const struct finding *finding)
{
	if (is_unknown(finding))
		return SPF_UNKNOWN;
	switch (finding->reason) {
	case REASON_SPF_FAIL:
		return SPF_FORBIDS;
	case REASON_SPF_SOFTFAIL:
		return SPF_DOUBTS;
	case REASON_SPF_NONE:
		return SPF_ABSENT;
	case REASON_SPF_PERMERROR:
		return SPF_BROKEN;
	default:
		return SYMPTOM_NONE;
	}
}

/* Only a policy of reject leads to more than a warning, unless the configuration has it otherwise. */
static bool is_policy_reject(
	const struct preflight_question *question, const struct finding *finding)
{
	return question->actions[REASON_DMARC_FAIL] > ACTION_WARN
	               ? finding->action > ACTION_WARN
	               : has_record(finding, TYPE_TXT, is_reject_policy);
}

static enum symptom read_dmarc(
	const struct preflight_question *question, const struct finding *finding)
{
	if (is_unknown(finding))
		return DMARC_UNKNOWN;
	if (finding->reason != REASON_DMARC_FAIL)
		return SYMPTOM_NONE;
	return is_policy_reject(question, finding) ? DMARC_FORBIDS : DMARC_SUSPECTS;
}

static enum symptom read_dnsbl(const struct finding *finding)
{
	if (finding->reason == REASON_DNSBL_IP)
		return DNSBL_IP;
	return finding->reason == REASON_DNSBL_DOMAIN ? DNSBL_DOMAIN : SYMPTOM_NONE;
}

static enum symptom read_finding(
	const struct preflight_question *question, const struct finding *finding)
{
	switch (finding->check) {
	case CHECK_PTR:
		return read_ptr(finding);
	case CHECK_FCRDNS:
		return read_fcrdns(question, finding);
	case CHECK_PTR_NAME:
		return finding->reason == REASON_PTR_GENERIC ? PTR_GENERIC : SYMPTOM_NONE;
	case CHECK_HELO:
		return read_helo(question, finding);
	case CHECK_SENDER:
		return read_sender(question, finding);
	case CHECK_SPF:
		return read_spf(finding);
	case CHECK_SPF_HELO:
		return finding->reason == REASON_SPF_FAIL ? SPF_HELO_FORBIDS
		                                          : SYMPTOM_NONE;
	case CHECK_DMARC:
		return read_dmarc(question, finding);
	case CHECK_DNSBL:
		return read_dnsbl(finding);
	default: /* the recipient is not the receiver's question */
		return SYMPTOM_NONE;
	}
}

/* What a finer symptom is a case of: most receivers do not tell them apart. */
static enum symptom general_of(enum symptom symptom)
{
	switch (symptom) {
	case PTR_ADDRESS:
	case PTR_NO_HOST:
		return PTR_MISSING;
	case HELO_ADDRESS:
	case HELO_ADDRESS6:
	case HELO_FOREIGN_LITERAL:
	case HELO_LOOPBACK:
	case HELO_NO_DOT:
	case HELO_UNDERSCORE:
	case HELO_LOCAL:
	case HELO_SYNTAX:
	case HELO_MISSING:
	case HELO_MX_ONLY:
	case HELO_MISMATCH:
		return HELO_NOT_OURS;
	case SENDER_NO_DOT:
		return SENDER_MISSING;
	case SENDER_MX_DEAD:
		return SENDER_MX_BOGUS;
	default:
		return symptom;
	}
}

/* What is asked of the sender's domain beside what the finding is about. */
static void add_sender_details(const struct preflight_question *question,
	const struct finding *finding, struct symptoms *symptoms)
{
	const char *domain = domain_of(question->sender ? question->sender : "");

	symptoms->has[read_sender_syntax(domain)] = true;
	symptoms->has[SENDER_MX_LOCAL] = has_record(finding, TYPE_A, is_local);
	symptoms->has[SENDER_MX_LITERAL] = has_record(finding, TYPE_MX, is_literal);
}

static bool is_unauthenticated(
	const struct preflight_question *question, const struct finding *finding)
{
	return finding->check == CHECK_SPF && finding->spf && !question->signers.count &&
	       finding->result != RESULT_PASS && !is_unknown(finding);
}

void symptoms_read(const struct preflight_question *question,
	const struct verdict *verdict, struct symptoms *symptoms)
{
	*symptoms = (struct symptoms){{false}};
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		enum symptom symptom = read_finding(question, finding);

		symptoms->has[symptom] = true;
		symptoms->has[general_of(symptom)] = true;
		if (finding->check == CHECK_SENDER)
			add_sender_details(question, finding, symptoms);
		if (is_unauthenticated(question, finding))
			symptoms->has[NOT_AUTHENTICATED] = true;
	}
}
