/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

/*
 * Does the name of our address look like that of a dial-up line? Judged are the names a receiver may end
 * up with: those that lead back to the address (an MTA shows its filters no other), and, while it cannot be
 * told, those that may. Only when none leads back, all of them. One honest name among them is enough.
 */

/* The names that count. */
struct candidates {
	const char *names[PTR_NAMES_MAX];
	size_t count;
	bool is_unsure; /* it may be that none leads back, and all count */
};

/* False: facts are missing. */
static bool find_candidates(struct evaluation *evaluation, struct finding *finding,
	const struct address *address, const struct answer *ptr,
	struct candidates *candidates)
{
	const char *names[PTR_NAMES_MAX];
	size_t count = usable_ptr_names(ptr, names);
	bool is_any_sure = false, is_any_failed = false;

	candidates->count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct answer *forward =
			consult(evaluation, finding, names[i], address_type(address));

		if (!forward)
			continue;
		bool leads_back = answer_has_address(forward, address);
		bool has_failed = !leads_back && forward->status == ANSWER_FAILED;

		if (leads_back || has_failed)
			candidates->names[candidates->count++] = names[i];
		is_any_sure = is_any_sure || leads_back;
		is_any_failed = is_any_failed || has_failed;
	}
	if (candidates->count == 0)
		candidates->count = usable_ptr_names(ptr, candidates->names);
	candidates->is_unsure = is_any_failed && !is_any_sure;
	return !evaluation->pending;
}

/* A name that looks like that of a server, or NULL. */
static const char *find_honest(
	const char *const *names, size_t count, const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (!is_generic_name_of(names[i], address))
			return names[i];
	return NULL;
}

void check_ptr_name(struct evaluation *evaluation, struct finding *finding)
{
	const char *ip = evaluation->question->ip;
	const char *names[PTR_NAMES_MAX];
	struct candidates candidates;
	struct address address;
	char name[200];

	if (!needs_own_address(evaluation, finding, &address))
		return;
	const struct answer *ptr = consult_ptr(evaluation, finding, &address);

	if (!ptr)
		return;
	size_t count = usable_ptr_names(ptr, names);

	if (count == 0) {
		conclude_skipped(finding, "there is no PTR name to judge");
		return;
	}
	if (!find_candidates(evaluation, finding, &address, ptr, &candidates))
		return;
	const char *honest = find_honest(candidates.names, candidates.count, &address);

	if (honest)
		conclude_pass(finding, "%s looks like the name of a server",
			shown(honest, name));
	else if (candidates.is_unsure && find_honest(names, count, &address))
		conclude_unknown(evaluation, finding, REASON_PTR_GENERIC,
			"the DNS could not tell whether %s leads back to %s",
			shown(candidates.names[0], name), ip);
	else
		conclude_fail(evaluation, finding, REASON_PTR_GENERIC, ip,
			"%s is named %s, which looks like the name of a dial-up line and "
			"not like that of a mail server",
			ip, shown(candidates.names[0], name));
}
