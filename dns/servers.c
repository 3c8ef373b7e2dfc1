/* SPDX-License-Identifier: ISC */
#include "dns/servers.h"

#include <errno.h>
#include <stdlib.h>

#include "dns/server.h"

enum {
	TRIES = 2, /* a server and question */
	RELAPSE_MS = 60000,
};

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void servers_close(struct servers *servers)
{
	for (size_t i = 0; i < servers->count; i++) {
		struct server *server = &servers->list[i];

		if (server->probe)
			udp_forget(server->probe);
		if (server->udp)
			udp_close(server->udp);
		canary_fini(&server->canary);
	}
	tcp_line_free(servers->tcp);
	uv_close((uv_handle_t *)&servers->timer, on_timer_closed);
}

int servers_open(struct servers **result, uv_loop_t *loop,
	const struct server_addresses *addresses)
{
	struct servers *servers = calloc(1, sizeof *servers);
	int error = 0;
	size_t reached = 0;

	if (!servers)
		return -ENOMEM;
	servers->loop = loop;
	uv_timer_init(loop, &servers->timer);
	servers->timer.data = servers;
	servers->tcp = tcp_line_new(loop);
	for (; servers->count < addresses->count; servers->count++) {
		struct server *server = &servers->list[servers->count];

		server->servers = servers;
		server->address = addresses->items[servers->count];
		server->pause = SERVER_PAUSE_MIN_MS;
		TAILQ_INIT(&server->asking);
		TAILQ_INIT(&server->judging);
		int problem = server_open(server);

		error = problem ? problem : error;
		server->is_down = problem != 0;
		reached += problem == 0;
	}
	if (!servers->tcp || reached == 0) {
		error = servers->tcp ? error : -ENOMEM;
		servers_close(servers);
		return error;
	}
	server_plan_probes(servers);
	*result = servers;
	return 0;
}

/* The one that was tried least, of those that are up or of all that can be asked; or -1. */
static int best(const struct servers *servers, const struct route *route, bool up_only)
{
	int found = -1;

	for (int i = 0; i < (int)servers->count; i++) {
		const struct server *server = &servers->list[i];

		if (server->udp && !(up_only && server->is_down) &&
			route->tries[i] < TRIES &&
			(found < 0 || route->tries[i] < route->tries[found]))
			found = i;
	}
	return found;
}

bool servers_choose(struct servers *servers, struct route *route)
{
	int chosen = best(servers, route, true);

	if (chosen < 0 && route->tried == 0)
		route->is_hopeless = true;
	if (chosen < 0 && route->tried < (route->is_hopeless ? 1 : TRIES))
		chosen = best(servers, route, false);
	if (chosen < 0)
		return false;
	route->server = (size_t)chosen;
	route->is_plain = false;
	route->tries[chosen]++;
	route->tried++;
	return true;
}

static void wait_in(struct route_list *list, struct route *route)
{
	route->list = list;
	TAILQ_INSERT_TAIL(list, route, others);
}

void servers_leave(struct route *route)
{
	if (route->list)
		TAILQ_REMOVE(route->list, route, others);
	route->list = NULL;
}

static struct route *find_movable(struct servers *servers)
{
	for (size_t i = 0; i < servers->count; i++) {
		struct route *route;

		if (!servers->list[i].is_down)
			continue;
		TAILQ_FOREACH(route, &servers->list[i].asking, others)
		{
			if (best(servers, route, true) >= 0)
				return route;
		}
	}
	return NULL;
}

/* All who wait for a server that is down go to one that is not, if there is one. */
static void move_on(struct servers *servers)
{
	struct route *route;

	while ((route = find_movable(servers))) {
		servers_leave(route);
		route->on_lost(route->owner, servers->list[route->server].trouble);
	}
}

void server_bring_up(struct server *server)
{
	server->replies++;
	if (!server->is_down)
		return;
	server->is_down = false;
	server->probe_at = server->canary.is_known
	                           ? server_now(server->servers) + SERVER_JUDGED_MS
	                           : 0;
	move_on(server->servers);
}

static bool is_any_up(const struct servers *servers, bool honest_only)
{
	for (size_t i = 0; i < servers->count; i++)
		if (!servers->list[i].is_down &&
			!(honest_only && servers->list[i].canary.lie))
			return true;
	return false;
}

