/* SPDX-License-Identifier: ISC */
#pragma once

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/resolver.h"

/*
 * Up to three DNS servers on loopback in the test's own loop, over UDP and TCP, and a resolver that asks
 * them. What a server does depends on the first label of the name it is asked for (write_reply,
 * send_udp, send_tcp); a random name under "invalid." does not exist, unless the server lies.
 */

enum { FAKE_MAX = 3, FAKE_REPLY = 65535 };

struct fake_server {
	uv_udp_t udp;
	uv_tcp_t tcp;
	unsigned asked, asked_tcp, probes; /* probes are not among asked */
	unsigned tcp_busy, tcp_busiest;    /* connections that wait for their reply */
	bool is_silent, ignores_probes, lies, is_closed;
	char address[32];
	unsigned port;
};

struct scene {
	uv_loop_t loop;
	struct fake_server servers[FAKE_MAX];
	size_t server_count;
	struct resolver *resolver;
	unsigned told, awaited, found;
	size_t most_in_flight;
	struct answer *answer; /* the last one */
};

static struct scene scene;

struct packet {
	uint8_t bytes[FAKE_REPLY + 2];
	size_t len;
};

static inline void put16(struct packet *p, unsigned value)
{
	p->bytes[p->len++] = (uint8_t)(value >> 8);
	p->bytes[p->len++] = (uint8_t)value;
}

static inline void put_wire(struct packet *p, const char *name)
{
	p->len += (size_t)name_to_wire(name, p->bytes + p->len);
}

/* A record of the name asked for; its data follow. */
static inline void put_head(struct packet *p, unsigned type, unsigned len)
{
	put16(p, 0xC00C);
	put16(p, type);
	put16(p, 1);
	put16(p, 0);
	put16(p, 60);
	put16(p, len);
	p->bytes[7]++; /* ANCOUNT */
	if (p->bytes[7] == 0)
		p->bytes[6]++;
}

static inline void put_address(struct packet *p, unsigned number)
{
	put_head(p, TYPE_A, 4);
	put16(p, 192 << 8);
	put16(p, number);
}

static inline void put_text(struct packet *p, unsigned strings, unsigned len)
{
	put_head(p, TYPE_TXT, strings * (len + 1));
	for (unsigned i = 0; i < strings; i++) {
		p->bytes[p->len++] = (uint8_t)len;
		memset(p->bytes + p->len, 'a' + (int)(i % 26), len);
		p->len += len;
	}
}

static inline void put_exchanges(struct packet *p, unsigned count)
{
	char name[64];
	uint8_t wire[NAME_WIRE_MAX];

	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof name, "mx%u.example", i);
		int len = name_to_wire(name, wire);

		put_head(p, TYPE_MX, (unsigned)len + 2);
		put16(p, i);
		memcpy(p->bytes + p->len, wire, (size_t)len);
		p->len += (size_t)len;
	}
}

static inline void put_alias(struct packet *p, const char *target)
{
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_to_wire(target, wire);

	put_head(p, TYPE_CNAME, (unsigned)len);
	memcpy(p->bytes + p->len, wire, (size_t)len);
	p->len += (size_t)len;
}

/* A query taken apart. */
struct asked {
	char label[64], name[256];
	unsigned type;
	size_t question_end;
	bool has_opt, wants_ad;
};

static inline struct asked read_query(const uint8_t *query, size_t len)
{
	struct asked asked = {.question_end = 12};
	char name[ANSWER_NAME_MAX];

	cr_assert_geq(len, 17);
	cr_assert(name_from_wire(query, len, &asked.question_end, name));
	snprintf(asked.name, sizeof asked.name, "%.255s", name);
	snprintf(asked.label, sizeof asked.label, "%.*s", (int)strcspn(name, "."), name);
	asked.type = (unsigned)(query[asked.question_end] << 8 |
				query[asked.question_end + 1]);
	asked.question_end += 4;
	asked.has_opt = query[11] == 1;
	/* Asked for by AD, or by DO in the OPT record (RFC 6840 5.7, 5.8). */
	asked.wants_ad =
		query[3] & 0x20 || (asked.has_opt && len >= asked.question_end + 11 &&
					   query[asked.question_end + 7] & 0x80);
	return asked;
}

