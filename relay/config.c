/* SPDX-License-Identifier: ISC */
#include "relay/config.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/config_table.h"
#include "relay/mem.h"

enum { FILE_MAX = 1024 * 1024, LINE_MAX_BYTES = 65536 };

/* Keys of the design that this version does not know yet: said so, not called unknown. */
static const char *const later_keys[] = {"auth_users", "sender_map", "tls_cert",
	"tls_key", "tls_policy", "dnsbl", "dnsbl_domain", "delay_warning",
	"destination_rate", "eight_bit", "spool_inline", "report_to", "notify_sender",
	"metrics_file", "preflight.ptr-generic", "preflight.spf-fail",
	"preflight.spf-softfail", "preflight.spf-none", "preflight.spf-permerror",
	"preflight.dmarc-fail", "preflight.dnsbl-ip", "preflight.dnsbl-domain"};

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

static void complain_unknown(struct reader *reader, const char *key)
{
	const char *closest = NULL;
	unsigned best = 4; /* what is farther off is no slip of the pen */

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

/* The machine's fully qualified name, or NULL. */
static char *find_hostname(void)
{
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found = NULL;
	char name[256] = "", *result = NULL;

	if (gethostname(name, sizeof name - 1) != 0)
		return NULL;
	if (strchr(name, '.'))
		return mem_strdup(name);
	if (getaddrinfo(name, NULL, &hints, &found) == 0 && found->ai_canonname &&
		strchr(found->ai_canonname, '.'))
		result = mem_strdup(found->ai_canonname);
	if (found)
		freeaddrinfo(found);
	return result;
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
	if (strcmp(config->hostname, "auto") == 0) {
		free(config->hostname);
		config->hostname = find_hostname();
		if (!config->hostname) {
			complain(reader, "hostname = auto: this machine does not know "
			                 "its full name; "
					 "write it out");
			return;
		}
	}
	wrong = preflight_name_problem(config->hostname);
	if (wrong)
		complain(reader, "hostname = %.100s: %s; receivers would refuse it",
			config->hostname, wrong);
}

static void check_whole(struct reader *reader)
{
	struct config *config = reader->config;
	struct smtp_address address;

	check_hostname(reader);
	if (!config->bounce_from && config->hostname)
		config->bounce_from = mem_printf("postmaster@%s", config->hostname);
	if (config->bounce_from && smtp_mailbox_parse(&address, config->bounce_from,
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

void config_free(struct config *config)
{
	if (!config)
		return;
	free_routes(config->routes, config->route_count);
	free_routes(config->smarthosts, config->smarthost_count);
	for (size_t i = 0; i < config->resolver_count; i++)
		free(config->resolvers[i]);
	for (size_t i = 0; i < config->override_count; i++)
		free(config->overrides[i].domain);
	free(config->resolvers);
	free(config->overrides);
	free(config->sources);
	free(config->listeners);
	free(config->allow);
	free(config->private_mx);
	free(config->hostname);
	free(config->spool_dir);
	free(config->bounce_from);
	free(config->user);
	free(config->control_socket);
	free(config);
}

/* The length of the match of a rule for domain, or 0. A suffix matches what is below it. */
static size_t match_length(const char *rule, bool is_suffix, const char *domain)
{
	size_t rule_len = strlen(rule), len = strlen(domain);

	if (!is_suffix)
		return strcasecmp(rule, domain) == 0 ? rule_len + 1 : 0;
	if (len <= rule_len + 1 || domain[len - rule_len - 1] != '.' ||
		strcasecmp(domain + len - rule_len, rule) != 0)
		return 0;
	return rule_len;
}

const struct config_route *config_route_for(
	const struct config *config, const char *domain)
{
	const struct config_route *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];
		size_t length = match_length(route->domain, route->is_suffix, domain);

		if (length > longest) {
			longest = length;
			best = route;
		}
	}
	return best;
}

/* Our own findings only: what the DNS cannot tell, and the recipient's side, stay as they are. */
static bool is_changeable(enum reason reason)
{
	return reason > REASON_NONE && reason < REASON_DNS_TEMPFAIL;
}

void config_actions_for(const struct config *config, const char *domain,
	enum action actions[REASON_COUNT])
{
	size_t longest[REASON_COUNT] = {0};

	memcpy(actions, config->actions, sizeof config->actions);
	for (size_t i = 0; i < config->override_count; i++) {
		const struct config_override *override = &config->overrides[i];
		size_t length =
			match_length(override->domain, override->is_suffix, domain);

		for (int reason = 0; length && reason < REASON_COUNT; reason++) {
			bool is_meant = override->reason == REASON_COUNT ||
			                override->reason == (enum reason)reason;

			if (!is_meant || !is_changeable((enum reason)reason) ||
				length < longest[reason])
				continue;
			longest[reason] = length;
			actions[reason] = override->action;
		}
	}
	for (int reason = 0; reason < REASON_COUNT; reason++)
		if (is_changeable((enum reason)reason) &&
			actions[reason] > config->preflight)
			actions[reason] = config->preflight;
}

const char *config_path(const char *option)
{
	const char *path = option ? option : getenv("PTRELAY_CONFIG");

	return path && *path ? path : "/etc/ptrelay/ptrelay.conf";
}