static void take_down(struct server *server, const char *trouble)
{
	struct servers *servers = server->servers;

	if (server->is_down)
		return;
	server->is_down = true;
	server->trouble = trouble;
	/* One that went down long ago starts with a short pause again. */
	bool is_relapse =
		server->down_at && server_now(servers) - server->down_at < RELAPSE_MS;

	server->pause = is_relapse ? 2 * server->pause : SERVER_PAUSE_MIN_MS;
	if (server->pause > SERVER_PAUSE_MAX_MS)
		server->pause = SERVER_PAUSE_MAX_MS;
	server->down_at = server_now(servers);
	/* The last one may just be slow with one name: do not give it up for longer than need be. */
	server->probe_at = is_any_up(servers, false) ? server_now(servers) + server->pause
	                                             : server_now(servers);
	server_plan_probes(servers);
	move_on(servers);
}

static struct route *find_lost(const struct server *server)
{
	struct route *route;

	TAILQ_FOREACH(route, &server->asking, others)
	{
		if (route->was_down)
			return route;
	}
	return NULL;
}

/*
 * The port is closed. Those who knew no better place need not wait; those who asked before it was known
 * do, since a resolver that is only restarted hears the next repetition.
 */
void server_note_refusal(struct server *server)
{
	struct route *route;

	take_down(server, "the resolver's port is closed");
	while ((route = find_lost(server))) {
		servers_leave(route);
		route->on_lost(route->owner, server->trouble);
	}
}

struct udp_question *servers_ask(struct servers *servers, struct route *route,
	const uint8_t *wire, enum record_type type, udp_cb cb)
{
	struct server *server = &servers->list[route->server];

	if (!server->probe && server->probe_at <= server_now(servers) && !server->is_down)
		server_send_probe(server);
	servers->sent++;
	route->was_down = server->is_down;
	route->replies = server->replies;
	struct udp_query query = {.wire = wire,
		.type = type,
		.wants_dnssec = server->address.is_loopback && !route->is_plain};
	struct udp_question *question = udp_ask(server->udp, &query, cb, route->owner);

	if (question)
		wait_in(&server->asking, route);
	return question;
}

struct tcp *servers_ask_tcp(struct servers *servers, struct route *route,
	const uint8_t *query, size_t len, tcp_cb cb)
{
	struct tcp_query ask = {
		.server = (struct sockaddr *)&servers->list[route->server].address.socket,
		.bytes = query,
		.len = len};

	servers->over_tcp++;
	return tcp_ask(servers->tcp, &ask, cb, route->owner);
}

void servers_note_reply(struct servers *servers, struct route *route)
{
	servers_leave(route);
	server_bring_up(&servers->list[route->server]);
}

const char *servers_note_silence(struct servers *servers, struct route *route)
{
	struct server *server = &servers->list[route->server];
	bool is_slow = server->replies != route->replies; /* with this name only */

	servers_leave(route);
	if (!is_slow)
		take_down(server, "timeout");
	return is_slow || !server->is_down ? "timeout" : server->trouble;
}

enum server_honesty servers_judge(
	struct servers *servers, struct route *route, const struct answer *answer)
{
	struct server *server = &servers->list[route->server];

	if (!server->canary.is_known && server->probe && canary_concerns(answer)) {
		wait_in(&server->judging, route);
		return SERVER_UNJUDGED;
	}
	return canary_exposes(&server->canary, answer) ? SERVER_LIAR : SERVER_HONEST;
}

bool servers_are_healthy(const struct servers *servers)
{
	return is_any_up(servers, true);
}

void servers_stats(const struct servers *servers, struct resolver_stats *stats)
{
	stats->sent = servers->sent;
	stats->over_tcp = servers->over_tcp;
	stats->probes = servers->probes;
}

bool servers_is_trusted(const struct servers *servers, const struct route *route)
{
	return servers->list[route->server].address.is_loopback;
}

const char *servers_name(const struct servers *servers, size_t i)
{
	return servers->list[i].address.text;
}

uv_loop_t *servers_loop(const struct servers *servers)
{
	return servers->loop;
}
