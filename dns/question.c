/* SPDX-License-Identifier: ISC */
#include "dns/question.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/message.h"
#include "dns/resolver.h"

static const char NO_MEMORY[] = "out of memory";

enum { JUDGE_MS = 1000 }; /* an answer waits no longer to be told from a lie */

/*
 *   UDP ──reply──> answered ──> is it made up? ──no──> over (cb)
 *   ^ │ ├─truncated, malformed─> TCP ──reply──> answered
 *   │ │ └─ CNAME only: again, for the next name; a stray packet, or EDNS not understood: again, once
 *   │ └─── silence, SERVFAIL, REFUSED, made up...: the next server
 *   └───── the server is down and another is not: the next server
 *
 * No server is left, or RESOLVER_DEADLINE_MS have passed: failed.
 */
struct question {
	struct servers *servers;
	struct route route;
	char name[ANSWER_NAME_MAX];
	char target[ANSWER_NAME_MAX]; /* what is asked for: the end of the chain so far */
	enum record_type type;
	struct answer_builder *builder;
	uint32_t ttl;        /* of the chain so far */
	bool authenticated;  /* all of the chain so far */
	bool has_met_stray;  /* at this server */
	struct answer *held; /* the answer, while it is not known whether it is made up */
	const char *failure;
	struct udp_question *udp;
	struct tcp *tcp;
	uv_timer_t timer;
	uint64_t deadline; /* by uv_now */
	question_cb cb;
	void *owner;
};

static void ask_server(struct question *q);

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Whatever is on its way is of no interest any more. */
static void stop(struct question *q)
{
	servers_leave(&q->route);
	if (q->udp)
		udp_forget(q->udp);
	if (q->tcp)
		tcp_cancel(q->tcp);
	q->udp = NULL;
	q->tcp = NULL;
}

/* The memory of q stays until the loop has closed its timer. */
void question_cancel(struct question *q)
{
	stop(q);
	answer_builder_free(q->builder);
	answer_free(q->held);
	uv_close((uv_handle_t *)&q->timer, on_timer_closed);
}

static void finish(struct question *q, const struct answer *answer)
{
	stop(q);
	q->cb(q->owner, answer);
	question_cancel(q);
}

static void finish_failed(struct question *q)
{
	struct answer *answer =
		answer_new_failed(q->name, q->type, q->failure ? q->failure : "timeout",
			servers_name(q->servers, q->route.server));

	finish(q, answer);
	answer_free(answer);
}

static void on_time(uv_timer_t *timer)
{
	struct question *q = timer->data;

	if (q->held)
		finish(q, q->held);
	else
		finish_failed(q);
}

/* Calls on_time after ms, and not behind the deadline. */
static void end_in(struct question *q, uint64_t ms)
{
	uint64_t now = uv_now(servers_loop(q->servers));
	uint64_t left = q->deadline > now ? q->deadline - now : 0;

	uv_timer_start(&q->timer, on_time, ms < left ? ms : left, 0);
}

/* From the loop, for it may happen inside question_start. */
static void give_up(struct question *q, const char *failure)
{
	q->failure = failure;
	end_in(q, 0);
}

/* The records read so far are those of another try, or of half a message. False: no memory. */
static bool start_over(struct question *q)
{
	answer_builder_free(q->builder);
	q->builder = answer_builder_new(q->name, q->type);
	memcpy(q->target, q->name, sizeof q->target);
	q->ttl = ANSWER_TTL_MAX;
	q->authenticated = true;
	q->has_met_stray = false;
	if (!q->builder)
		give_up(q, NO_MEMORY);
	return q->builder != NULL;
}

static void ask_next_server(struct question *q)
{
	if (!start_over(q))
		return;
	if (servers_choose(q->servers, &q->route))
		ask_server(q);
	else
		give_up(q, q->failure);
}

static void on_failure(struct question *q, const char *failure)
{
	q->failure = failure;
	ask_next_server(q);
}

static void on_lost(void *owner, const char *why)
{
	struct question *q = owner;

	udp_forget(q->udp);
	q->udp = NULL;
	on_failure(q, why);
}

static void on_message(
	struct question *q, const uint8_t *message, size_t len, bool is_tcp);

static void on_tcp(void *owner, const uint8_t *message, size_t len)
{
	struct question *q = owner;

	q->tcp = NULL;
	if (message)
		on_message(q, message, len, true);
	else
		on_failure(q, q->failure);
}

/* failure: what it will be if TCP brings nothing. */
static void ask_over_tcp(struct question *q, const char *failure)
{
	uint8_t query[MESSAGE_QUERY_MAX];
	uint16_t id;
	ssize_t got = getrandom(&id, sizeof id, 0);

	assert(got == (ssize_t)sizeof id); /* so few bytes always come (random(7)) */
	int len = message_query(id, q->target, q->type, query);

	assert(len > 0); /* as in ask_server */
	q->failure = failure;
	q->tcp = servers_ask_tcp(q->servers, &q->route, query, (size_t)len, on_tcp);
	if (!q->tcp)
		give_up(q, NO_MEMORY);
}

