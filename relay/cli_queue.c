/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <stdio.h>
#include <sysexits.h>

#include "relay/cli_queue_options.h"
#include "relay/groups.h"
#include "relay/render.h"
#include "relay/text.h"

static void print_object(void *owner, const json_t *object)
{
	(void)owner;
	cli_print_json(object);
}

static void print_bytes(void *owner, const char *bytes, size_t len)
{
	(void)owner;
	fwrite(bytes, 1, len, stdout);
}

static void print_page(void *owner, const json_t *object)
{
	struct page *page = owner;

	render_message(page, object);
	render_flush(page, stdout);
}

/* The table of `list`; printed in pieces, since the queue may be long. */
struct rows {
	struct page page;
	struct table table;
	bool any; /* the heads alone are not worth a line */
};

enum { ROWS_AT_ONCE = 1000 };

static void print_rows(struct rows *rows)
{
	table_flush(&rows->table, &rows->page);
	render_flush(&rows->page, stdout);
}

static void add_rows(void *owner, const json_t *object)
{
	struct rows *rows = owner;

	rows->any = true;
	render_rows(&rows->table, object, rows->page.now);
	if (table_rows(&rows->table) >= ROWS_AT_ONCE)
		print_rows(rows);
}

static void add_to_groups(void *owner, const json_t *object)
{
	groups_add(owner, object);
}

static int list_rows(const struct config *config, const struct filter *filter)
{
	struct rows rows = {.page = {.now = text_now()}};
	struct control_sink sink = {.object = add_rows, .owner = &rows};
	json_t *end;

	render_heads(&rows.table);
	int code = cli_ask(config, "list", filter, false, &sink, &end);

	if (rows.any)
		print_rows(&rows);
	table_fini(&rows.table);
	json_decref(end);
	return code;
}

static int list_groups(const struct config *config, const struct queue_options *options)
{
	struct page page = {.now = text_now()};
	struct groups *groups = groups_new(options->by);
	struct control_sink sink = {.object = add_to_groups, .owner = groups};
	json_t *end, *object;
	int code = cli_ask(config, "list", &options->filter, false, &sink, &end);

	if (!options->json && end)
		groups_render(groups, &page);
	render_flush(&page, stdout);
	for (size_t i = 0; options->json && (object = groups_describe(groups, i)); i++) {
		cli_print_json(object);
		json_decref(object);
	}
	groups_free(groups);
	json_decref(end);
	return code;
}

static int show(const struct config *config, const struct queue_options *options)
{
	struct page page = {.colours = render_has_colours(stdout), .now = text_now()};
	struct control_sink sink = {
		.object = options->json ? print_object : print_page,
		.bytes = print_bytes,
		.owner = &page,
	};
	json_t *end;
	int code = cli_ask(
		config, options->command->name, &options->filter, true, &sink, &end);

	json_decref(end);
	return code;
}

static const char *plural(long long count)
{
	return count == 1 ? "" : "s";
}

static int change(const struct config *config, const struct queue_options *options)
{
	const struct queue_command *command = options->command;
	struct control_sink sink = {.object = print_object};
	json_t *end;
	int code = cli_ask(config, command->name, &options->filter, false, &sink, &end);

	if (!end)
		return code;
	long long messages = json_integer_value(json_object_get(end, "messages"));
	long long recipients = json_integer_value(json_object_get(end, "recipients"));

	if (options->json)
		printf("{\"verb\":\"%s\",\"messages\":%lld,\"recipients\":%lld}\n",
			command->name, messages, recipients);
	else
		printf("%s %lld recipient%s of %lld message%s\n", command->done,
			recipients, plural(recipients), messages, plural(messages));
	json_decref(end);
	return code;
}

static int run(const struct config *config, const struct queue_options *options)
{
	if (options->by)
		return list_groups(config, options);
	if (options->command->kind == QUEUE_CHANGE)
		return change(config, options);
	if (options->command->kind == QUEUE_LIST && !options->json)
		return list_rows(config, &options->filter);
	return show(config, options);
}

int cli_queue(int argc, char **argv, const char *config_option)
{
	struct queue_options options;
	int code = queue_options_read(&options, argc, argv);

	if (code == QUEUE_HELP)
		return EX_OK;
	if (code != EX_OK)
		return code;
	struct config *config = cli_load_config(config_option);

	code = config ? cli_finish(run(config, &options)) : EX_CONFIG;
	config_free(config);
	queue_options_fini(&options);
	return code;
}
