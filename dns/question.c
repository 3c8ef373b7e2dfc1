/* SPDX-License-Identifier: ISC */
#include "dns/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dns/message.h"
#include "dns/resolver.h"
#include "dns/resolver_tcp.h"
#include "dns/resolver_udns.h"

enum { SILENCE_MS = 30000 }; /* a silent server is asked last for so long */

struct server {
	struct server_address address;
	struct udp *udp;
	uint64_t silent_until; /* by uv_now */
};

struct servers {
	uv_loop_t *loop;
	struct server list[RESOLVER_SERVERS_MAX];
	size_t count;
	uint64_t sent, over_tcp;
};

/*
 *   UDP ──reply──> answered                                       (cb)
 *   ^ │ └─truncated─> TCP ──reply──> answered
 *   │ └─ CNAME only: again, for the next name
 *   └─── silence, SERVFAIL, REFUSED...: the next server; each once, and once more while the
 *        deadline allows; then failed
 */
struct question {
	struct servers *servers;
	char name[ANSWER_NAME_MAX];
	char target[ANSWER_NAME_MAX]; /* what is asked for: the end of the chain so far */
	enum record_type type;
	struct answer_builder *builder;
	uint32_t ttl;  /* of the chain so far */
	size_t steps;  /* names asked for */
	size_t server; /* being asked */
	unsigned failures;
	const char *failure;
	struct udp_question *udp;
	struct tcp *tcp;
	uv_timer_t deadline;
	question_cb cb;
	void *owner;
};

static void ask_server(struct question *q);

int servers_open(struct servers **result, uv_loop_t *loop,
	const struct server_address *addresses, size_t count)
{
	struct servers *servers = calloc(1, sizeof *servers);

	if (!servers)
		return -ENOMEM;
	servers->loop = loop;
	for (size_t i = 0; i < count; i++) {
		struct server *server = &servers->list[i];

		server->address = addresses[i];
		int error = udp_open(
			&server->udp, loop, (struct sockaddr *)&server->address.socket);

		if (error) {
			servers_close(servers);
			return error;
		}
		servers->count++;
	}
	*result = servers;
	return 0;
}

void servers_close(struct servers *servers)
{
	for (size_t i = 0; i < servers->count; i++)
		udp_close(servers->list[i].udp);
	free(servers);
}

void servers_stats(const struct servers *servers, uint64_t *sent, uint64_t *over_tcp)
{
	*sent = servers->sent;
	*over_tcp = servers->over_tcp;
}

const char *servers_first(const struct servers *servers)
{
	return servers->list[0].address.text;
}

static int64_t wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_deadline_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void stop(struct question *q)
{
	if (q->udp)
		udp_forget(q->udp);
	if (q->tcp)
		tcp_cancel(q->tcp);
	uv_close((uv_handle_t *)&q->deadline, on_deadline_closed);
}

void question_cancel(struct question *q)
{
	answer_builder_free(q->builder);
	stop(q);
}

static void finish(struct question *q, const struct message_reading *reading)
{
	struct answer meta = {
		.status = reading->status,
		.failure = reading->failure,
		.authenticated = reading->authenticated,
		.ttl = reading->ttl < q->ttl ? reading->ttl : q->ttl,
		.learned = wall_clock(),
		.server = q->servers->list[q->server].address.text,
	};
	struct answer *answer = answer_builder_finish(q->builder, &meta);

	if (!answer)
		abort();
	stop(q); /* its memory stays until the loop has closed the timer */
	q->udp = NULL;
	q->tcp = NULL;
	q->cb(q->owner, answer);
	answer_free(answer);
}

static void give_up(struct question *q)
{
	struct message_reading reading = {.status = ANSWER_FAILED,
		.failure = q->failure,
		.ttl = RESOLVER_FAILED_TTL};

	finish(q, &reading);
}

static uint64_t silence(const struct question *q, size_t server)
{
	uint64_t until = q->servers->list[server].silent_until;

	return until > uv_now(q->servers->loop) ? until : 0;
}

/* In the order of the configuration; those that were silent lately come last. */
static size_t first_server(const struct question *q)
{
	for (size_t i = 0; i < q->servers->count; i++)
		if (!silence(q, i))
			return i;
	return 0;
}

