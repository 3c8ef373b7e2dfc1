/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include <uv.h>

#include "dns/answer.h"
#include "dns/resolver.h"
#include "dns/resolver_tcp.h"
#include "dns/resolver_udns.h"
#include "dns/server_address.h"

/*
 * The configured servers and their health: whom a question is put to first and next. One that is
 * silent is down: all that wait for it move on together, it is asked last, and looked at by timer until
 * it answers. One that has an address for a name that cannot exist makes up answers. Internal to the
 * resolver; question.c is the only caller. Knows nothing of what is asked.
 */

struct servers;

/* Returns 0, -ENOMEM, or what the system said when not one of them can be reached. */
int servers_open(struct servers **servers, uv_loop_t *loop,
	const struct server_addresses *addresses);
void servers_close(struct servers *servers); /* no question may be on its way */

/* One question's way along the servers: a part of the question, which sets owner and callbacks. */
struct route {
	void *owner;
	/* The server that is being asked is down and another is not: leave, and choose again. */
	void (*on_lost)(void *owner, const char *why);
	/* It is known now whether the server makes up answers (servers_judge). */
	void (*on_judged)(void *owner);
	size_t server; /* being asked, or asked last */
	unsigned char tries[RESOLVER_SERVERS_MAX];
	unsigned tried;
	bool is_hopeless; /* all servers were known to be down when it began: one try */
	bool was_down;    /* the server, when it was asked */
	bool is_plain;    /* it did not understand EDNS: no DNSSEC */
	unsigned replies; /* that it had sent by then */
	struct route_list *list; /* where it waits, or NULL */
	TAILQ_ENTRY(route) others;
};

TAILQ_HEAD(route_list, route);

/*
 * Chooses the server to ask now: those that are up in the order of the configuration, each twice at
 * most; when none is, one that is down. False: nobody is left.
 */
bool servers_choose(struct servers *servers, struct route *route);

/* Asks the chosen one over UDP (udp_ask). NULL without memory. */
struct udp_question *servers_ask(struct servers *servers, struct route *route,
	const uint8_t *wire, enum record_type type, udp_cb cb);

/* The same over TCP (tcp_ask). */
struct tcp *servers_ask_tcp(struct servers *servers, struct route *route,
	const uint8_t *query, size_t len, tcp_cb cb);

/*
 * What became of it: each ends the wait. A server that answered others meanwhile is not down. Silence has
 * a cause: static text.
 */
void servers_note_reply(struct servers *servers, struct route *route);
const char *servers_note_silence(struct servers *servers, struct route *route);
void servers_leave(struct route *route);

enum server_honesty {
	SERVER_HONEST,
	SERVER_LIAR,     /* it gives this very answer for names that cannot exist */
	SERVER_UNJUDGED, /* on_judged comes, if servers_leave does not come first */
};

/* Whether the chosen server is to be believed this answer. */
enum server_honesty servers_judge(
	struct servers *servers, struct route *route, const struct answer *answer);

/* At least one is up and makes up no answers. */
bool servers_are_healthy(const struct servers *servers);

void servers_stats(const struct servers *servers, struct resolver_stats *stats);
/* True when the AD bit of the chosen server is believed, and asked for: it is on this machine. */
bool servers_is_trusted(const struct servers *servers, const struct route *route);
/* "127.0.0.1:53". Borrowed. */
const char *servers_name(const struct servers *servers, size_t i);
uv_loop_t *servers_loop(const struct servers *servers);
