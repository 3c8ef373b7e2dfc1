/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

const char *preflight_confirmed_name(struct facts *facts, const char *ip)
{
	const char *names[PTR_NAMES_MAX];
	struct address address;
	char reverse[80];

	if (!address_parse(ip, &address))
		return NULL;
	address_reverse(&address, reverse);
	const struct answer *ptr = facts_lookup(facts, reverse, TYPE_PTR);
	size_t count = ptr ? usable_ptr_names(ptr, names) : 0;

	for (size_t i = 0; i < count; i++) {
		const struct answer *forward =
			facts_lookup(facts, names[i], address_type(&address));

		if (forward && answer_has_address(forward, &address) &&
			!preflight_name_problem(names[i]))
			return names[i];
	}
	return NULL;
}