/* The records read so far are those of another try: start over with the chain. */
static void start_over(struct question *q)
{
	answer_builder_free(q->builder);
	q->builder = answer_builder_new(q->name, q->type);
	if (!q->builder)
		abort();
	memcpy(q->target, q->name, sizeof q->target);
	q->ttl = ANSWER_TTL_MAX;
	q->steps = 0;
}

static void on_failure(struct question *q, const char *failure)
{
	q->failure = failure;
	if (++q->failures >= 2 * q->servers->count) {
		give_up(q);
		return;
	}
	q->server = (q->server + 1) % q->servers->count;
	start_over(q);
	ask_server(q);
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
		on_failure(q, "truncated, and no answer over TCP");
}

static void ask_over_tcp(struct question *q)
{
	struct server *server = &q->servers->list[q->server];
	uint8_t query[MESSAGE_QUERY_MAX];
	uint16_t id = 0;
	ssize_t got = getrandom(&id, sizeof id, 0);
	int len = message_query(id, q->target, q->type, query);

	if (got != (ssize_t)sizeof id || len < 0) {
		on_failure(q, "a name that cannot be asked for");
		return;
	}
	q->servers->over_tcp++;
	q->tcp = tcp_ask(q->servers->loop, (struct sockaddr *)&server->address.socket,
		query, (size_t)len, on_tcp, q);
	if (!q->tcp)
		abort();
}

static void on_message(
	struct question *q, const uint8_t *message, size_t len, bool is_tcp)
{
	struct message_reading reading;

	message_read(message, len, q->target, q->type, q->builder, &reading);
	switch (reading.kind) {
	case MESSAGE_ANSWER:
		finish(q, &reading);
		break;
	case MESSAGE_CONTINUE:
		if (++q->steps > ANSWER_CHAIN_MAX) { /* a loop: no data, RFC 1034 3.6.2 */
			reading.status = ANSWER_NO_DATA;
			finish(q, &reading);
			break;
		}
		if (reading.ttl < q->ttl)
			q->ttl = reading.ttl;
		memcpy(q->target, reading.target, sizeof q->target);
		ask_server(q);
		break;
	case MESSAGE_TRUNCATED:
		if (is_tcp)
			on_failure(q, "a truncated reply over TCP");
		else
			ask_over_tcp(q);
		break;
	case MESSAGE_FAILED:
		on_failure(q, reading.failure);
		break;
	}
}

static void on_udp(void *owner, const uint8_t *packet, size_t len)
{
	struct question *q = owner;
	struct server *server = &q->servers->list[q->server];

	q->udp = NULL;
	if (packet) {
		server->silent_until = 0;
		on_message(q, packet, len, false);
		return;
	}
	server->silent_until = uv_now(q->servers->loop) + SILENCE_MS;
	on_failure(q, "timeout");
}

static void ask_server(struct question *q)
{
	uint8_t wire[NAME_WIRE_MAX];

	if (name_to_wire(q->target, wire) < 0) {
		on_failure(q, "a name that cannot be asked for");
		return;
	}
	q->servers->sent++;
	q->udp = udp_ask(q->servers->list[q->server].udp, wire, q->type, on_udp, q);
	if (!q->udp)
		abort();
}

static void on_deadline(uv_timer_t *timer)
{
	struct question *q = timer->data;

	if (!q->failure)
		q->failure = "timeout";
	give_up(q);
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
	name_normalize(name, q->name, sizeof q->name);
	start_over(q);
	q->server = first_server(q);
	uv_timer_init(servers->loop, &q->deadline);
	q->deadline.data = q;
	uv_timer_start(&q->deadline, on_deadline, RESOLVER_DEADLINE_MS, 0);
	ask_server(q);
	return q;
}

struct answer *question_impossible(const char *name, enum record_type type)
{
	uint8_t wire[NAME_WIRE_MAX];
	struct answer meta = {
		.status = ANSWER_NO_NAME, .ttl = ANSWER_TTL_MAX, .learned = wall_clock()};

	if (name_to_wire(name, wire) >= 0)
		return NULL;
	struct answer_builder *builder = answer_builder_new(name, type);

	return builder ? answer_builder_finish(builder, &meta) : NULL;
}
