/* SPDX-License-Identifier: ISC */
#include "relay/target.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { SMTP_PORT = 25 };

size_t target_choose(const struct mx_list *list, const struct config_route *route,
	const struct source *source, struct target targets[TARGETS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < list->count && count < TARGETS_MAX; i++) {
		const struct mx_address *mx = &list->addresses[i];
		struct target *target = &targets[count];

		if ((!route || source->bind_ip[0]) && mx->is_v6 != source->is_v6)
			continue;
		inet_ntop(mx->is_v6 ? AF_INET6 : AF_INET, mx->ip, target->address.ip,
			sizeof target->address.ip);
		target->address.port = route ? route->port : SMTP_PORT;
		target->preference = mx->preference;
		snprintf(target->name, sizeof target->name, "%s", mx->exchange);
		count++;
	}
	return count;
}

const char *target_none_words(enum mx_status path, bool has_private)
{
	switch (path) {
	case MX_LOOP:
		return "its best mail exchanger is this very host: mail would loop";
	case MX_NO_DOMAIN:
		return "the host does not exist";
	case MX_NO_ADDRESS:
		return has_private ? "it leads only to private or loopback addresses "
		                     "(see allow_private_mx)"
		                   : "its mail exchangers have no address";
	case MX_FOUND:
		return "it has no address of a family we send from";
	default:
		return "the DNS could not tell where it is";
	}
}

void target_format(const struct target *target, char *text, size_t cap)
{
	snprintf(text, cap, "%s [%s]:%u", target->name, target->address.ip,
		target->address.port);
}