static inline bool label_is(const struct asked *asked, const char *label)
{
	return strncmp(asked->label, label, strlen(label)) == 0;
}

static inline void put_answers(const struct asked *asked, struct packet *p)
{
	char next[64];
	unsigned number = (unsigned)strtoul(asked->label + 3, NULL, 10);

	if (label_is(asked, "big"))
		for (unsigned i = 0; i < 500; i++)
			put_address(p, i);
	else if (label_is(asked, "txt"))
		put_text(p, number, 255);
	else if (label_is(asked, "exchanges"))
		put_exchanges(p, 200);
	else if (label_is(asked, "full")) /* 65,535 bytes to the last one */
		for (size_t left; (left = FAKE_REPLY - p->len) > 0;)
			put_text(p, 1,
				left >= 2 * 268 ? 255
						: (unsigned)(left > 268 ? left / 2 - 13
									: left - 13));
	else if (label_is(asked, "alias") || label_is(asked, "half"))
		put_alias(p, "good.example");
	else if (label_is(asked, "loop"))
		put_alias(p, "loop.example");
	else if (label_is(asked, "hop") && number > 0)
		snprintf(next, sizeof next, "hop%u.example", number - 1),
			put_alias(p, next);
	else if (label_is(asked, "25") && asked->question_end < 12 + 32)
		put_alias(p, "25.0/25.2.0.192.in-addr.arpa");
	else if (asked->type == TYPE_PTR)
		put_head(p, TYPE_PTR, 19), put_wire(p, "mail.corp.example");
	else
		put_address(p, 0x0201);
}

/* The reply to a query, whatever it is sent over. */
static inline void write_reply(struct fake_server *server, const uint8_t *query,
	const struct asked *asked, struct packet *p)
{
	static const struct {
		const char *label;
		unsigned flags;
	} failures[] = {{"servfail", 0x8182}, {"refused", 0x8185}, {"notimp", 0x8184},
		{"odd", 0x818B}, {"nx", 0x8183}, {"empty", 0x8180}, {"badvers", 0x8180}};
	unsigned flags = 0x8180;
	bool is_answered = true;

	memcpy(p->bytes, query, asked->question_end);
	p->len = asked->question_end;
	memset(p->bytes + 6, 0, 6);
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
		if (label_is(asked, failures[i].label)) {
			flags = failures[i].flags;
			is_answered = false;
		}
	}
	if (strstr(asked->name, ".invalid")) {
		flags = 0x8183;
		is_answered = false;
	}
	if (server->lies && asked->type == TYPE_A) {
		put_address(p, 0x0242);
		flags = 0x8180;
	} else if (is_answered) {
		put_answers(asked, p);
	}
	if (label_is(asked, "brief")) /* TTL 1 */
		p->bytes[asked->question_end + 9] = 1;
	if (label_is(asked, "badvers")) {
		static const uint8_t opt[] = {0, 0, 41, 16, 0, 1, 0, 0, 0, 0, 0};

		memcpy(p->bytes + p->len, opt, sizeof opt);
		p->len += sizeof opt;
		p->bytes[11] = 1;
	}
	if ((label_is(asked, "signed") || label_is(asked, "tcpsigned") ||
		    label_is(asked, "oldsigned")) &&
		asked->wants_ad)
		flags |= 0x20;
	p->bytes[2] = (uint8_t)(flags >> 8);
	p->bytes[3] = (uint8_t)flags;
}

static inline void send_packet(
	uv_udp_t *udp, const uint8_t *bytes, size_t len, const struct sockaddr *to)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)len);

	uv_udp_try_send(udp, &buf, 1, to);
}

