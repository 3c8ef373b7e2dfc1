/* SPDX-License-Identifier: ISC */
#include "relay/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "dns/preflight.h"
#include "relay/cli_check_options.h"
#include "relay/describe.h"
#include "relay/hand_off.h"
#include "relay/mem.h"
#include "relay/own_name.h"
#include "relay/profiles.h"
#include "relay/render.h"
#include "relay/text.h"

/* One source address and what came of it. */
struct judged {
	struct check_run *run;
	struct preflight_question question;
	json_t *object;
	enum action action;
	bool is_usable; /* the recipient can be reached from it */
};

struct check_run {
	const struct profiles *profiles;
	const struct config_route *route; /* mail to the recipient goes by it, or NULL */
	const char *mapped_from; /* what was given, when sender_map changed it; else NULL */
	uv_loop_t loop;
	struct resolver *resolver;
	size_t pending; /* sources without a verdict */
	struct judged judged[SOURCES_MAX];
	size_t count;
};

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
	if (*config && !options->ehlo)
		own_name_find(*config, options->resolvers, options->resolver_count);
	if (*config)
		return EX_OK;
	if (needed)
		fputs("ptrelay: without a configuration, give --ip, --ehlo, --from and "
		      "--resolver\n",
			stderr);
	return EX_CONFIG;
}

/* Of an address, or of what is a domain already; "" of NULL. */
static const char *domain_of(const char *recipient)
{
	const char *domain = recipient ? smtp_mailbox_domain(recipient) : "";

	return *domain || !recipient ? domain : recipient;
}

/* NULL: to the servers of the recipient's domain. */
static const struct config_route *find_route(
	const struct check_options *options, const struct config *config)
{
	return config && options->to ? config_next_hop(config, domain_of(options->to))
				     : NULL;
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
	bool is_hidden = config_is_hidden(config, find_route(options, config));
	size_t source_count = is_hidden ? 0 : source_list(config, NULL, sources);

	for (size_t i = 0; i < source_count; i++)
		if (sources[i].public_ip[0])
			ips[count++] = sources[i].public_ip;
	if (count == 0)
		ips[count++] = NULL;
	return count;
}

/* The lists of the options, else those of the configuration. */
static struct preflight_texts choose_lists(
	const struct zone_list *given, char *const *configured, size_t count)
{
	bool is_given = given->count;

	return (struct preflight_texts){
		.items = (const char *const *)(is_given ? given->zones : configured),
		.count = is_given ? given->count : count};
}

/*
 * As in a hand-off (DESIGN sections 3, 7): a route to our own side is never judged; a smarthost finds
 * the recipient's servers itself, and what its receivers see of us only public_ip can tell.
 */
static void allow_for_route(struct preflight_question *question,
	const struct check_options *options, const struct config *config,
	const struct config_route *route)
{
	bool is_inside = route->domain[0];

	for (int reason = 0; reason < REASON_COUNT; reason++)
		if (is_inside || reason == REASON_RECIPIENT_NULL_MX ||
			reason == REASON_RECIPIENT_DOMAIN_UNRESOLVABLE)
			question->actions[reason] = ACTION_NONE;
	if (config_is_hidden(config, route) && !options->ehlo)
		question->ehlo = NULL;
}

/* What is the same for all our addresses. */
static void make_question(struct preflight_question *question,
	const struct check_options *options, const struct config *config)
{
	*question = (struct preflight_question){
		.ehlo = options->ehlo ? options->ehlo : config->hostname,
		.sender = options->from,
		.author = options->author,
		.recipient = options->to,
		.ip_lists = choose_lists(&options->ip_lists,
			config ? config->dnsbl : NULL, config ? config->dnsbl_count : 0),
		.domain_lists = choose_lists(&options->domain_lists,
			config ? config->dnsbl_domain : NULL,
			config ? config->dnsbl_domain_count : 0),
	};
	if (config)
		hand_off_settings(question, config, domain_of(options->to));
	else
		preflight_defaults(question->actions);
	question->mx.host = question->ehlo;

	const struct config_route *route = find_route(options, config);

	if (route)
		allow_for_route(question, options, config, route);
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

/* Says where the mail goes, when that is not to the recipient's own servers. */
static void note_route(struct judged *judged)
{
	const struct config_route *route = judged->run->route;

	if (!route)
		return;
	json_t *where = strchr(route->host, ':')
	                        ? json_sprintf("[%s]:%d", route->host, route->port)
	                        : json_sprintf("%s:%d", route->host, route->port);

	if (json_object_set_new(
		    judged->object, route->domain[0] ? "route" : "smarthost", where))
		mem_exhausted();
}

/* Says that another sender than the one given was judged: the one that leaves us. */
static void note_sender(struct judged *judged)
{
	const char *given = judged->run->mapped_from;

	if (given && json_object_set_new(
			     judged->object, "mapped_from", mem_must(json_string(given))))
		mem_exhausted();
}

static void on_judged(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct judged *judged = owner;
	const struct profiles *profiles = judged->run->profiles;

	judged->object = describe_verdict(&judged->question, verdict);
	if (profiles->count &&
		json_object_set_new(judged->object, "profiles",
			profiles_describe(profiles, &judged->question, verdict)))
		mem_exhausted();
	note_route(judged);
	note_sender(judged);
	judged->action = verdict->action;
	judged->is_usable =
		judged->run->route || reaches_recipient(&judged->question, facts);
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
		return check_options_complain("resolver", servers.servers[bad],
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
	struct check_run run = {.profiles = &options->profiles,
		.route = find_route(options, config),
		.count = list_ips(options, config, sources, ips)};
	struct preflight_question question;
	char *mapped =
		config && options->from ? config_map_sender(config, options->from) : NULL;

	make_question(&question, options, config);
	if (mapped) {
		question.sender = mapped;
		run.mapped_from = options->given_from;
	}
	question.addresses =
		(struct preflight_texts){.items = ips, .count = ips[0] ? run.count : 0};
	run.pending = run.count;
	for (size_t i = 0; i < run.count; i++) {
		run.judged[i].run = &run;
		run.judged[i].question = question;
		run.judged[i].question.ip = ips[i];
	}
	int code = judge(&run, options, config);

	if (code == EX_OK) {
		print_objects(&run, options->json);
		code = exit_code(&run);
	}
	for (size_t i = 0; i < run.count; i++)
		json_decref(run.judged[i].object);
	free(mapped);
	return code;
}

int cli_check(int argc, char **argv, const char *config_option)
{
	struct check_options options;
	struct config *config = NULL;
	int code = check_options_read(&options, argc, argv);

	if (code != EX_OK)
		return code == CHECK_HELP ? EX_OK : code;
	code = load_config(&options, config_option, &config);
	if (code == EX_OK)
		code = cli_finish(check(&options, config));
	config_free(config);
	check_options_fini(&options);
	return code;
}
