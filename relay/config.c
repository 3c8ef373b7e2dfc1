/* SPDX-License-Identifier: ISC */
#include "relay/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "relay/config_table.h"
#include "relay/machine_name.h"
#include "relay/mem.h"

enum { FILE_MAX = 1024 * 1024, LINE_MAX_BYTES = 65536 };

/* Keys of the design that this version does not know yet: said so, not called unknown. */
static const char *const later_keys[] = {"tls_policy", "delay_warning", "destination_rate", "eight_bit",
	"spool_inline", "report_to", "notify_sender", "metrics_file"};

/* What is being read. */
struct reader {
	const char *name;
	unsigned line;
	struct buf *problems;
	bool bad;
	struct config *config;
	unsigned *seen; /* line on which each setting was given; 0: not yet */
};

__attribute__((format(printf, 2, 3))) static void complain(
	struct reader *reader, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (reader->line)
		buf_printf(reader->problems, "%s:%u: %s\n", reader->name, reader->line,
			text);
	else
		buf_printf(reader->problems, "%s: %s\n", reader->name, text);
	reader->bad = true;
}

/* Levenshtein's distance, up to the length of a key. */
static unsigned distance(const char *a, const char *b)
{
	enum { KEY_MAX = 40 };
	unsigned row[KEY_MAX + 1];
	size_t len = strlen(b);

	if (len > KEY_MAX || strlen(a) > KEY_MAX)
		return KEY_MAX;
	for (size_t i = 0; i <= len; i++)
		row[i] = (unsigned)i;
	for (unsigned line = 1; *a; a++, line++) {
		unsigned diagonal = row[0];

		row[0] = line;
		for (size_t i = 1; i <= len; i++) {
			unsigned above = row[i];
			unsigned best = diagonal + (*a != b[i - 1]);

			best = above + 1 < best ? above + 1 : best;
			row[i] = row[i - 1] + 1 < best ? row[i - 1] + 1 : best;
			diagonal = above;
		}
	}
	return row[len];
}

/* preflight.<reason> for a reason without a setting. Returns false: it is something else. */
static bool complain_fixed(struct reader *reader, const char *key)
{
	static const char prefix[] = "preflight.";
	size_t len = sizeof prefix - 1;
	enum reason reason =
		strncmp(key, prefix, len) == 0 ? reason_parse(key + len) : REASON_NONE;
	const char *fixed = config_fixed_reason(reason);

	if (fixed)
		complain(reader, "'%s' cannot be set: %s", key, fixed);
	return fixed;
}

static void complain_unknown(struct reader *reader, const char *key)
{
	const char *closest = NULL;
	unsigned best = 4; /* what is farther off is no slip of the pen */

	if (complain_fixed(reader, key))
		return;
	for (size_t i = 0; i < sizeof later_keys / sizeof later_keys[0]; i++) {
		if (strcmp(later_keys[i], key) == 0) {
			complain(reader, "'%s' is not in this version; take the line out",
				key);
			return;
		}
	}
	for (size_t i = 0; i < config_setting_count; i++) {
		unsigned far = distance(key, config_settings[i].key);

		if (far < best) {
			best = far;
			closest = config_settings[i].key;
		}
	}
	if (closest)
		complain(reader, "unknown key '%.60s'; did you mean '%s'?", key, closest);
	else
		complain(reader,
			"unknown key '%.60s'; 'ptrelay config defaults' lists them", key);
}

