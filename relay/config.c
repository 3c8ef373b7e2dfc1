/* SPDX-License-Identifier: ISC */
#include "relay/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "relay/config_lines.h"
#include "relay/config_table.h"
#include "relay/machine_name.h"
#include "relay/mem.h"

enum { FILE_MAX = 1024 * 1024 };

/* What nobody set, from the table. */
static void set_defaults(struct config_reader *reader)
{
	struct config *config = reader->config;
	char error[256];

	for (size_t i = 0; i < config_setting_count; i++)
		if (!reader->seen[i] && config_settings[i].value)
			config_read_value(config, &config_settings[i],
				config_settings[i].value, error);
	if (!config->hold_lifetime)
		config->hold_lifetime = config->queue_lifetime;
}

/* The mailbox of our notifications, unless it was given. */
static char *default_mailbox(const char *hostname)
{
	return mem_printf("postmaster@%s", hostname ? hostname : "localhost");
}

void config_take_hostname(struct config *config, const char *name)
{
	char *before = default_mailbox(config->hostname);

	if (strcmp(before, config->bounce_from) == 0) {
		free(config->bounce_from);
		config->bounce_from = default_mailbox(name);
	}
	free(before);
	free(config->hostname);
	config->hostname = mem_strdup(name);
}

static void check_hostname(struct config_reader *reader)
{
	struct config *config = reader->config;
	const char *wrong;

	if (!config->hostname) {
		config_complain(reader, "hostname is missing; set it to the name in your PTR "
				 "record, as in 'hostname = mail.corp.example'");
		return;
	}
	if (strcmp(config->hostname, "auto") == 0) { /* own_name.c may find a better one */
		config->is_hostname_auto = true;
		free(config->hostname);
		config->hostname = machine_name();
		return;
	}
	wrong = preflight_name_problem(config->hostname);
	if (wrong)
		config_complain(reader, "hostname = %.100s: %s; receivers would refuse it",
			config->hostname, wrong);
}

static void check_listeners(struct config_reader *reader)
{
	struct config *config = reader->config;

	if (!config->tls_cert != !config->tls_key)
		config_complain(reader, "tls_cert and tls_key go together; %s is missing",
			config->tls_cert ? "tls_key" : "tls_cert");
	for (size_t i = 0; i < config->listener_count; i++) {
		struct config_listener *listener = &config->listeners[i];
		const char *wrong = config_settle_listener(config, listener);

		if (!wrong && listener->has_auth && !config->auth_users)
			wrong = "auth=yes needs auth_users, the file of those who may log in";
		if (wrong)
			config_complain(reader, "listen = %s port %u: %s", listener->ip,
				listener->port, wrong);
	}
}

static void check_mailbox(
	struct config_reader *reader, const char *key, const char *mailbox)
{
	struct smtp_address address;

	if (smtp_mailbox_parse(&address, mailbox, strlen(mailbox)) != 0)
		config_complain(reader, "%s = %.100s: not a mailbox", key, mailbox);
}

static void check_whole(struct config_reader *reader)
{
	struct config *config = reader->config;

	check_hostname(reader);
	check_listeners(reader);
	if (!config->bounce_from)
		config->bounce_from = default_mailbox(config->hostname);
	check_mailbox(reader, "bounce_from", config->bounce_from);
	if (config->report_to)
		check_mailbox(reader, "report_to", config->report_to);
	if (config->retry_first > config->retry_max)
		config_complain(reader, "retry_first is longer than retry_max");
	if (config->hold_recheck_min > config->hold_recheck_max)
		config_complain(reader, "hold_recheck_min is longer than hold_recheck_max");
}

struct config *config_parse(
	const char *name, const char *text, size_t len, struct buf *problems)
{
	struct config_reader reader = {.name = name, .problems = problems};

	reader.config = mem_alloc(sizeof *reader.config);
	reader.seen = mem_alloc(config_setting_count * sizeof *reader.seen);
	preflight_defaults(reader.config->actions);
	config_read_lines(&reader, text, len);
	set_defaults(&reader);
	check_whole(&reader);
	free(reader.seen);
	if (!reader.bad)
		return reader.config;
	config_free(reader.config);
	return NULL;
}

struct config *config_load(const char *path, struct buf *problems)
{
	FILE *file = fopen(path, "re");
	struct stat status;

	if (!file || fstat(fileno(file), &status) || S_ISDIR(status.st_mode)) {
		buf_printf(problems, "%s: cannot read it: %s\n", path,
			strerror(file ? EISDIR : errno));
		if (file)
			fclose(file);
		return NULL;
	}
	char *text = mem_alloc(FILE_MAX + 1);
	size_t len = fread(text, 1, FILE_MAX + 1, file);
	struct config *config = NULL;

	if (ferror(file))
		buf_printf(problems, "%s: cannot read it: %s\n", path, strerror(errno));
	else if (len > FILE_MAX)
		buf_printf(problems, "%s: more than 1 MiB: this is no configuration\n",
			path);
	else
		config = config_parse(path, text, len, problems);
	free(text);
	fclose(file);
	return config;
}

static void free_sender_maps(struct config_sender_map *maps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(maps[i].from);
		free(maps[i].to);
	}
	free(maps);
}

static void free_texts(char **texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	config_free_routes(config);
	free_sender_maps(config->sender_maps, config->sender_map_count);
	for (size_t i = 0; i < config->override_count; i++)
		free(config->overrides[i].domain);
	free_texts(config->dnsbl, config->dnsbl_count);
	free_texts(config->dnsbl_domain, config->dnsbl_domain_count);
	free_texts(config->resolvers, config->resolver_count);
	free(config->overrides);
	free(config->sources);
	free(config->listeners);
	free(config->allow);
	free(config->auth_users);
	free(config->private_mx);
	free(config->hostname);
	free(config->tls_cert);
	free(config->tls_key);
	free(config->spool_dir);
	free(config->bounce_from);
	free(config->report_to);
	free(config->user);
	free(config->control_socket);
	free(config);
}

const char *config_path(const char *option)
{
	const char *path = option ? option : getenv("PTRELAY_CONFIG");

	return path && *path ? path : "/etc/ptrelay/ptrelay.conf";
}
