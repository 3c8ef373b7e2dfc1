/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <strings.h>

#include "relay/config_table.h"
#include "relay/mem.h"

size_t config_match_length(const char *rule, bool is_suffix, const char *domain)
{
	size_t rule_len = strlen(rule), len = strlen(domain);

	if (!is_suffix)
		return strcasecmp(rule, domain) == 0 ? rule_len + 1 : 0;
	if (len <= rule_len + 1 || domain[len - rule_len - 1] != '.' ||
		strcasecmp(domain + len - rule_len, rule) != 0)
		return 0;
	return rule_len;
}

char *config_map_sender(const struct config *config, const char *mailbox)
{
	const char *domain = smtp_mailbox_domain(mailbox), *to = NULL;
	size_t longest = 0, local_len = (size_t)(domain - mailbox);

	for (size_t i = 0; *domain && i < config->sender_map_count; i++) {
		const struct config_sender_map *map = &config->sender_maps[i];
		size_t length = config_match_length(map->from, map->is_suffix, domain);

		if (length > longest) {
			longest = length;
			to = map->to;
		}
	}
	/* what no path can hold (RFC 5321 4.5.3.1.3) stays, and is held for its domain */
	if (!to || local_len + strlen(to) + 2 > SMTP_PATH_MAX)
		return NULL;
	return mem_printf("%.*s%s", (int)local_len, mailbox, to);
}

const struct config_route *config_route_for(
	const struct config *config, const char *domain)
{
	const struct config_route *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];
		size_t length = config_match_length(route->domain, route->is_suffix, domain);

		if (length > longest) {
			longest = length;
			best = route;
		}
	}
	return best;
}

const struct config_route *config_next_hop(
	const struct config *config, const char *domain)
{
	const struct config_route *route = config_route_for(config, domain);

	return route || !config->smarthost_count ? route : config->smarthosts;
}

enum tls_level config_tls_level(const struct config *config, const char *domain,
	const struct config_route *route)
{
	enum tls_level level = TLS_MAY;
	size_t longest = 0;

	if (route)
		return route->tls;
	for (size_t i = 0; i < config->tls_policy_count; i++) {
		const struct config_tls_policy *policy = &config->tls_policies[i];
		size_t length =
			config_match_length(policy->domain, policy->is_suffix, domain);

		if (length > longest) {
			longest = length;
			level = policy->level;
		}
	}
	return level;
}

bool config_is_hidden(const struct config *config, const struct config_route *next_hop)
{
	bool is_smarthost = next_hop && !next_hop->domain[0];

	return is_smarthost && !config->source_count;
}

/* Only what our checks find about us and the sender is a matter of taste. */
const char *config_fixed_reason(enum reason reason)
{
	switch (reason) {
	case REASON_DNS_TEMPFAIL:
		return "what the DNS cannot tell is always deferred; see "
		       "unknown_send_after";
	case REASON_RECIPIENT_DOMAIN_UNRESOLVABLE:
	case REASON_RECIPIENT_NULL_MX:
		return "the recipient's domain takes no mail: it always bounces";
	case REASON_SPF_TEMPERROR:
	case REASON_DKIM_FAIL:
	case REASON_AUTH_REQUIRED:
	case REASON_DNS_OTHER:
		return "only receivers tell it, when they refuse: no check of ours finds "
		       "it";
	case REASON_MANUAL:
		return "only 'queue hold' gives it: no check of ours finds it";
	default:
		return NULL;
	}
}

void config_actions_for(const struct config *config, const char *domain,
	enum action actions[REASON_COUNT])
{
	size_t longest[REASON_COUNT] = {0};

	memcpy(actions, config->actions, sizeof config->actions);
	for (size_t i = 0; i < config->override_count; i++) {
		const struct config_override *override = &config->overrides[i];
		size_t length =
			config_match_length(override->domain, override->is_suffix, domain);

		for (int reason = 1; length && reason < REASON_COUNT; reason++) {
			bool is_meant = override->reason == REASON_COUNT ||
			                override->reason == (enum reason)reason;

			if (!is_meant || config_fixed_reason((enum reason)reason) ||
				length < longest[reason])
				continue;
			longest[reason] = length;
			actions[reason] = override->action;
		}
	}
	for (int reason = 1; reason < REASON_COUNT; reason++)
		if (!config_fixed_reason((enum reason)reason) &&
			actions[reason] > config->preflight)
			actions[reason] = config->preflight;
}