/* Sends something that must not count, before the reply. */
static inline void send_junk(uv_udp_t *udp, const uint8_t *query, size_t len,
	const struct asked *asked, const struct sockaddr *to)
{
	uint8_t junk[512];

	memcpy(junk, query, len);
	if (label_is(asked, "echoed")) {
		send_packet(udp, junk, len, to);
	} else if (label_is(asked, "spoofed")) {
		junk[2] = 0x81;
		junk[3] = 0x83; /* NXDOMAIN */
		junk[0] ^= 1;
		send_packet(udp, junk, len, to); /* another id */
		junk[0] ^= 1;
		junk[13] ^= 1;
		send_packet(udp, junk, len, to); /* another name */
		junk[13] ^= 1;
		junk[asked->question_end - 3] ^= 2;
		send_packet(udp, junk, len, to); /* another type */
		send_packet(udp, junk, 0, to);
		send_packet(udp, junk, 1, to);
		send_packet(udp, junk, 11, to);
		send_packet(udp, junk, 12, to);
	}
}

static inline void send_udp(struct fake_server *server, const uint8_t *query, size_t len,
	const struct sockaddr *to)
{
	static struct packet p;
	struct asked asked = read_query(query, len);

	*(strstr(asked.name, ".invalid") ? &server->probes : &server->asked) += 1;
	if (server->is_silent || label_is(&asked, "silent"))
		return;
	if (server->ignores_probes && strstr(asked.name, ".invalid"))
		return;
	if (label_is(&asked, "echo") && !label_is(&asked, "echoed")) {
		send_packet(&server->udp, query, len, to);
		return;
	}
	write_reply(server, query, &asked, &p);
	send_junk(&server->udp, query, len, &asked, to);
	if (label_is(&asked, "old") &&
		asked.has_opt) { /* FORMERR, and not even the question */
		p.bytes[3] = 0x81;
		memset(p.bytes + 4, 0, 8);
		p.len = 12;
	} else if (label_is(&asked, "formerr")) {
		p.bytes[3] = 0x81;
	} else if (label_is(&asked, "half")) { /* one alias more, which cannot be read */
		static const uint8_t alias[] = {0, 5, 0, 1, 0, 0, 0, 9, 0, 1, 7};

		put_wire(&p, "good.example");
		memcpy(p.bytes + p.len, alias, sizeof alias);
		p.len += sizeof alias;
		p.bytes[7]++;
	} else if (label_is(&asked, "cut")) {
		p.len -= 3;
	} else if (p.len > 4096 || label_is(&asked, "tcp")) {
		p.bytes[2] |= 0x02;
		p.len = asked.question_end;
		memset(p.bytes + 6, 0, 6);
	}
	send_packet(&server->udp, p.bytes, p.len, to);
}

static inline void on_fake_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(size), (unsigned)size);
}

static inline void on_fake_query(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
	const struct sockaddr *from, unsigned flags)
{
	(void)flags;
	if (len > 12)
		send_udp(udp->data, (uint8_t *)buf->base, (size_t)len, from);
	free(buf->base);
}

/* A connection: the reply, and how much of it is sent at a time. */
struct fake_client {
	uv_tcp_t tcp;
	struct fake_server *server;
	struct packet reply;
	size_t sent, step;
	bool closes;
	uv_timer_t timer;
};

static inline void on_fake_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static inline void on_fake_client_closed(uv_handle_t *handle)
{
	struct fake_client *client = handle->data;

	uv_close((uv_handle_t *)&client->timer, on_fake_timer_closed);
}

static inline void close_client(struct fake_client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->tcp))
		return;
	uv_close((uv_handle_t *)&client->tcp, on_fake_client_closed);
}

static inline void on_fake_step(uv_timer_t *timer)
{
	struct fake_client *client = timer->data;
	size_t left = client->reply.len - client->sent;
	size_t size = client->step && client->step < left ? client->step : left;
	uv_buf_t buf =
		uv_buf_init((char *)client->reply.bytes + client->sent, (unsigned)size);
	int sent = size ? uv_try_write((uv_stream_t *)&client->tcp, &buf, 1) : 0;

	client->sent += sent > 0 ? (size_t)sent : 0;
	if (client->sent < client->reply.len) {
		uv_timer_start(timer, on_fake_step, client->step ? 500 : 1, 0);
		return;
	}
	client->server->tcp_busy--;
	if (client->closes)
		close_client(client);
}

