/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "dns/name.h"
#include "dns/spf_run.h"

/* The names behind the client's address that lead back to it (RFC 7208 5.5). */
struct validated {
	const char *names[SPF_NAMES_MAX];
	size_t count;
	bool is_void;      /* there is no PTR at all */
	bool is_uncertain; /* there may be more names */
};

/*
 * False: facts are missing. A look-up that fails validates nothing, and is no error. Whose address it
 * is decides about these records, not whose SPF record: beyond ten they are left out, and those
 * that do not exist are not counted.
 */
static bool find_validated(struct spf_run *run, struct validated *validated)
{
	bool is_complete = true;

	validated->count = 0;
	const struct answer *ptr =
		consult_ptr(run->evaluation, run->finding, &run->client);

	if (!ptr)
		return false;
	validated->is_void = ptr->count == 0 && ptr->status != ANSWER_FAILED;
	validated->is_uncertain = ptr->status == ANSWER_FAILED;
	for (size_t i = 0; i < ptr->count && i < SPF_NAMES_MAX; i++) {
		const char *name = ptr->records[i].text;
		const struct answer *forward = consult(
			run->evaluation, run->finding, name, address_type(&run->client));

		if (!forward)
			is_complete = false;
		else if (answer_has_address(forward, &run->client))
			validated->names[validated->count++] = name;
		else if (forward->status == ANSWER_FAILED)
			validated->is_uncertain = true;
	}
	return is_complete;
}

/* The domain itself, else a name below it, else any. */
static const char *choose_validated(const struct validated *validated, const char *domain)
{
	for (size_t i = 0; i < validated->count; i++)
		if (strcmp(validated->names[i], domain) == 0)
			return validated->names[i];
	for (size_t i = 0; i < validated->count; i++)
		if (name_is_within(validated->names[i], domain))
			return validated->names[i];
	return validated->count ? validated->names[0] : NULL;
}

bool spf_match_validate(struct spf_run *run, const char *text, size_t len)
{
	char domain[ANSWER_NAME_MAX];
	struct validated validated;

	memcpy(run->values.validated, "unknown", sizeof "unknown");
	if (!spf_macro_needs_validated(text, len))
		return true;
	if (!find_validated(run, &validated))
		return false;
	const char *name = spf_text_to_name(run->values.domain, domain)
	                           ? choose_validated(&validated, domain)
	                           : NULL;

	if (name)
		spf_name_to_text(name, run->values.validated);
	run->outcome->is_uncertain |= validated.is_uncertain;
	return true;
}

bool spf_match_target(struct spf_run *run, const struct spf_term *term,
	char target[static SPF_TEXT_MAX])
{
	if (!term->domain_len) {
		memccpy(target, run->values.domain, '\0', SPF_TEXT_MAX);
		return true;
	}
	if (!spf_match_validate(run, term->domain, term->domain_len))
		return false;
	spf_macro_expand_domain(&run->values, term->domain, term->domain_len, target);
	return true;
}

static bool has_client(const struct spf_run *run, const struct spf_term *term,
	const struct answer *answer)
{
	unsigned bits = run->client.is_v6 ? term->prefix_v6 : term->prefix_v4;

	for (size_t i = 0; i < answer->count; i++)
		if (address_has_prefix(run->client.ip, answer->records[i].address, bits))
			return true;
	return false;
}

/* A look-up that found nothing: SPF_NO_MATCH, or too many of them. */
static enum spf_match count_void(struct spf_run *run)
{
	if (++run->outcome->voids <= SPF_VOIDS_MAX)
		return SPF_NO_MATCH;
	spf_set_problem(run, "more than %d of its look-ups find nothing", SPF_VOIDS_MAX);
	return SPF_MATCH_PERMERROR;
}

static enum spf_match fail_lookup(struct spf_run *run, const struct answer *answer)
{
	char name[200];

	spf_set_problem(run, "the look-up of %s %s failed (%s)",
		record_type_name(answer->type), shown(answer->name, name),
		answer->failure);
	return SPF_MATCH_TEMPERROR;
}

static enum spf_match match_a(
	struct spf_run *run, const struct spf_term *term, const char *name)
{
	const struct answer *answer =
		consult(run->evaluation, run->finding, name, address_type(&run->client));

