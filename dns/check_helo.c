/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

#include <string.h>
#include <strings.h>

#include "dns/name.h"

/* Letters, digits, hyphens within labels of 1 to 63 bytes, 253 in all (RFC 1123 2.1). */
static bool has_host_syntax(const char *name)
{
	size_t label = 0, len = strlen(name);

	for (const char *c = name; *c; c++) {
		bool is_inner = label > 0 && c[1] && c[1] != '.';
		bool is_ldh = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		              (*c >= '0' && *c <= '9') || (*c == '-' && is_inner);

		if (*c == '.' ? label == 0 : !is_ldh)
			return false;
		label = *c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && len <= 253;
}

const char *preflight_name_problem(const char *name)
{
	const char *last = strrchr(name, '.');
	struct address address;

	if (address_parse(name, &address))
		return "it is an IP address without brackets";
	if (!last)
		return "it has no dot";
	if (!last[1])
		return "it ends in a dot";
	if (strchr(name, '_'))
		return "it has an underscore";
	if (strcasecmp(name, "localhost.localdomain") == 0 ||
		name_ends_in(name, ".localhost"))
		return "it is localhost";
	if (name_ends_in(name, ".local"))
		return "nothing under .local is known outside";
	if (!has_host_syntax(name))
		return "a host name has letters, digits and hyphens in labels of 1 to 63";
	if (!last[1 + strspn(last + 1, "0123456789")])
		return "it ends in a number, as only addresses do";
	return NULL;
}

static void judge_literal(struct evaluation *evaluation, struct finding *finding)
{
	const char *ehlo = evaluation->question->ehlo;
	const char *what = "an address literal, and not that of our public IP";
	struct address own, literal;
	char name[200];
	bool is_literal = address_parse_literal(ehlo, &literal);
	bool is_known = own_address(evaluation->question, &own);
	bool is_own = is_literal && (!is_known || address_is_same(&own, &literal));

	if (!is_literal)
		what = "neither a host name nor an address literal";
	else if (!is_known)
		what = "an address literal, but many receivers want a name";
	else if (is_own)
		what = "our address, but many receivers want a name";
	conclude_fail(evaluation, finding, REASON_HELO_INVALID, ehlo, "%s is %s",
		shown(ehlo, name), what);
	if (is_own)
		warn_at_most(finding);
}

/* The name has no address: an MX alone satisfies some (Postfix), not all. */
static void judge_without_address(struct evaluation *evaluation, struct finding *finding)
{
	const char *ehlo = evaluation->question->ehlo;
	char name[200];
	const struct answer *mx = consult(evaluation, finding, ehlo, TYPE_MX);

	if (!mx)
		return;
	if (mx->status == ANSWER_FAILED) {
		conclude_unknown(evaluation, finding, REASON_HELO_UNRESOLVABLE,
			"the DNS could not tell whether %s exists", shown(ehlo, name));
		return;
	}
	bool has_mx = false;

	for (size_t i = 0; i < mx->count; i++) /* a null MX (RFC 7505) is none */
		has_mx = has_mx || mx->records[i].text[0];

	conclude_fail(evaluation, finding, REASON_HELO_UNRESOLVABLE, ehlo,
		has_mx ? "the name we greet with, %s, has an MX but no address"
		       : "the name we greet with, %s, does not exist in the DNS",
		shown(ehlo, name));
	if (has_mx)
		warn_at_most(finding);
}

static void judge_addresses(struct evaluation *evaluation, struct finding *finding,
	const struct answer *v4, const struct answer *v6)
{
	const char *ehlo = evaluation->question->ehlo;
	struct address own;
	char name[200];

	if (!own_address(evaluation->question, &own)) {
		conclude_pass(
			finding, "the name we greet with, %s, exists", shown(ehlo, name));
		return;
	}
	const struct answer *same = own.is_v6 ? v6 : v4;

	if (answer_has_address(same, &own))
		conclude_pass(finding, "the name we greet with, %s, leads to %s",
			shown(ehlo, name), evaluation->question->ip);
	else if (same->status == ANSWER_FAILED)
		conclude_unknown(evaluation, finding, REASON_HELO_MISMATCH,
			"the DNS could not tell whether %s leads to %s",
			shown(ehlo, name), evaluation->question->ip);
	else
		conclude_fail(evaluation, finding, REASON_HELO_MISMATCH, ehlo,
			"the name we greet with, %s, exists but does not lead to %s",
			shown(ehlo, name), evaluation->question->ip);
}

void check_helo(struct evaluation *evaluation, struct finding *finding)
{
	const char *ehlo = evaluation->question->ehlo;
	char name[200];

	if (!ehlo) {
		conclude_skipped(finding, "no EHLO name was given");
		return;
	}
	if (ehlo[0] == '[') {
		judge_literal(evaluation, finding);
		return;
	}
	const char *wrong = preflight_name_problem(ehlo);

	if (wrong) {
		conclude_fail(evaluation, finding, REASON_HELO_INVALID, ehlo,
			"the name we greet with, %s, is no host name: %s",
			shown(ehlo, name), wrong);
		return;
	}
	const struct answer *v4 = consult(evaluation, finding, ehlo, TYPE_A);
	const struct answer *v6 = consult(evaluation, finding, ehlo, TYPE_AAAA);

	if (!v4 || !v6)
		return;
	if (v4->status == ANSWER_FOUND || v6->status == ANSWER_FOUND)
		judge_addresses(evaluation, finding, v4, v6);
	else if (v4->status == ANSWER_FAILED || v6->status == ANSWER_FAILED)
		conclude_unknown(evaluation, finding, REASON_HELO_UNRESOLVABLE,
			"the DNS could not tell whether %s exists", shown(ehlo, name));
	else
		judge_without_address(evaluation, finding);
}