/* What a server does over TCP. */
static inline void send_tcp(struct fake_client *client, const uint8_t *query, size_t len)
{
	static struct packet p;
	struct asked asked = read_query(query, len);
	struct packet *out = &client->reply;

	client->server->asked_tcp++;
	if (client->server->is_silent || label_is(&asked, "tcpsilent"))
		return;
	write_reply(client->server, query, &asked, &p);
	if (label_is(&asked, "tcpzero"))
		put16(out, 0);
	if (label_is(&asked, "tcpwrong") || label_is(&asked, "tcptwo")) {
		put16(out, (unsigned)p.len);
		memcpy(out->bytes + out->len, p.bytes, p.len);
		out->bytes[2] ^= 1;
		out->bytes[5] = 0x83;
		out->len += p.len;
	}
	if (label_is(&asked, "tcpstray"))
		p.bytes[13] ^= 1;
	if (label_is(&asked, "tcptrunc"))
		p.bytes[2] |= 0x02;
	if (!label_is(&asked, "tcpwrong")) {
		put16(out, label_is(&asked, "tcphuge") ? 65535 : (unsigned)p.len);
		memcpy(out->bytes + out->len, p.bytes, p.len);
		out->len += label_is(&asked, "tcpshort") ? p.len / 2 : p.len;
	}
	client->step = label_is(&asked, "tcpslow") ? 1 : 0;
	client->closes = label_is(&asked, "tcpshort") || label_is(&asked, "tcpwrong") ||
	                 label_is(&asked, "tcphuge");
	uv_timer_start(
		&client->timer, on_fake_step, label_is(&asked, "tcplate") ? 50 : 0, 0);
}

static inline void on_fake_tcp_query(
	uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct fake_client *client = stream->data;

	if (len > 14)
		send_tcp(client, (uint8_t *)buf->base + 2, (size_t)len - 2);
	else if (len < 0)
		close_client(client);
	free(buf->base);
}

static inline void on_fake_connection(uv_stream_t *listener, int status)
{
	struct fake_client *client = calloc(1, sizeof *client);
	struct fake_server *server = listener->data;

	cr_assert_eq(status, 0);
	client->server = server;
	uv_tcp_init(listener->loop, &client->tcp);
	uv_timer_init(listener->loop, &client->timer);
	client->tcp.data = client->timer.data = client;
	uv_accept(listener, (uv_stream_t *)&client->tcp);
	uv_read_start((uv_stream_t *)&client->tcp, on_fake_alloc, on_fake_tcp_query);
	if (++server->tcp_busy > server->tcp_busiest)
		server->tcp_busiest = server->tcp_busy;
}

/* Binds to the server's port, or to any when it has none yet. */
static inline void start_udp(struct fake_server *server)
{
	struct sockaddr_in address, bound;
	int len = sizeof bound;

	uv_ip4_addr("127.0.0.1", (int)server->port, &address);
	uv_udp_init(&scene.loop, &server->udp);
	server->udp.data = server;
	cr_assert_eq(uv_udp_bind(&server->udp, (struct sockaddr *)&address, 0), 0);
	uv_udp_getsockname(&server->udp, (struct sockaddr *)&bound, &len);
	uv_udp_recv_start(&server->udp, on_fake_alloc, on_fake_query);
	server->port = ntohs(bound.sin_port);
	server->is_closed = false;
}

/* False: somebody else has the port. */
static inline bool start_tcp(struct fake_server *server)
{
	struct sockaddr_in address;

	uv_ip4_addr("127.0.0.1", (int)server->port, &address);
	uv_tcp_init(&scene.loop, &server->tcp);
	server->tcp.data = server;
	return uv_tcp_bind(&server->tcp, (struct sockaddr *)&address, 0) == 0 &&
	       uv_listen((uv_stream_t *)&server->tcp, 100, on_fake_connection) == 0;
}

