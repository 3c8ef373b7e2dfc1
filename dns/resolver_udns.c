/* SPDX-License-Identifier: ISC */
#include "dns/resolver_udns.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <udns.h>

/*
 * What of udns 0.4 is used and what is avoided: queries by dns_submit_dn with the raw reply only,
 * since its record parsers overflow the heap; never dns_cancel, which leaks; one server a
 * context, since its failover cannot be told from silence. The debug hook is the one place
 * where a reply is seen whole whatever its RCODE and flags are.
 *
 * What cannot be had from it: a bound of packets a turn (dns_ioevent reads until the socket is empty).
 * Nobody but the configured resolver is heard, so the resolver itself would have to flood us.
 * Nor AD in a query (RFC 6840 5.7): DO asks for it as well, at the price of the signatures. With DO it does
 * not leave EDNS out for a server that answers FORMERR: question.c does.
 */
enum {
	TICK_MS =
		100, /* udns counts whole units of the time we give it: seconds would be coarse */
	TIMEOUT = 10, /* ticks */
	TRIES = 2,    /* 1 s, then 2 s: UDP_PATIENCE_MS */
	BUFFER = 4096,
	RECEIVE_BUFFER = 1 << 20, /* the default one holds about 256 small replies */
};

struct udp_question {
	udp_cb cb; /* NULL: forgotten */
	void *owner;
	uint8_t *packet;
	size_t len;
	struct udp *udp;
	TAILQ_ENTRY(udp_question) others;
};

TAILQ_HEAD(question_list, udp_question);

struct udp {
	struct dns_ctx *context;
	struct question_list questions;
	size_t waiting; /* questions that are not forgotten */
	bool has_new;   /* submitted, but not yet sent */
	bool is_closing;
	udp_refused_cb on_refused;
	void *owner;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;
};

/* Monotonic ticks, never 0: a jump of the wall clock moves no timeout. */
static time_t now(const struct udp *udp)
{
	return (time_t)(uv_now(udp->timer.loop) / TICK_MS) + 1;
}

static void on_timer(uv_timer_t *timer);

/* Lets udns send what is due, and comes back when the next thing is. Callbacks may ask anew. */
static void drive(struct udp *udp)
{
	int wait;

	do {
		udp->has_new = false;
		wait = dns_timeouts(udp->context, -1, now(udp));
	} while (udp->has_new);
	if (uv_is_closing((uv_handle_t *)&udp->timer))
		return;
	if (wait < 0)
		uv_timer_stop(&udp->timer);
	else
		uv_timer_start(&udp->timer, on_timer, (uint64_t)wait * TICK_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
	drive(timer->data);
}

/*
 * udns swallows the errors of a connected socket (ECONNREFUSED: the port is closed), and libuv stops
 * watching a socket that has one: a resolver restarted would not be heard ever again.
 */
static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp *udp = poll->data;
	int error = 0;
	socklen_t len = sizeof error;

	(void)events;
	getsockopt(dns_sock(udp->context), SOL_SOCKET, SO_ERROR, &error, &len);
	if (status)
		uv_poll_start(poll, UV_READABLE, on_readable);
	uv_update_time(poll->loop);
	dns_ioevent(udp->context, now(udp));
	drive(udp);
	if (error && !udp->is_closing)
		udp->on_refused(udp->owner);
}

/* code 0: a reply whose id and question match one of ours. The last one counts. */
static void on_packet(int code, const struct sockaddr *server, unsigned server_len,
	dnscc_t *packet, int len, const struct dns_query *query, void *data)
{
	struct udp_question *question = data;

	(void)server, (void)server_len, (void)query;
	if (code != 0 || !question || len <= 0)
		return;
	free(question->packet);
	question->packet = malloc((size_t)len);
	question->len = question->packet ? (size_t)len : 0;
	if (question->packet)
		memcpy(question->packet, packet, (size_t)len);
}

/* The reply was seen by on_packet already; udns must be given something to free. */
static int parse_nothing(
	dnscc_t *name, dnscc_t *packet, dnscc_t *cursor, dnscc_t *end, void **result)
{
	(void)name, (void)packet, (void)cursor, (void)end;
	*result = malloc(1);
	return *result ? 0 : DNS_E_NOMEM;
}

static void free_question(struct udp_question *question)
{
	free(question->packet);
	free(question);
}

