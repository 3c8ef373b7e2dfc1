/* SPDX-License-Identifier: ISC */
#include "dns/server.h"

#include <assert.h>
#include <sys/random.h>

#include "dns/name.h"

enum { LIAR_MS = 60000 }; /* a captive portal goes away once somebody has signed in */

static void on_refused(void *owner)
{
	server_note_refusal(owner);
}

int server_open(struct server *server)
{
	struct udp *udp;
	int error = udp_open(&udp, server->servers->loop,
		(struct sockaddr *)&server->address.socket, on_refused, server);

	if (error)
		return error;
	if (server->udp)
		udp_close(server->udp);
	server->udp = udp;
	return 0;
}

static void on_probed(void *owner, const uint8_t *packet, size_t len)
{
	struct server *server = owner;
	struct route *route;

	server->probe = NULL;
	canary_learn(&server->canary, packet, len);
	server->probe_at = server_now(server->servers) +
	                   (server->is_down ? server->pause : SERVER_JUDGED_MS);
	if (packet)
		server_bring_up(server);
	if (server->canary.lie)
		server->probe_at = server_now(server->servers) + LIAR_MS;
	while ((route = TAILQ_FIRST(&server->judging))) {
		servers_leave(route);
		route->on_judged(route->owner);
	}
	server_plan_probes(server->servers);
}

void server_send_probe(struct server *server)
{
	uint8_t wire[NAME_WIRE_MAX];
	uint64_t chance;
	ssize_t got = getrandom(&chance, sizeof chance, 0);

	assert(got == (ssize_t)sizeof chance); /* so few bytes always come (random(7)) */
	struct udp_query query = {.wire = wire, .type = TYPE_A};

	name_to_wire(canary_name(&server->canary, chance), wire);
	server->probe = udp_ask(server->udp, &query, on_probed, server);
	server->probe_at =
		server->probe ? UINT64_MAX : server_now(server->servers) + server->pause;
	server->servers->probes += server->probe != NULL;
}

static void on_timer(uv_timer_t *timer)
{
	struct servers *servers = timer->data;

	for (size_t i = 0; i < servers->count; i++) {
		struct server *server = &servers->list[i];

		if ((!server->is_down && !server->canary.lie) || server->probe ||
			server->probe_at > server_now(servers))
			continue;
		if (server->is_down && server_open(server) && !server->udp)
			server->probe_at = server_now(servers) + server->pause;
		else
			server_send_probe(server);
	}
	server_plan_probes(servers);
}

/* One that is up and honest is probed with a question only: who asks nothing sends nothing. */
void server_plan_probes(struct servers *servers)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < servers->count; i++) {
		const struct server *server = &servers->list[i];

		if ((server->is_down || server->canary.lie) && !server->probe &&
			server->probe_at < next)
			next = server->probe_at;
	}
	if (next == UINT64_MAX)
		uv_timer_stop(&servers->timer);
	else
		uv_timer_start(&servers->timer, on_timer,
			next > server_now(servers) ? next - server_now(servers) : 0, 0);
}
