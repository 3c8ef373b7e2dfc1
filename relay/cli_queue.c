/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "relay/groups.h"
#include "relay/mem.h"
#include "relay/render.h"
#include "relay/text.h"
#include "spool/spool.h"

static const char help[] =
	"usage: ptrelay [-c FILE] queue VERB [ID...] [FILTER...] [--json]\n\n"
	"  list     a line for each recipient; --by reason|domain|sender: counted\n"
	"  show     all that is known of a message\n"
	"  cat      a message as it is stored\n"
	"  hold     keeps recipients back until they are released\n"
	"  release  one attempt without the pre-flight\n"
	"  retry    tried now, the pre-flight applies\n"
	"  bounce   given up: the sender gets a notification\n"
	"  delete   given up: nobody is told\n\n"
	"A FILTER selects recipients; several must all match:\n"
	"  --from GLOB     of the sender; '<>': the null sender\n"
	"  --to GLOB       of the recipient\n"
	"  --domain DOMAIN of the recipient\n"
	"  --reason REASON what it is held or deferred for, ptr-missing...\n"
	"  --state STATE   queued, active, deferred or held\n"
	"  --older AGE     received before: 90s, 30m, 4h, 5d\n"
	"  --all           everything; delete and bounce then want --yes\n\n"
	"  --json          one object a line\n\n"
	"exit codes: 0 done, 1 no such message, 64 usage, 69 the relay is not running,\n"
	"            74 I/O, 77 not permitted, 78 bad configuration\n\n"
	"example: ptrelay queue release --domain dest.example --reason ptr-missing\n";

enum { HELP_WANTED = -1 };

enum queue_verb_kind {
	KIND_LIST,
	KIND_SHOW,
	KIND_CAT,
	KIND_CHANGE,
};

static const struct queue_command {
	const char *name;
	enum queue_verb_kind kind;
	const char *done; /* "released 3 recipients of 2 messages" */
	bool is_final;
} commands[] = {
	{"list", KIND_LIST, NULL, false},
	{"show", KIND_SHOW, NULL, false},
	{"cat", KIND_CAT, NULL, false},
	{"hold", KIND_CHANGE, "held", false},
	{"release", KIND_CHANGE, "released", false},
	{"retry", KIND_CHANGE, "retried", false},
	{"bounce", KIND_CHANGE, "bounced", true},
	{"delete", KIND_CHANGE, "deleted", true},
};

struct queue_options {
	const struct queue_command *command;
	json_t *filter; /* as filter_from_json reads it */
	const char *by;
	bool json, yes;
};

static int complain(const char *what, const char *value)
{
	char text[256];

	text_escape(text, sizeof text, value, strlen(value));
	fprintf(stderr, "ptrelay: %s: %s\n", what, text);
	return EX_USAGE;
}

static int show_usage(const char *what)
{
	fprintf(stderr, "ptrelay: %s\n\n%s", what, help);
	return EX_USAGE;
}

/* "90s", "30m", "4h", "5d" in milliseconds. Returns 0 or -EINVAL. */
static int parse_age(const char *text, int64_t *age)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	char *end;

	errno = 0;
	long number = strtol(text, &end, 10);

	if (errno || end == text || number < 0 || !*end || end[1])
		return -EINVAL;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (*end == units[i].unit)
			return __builtin_mul_overflow(number, units[i].ms, age) ? -EINVAL
			                                                        : 0;
	return -EINVAL;
}

static int set_text(struct queue_options *options, const char *key, const char *value)
{
	if (json_object_set_new(options->filter, key, json_string(value)))
		return complain("not UTF-8", value);
	return EX_OK;
}

static int set_older(struct queue_options *options, const char *value)
{
	int64_t age;

	if (parse_age(value, &age))
		return complain("--older wants an age such as 90s, 30m, 4h or 5d", value);
	json_object_set_new(options->filter, "older", mem_must(json_integer(age)));
	return EX_OK;
}

static int read_option(struct queue_options *options, int option, const char *value)
{
	switch (option) {
	case 'f':
		return set_text(options, "from", value);
	case 't':
		return set_text(options, "to", value);
	case 'd':
		return set_text(options, "domain", value);
	case 'r':
		return set_text(options, "reason", value);
	case 's':
		return set_text(options, "state", value);
	case 'o':
		return set_older(options, value);
	case 'a':
		json_object_set_new(options->filter, "all", json_true());
		return EX_OK;
	case 'b':
		options->by = value;
		return EX_OK;
	case 'j':
		options->json = true;
		return EX_OK;
	case 'y':
		options->yes = true;
		return EX_OK;
	default:
		fputs(help, stderr);
		return EX_USAGE;
	}
}

