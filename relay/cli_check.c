/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "dns/preflight.h"
#include "relay/describe.h"
#include "relay/mem.h"
#include "relay/render.h"
#include "relay/source.h"
#include "relay/text.h"

static const char help[] =
	"usage: ptrelay [-c FILE] check [OPTION...]\n\n"
	"Asks the DNS now what a receiver will ask, and explains the answers. Needs no\n"
	"running relay, and no configuration when --ip, --ehlo and --resolver are "
	"given.\n\n"
	"  --ip ADDRESS          our address as receivers see it; repeatable\n"
	"                        (default: public_ip)\n"
	"  --ehlo NAME           the name we greet with (default: hostname)\n"
	"  --from ADDRESS        the envelope sender; '' or '<>': the null sender\n"
	"  --to ADDRESS          a recipient, or its domain\n"
	"  --resolver IP[:PORT]  whom to ask; repeatable (default: resolver)\n"
	"  --with 'NAME [TTL] TYPE RDATA'\n"
	"                        as if this record were published; repeatable\n"
	"  --json                one object a line for each address of ours\n\n"
	"exit codes: 0 clear or warn, 1 hold or bounce, 75 the DNS could not tell,\n"
	"            64 usage, 78 bad configuration\n\n"
	"example: ptrelay check --from ann@corp.example \\\n"
	"             --with '25.2.0.192.in-addr.arpa. PTR mail.corp.example.'\n";

enum { HELP_WANTED = -1 };

struct check_options {
	const char *ips[SOURCES_MAX];
	size_t ip_count;
	const char *ehlo, *from, *to;
	const char *resolvers[RESOLVER_SERVERS_MAX];
	size_t resolver_count;
	struct facts *laid;
	bool json;
};

/* One source address and what came of it. */
struct judged {
	struct check_run *run;
	struct preflight_question question;
	json_t *object;
	enum action action;
	bool is_usable; /* the recipient can be reached from it */
};

struct check_run {
	uv_loop_t loop;
	struct resolver *resolver;
	size_t pending; /* sources without a verdict */
	struct judged judged[SOURCES_MAX];
	size_t count;
};

