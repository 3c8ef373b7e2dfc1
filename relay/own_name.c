/* SPDX-License-Identifier: ISC */
#include "relay/own_name.h"

#include <stdlib.h>
#include <uv.h>

#include "dns/preflight.h"
#include "relay/mem.h"
#include "relay/source.h"

/* The search: all our addresses are asked about at once, the first one with a name wins. */
struct search;

struct address {
	struct search *search;
	struct source source;
	struct inquiry *inquiry; /* NULL: done, or not known */
	char *name;
};

struct search {
	uv_loop_t loop;
	uv_timer_t patience;
	struct resolver *resolver;
	struct address addresses[SOURCES_MAX];
	size_t count, open;
};

static void end(struct search *search)
{
	for (size_t i = 0; i < search->count; i++) {
		if (search->addresses[i].inquiry)
			inquiry_cancel(search->addresses[i].inquiry);
		search->addresses[i].inquiry = NULL;
	}
	uv_close((uv_handle_t *)&search->patience, NULL);
	resolver_close(search->resolver);
}

static void on_patience_over(uv_timer_t *timer)
{
	end(timer->data);
}

static void on_answer(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct address *address = owner;
	const char *name = preflight_confirmed_name(facts, address->source.public_ip);

	(void)verdict;
	address->inquiry = NULL;
	if (name)
		address->name = mem_strdup(name);
	if (--address->search->open == 0)
		end(address->search);
}

static void ask(struct search *search, struct address *address)
{
	struct preflight_question question = {.ip = address->source.public_ip};

	preflight_defaults(question.actions);
	address->search = search;
	address->inquiry = mem_must(inquiry_start(&search->loop, search->resolver,
		&question, RESOLVER_CACHED, NULL, on_answer, address));
	search->open++;
}

static void run(struct search *search, const struct config *config)
{
	struct source sources[SOURCES_MAX];

	uv_timer_init(&search->loop, &search->patience);
	search->patience.data = search;
	uv_timer_start(&search->patience, on_patience_over, OWN_NAME_PATIENCE_MS, 0);
	search->count = source_list(config, NULL, sources);
	for (size_t i = 0; i < search->count; i++) {
		search->addresses[i].source = sources[i];
		if (sources[i].public_ip[0])
			ask(search, &search->addresses[i]);
	}
	if (search->open == 0)
		end(search);
	uv_run(&search->loop, UV_RUN_DEFAULT);
}

static void take(struct config *config, struct search *search)
{
	bool is_taken = false;

	for (size_t i = 0; i < search->count; i++) {
		char *name = search->addresses[i].name;

		if (name && !is_taken)
			config_take_hostname(config, name);
		is_taken = is_taken || name;
		free(name);
	}
}

bool own_name_find(struct config *config, const char *const *resolvers, size_t count)
{
	struct resolver_options options = {.servers = resolvers, .server_count = count};
	struct search search = {0};
	size_t bad;

	if (!config->is_hostname_auto)
		return true;
	if (count == 0) {
		options.servers = (const char *const *)config->resolvers;
		options.server_count = config->resolver_count;
	}
	uv_loop_init(&search.loop);
	if (resolver_open(&search.resolver, &search.loop, &options, &bad) == 0)
		run(&search, config);
	uv_loop_close(&search.loop);
	take(config, &search);
	return config->hostname != NULL;
}
