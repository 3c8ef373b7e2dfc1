/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void check_ip(struct evaluation *evaluation, struct finding *finding)
{
	struct address address;

	if (!needs_own_address(evaluation, finding, &address))
		return;
	if (!mx_address_is_private(address.ip, address.is_v6)) {
		conclude_pass(
			finding, "our public IP address is %s", evaluation->question->ip);
		return;
	}
	finding->result = RESULT_FAIL;
	finding->action = ACTION_WARN;
	snprintf(finding->summary, sizeof finding->summary,
		"%s is a private address, which no receiver ever sees: public_ip should "
		"be the one the Internet sees",
		evaluation->question->ip);
}

/*
 * A host name: at least two labels, and not an address in disguise or the machine itself. Underscores
 * are let pass, as Postfix does; a name with other bytes is none to any receiver.
 */
static bool is_host_name(const char *name)
{
	const char *last = strrchr(name, '.');

	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	return last && !isdigit((unsigned char)last[1]) &&
	       strncasecmp(name, "localhost.", 10) != 0;
}

void usable_ptr_names(const struct answer *ptr, struct ptr_names *names)
{
	names->count = 0;
	for (size_t i = 0; i < ptr->count && names->count < PTR_NAMES_MAX; i++)
		if (is_host_name(ptr->records[i].text))
			names->items[names->count++] = ptr->records[i].text;
}

bool consult_ptr_names(struct evaluation *evaluation, struct finding *finding,
	struct address *address, struct ptr_names *names)
{
	if (!needs_own_address(evaluation, finding, address))
		return false;
	const struct answer *ptr = consult_ptr(evaluation, finding, address);

	if (!ptr)
		return false;
	usable_ptr_names(ptr, names);
	if (names->count == 0)
		conclude_skipped(
			finding, "no PTR name of %s is known", evaluation->question->ip);
	return names->count > 0;
}

void check_ptr(struct evaluation *evaluation, struct finding *finding)
{
	const char *ip = evaluation->question->ip;
	struct ptr_names names;
	struct address address;
	char name[200];

	if (!needs_own_address(evaluation, finding, &address))
		return;
	const struct answer *ptr = consult_ptr(evaluation, finding, &address);

	if (!ptr)
		return;
	usable_ptr_names(ptr, &names);
	if (ptr->status == ANSWER_FAILED)
		conclude_unknown(evaluation, finding, REASON_PTR_MISSING,
			"the DNS could not tell whether %s has a PTR record (%s)", ip,
			ptr->failure);
	else if (ptr->status != ANSWER_FOUND)
		conclude_fail(evaluation, finding, REASON_PTR_MISSING, ip,
			"%s has no PTR record", ip);
	else if (names.count == 0)
		conclude_fail(evaluation, finding, REASON_PTR_MISSING, ip,
			"the PTR record of %s leads to %s, which is no host name", ip,
			shown(ptr->records[0].text, name));
	else
		conclude_pass(finding, "%s is named %s", ip, shown(names.items[0], name));
}

/* How the names behind our address lead back to it. */
struct tally {
	size_t failed;
	const char *match, *stray; /* one that leads back, one that leads elsewhere */
};

/* False: facts are missing. Only the family of our address can match it. */
static bool follow_names(struct evaluation *evaluation, struct finding *finding,
	const struct address *address, const struct ptr_names *names, struct tally *tally)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		const struct answer *forward =
			consult(evaluation, finding, name, address_type(address));

		if (!forward)
			continue;
		if (answer_has_address(forward, address))
			tally->match = name;
		else if (forward->status == ANSWER_FAILED)
			tally->failed++;
		else
			tally->stray = name;
	}
	return !evaluation->pending;
}

void check_fcrdns(struct evaluation *evaluation, struct finding *finding)
{
	const char *ip = evaluation->question->ip;
	struct tally tally = {0};
	struct address address;
	struct ptr_names names;
	char name[200];

	if (!consult_ptr_names(evaluation, finding, &address, &names) ||
		!follow_names(evaluation, finding, &address, &names, &tally))
		return;
	if (tally.match && tally.stray) {
		conclude_fail(evaluation, finding, REASON_FCRDNS_MISMATCH, ip,
			"%s has several names, and %s does not lead back to it", ip,
			shown(tally.stray, name));
		warn_at_most(finding);
	} else if (tally.match) {
		conclude_pass(
			finding, "%s leads back to %s", shown(tally.match, name), ip);
	} else if (tally.failed) {
		conclude_unknown(evaluation, finding, REASON_FCRDNS_MISMATCH,
			"the DNS could not tell whether %s leads back to %s",
			shown(names.items[0], name), ip);
	} else {
		conclude_fail(evaluation, finding, REASON_FCRDNS_MISMATCH, ip,
			"%s is named %s, but that name does not lead back to it", ip,
			shown(names.items[0], name));
		if (names.count == PTR_NAMES_MAX) /* there may be more */
			warn_at_most(finding);
	}
}
