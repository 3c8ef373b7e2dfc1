/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "relay/mem.h"
#include "relay/offline.h"
#include "relay/privileges.h"

struct config *cli_load_config(const char *option)
{
	struct buf problems = {0};
	struct config *config = config_load(config_path(option), &problems);

	if (!config)
		fwrite(problems.bytes, 1, problems.len, stderr);
	buf_fini(&problems);
	return config;
}

struct users *cli_load_users(const struct config *config, struct buf *problems)
{
	if (!config->auth_users)
		return NULL;
	return users_load(
		config->auth_users, privileges_find_uid(config->user), problems);
}

bool cli_load_logins(struct config *config, struct buf *problems)
{
	return config_read_logins(config, privileges_find_uid(config->user), problems);
}

int cli_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	perror("ptrelay: cannot write");
	return EX_IOERR;
}

void cli_print_json(const json_t *object)
{
	char *text = mem_must(json_dumps(object, JSON_COMPACT));

	puts(text);
	free(text);
}

/* CONTROL_DOWN when the verb cannot do without the daemon. */
static int ask_spool(const struct config *config, const char *verb,
	const struct filter *filter, bool detail, const struct control_sink *sink,
	json_t **end)
{
	if (strcmp(verb, "list") == 0)
		return offline_list(config->spool_dir, filter,
			detail ? LISTING_PLAIN : LISTING_ROWS, sink, end);
	if (strcmp(verb, "show") == 0 || strcmp(verb, "explain") == 0)
		return offline_list(config->spool_dir, filter, LISTING_FULL, sink, end);
	if (strcmp(verb, "cat") == 0)
		return offline_cat(config->spool_dir, filter, sink, end);
	return CONTROL_DOWN;
}

static int complain_of_missing(const json_t *end)
{
	const json_t *missing = json_object_get(end, "missing");
	const json_t *id;
	size_t i;

	json_array_foreach(missing, i, id)
	{
		fprintf(stderr, "ptrelay: no such message: %s\n", json_string_value(id));
	}
	return json_array_size(missing) ? EXIT_FAILURE : EX_OK;
}

int cli_ask(const struct config *config, const char *verb, const struct filter *filter,
	bool detail, const struct control_sink *sink, json_t **end)
{
	json_t *request = mem_must(json_pack("{s:s, s:o, s:b}", "verb", verb, "filter",
		filter_to_json(filter), "detail", detail));
	*end = NULL;
	int code = control_ask(config->control_socket, request, sink, end);

	json_decref(request);
	if (code == CONTROL_DOWN)
		code = ask_spool(config, verb, filter, detail, sink, end);
	if (code == CONTROL_DOWN) {
		fprintf(stderr, "ptrelay: the relay is not running (no answer at %s)\n",
			config->control_socket);
		return EX_UNAVAILABLE;
	}
	return code == EX_OK ? complain_of_missing(*end) : code;
}
