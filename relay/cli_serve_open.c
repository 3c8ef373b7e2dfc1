/* SPDX-License-Identifier: ISC */
#include "relay/cli_serve_state.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/control.h"
#include "relay/listener.h"
#include "relay/mem.h"
#include "relay/own_name.h"
#include "relay/privileges.h"

static int open_resolver(struct server *server)
{
	const struct config *config = server->relay.config;
	struct resolver_options options = {
		.servers = (const char *const *)config->resolvers,
		.server_count = config->resolver_count,
	};
	size_t bad = 0;
	int error = resolver_open(&server->relay.resolver, &server->loop, &options, &bad);

	if (error == -EINVAL)
		snprintf(server->error, sizeof server->error,
			"resolver = %s: not an address", config->resolvers[bad]);
	else if (error)
		snprintf(server->error, sizeof server->error,
			"cannot use the resolver: %s%s", strerror(-error),
			error == -ENOENT ? " (no nameserver in /etc/resolv.conf)" : "");
	return error;
}

static int open_spool(struct server *server)
{
	const struct config *config = server->relay.config;
	struct spool_options options = {
		.dir = config->spool_dir,
		.segment_size = config->spool_segment,
		.inline_max = config->spool_inline,
		.reserve = config->spool_reserve,
	};
	struct spool_error error;

	if (spool_open(&server->relay.spool, &server->loop, &options, &error) == 0)
		return 0;
	snprintf(server->error, sizeof server->error, "%s", error.text);
	return error.code == -ENOENT ? -EIO : error.code;
}

/* The directories are made while we may still do so. */
static int make_directories(struct server *server)
{
	const struct config *config = server->relay.config;
	char *socket = mem_strdup(config->control_socket);
	int error = privileges_make_directory(config->spool_dir, config->user, 0700,
		server->error, sizeof server->error);

	if (!error)
		error = privileges_make_directory(dirname(socket), config->user, 0750,
			server->error, sizeof server->error);
	free(socket);
	return error == -ENOENT ? -EIO : error;
}

static int find_name(struct server *server)
{
	if (own_name_find(server->config, NULL, 0))
		return 0;
	snprintf(server->error, sizeof server->error,
		"hostname = auto: neither our public address nor this machine has a "
		"full name; write it out");
	return -EINVAL;
}

int serve_open(struct server *server)
{
	struct relay *relay = &server->relay;
	size_t cap = sizeof server->error;
	int error = listener_open(&relay->listener, relay, server->error, cap);

	if (!error)
		error = make_directories(server);
	if (!error)
		error = privileges_drop(relay->config->user, server->error, cap);
	if (!error)
		error = find_name(server);
	if (!error)
		error = open_spool(server);
	if (!error)
		error = control_open(&server->control, relay, server->error, cap);
	if (!error)
		error = open_resolver(server);
	return error;
}