	if (!answer)
		return SPF_MATCH_PENDING;
	if (answer->status == ANSWER_FAILED)
		return fail_lookup(run, answer);
	if (answer->count == 0)
		return count_void(run);
	return has_client(run, term, answer) ? SPF_MATCH : SPF_NO_MATCH;
}

/* A host that is found decides, whichever of the others cannot be looked up. */
static enum spf_match match_hosts(
	struct spf_run *run, const struct spf_term *term, const struct answer *mx)
{
	enum spf_match match = SPF_NO_MATCH;
	const struct answer *hosts[SPF_NAMES_MAX], *failed = NULL;
	bool is_complete = true;

	for (size_t i = 0; i < mx->count; i++) {
		hosts[i] = consult(run->evaluation, run->finding, mx->records[i].text,
			address_type(&run->client));
		is_complete = is_complete && hosts[i];
	}
	if (!is_complete)
		return SPF_MATCH_PENDING;
	for (size_t i = 0; i < mx->count && match == SPF_NO_MATCH; i++) {
		if (hosts[i]->status == ANSWER_FAILED)
			failed = hosts[i];
		else if (hosts[i]->count == 0)
			match = count_void(run);
		else if (has_client(run, term, hosts[i]))
			match = SPF_MATCH;
	}
	return match == SPF_NO_MATCH && failed ? fail_lookup(run, failed) : match;
}

static enum spf_match match_mx(
	struct spf_run *run, const struct spf_term *term, const char *name)
{
	const struct answer *mx = consult(run->evaluation, run->finding, name, TYPE_MX);
	char domain[200];

	if (!mx)
		return SPF_MATCH_PENDING;
	if (mx->status == ANSWER_FAILED)
		return fail_lookup(run, mx);
	if (mx->count == 0)
		return count_void(run);
	if (mx->count > SPF_NAMES_MAX) {
		spf_set_problem(run, "%s has more than %d mail exchangers",
			shown(name, domain), SPF_NAMES_MAX);
		return SPF_MATCH_PERMERROR;
	}
	if (mx->count == 1 && !mx->records[0].text[0]) /* null MX (RFC 7505) */
		return SPF_NO_MATCH;
	return match_hosts(run, term, mx);
}

static enum spf_match match_ptr(struct spf_run *run, const char *name)
{
	struct validated validated;

	if (!find_validated(run, &validated))
		return SPF_MATCH_PENDING;
	for (size_t i = 0; i < validated.count; i++)
		if (name_is_within(validated.names[i], name))
			return SPF_MATCH;
	run->outcome->is_uncertain |= validated.is_uncertain;
	return validated.is_void ? count_void(run) : SPF_NO_MATCH;
}

static enum spf_match match_exists(struct spf_run *run, const char *name)
{
	const struct answer *answer =
		consult(run->evaluation, run->finding, name, TYPE_A);

	if (!answer)
		return SPF_MATCH_PENDING;
	if (answer->status == ANSWER_FAILED)
		return fail_lookup(run, answer);
	return answer->count ? SPF_MATCH : count_void(run);
}

static enum spf_match match_network(
	const struct spf_run *run, const struct spf_term *term)
{
	bool is_v6 = term->kind == SPF_TERM_IP6;
	unsigned bits = is_v6 ? term->prefix_v6 : term->prefix_v4;

	return is_v6 == run->client.is_v6 &&
	                       address_has_prefix(run->client.ip, term->ip, bits)
	               ? SPF_MATCH
	               : SPF_NO_MATCH;
}

enum spf_match spf_match_term(struct spf_run *run, const struct spf_term *term)
{
	char target[SPF_TEXT_MAX], name[ANSWER_NAME_MAX];

	if (term->kind == SPF_TERM_ALL)
		return SPF_MATCH;
	if (term->kind == SPF_TERM_IP4 || term->kind == SPF_TERM_IP6)
		return match_network(run, term);
	if (!spf_match_target(run, term, target))
		return SPF_MATCH_PENDING;
	if (!spf_text_to_name(target, name)) /* no such name can be (RFC 7208 4.8) */
		return SPF_NO_MATCH;
	switch (term->kind) {
	case SPF_TERM_A:
		return match_a(run, term, name);
	case SPF_TERM_MX:
		return match_mx(run, term, name);
	case SPF_TERM_PTR:
		return match_ptr(run, name);
	default:
		return match_exists(run, name);
	}
}