/* What is no id at all cannot be a message either. */
static int add_id(struct queue_options *options, const char *text)
{
	json_t *ids = json_object_get(options->filter, "ids");
	uint64_t id;

	if (spool_id_parse(text, &id)) {
		complain("no such message", text);
		return EXIT_FAILURE;
	}
	if (!ids) {
		ids = mem_must(json_array());
		json_object_set_new(options->filter, "ids", ids);
	}
	json_array_append_new(ids, mem_must(json_string(text)));
	return EX_OK;
}

static const struct queue_command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

/* What a verb wants said, so that no slip of the hand does away with the queue. */
static int check_options(const struct queue_options *options, const struct filter *filter)
{
	const struct queue_command *command = options->command;

	if (options->by && command->kind != KIND_LIST)
		return show_usage("--by goes with list");
	if (options->by && strcmp(options->by, "reason") != 0 &&
		strcmp(options->by, "domain") != 0 && strcmp(options->by, "sender") != 0)
		return show_usage("--by wants reason, domain or sender");
	if (command->kind == KIND_CAT && filter->id_count != 1)
		return show_usage("cat wants one ID");
	if (command->kind == KIND_SHOW && filter->id_count == 0)
		return show_usage("show wants an ID");
	if (command->kind == KIND_CHANGE && filter_is_empty(filter))
		return show_usage("which messages? Give an ID, a FILTER or --all");
	if (command->is_final && filter->all && !options->yes)
		return show_usage("--all: for good? Then say --yes");
	return EX_OK;
}

/* Returns EX_OK, HELP_WANTED, or the exit code. */
static int read_arguments(struct queue_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"from", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{"domain", required_argument, NULL, 'd'},
		{"reason", required_argument, NULL, 'r'},
		{"state", required_argument, NULL, 's'},
		{"older", required_argument, NULL, 'o'},
		{"all", no_argument, NULL, 'a'},
		{"by", required_argument, NULL, 'b'},
		{"json", no_argument, NULL, 'j'},
		{"yes", no_argument, NULL, 'y'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option, code = EX_OK;

	while (code == EX_OK &&
		(option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (option == 'h')
			return HELP_WANTED;
		code = read_option(options, option, optarg);
	}
	if (code != EX_OK)
		return code;
	if (optind == argc)
		return show_usage("which verb?");
	options->command = find_command(argv[optind]);
	if (!options->command)
		return complain("no such verb", argv[optind]);
	for (int i = optind + 1; i < argc && code == EX_OK; i++)
		code = add_id(options, argv[i]);
	return code;
}

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

	if (json_integer_value(json_object_get(end, "messages")))
		print_rows(&rows);
	table_fini(&rows.table);
	json_decref(end);
	return code;
}

static int list_groups(const struct config *config, const struct queue_options *options,
	const struct filter *filter)
{
	struct page page = {.now = text_now()};
	struct groups *groups = groups_new(options->by);
	struct control_sink sink = {.object = add_to_groups, .owner = groups};
	json_t *end, *object;
	int code = cli_ask(config, "list", filter, false, &sink, &end);

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

static int show(const struct config *config, const struct queue_options *options,
	const struct filter *filter)
{
	struct page page = {.colours = render_has_colours(stdout), .now = text_now()};
	struct control_sink sink = {
		.object = options->json ? print_object : print_page,
		.bytes = print_bytes,
		.owner = &page,
	};
	json_t *end;
	int code = cli_ask(config, options->command->name, filter, true, &sink, &end);

	json_decref(end);
	return code;
}

static const char *plural(long long count)
{
	return count == 1 ? "" : "s";
}

static int change(const struct config *config, const struct queue_options *options,
	const struct filter *filter)
{
	const struct queue_command *command = options->command;
	struct control_sink sink = {.object = print_object};
	json_t *end;
	int code = cli_ask(config, command->name, filter, false, &sink, &end);

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

static int run(const struct config *config, const struct queue_options *options,
	const struct filter *filter)
{
	if (options->by)
		return list_groups(config, options, filter);
	if (options->command->kind == KIND_CHANGE)
		return change(config, options, filter);
	if (options->command->kind == KIND_LIST && !options->json)
		return list_rows(config, filter);
	return show(config, options, filter);
}

/* The filter must be right before the configuration is read: a usage error is one anywhere. */
static int start(const struct queue_options *options, const char *config_option)
{
	struct filter filter;
	struct config *config;
	const char *error;

	if (filter_from_json(&filter, options->filter, &error))
		return complain("the filter", error);
	int code = check_options(options, &filter);

	if (code == EX_OK) {
		config = cli_load_config(config_option);
		code = config ? run(config, options, &filter) : EX_CONFIG;
		config_free(config);
	}
	filter_fini(&filter);
	return code;
}

int cli_queue(int argc, char **argv, const char *config)
{
	struct queue_options options = {.filter = mem_must(json_object())};
	int code = read_arguments(&options, argc, argv);

	if (code == HELP_WANTED) {
		fputs(help, stdout);
		code = EX_OK;
	} else if (code == EX_OK) {
		code = start(&options, config);
	}
	json_decref(options.filter);
	return code;
}
