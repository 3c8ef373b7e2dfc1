/* SPDX-License-Identifier: ISC */
#include "relay/next_hop.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

char *next_hop_name(
	const struct config *config, const char *domain, char out[NEXT_HOP_NAME])
{
	const struct config_route *route = config_next_hop(config, domain);

	if (route)
		snprintf(out, NEXT_HOP_NAME, "[%s]:%u", route->host, route->port);
	else
		snprintf(out, NEXT_HOP_NAME, "%s", domain);
	return out;
}

static bool is_judged_alike(
	const struct config *config, const char *domain, const char *other)
{
	enum action actions[REASON_COUNT], others[REASON_COUNT];

	if (config->override_count == 0)
		return true;
	config_actions_for(config, domain, actions);
	config_actions_for(config, other, others);
	return memcmp(actions, others, sizeof actions) == 0;
}

bool next_hop_is_shared(
	const struct config *config, const char *domain, const char *other)
{
	if (strcasecmp(domain, other) == 0)
		return true;
	const struct config_route *route = config_next_hop(config, domain);

	if (!route || route != config_next_hop(config, other))
		return false;
	bool is_smarthost = !route->domain[0];

	return !is_smarthost || is_judged_alike(config, domain, other);
}