/* Believed or not, q->held is the answer. */
static void on_judged(void *owner)
{
	struct question *q = owner;

	switch (servers_judge(q->servers, &q->route, q->held)) {
	case SERVER_HONEST:
		finish(q, q->held);
		break;
	case SERVER_LIAR:
		answer_free(q->held);
		q->held = NULL;
		end_in(q, RESOLVER_DEADLINE_MS);
		on_failure(q, "the resolver makes up answers");
		break;
	case SERVER_UNJUDGED:
		break;
	}
}

static void on_answer(struct question *q, const struct message_reading *reading)
{
	struct answer meta = {
		.status = reading->status,
		.authenticated = reading->authenticated && q->authenticated &&
	                         servers_is_trusted(q->servers, &q->route),
		.ttl = reading->ttl < q->ttl ? reading->ttl : q->ttl,
		.learned = answer_now(),
		.server = servers_name(q->servers, q->route.server),
	};

	q->held = answer_builder_finish(q->builder, &meta);
	q->builder = NULL;
	if (!q->held) {
		give_up(q, NO_MEMORY);
		return;
	}
	end_in(q, JUDGE_MS);
	on_judged(q);
}

/* No loop leads here for ever: builder holds ANSWER_CHAIN_MAX aliases, and then message_read ends it. */
static void follow_chain(struct question *q, const struct message_reading *reading)
{
	if (reading->ttl < q->ttl)
		q->ttl = reading->ttl;
	q->authenticated = q->authenticated && reading->authenticated;
	memcpy(q->target, reading->target, sizeof q->target);
	ask_server(q);
}

/* An old server: the same again without EDNS, in which DO stands; then there is no AD to believe. */
static void on_rejected(struct question *q, const char *failure, bool is_tcp)
{
	bool had_edns = !is_tcp && !q->route.is_plain &&
	                servers_is_trusted(q->servers, &q->route);

	q->route.is_plain = true;
	if (had_edns)
		ask_server(q);
	else
		on_failure(q, failure);
}

static void on_message(
	struct question *q, const uint8_t *message, size_t len, bool is_tcp)
{
	struct message_reading reading;

	message_read(message, len, q->target, q->type, q->builder, &reading);
	switch (reading.kind) {
	case MESSAGE_ANSWER:
		on_answer(q, &reading);
		break;
	case MESSAGE_CONTINUE:
		follow_chain(q, &reading);
		break;
	case MESSAGE_TRUNCATED:
		if (is_tcp)
			on_failure(q, "a malformed reply");
		else
			ask_over_tcp(q, "truncated, and no answer over TCP");
		break;
	case MESSAGE_MALFORMED: /* a datagram cut on its way looks so, too */
		if (is_tcp)
			on_failure(q, reading.failure);
		else if (start_over(q))
			ask_over_tcp(q, reading.failure);
		break;
	case MESSAGE_STRAY: /* udns has ended the question, though the reply may be on its way */
		if (q->has_met_stray) {
			on_failure(q, reading.failure);
			break;
		}
		q->has_met_stray = true;
		ask_server(q);
		break;
	case MESSAGE_REJECTED:
		on_rejected(q, reading.failure, is_tcp);
		break;
	case MESSAGE_FAILED:
		on_failure(q, reading.failure);
		break;
	}
}

static void on_udp(void *owner, const uint8_t *packet, size_t len)
{
	struct question *q = owner;

	q->udp = NULL;
	if (packet) {
		servers_note_reply(q->servers, &q->route);
		on_message(q, packet, len, false);
	} else {
		on_failure(q, servers_note_silence(q->servers, &q->route));
	}
}

static void ask_server(struct question *q)
{
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_to_wire(q->target, wire);

	assert(len > 0); /* it came off the wire, or question_impossible looked at it */
	q->udp = servers_ask(q->servers, &q->route, wire, q->type, on_udp);
	if (!q->udp)
		give_up(q, NO_MEMORY);
}

struct question *question_start(struct servers *servers, const char *name,
	enum record_type type, question_cb cb, void *owner)
{
	struct question *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->servers = servers;
	q->type = type;
	q->cb = cb;
	q->owner = owner;
	q->route.owner = q;
	q->route.on_lost = on_lost;
	q->route.on_judged = on_judged;
	name_normalize(name, q->name, sizeof q->name);
	uv_timer_init(servers_loop(servers), &q->timer);
	q->timer.data = q;
	q->deadline = uv_now(servers_loop(servers)) + RESOLVER_DEADLINE_MS;
	end_in(q, RESOLVER_DEADLINE_MS);
	ask_next_server(q);
	return q;
}

struct answer *question_impossible(const char *name, enum record_type type)
{
	struct answer meta = {
		.status = ANSWER_NO_NAME, .ttl = ANSWER_TTL_MAX, .learned = answer_now()};

	return name_is_possible(name) ? NULL : answer_new(name, type, &meta);
}
