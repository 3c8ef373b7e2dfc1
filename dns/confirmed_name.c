/* SPDX-License-Identifier: ISC */
#include "dns/check.h"

const char *preflight_confirmed_name(struct facts *facts, const char *ip)
{
	struct ptr_names names = {.count = 0};
	struct address address;
	char reverse[80];

	if (!address_parse(ip, &address))
		return NULL;
	address_reverse(&address, reverse);
	const struct answer *ptr = facts_lookup(facts, reverse, TYPE_PTR);

	if (ptr)
		usable_ptr_names(ptr, &names);
	for (size_t i = 0; i < names.count; i++) {
		const char *name = names.items[i];
		const struct answer *forward =
			facts_lookup(facts, name, address_type(&address));

		if (forward && answer_has_address(forward, &address) &&
			!preflight_name_problem(name))
			return name;
	}
	return NULL;
}