static inline void start_server(struct fake_server *server)
{
	for (start_udp(server); !start_tcp(server); start_udp(server)) {
		server->port = 0;
		uv_close((uv_handle_t *)&server->tcp, NULL);
		uv_close((uv_handle_t *)&server->udp, NULL);
		uv_run(&scene.loop, UV_RUN_NOWAIT);
	}
	snprintf(server->address, sizeof server->address, "127.0.0.1:%u", server->port);
}

/* From now on the port is closed. */
static inline void close_udp(struct fake_server *server)
{
	server->is_closed = true;
	uv_close((uv_handle_t *)&server->udp, NULL);
}

/* extra, or NULL: the address of one more, to be asked before all others. */
static inline void open_scene_with(size_t count, const char *extra)
{
	const char *addresses[FAKE_MAX + 1] = {extra};
	struct resolver_options options = {
		.servers = addresses + !extra, .server_count = count + (extra != NULL)};
	size_t bad;

	uv_loop_init(&scene.loop);
	scene.server_count = count;
	for (size_t i = 0; i < count; i++) {
		start_server(&scene.servers[i]);
		addresses[1 + i] = scene.servers[i].address;
	}
	cr_assert_eq(resolver_open(&scene.resolver, &scene.loop, &options, &bad), 0);
}

static inline void open_scene(size_t count)
{
	open_scene_with(count, NULL);
}

static inline void close_scene(void)
{
	resolver_close(scene.resolver);
	for (size_t i = 0; i < scene.server_count; i++) {
		if (!scene.servers[i].is_closed)
			uv_close((uv_handle_t *)&scene.servers[i].udp, NULL);
		uv_close((uv_handle_t *)&scene.servers[i].tcp, NULL);
	}
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	answer_free(scene.answer);
}

static inline void on_answer(void *owner, const struct answer *answer)
{
	struct resolver_stats stats;

	(void)owner;
	resolver_stats(scene.resolver, &stats);
	cr_assert_gt(
		answer->learned, 0, "whoever waits for its TTL to end needs a beginning");
	if (stats.in_flight > scene.most_in_flight)
		scene.most_in_flight = stats.in_flight;
	scene.found += answer->status == ANSWER_FOUND;
	answer_free(scene.answer);
	scene.answer = answer_copy(answer);
	if (++scene.told == scene.awaited)
		uv_stop(&scene.loop);
}

static inline void wait_for(unsigned told)
{
	scene.awaited = told;
	if (scene.told < told)
		uv_run(&scene.loop, UV_RUN_DEFAULT);
}

/* Lets ms of real time pass in the loop. */
static inline void on_waited(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static inline void let_pass(unsigned ms)
{
	uv_timer_t timer;

	uv_timer_init(&scene.loop, &timer);
	uv_timer_start(&timer, on_waited, ms, 0);
	scene.awaited = 0;
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&scene.loop, UV_RUN_NOWAIT);
}

static inline void start_asking(
	const char *name, enum record_type type, enum resolver_freshness freshness)
{
	cr_assert_not_null(
		resolver_ask(scene.resolver, name, type, freshness, on_answer, NULL));
}

/* Asks and waits; returns how long it took, in ms. */
static inline uint64_t ask_for(
	const char *name, enum record_type type, enum resolver_freshness freshness)
{
	unsigned before = scene.told;
	uint64_t start;

	uv_update_time(&scene.loop);
	start = uv_now(&scene.loop);
	start_asking(name, type, freshness);
	cr_assert_eq(scene.told, before, "never from inside");
	wait_for(before + 1);
	return uv_now(&scene.loop) - start;
}

static inline uint64_t ask(const char *name)
{
	return ask_for(name, TYPE_A, RESOLVER_CACHED);
}

/* The same question for count names: label0.example and so on. */
static inline void ask_many(const char *label, unsigned count)
{
	char name[64];

	uv_update_time(&scene.loop);
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof name, "%s%u.example", label, i);
		start_asking(name, TYPE_A, RESOLVER_CACHED);
	}
}