static bool is_ip(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

static int complain(const char *option, const char *value, const char *what)
{
	char text[256];

	text_escape(text, sizeof text, value, strlen(value));
	fprintf(stderr, "ptrelay: --%s '%s': %s\n", option, text, what);
	return EX_USAGE;
}

static int add_ip(struct check_options *options, const char *ip)
{
	if (!is_ip(ip))
		return complain("ip", ip, "not an IP address");
	if (options->ip_count == SOURCES_MAX)
		return complain("ip", ip, "too many addresses");
	options->ips[options->ip_count++] = ip;
	return EX_OK;
}

static int add_resolver(struct check_options *options, const char *resolver)
{
	if (options->resolver_count == RESOLVER_SERVERS_MAX)
		return complain("resolver", resolver, "too many resolvers");
	options->resolvers[options->resolver_count++] = resolver;
	return EX_OK;
}

static int lay_record(struct check_options *options, const char *record)
{
	const char *what = "";
	int error = facts_lay(options->laid, record, &what);

	if (error == -ENOMEM)
		mem_exhausted();
	return error ? complain("with", record, what) : EX_OK;
}

static int read_option(struct check_options *options, int option, const char *value)
{
	switch (option) {
	case 'i':
		return add_ip(options, value);
	case 'e':
		options->ehlo = value;
		return EX_OK;
	case 'f':
		options->from = strcmp(value, "<>") == 0 ? "" : value;
		return EX_OK;
	case 't':
		options->to = value;
		return EX_OK;
	case 'r':
		return add_resolver(options, value);
	case 'w':
		return lay_record(options, value);
	case 'j':
		options->json = true;
		return EX_OK;
	default:
		fputs(help, stderr);
		return EX_USAGE;
	}
}

/* Returns EX_OK, HELP_WANTED, or the exit code. */
static int read_options(struct check_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"ip", required_argument, NULL, 'i'},
		{"ehlo", required_argument, NULL, 'e'},
		{"from", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{"resolver", required_argument, NULL, 'r'},
		{"with", required_argument, NULL, 'w'},
		{"json", no_argument, NULL, 'j'},
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
	if (code == EX_OK && optind < argc) {
		fputs(help, stderr);
		code = EX_USAGE;
	}
	return code;
}

/*
 * The configuration gives what the options leave open, and how strict we are. It need not exist when
 * nothing is open; one that is there is used, and must be right.
 */
static int load_config(
	const struct check_options *options, const char *option, struct config **config)
{
	bool needed = !options->ip_count || !options->ehlo || !options->resolver_count;

	*config = NULL;
	if (!needed && access(config_path(option), R_OK))
		return EX_OK;
	*config = cli_load_config(option);
	if (*config)
		return EX_OK;
	if (needed)
		fputs("ptrelay: without a configuration, give --ip, --ehlo, --from and "
		      "--resolver\n",
			stderr);
	return EX_CONFIG;
}

/* Our addresses as receivers see them; a single NULL when none is known. */
static size_t list_ips(const struct check_options *options, const struct config *config,
	struct source sources[SOURCES_MAX], const char *ips[SOURCES_MAX])
{
	size_t count = 0;

	if (options->ip_count) {
		memcpy(ips, options->ips, options->ip_count * sizeof ips[0]);
		return options->ip_count;
	}
	size_t source_count = source_list(config, sources);

	for (size_t i = 0; i < source_count; i++)
		if (sources[i].public_ip[0])
			ips[count++] = sources[i].public_ip;
	if (count == 0)
		ips[count++] = NULL;
	return count;
}

static const char *domain_of(const char *recipient)
{
	const char *at = recipient ? strrchr(recipient, '@') : NULL;

	return at ? at + 1 : recipient ? recipient : "";
}

static void make_question(struct preflight_question *question,
	const struct check_options *options, const struct config *config, const char *ip)
{
	*question = (struct preflight_question){
		.ip = ip,
		.ehlo = options->ehlo ? options->ehlo : config->hostname,
		.sender = options->from,
		.recipient = options->to,
	};
	preflight_defaults(question->actions);
	question->mx.host = question->ehlo;
	if (!config)
		return;
	config_actions_for(config, domain_of(options->to), question->actions);
	question->mx.allowed = config->private_mx;
	question->mx.allowed_count = config->private_mx_count;
}

/* A source is usable when the recipient has a server in its address family (DESIGN section 3). */
static bool reaches_recipient(
	const struct preflight_question *question, struct facts *facts)
{
	struct mx_list list;

	if (!question->ip || !question->recipient)
		return true;
	mx_order(facts, domain_of(question->recipient), &question->mx, &list);
	if (list.status != MX_FOUND)
		return true;
	for (size_t i = 0; i < list.count; i++)
		if (list.addresses[i].is_v6 == (strchr(question->ip, ':') != NULL))
			return true;
	return false;
}

static void on_judged(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct judged *judged = owner;

	judged->object = describe_verdict(&judged->question, verdict);
	judged->action = verdict->action;
	judged->is_usable = reaches_recipient(&judged->question, facts);
	if (--judged->run->pending == 0)
		uv_stop(&judged->run->loop);
}

/* Opens whom the options, else the configuration, name. Returns EX_OK, or the exit code. */
static int open_resolver(struct check_run *run, const struct check_options *options,
	const struct config *config)
{
	struct resolver_options servers = {
		.servers = options->resolvers, .server_count = options->resolver_count};
	size_t bad = 0;

	if (!options->resolver_count) {
		servers.servers = (const char *const *)config->resolvers;
		servers.server_count = config->resolver_count;
	}
	int error = resolver_open(&run->resolver, &run->loop, &servers, &bad);

	if (error == -EINVAL)
		return complain("resolver", servers.servers[bad],
			"not an address: IP, IP:PORT or [IPV6]:PORT");
	if (error == -ENOMEM)
		mem_exhausted();
	if (error) {
		fprintf(stderr, "ptrelay: no resolver: %s\n", strerror(-error));
		return EX_CONFIG;
	}
	return EX_OK;
}

/* Judges all sources side by side. Returns EX_OK, or the exit code. */
static int judge(struct check_run *run, const struct check_options *options,
	const struct config *config)
{
	uv_loop_init(&run->loop);
	int code = open_resolver(run, options, config);

	if (code == EX_OK) {
		for (size_t i = 0; i < run->count; i++)
			mem_must(inquiry_start(&run->loop, run->resolver,
				&run->judged[i].question, RESOLVER_FRESH, options->laid,
				on_judged, &run->judged[i]));
		uv_run(&run->loop, UV_RUN_DEFAULT);
		resolver_close(run->resolver);
	}
	uv_run(&run->loop, UV_RUN_DEFAULT);
	uv_loop_close(&run->loop);
	return code;
}

static void print_objects(const struct check_run *run, bool json)
{
	struct page page = {.colours = render_has_colours(stdout), .now = text_now()};

	for (size_t i = 0; i < run->count; i++) {
		if (json) {
			cli_print_json(run->judged[i].object);
			continue;
		}
		if (i)
			buf_printf(&page.out, "\n");
		render_verdict(&page, run->judged[i].object);
	}
	render_flush(&page, stdout);
}

/* The exit code of the best source; of those that reach the recipient, if any does. */
static int exit_code(const struct check_run *run)
{
	enum action best = ACTION_BOUNCE;
	bool any_usable = false;

	for (size_t i = 0; i < run->count; i++)
		any_usable = any_usable || run->judged[i].is_usable;
	for (size_t i = 0; i < run->count; i++)
		if (run->judged[i].is_usable == any_usable &&
			run->judged[i].action < best)
			best = run->judged[i].action;
	switch (best) {
	case ACTION_NONE:
	case ACTION_WARN:
		return EX_OK;
	case ACTION_DEFER:
		return EX_TEMPFAIL;
	default:
		return EXIT_FAILURE;
	}
}

static int check(const struct check_options *options, const struct config *config)
{
	struct source sources[SOURCES_MAX];
	const char *ips[SOURCES_MAX] = {NULL};
	struct check_run run = {.count = list_ips(options, config, sources, ips)};

	run.pending = run.count;
	for (size_t i = 0; i < run.count; i++) {
		run.judged[i].run = &run;
		make_question(&run.judged[i].question, options, config, ips[i]);
	}
	int code = judge(&run, options, config);

	if (code == EX_OK) {
		print_objects(&run, options->json);
		code = exit_code(&run);
	}
	for (size_t i = 0; i < run.count; i++)
		json_decref(run.judged[i].object);
	return code;
}

int cli_check(int argc, char **argv, const char *config_option)
{
	struct check_options options = {.laid = mem_must(facts_new())};
	struct config *config = NULL;
	int code = read_options(&options, argc, argv);

	if (code == HELP_WANTED) {
		fputs(help, stdout);
		code = EX_OK;
	} else if (code == EX_OK) {
		code = load_config(&options, config_option, &config);
		if (code == EX_OK)
			code = cli_finish(check(&options, config));
		config_free(config);
	}
	facts_free(options.laid);
	return code;
}
