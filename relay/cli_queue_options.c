/* SPDX-License-Identifier: ISC */
#include "relay/cli_queue_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "relay/mem.h"
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

static const struct queue_command commands[] = {
	{"list", QUEUE_LIST, NULL, false},
	{"show", QUEUE_SHOW, NULL, false},
	{"cat", QUEUE_CAT, NULL, false},
	{"hold", QUEUE_CHANGE, "held", false},
	{"release", QUEUE_CHANGE, "released", false},
	{"retry", QUEUE_CHANGE, "retried", false},
	{"bounce", QUEUE_CHANGE, "bounced", true},
	{"delete", QUEUE_CHANGE, "deleted", true},
};

/* The arguments on their way: the filter as filter_from_json reads it. */
struct arguments {
	struct queue_options *options;
	json_t *filter;
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
	fprintf(stderr, "ptrelay: %s\n'ptrelay queue --help' tells more\n", what);
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

static int set_text(struct arguments *arguments, const char *key, const char *value)
{
	if (json_object_set_new(arguments->filter, key, json_string(value)))
		return complain("not UTF-8", value);
	return EX_OK;
}

static int set_older(struct arguments *arguments, const char *value)
{
	int64_t age;

	if (parse_age(value, &age))
		return complain("--older wants an age such as 90s, 30m, 4h or 5d", value);
	json_object_set_new(arguments->filter, "older", mem_must(json_integer(age)));
	return EX_OK;
}

static int read_option(struct arguments *arguments, int option, const char *value)
{
	switch (option) {
	case 'f':
		return set_text(arguments, "from", value);
	case 't':
		return set_text(arguments, "to", value);
	case 'd':
		return set_text(arguments, "domain", value);
	case 'r':
		return set_text(arguments, "reason", value);
	case 's':
		return set_text(arguments, "state", value);
	case 'o':
		return set_older(arguments, value);
	case 'a':
		json_object_set_new(arguments->filter, "all", json_true());
		return EX_OK;
	case 'b':
		arguments->options->by = value;
		return EX_OK;
	case 'j':
		arguments->options->json = true;
		return EX_OK;
	case 'y':
		arguments->options->yes = true;
		return EX_OK;
	default:
		fputs(help, stderr);
		return EX_USAGE;
	}
}

/* What is no id at all cannot be a message either. */
static int add_id(struct arguments *arguments, const char *text)
{
	json_t *ids = json_object_get(arguments->filter, "ids");
	uint64_t id;

	if (spool_id_parse(text, &id)) {
		complain("no such message", text);
		return EXIT_FAILURE;
	}
	if (!ids) {
		ids = mem_must(json_array());
		json_object_set_new(arguments->filter, "ids", ids);
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
static int check_options(const struct queue_options *options)
{
	const struct queue_command *command = options->command;
	const struct filter *filter = &options->filter;

	if (options->by && command->kind != QUEUE_LIST)
		return show_usage("--by goes with list");
	if (options->by && strcmp(options->by, "reason") != 0 &&
		strcmp(options->by, "domain") != 0 && strcmp(options->by, "sender") != 0)
		return show_usage("--by wants reason, domain or sender");
	if (command->kind == QUEUE_CAT && filter->id_count != 1)
		return show_usage("cat wants one ID");
	if (command->kind == QUEUE_SHOW && filter->id_count == 0)
		return show_usage("show wants an ID");
	if (command->kind == QUEUE_CHANGE && filter_is_empty(filter))
		return show_usage("which messages? Give an ID, a FILTER or --all");
	if (command->is_final && filter->all && !options->yes)
		return show_usage("--all: for good? Then say --yes");
	return EX_OK;
}

static int read_arguments(struct arguments *arguments, int argc, char **argv)
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
		if (option == 'h') {
			fputs(help, stdout);
			return QUEUE_HELP;
		}
		code = read_option(arguments, option, optarg);
	}
	if (code != EX_OK)
		return code;
	if (optind == argc)
		return show_usage("which verb?");
	arguments->options->command = find_command(argv[optind]);
	if (!arguments->options->command)
		return complain("no such verb", argv[optind]);
	for (int i = optind + 1; i < argc && code == EX_OK; i++)
		code = add_id(arguments, argv[i]);
	return code;
}

int queue_options_read(struct queue_options *options, int argc, char **argv)
{
	struct arguments arguments = {
		.options = options, .filter = mem_must(json_object())};
	const char *error;

	*options = (struct queue_options){.filter.state = -1};
	int code = read_arguments(&arguments, argc, argv);

	if (code == EX_OK && filter_from_json(&options->filter, arguments.filter, &error))
		code = complain("the filter", error);
	if (code == EX_OK)
		code = check_options(options);
	if (code != EX_OK)
		queue_options_fini(options);
	json_decref(arguments.filter);
	return code;
}

void queue_options_fini(struct queue_options *options)
{
	filter_fini(&options->filter);
}
