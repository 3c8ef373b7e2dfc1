/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

/*
 * Does the name of our address look like that of a dial-up line? Judged are the names a receiver may end
 * up with: those that lead back to the address (an MTA shows its filters no other), and, while it cannot be
 * told, those that may. Only when none leads back, all of them. One honest name among them is enough.
 */

/* The names that count. */
struct candidates {
	struct ptr_names names;
	bool is_unsure; /* it may be that none leads back, and all count */
};

/* False: facts are missing. */
static bool find_candidates(struct evaluation *evaluation, struct finding *finding,
	const struct address *address, const struct ptr_names *all,
	struct candidates *candidates)
{
	struct ptr_names *names = &candidates->names;
	bool is_any_sure = false, is_any_failed = false;

	names->count = 0;
	for (size_t i = 0; i < all->count; i++) {
		const struct answer *forward = consult(
			evaluation, finding, all->items[i], address_type(address));

		if (!forward)
			continue;
		bool leads_back = answer_has_address(forward, address);
		bool has_failed = !leads_back && forward->status == ANSWER_FAILED;

		if (leads_back || has_failed)
			names->items[names->count++] = all->items[i];
		is_any_sure = is_any_sure || leads_back;
		is_any_failed = is_any_failed || has_failed;
	}
	if (names->count == 0)
		*names = *all;
	candidates->is_unsure = is_any_failed && !is_any_sure;
	return !evaluation->pending;
}

/* A name that looks like that of a server, or NULL. */
static const char *find_honest(
	const struct ptr_names *names, const struct address *address)
{
	for (size_t i = 0; i < names->count; i++)
		if (!is_generic_name_of(names->items[i], address))
			return names->items[i];
	return NULL;
}

void check_ptr_name(struct evaluation *evaluation, struct finding *finding)
{
	const char *ip = evaluation->question->ip;
	struct candidates candidates;
	struct address address;
	struct ptr_names all;
	char name[200];

	if (!consult_ptr_names(evaluation, finding, &address, &all) ||
		!find_candidates(evaluation, finding, &address, &all, &candidates))
		return;
	const char *honest = find_honest(&candidates.names, &address);
	const char *first = candidates.names.items[0];

	if (honest)
		conclude_pass(finding, "%s looks like the name of a server",
			shown(honest, name));
	else if (candidates.is_unsure && find_honest(&all, &address))
		conclude_unknown(evaluation, finding, REASON_PTR_GENERIC,
			"the DNS could not tell whether %s leads back to %s",
			shown(first, name), ip);
	else
		conclude_fail(evaluation, finding, REASON_PTR_GENERIC, ip,
			"%s is named %s, which looks like the name of a dial-up line and "
			"not like that of a mail server",
			ip, shown(first, name));
}