static void on_closed(uv_handle_t *handle)
{
	struct udp *udp = handle->data;

	if (--udp->handles > 0)
		return;
	dns_free(
		udp->context); /* never from inside its own callbacks; closes the socket */
	while (!TAILQ_EMPTY(&udp->questions)) {
		struct udp_question *question = TAILQ_FIRST(&udp->questions);

		TAILQ_REMOVE(&udp->questions, question, others);
		free_question(question);
	}
	free(udp);
}

static void end_if_over(struct udp *udp)
{
	if (!udp->is_closing || udp->waiting > 0 ||
		uv_is_closing((uv_handle_t *)&udp->timer))
		return;
	uv_close((uv_handle_t *)&udp->poll, on_closed);
	uv_close((uv_handle_t *)&udp->timer, on_closed);
}

static void on_done(struct dns_ctx *context, void *result, void *data)
{
	struct udp_question *question = data;

	(void)context;
	free(result);
	TAILQ_REMOVE(&question->udp->questions, question, others);
	if (question->cb) {
		question->udp->waiting--;
		question->cb(question->owner, question->packet, question->len);
		end_if_over(question->udp);
	}
	free_question(question);
}

struct udp_question *udp_ask(
	struct udp *udp, const struct udp_query *query, udp_cb cb, void *owner)
{
	struct udp_question *question = calloc(1, sizeof *question);

	if (!question)
		return NULL;
	question->cb = cb;
	question->owner = owner;
	question->udp = udp;
	int flags = DNS_NOSRCH | (query->wants_dnssec ? DNS_SET_DO : 0);

	if (!dns_submit_dn(udp->context, query->wire, DNS_C_IN, (int)query->type, flags,
		    parse_nothing, on_done, question)) {
		free(question);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&udp->questions, question, others);
	udp->waiting++;
	udp->has_new = true;
	/* What is asked in one turn goes together. */
	uv_timer_start(&udp->timer, on_timer, 0, 0);
	return question;
}

void udp_forget(struct udp_question *question)
{
	question->cb = NULL;
	question->udp->waiting--;
	end_if_over(question->udp);
}

/*
 * Only replies to a query (QR set, opcode 0) get into the socket: udns never looks at the bit, and would
 * end a question with its own echo, so that the real reply behind it is lost. Byte 10 of a datagram
 * with its UDP header holds both. Without the filter message.c finds out, and it is asked again.
 */
static void filter_replies(int fd)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 10),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xF8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x80, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = {
		.len = sizeof program / sizeof program[0], .filter = program};

	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

static int connect_socket(struct udp *udp, const struct sockaddr *server)
{
	int size = RECEIVE_BUFFER;
	socklen_t len = server->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                              : sizeof(struct sockaddr_in);
	int fd = dns_open(udp->context);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	filter_replies(fd);
	return connect(fd, server, len) == 0 ? fd : -errno;
}

static struct dns_ctx *make_context(const struct sockaddr *server)
{
	dns_reset(NULL); /* the defaults, not what the environment says */
	struct dns_ctx *context = dns_new(NULL);

	if (!context)
		return NULL;
	dns_set_opt(context, DNS_OPT_TIMEOUT, TIMEOUT);
	dns_set_opt(context, DNS_OPT_NTRIES, TRIES);
	dns_set_opt(context, DNS_OPT_UDPSIZE, BUFFER);
	dns_set_dbgfn(context, on_packet);
	if (dns_add_serv_s(context, server) < 0) {
		dns_free(context);
		return NULL;
	}
	return context;
}

int udp_open(struct udp **result, uv_loop_t *loop, const struct sockaddr *server,
	udp_refused_cb on_refused, void *owner)
{
	struct udp *udp = calloc(1, sizeof *udp);

	if (!udp)
		return -ENOMEM;
	udp->context = make_context(server);
	if (!udp->context) {
		free(udp);
		return -ENOMEM;
	}
	int fd = connect_socket(udp, server);

	if (fd < 0) {
		dns_free(udp->context);
		free(udp);
		return fd;
	}
	uv_poll_init(loop, &udp->poll, fd);
	uv_timer_init(loop, &udp->timer);
	udp->poll.data = udp->timer.data = udp;
	udp->on_refused = on_refused;
	udp->owner = owner;
	udp->handles = 2;
	TAILQ_INIT(&udp->questions);
	uv_poll_start(&udp->poll, UV_READABLE, on_readable);
	*result = udp;
	return 0;
}

void udp_close(struct udp *udp)
{
	udp->is_closing = true;
	end_if_over(udp);
}