static char *trim(char *text)
{
	size_t len;

	while (*text == ' ' || *text == '\t')
		text++;
	len = strlen(text);
	while (len && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* A '#' at the start of the line or behind a space begins a comment. */
static void cut_comment(char *line)
{
	for (char *c = line; *c; c++) {
		if (*c == '#' && (c == line || c[-1] == ' ' || c[-1] == '\t')) {
			*c = '\0';
			return;
		}
	}
}

static void read_setting(struct reader *reader, const char *key, const char *value)
{
	char error[256];
	size_t i = 0;

	while (i < config_setting_count && strcmp(config_settings[i].key, key) != 0)
		i++;
	if (i == config_setting_count) {
		complain_unknown(reader, key);
		return;
	}
	if (reader->seen[i] && !config_settings[i].repeats) {
		complain(reader, "'%s' was given on line %u already; keep one of them",
			key, reader->seen[i]);
		return;
	}
	reader->seen[i] = reader->line;
	if (!*value) {
		complain(reader, "'%s' has no value", key);
		return;
	}
	const char *wrong =
		config_read_value(reader->config, &config_settings[i], value, error);

	if (wrong)
		complain(reader, "%s: %s", key, wrong);
}

static void read_line(struct reader *reader, const char *text, size_t len)
{
	if (memchr(text, '\0', len) || len > LINE_MAX_BYTES) {
		complain(reader, len > LINE_MAX_BYTES
					 ? "the line is too long"
					 : "there is a NUL byte: this is no text file");
		return;
	}
	char *line = mem_strndup(text, len);

	cut_comment(line);
	char *key = trim(line), *equals = strchr(key, '=');

	if (*key && !equals)
		complain(reader, "a line is 'key = value', and this has no '='");
	if (equals) {
		*equals = '\0';
		read_setting(reader, trim(key), trim(equals + 1));
	}
	free(line);
}

static void read_lines(struct reader *reader, const char *text, size_t len)
{
	static const char mark[] = "\xEF\xBB\xBF"; /* Notepad writes it */
	const char *end = text + len;

	if (len >= 3 && memcmp(text, mark, 3) == 0)
		text += 3;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		reader->line++;
		read_line(reader, text, (size_t)(stop - text));
		text = stop + 1;
	}
	reader->line = 0;
}

/* What nobody set, from the table. */
static void set_defaults(struct reader *reader)
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

static void check_hostname(struct reader *reader)
{
	struct config *config = reader->config;
	const char *wrong;

	if (!config->hostname) {
		complain(reader, "hostname is missing; set it to the name in your PTR "
		                 "record, as in "
				 "'hostname = mail.corp.example'");
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
		complain(reader, "hostname = %.100s: %s; receivers would refuse it",
			config->hostname, wrong);
}

static void check_listeners(struct reader *reader)
{
	struct config *config = reader->config;

	if (!config->tls_cert != !config->tls_key)
		complain(reader, "tls_cert and tls_key go together; %s is missing",
			config->tls_cert ? "tls_key" : "tls_cert");
	for (size_t i = 0; i < config->listener_count; i++) {
		struct config_listener *listener = &config->listeners[i];
		const char *wrong = config_settle_listener(config, listener);

		if (!wrong && listener->has_auth && !config->auth_users)
			wrong = "auth=yes needs auth_users, the file of those who may log in";
		if (wrong)
			complain(reader, "listen = %s port %u: %s", listener->ip,
				listener->port, wrong);
	}
}

static void check_whole(struct reader *reader)
{
	struct config *config = reader->config;
	struct smtp_address address;

	check_hostname(reader);
	check_listeners(reader);
	if (!config->bounce_from)
		config->bounce_from = default_mailbox(config->hostname);
	if (smtp_mailbox_parse(&address, config->bounce_from,
					   strlen(config->bounce_from)) != 0)
		complain(reader, "bounce_from = %.100s: not a mailbox",
			config->bounce_from);
	if (config->retry_first > config->retry_max)
		complain(reader, "retry_first is longer than retry_max");
	if (config->hold_recheck_min > config->hold_recheck_max)
		complain(reader, "hold_recheck_min is longer than hold_recheck_max");
}

struct config *config_parse(
	const char *name, const char *text, size_t len, struct buf *problems)
{
	struct reader reader = {.name = name, .problems = problems};

	reader.config = mem_alloc(sizeof *reader.config);
	reader.seen = mem_alloc(config_setting_count * sizeof *reader.seen);
	preflight_defaults(reader.config->actions);
	read_lines(&reader, text, len);
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

static void free_routes(struct config_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(routes[i].domain);
		free(routes[i].host);
	}
	free(routes);
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
	free_routes(config->routes, config->route_count);
	free_routes(config->smarthosts, config->smarthost_count);
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
	free(config->user);
	free(config->control_socket);
	free(config);
}

const char *config_path(const char *option)
{
	const char *path = option ? option : getenv("PTRELAY_CONFIG");

	return path && *path ? path : "/etc/ptrelay/ptrelay.conf";
}
