/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/config_table.h"
#include "relay/mem.h"

/*
 * Who takes the mail, and how much TLS it must have on the way:
 *
 *   route = DOMAIN|.SUFFIX HOST:PORT [tls=...] [auth=FILE]
 *   smarthost = HOST:PORT [tls=...] [auth=FILE]
 *   tls_policy = DOMAIN|.SUFFIX LEVEL
 */

static const char *read_tls(struct config_route *route, const char *word, char error[256])
{
	route->is_tls_given = true;
	route->has_implicit_tls = strcmp(word, "implicit") == 0;
	if (route->has_implicit_tls)
		route->tls = TLS_VERIFY;
	else if (!tls_level_parse(word, &route->tls)) {
		snprintf(error, 256,
			"tls: '%.60s' is none of: none may encrypt verify dane implicit",
			word);
		return error;
	}
	return NULL;
}

static const char *read_option(
	struct config_route *route, const char *word, char error[256])
{
	if (strncmp(word, "tls=", 4) == 0)
		return read_tls(route, word + 4, error);
	if (strncmp(word, "auth=", 5) == 0 && word[5]) {
		free(route->auth_file);
		route->auth_file = mem_strdup(word + 5);
		return NULL;
	}
	snprintf(error, 256, "'%.60s' is no option; tls= and auth=FILE are", word);
	return error;
}

/* HOST:PORT and what stands behind it. Returns what is wrong. */
static const char *read_target(
	struct config_route *route, char *words[], size_t count, char error[256])
{
	if (count < 1 || !config_parse_host_port(words[0], &route->host, &route->port))
		return "it is HOST:PORT, as in mail.isp.example:587 or 10.0.0.5:25, and "
		       "behind it tls= and auth=FILE";
	for (size_t i = 1; i < count; i++) {
		const char *wrong = read_option(route, words[i], error);

		if (wrong)
			return wrong;
	}
	if (!route->is_tls_given) /* a password is for the right server only */
		route->tls = route->auth_file ? TLS_VERIFY : TLS_MAY;
	if (route->tls == TLS_DANE && config_is_ip(route->host))
		return "tls=dane needs the name of the server, not its address";
	return NULL;
}

static void free_route(struct config_route *route)
{
	free(route->domain);
	free(route->host);
	free(route->auth_file);
	config_free_login(&route->login);
}

const char *config_read_route(
	struct config *config, char *words[], size_t count, char error[256])
{
	struct config_route route = {0};
	const char *wrong = "it is DOMAIN|.SUFFIX HOST:PORT, as in corp.example "
			    "10.0.0.5:25, and behind it tls= and auth=FILE";

	if (count >= 2)
		route.domain = config_read_domain(words[0], &route.is_suffix);
	if (route.domain)
		wrong = read_target(&route, words + 1, count - 1, error);
	if (wrong) {
		free_route(&route);
		return wrong;
	}
	*(struct config_route *)config_grow(
		(void **)&config->routes, &config->route_count, sizeof route) = route;
	return NULL;
}

const char *config_read_smarthost(
	struct config *config, char *words[], size_t count, char error[256])
{
	struct config_route route = {0};
	const char *wrong = read_target(&route, words, count, error);

	if (wrong) {
		free_route(&route);
		return wrong;
	}
	route.domain = mem_strdup("");
	*(struct config_route *)config_grow((void **)&config->smarthosts,
		&config->smarthost_count, sizeof route) = route;
	return NULL;
}

void config_print_route(const struct config_route *route, struct buf *out)
{
	if (route->domain[0])
		buf_printf(out, "%s%s ", route->is_suffix ? "." : "", route->domain);
	buf_printf(out, strchr(route->host, ':') ? "[%s]:%u" : "%s:%u", route->host,
		route->port);
	buf_printf(out, " tls=%s",
		route->has_implicit_tls ? "implicit" : tls_level_name(route->tls));
	if (route->auth_file)
		buf_printf(out, " auth=%s", route->auth_file);
}

const char *config_read_tls_policy(
	struct config *config, char *words[], size_t count, char error[256])
{
	struct config_tls_policy policy = {0};

	if (count != 2 || !tls_level_parse(words[1], &policy.level))
		return "it is DOMAIN|.SUFFIX none|may|encrypt|verify|dane, as in "
		       "bank.example verify";
	policy.domain = config_read_domain(words[0], &policy.is_suffix);
	if (!policy.domain) {
		snprintf(error, 256, "'%.60s' is no domain", words[0]);
		return error;
	}
	for (size_t i = 0; i < config->tls_policy_count; i++) {
		const struct config_tls_policy *other = &config->tls_policies[i];

		if (other->is_suffix == policy.is_suffix &&
			strcmp(other->domain, policy.domain) == 0) {
			free(policy.domain);
			snprintf(error, 256, "'%.60s' is %s already", words[0],
				tls_level_name(other->level));
			return error;
		}
	}
	*(struct config_tls_policy *)config_grow((void **)&config->tls_policies,
		&config->tls_policy_count, sizeof policy) = policy;
	return NULL;
}

void config_print_tls_policy(const struct config_tls_policy *policy, struct buf *out)
{
	buf_printf(out, "%s%s %s", policy->is_suffix ? "." : "", policy->domain,
		tls_level_name(policy->level));
}

static void free_routes(struct config_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free_route(&routes[i]);
	free(routes);
}

void config_free_routes(struct config *config)
{
	free_routes(config->routes, config->route_count);
	free_routes(config->smarthosts, config->smarthost_count);
	for (size_t i = 0; i < config->tls_policy_count; i++)
		free(config->tls_policies[i].domain);
	free(config->tls_policies);
}
