/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

/*
 * Does the name of our address look like that of a dial-up line? Judged are the names a receiver may end
 * up with: those that lead back to the address (an MTA shows its filters no other), and, while it cannot be
 * told, those that may. Only when none leads back, all of them. One honest name among them is enough.
 */

/* Keeps the names that lead back, or may; all when none does. False: facts are missing. */
static bool keep_confirmed(struct evaluation *evaluation, struct finding *finding,
	const struct address *address, const char *names[PTR_NAMES_MAX], size_t *count)
{
	size_t kept = 0;
	const char *confirmed[PTR_NAMES_MAX];

	for (size_t i = 0; i < *count; i++) {
		const struct answer *forward = consult(
			evaluation, finding, names[i], address_type(address));

		if (forward && (forward->status == ANSWER_FAILED ||
				       answer_has_address(forward, address)))
			confirmed[kept++] = names[i];
	}
	for (size_t i = 0; i < kept; i++)
		names[i] = confirmed[i];
	*count = kept ? kept : *count;
	return !evaluation->pending;
}

void check_ptr_name(struct evaluation *evaluation, struct finding *finding)
{
	const char *ip = evaluation->question->ip;
	const char *names[PTR_NAMES_MAX];
	struct address address;
	char name[200];

	if (!own_address(evaluation->question, &address)) {
		conclude_skipped(finding, "our public IP address is not known");
		return;
	}
	const struct answer *ptr = consult_ptr(evaluation, finding, &address);

	if (!ptr)
		return;
	size_t count = usable_ptr_names(ptr, names);

	if (count == 0) {
		conclude_skipped(finding, "there is no PTR name to judge");
		return;
	}
	if (!keep_confirmed(evaluation, finding, &address, names, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		if (is_generic_name_of(names[i], &address))
			continue;
		conclude_pass(finding, "%s looks like the name of a server",
			shown(names[i], name));
		return;
	}
	conclude_fail(evaluation, finding, REASON_PTR_GENERIC, ip,
		"%s is named %s, which looks like the name of a dial-up line and not "
		"like that of a mail server",
		ip, shown(names[0], name));
}
