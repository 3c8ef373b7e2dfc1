/* SPDX-License-Identifier: ISC */
#include "dns/resolver_udns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <udns.h>

/*
 * What of udns 0.4 is used and what is avoided: queries by dns_submit_dn with the raw reply only,
 * since its record parsers overflow the heap; never dns_cancel, which leaks; one server a
 * context, since its failover cannot be told from silence. The debug hook is the one place
 * where a reply is seen whole whatever its RCODE and flags are.
 */
enum {
	TIMEOUT_S = 1,
	TRIES = 2, /* 1 s, then 2 s: a dead server costs 3 s */
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
	bool has_new; /* submitted, but not yet sent */
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles;
};

/* Monotonic seconds: a jump of the wall clock moves no timeout. */
static time_t now(const struct udp *udp)
{
	return (time_t)(uv_now(udp->timer.loop) / 1000) + 1;
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
	if (wait < 0)
		uv_timer_stop(&udp->timer);
	else
		uv_timer_start(&udp->timer, on_timer, (uint64_t)wait * 1000, 0);
}

static void on_timer(uv_timer_t *timer)
{
	drive(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp *udp = poll->data;

	(void)status, (void)events;
	uv_update_time(poll->loop);
	dns_ioevent(udp->context, now(udp));
	drive(udp);
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

static void on_done(struct dns_ctx *context, void *result, void *data)
{
	struct udp_question *question = data;

	(void)context;
	free(result);
	TAILQ_REMOVE(&question->udp->questions, question, others);
	if (question->cb)
		question->cb(question->owner, question->packet, question->len);
	free_question(question);
}

struct udp_question *udp_ask(struct udp *udp, const uint8_t *wire, enum record_type type,
	udp_cb cb, void *owner)
{
	struct udp_question *question = calloc(1, sizeof *question);

	if (!question)
		return NULL;
	question->cb = cb;
	question->owner = owner;
	question->udp = udp;
	if (!dns_submit_dn(udp->context, wire, DNS_C_IN, (int)type, DNS_NOSRCH,
		    parse_nothing, on_done, question)) {
		free(question);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&udp->questions, question, others);
	udp->has_new = true;
	uv_timer_start(&udp->timer, on_timer, 0,
		0); /* what is asked in one turn goes together */
	return question;
}

void udp_forget(struct udp_question *question)
{
	question->cb = NULL;
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
	return connect(fd, server, len) == 0 ? fd : -errno;
}

static struct dns_ctx *make_context(const struct sockaddr *server)
{
	dns_reset(NULL); /* the defaults, not what the environment says */
	struct dns_ctx *context = dns_new(NULL);

	if (!context)
		return NULL;
	dns_set_opt(context, DNS_OPT_TIMEOUT, TIMEOUT_S);
	dns_set_opt(context, DNS_OPT_NTRIES, TRIES);
	dns_set_opt(context, DNS_OPT_UDPSIZE, BUFFER);
	dns_set_dbgfn(context, on_packet);
	if (dns_add_serv_s(context, server) < 0) {
		dns_free(context);
		return NULL;
	}
	return context;
}

int udp_open(struct udp **result, uv_loop_t *loop, const struct sockaddr *server)
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
	udp->handles = 2;
	TAILQ_INIT(&udp->questions);
	uv_poll_start(&udp->poll, UV_READABLE, on_readable);
	*result = udp;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct udp *udp = handle->data;

	if (--udp->handles > 0)
		return;
	dns_free(udp->context); /* closes the socket, which the loop has let go by now */
	while (!TAILQ_EMPTY(&udp->questions)) {
		struct udp_question *question = TAILQ_FIRST(&udp->questions);

		TAILQ_REMOVE(&udp->questions, question, others);
		free_question(question);
	}
	free(udp);
}

void udp_close(struct udp *udp)
{
	uv_close((uv_handle_t *)&udp->poll, on_closed);
	uv_close((uv_handle_t *)&udp->timer, on_closed);
}
