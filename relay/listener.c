/* SPDX-License-Identifier: ISC */
#include "relay/listener.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "relay/descriptors.h"
#include "relay/doorman.h"
#include "relay/mem.h"
#include "relay/session.h"
#include "relay/text.h"
#include "relay/tls_server.h"

enum {
	ACCEPT_BATCH = 16, /* connections taken in one turn of the loop */
	PAUSE_MS = 100,    /* no accepting when descriptors or memory are short */
	DAY_S = 24 * 60 * 60,
	SOON_S = 14 * DAY_S, /* a certificate that ends within is warned of */
	/* Descriptors that sessions leave to the spool, the DNS, attempts and idle links. */
	SPARE_FILES = 1024,
	LINGER_MAX = 64, /* clients that were sent away and still have a descriptor */
	STOP_PATIENCE_MS = 10 * 1000, /* for a disk that hangs */
};

/*
 * One listening socket. We accept ourselves: libuv, short of descriptors, accepts and
 * drops what waits; a client that stays in the backlog instead is served when there is
 * room again.
 */
struct door {
	struct listener *listener;
	uv_poll_t poll;
	int fd;
	struct tls_server *tls; /* NULL: none */
	bool has_tls, takes_tls10;
	struct session_options options;
};

/* A session and the place it takes. */
struct guest {
	struct listener *listener;
	struct session *session;
	char client[46];
	TAILQ_ENTRY(guest) others;
};

struct listener {
	struct relay *relay;
	struct door *doors;
	size_t door_count;
	uv_timer_t pause;
	uv_timer_t patience; /* once it closes */
	bool exhausted;      /* the pause was logged */
	TAILQ_HEAD(, guest) guests;
	size_t guest_limit;
	struct doorman *doorman;
	size_t handles; /* not yet closed */
	bool is_closing;
	void (*closed)(void *owner, bool clean); /* NULL: it has been told */
	void *owner;
};

static void free_doors(struct listener *listener)
{
	for (size_t i = 0; i < listener->door_count; i++)
		tls_server_free(listener->doors[i].tls);
	free(listener->doors);
	free(listener);
}

static void on_handle_closed(uv_handle_t *handle);

static void check_closed(struct listener *listener)
{
	void (*closed)(void *owner, bool clean) = listener->closed;
	void *owner = listener->owner;

	if (!listener->is_closing || !TAILQ_EMPTY(&listener->guests))
		return;
	if (!uv_is_closing((uv_handle_t *)&listener->patience))
		uv_close((uv_handle_t *)&listener->patience, on_handle_closed);
	if (listener->handles)
		return;
	doorman_free(listener->doorman);
	free_doors(listener);
	if (closed)
		closed(owner, true);
}

static void on_handle_gone(void *owner)
{
	struct listener *listener = owner;

	listener->handles--;
	check_closed(listener);
}

static void on_handle_closed(uv_handle_t *handle)
{
	on_handle_gone(handle->data);
}

static void on_session_gone(void *owner)
{
	struct guest *guest = owner;
	struct listener *listener = guest->listener;

	TAILQ_REMOVE(&listener->guests, guest, others);
	doorman_leave(listener->doorman, guest->client);
	free(guest);
	check_closed(listener);
}

/* One write, no session: refusing must stay cheap; no write where a handshake would have
 * to come first. */
static void refuse(struct door *door, struct conn *conn, const struct smtp_reply *refusal)
{
	char line[128];

	if (!door->options.is_tls_implicit)
		conn_write(conn, line, smtp_reply_format(refusal, line, sizeof line));
	conn_close(conn);
}

static void admit(struct door *door, struct conn *conn)
{
	struct listener *listener = door->listener;
	struct relay *relay = listener->relay;
	const char *client = conn_peer(conn)->ip;
	struct smtp_reply refusal;

	if (!doorman_admit(listener->doorman, client, &refusal)) {
		refuse(door, conn, &refusal);
		return;
	}
	struct guest *guest = mem_alloc(sizeof *guest);

	guest->listener = listener;
	snprintf(guest->client, sizeof guest->client, "%s", client);
	TAILQ_INSERT_TAIL(&listener->guests, guest, others);
	conn_limit_linger(conn, &relay->linger);
	guest->session =
		session_start(relay, &door->options, conn, on_session_gone, guest);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void open_doors(struct listener *listener)
{
	for (size_t i = 0; i < listener->door_count; i++)
		uv_poll_start(&listener->doors[i].poll, UV_READABLE, on_ready);
}

static void on_pause_over(uv_timer_t *timer)
{
	open_doors(timer->data);
}

static void pause_accepting(struct listener *listener, int error)
{
	for (size_t i = 0; i < listener->door_count; i++)
		uv_poll_stop(&listener->doors[i].poll);
	uv_timer_start(&listener->pause, on_pause_over, PAUSE_MS, 0);
	if (!listener->exhausted)
		log_event(&listener->relay->log, LOG_WARNING, "accept-paused what=\"%s\"",
			uv_strerror(error));
	listener->exhausted = true;
}

static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOBUFS ||
	       error == -ENOMEM;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct door *door = poll->data;
	struct listener *listener = door->listener;

	(void)status; /* accept tells */
	(void)events;
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int error = 0;
		struct conn *conn = conn_accept(listener->relay->loop, door->fd, &error);

		if (conn) {
			listener->exhausted = false;
			admit(door, conn);
		} else if (error == -EAGAIN) {
			return;
		} else if (is_shortage(error)) {
			pause_accepting(listener, error);
			return;
		} /* else that client has gone already (accept(2)): the next one */
	}
}

/* Returns 0, or -EINVAL. What each door is to have is in fresh, then, until it fails. */
static int load_certificate(const struct listener *listener, const struct config *config,
	struct tls_server **fresh, char *error, size_t cap)
{
	for (size_t i = 0; i < listener->door_count; i++) {
		struct tls_server_options options = {
			.certificate = config->tls_cert,
			.key = config->tls_key,
			.takes_tls10 = listener->doors[i].takes_tls10,
		};

		if (!listener->doors[i].has_tls)
			continue;
		fresh[i] = tls_server_new(&options, error, cap);
		if (!fresh[i])
			return -EINVAL;
	}
	return 0;
}

static void log_certificate(const struct log *log, const struct tls_server *server)
{
	int64_t left = tls_server_expires(server) - text_now() / 1000;
	char end[32];

	log_event(log, left < SOON_S ? LOG_WARNING : LOG_INFO,
		"certificate expires=%s days=%lld",
		text_time(tls_server_expires(server) * 1000, end),
		(long long)left / DAY_S);
}

int listener_renew_certificate(
	struct listener *listener, const struct config *config, char *error, size_t cap)
{
	if (!config->tls_cert)
		return 0;
	struct tls_server **fresh = mem_alloc(listener->door_count * sizeof *fresh);
	int result = load_certificate(listener, config, fresh, error, cap), taken = 0;
	const struct tls_server *shown = NULL;

	for (size_t i = 0; i < listener->door_count; i++) {
		struct door *door = &listener->doors[i];

		if (!fresh[i])
			continue;
		if (result) {
			tls_server_free(fresh[i]);
		} else if (door->tls) {
			tls_server_renew(door->tls, fresh[i]);
		} else {
			door->tls = fresh[i];
		}
		shown = door->tls;
		taken++;
	}
	if (!result && shown)
		log_certificate(&listener->relay->log, shown);
	free(fresh);
	return result ? result : taken;
}

static int open_sockets(struct listener *listener, char *text, size_t cap)
{
	const struct config *config = listener->relay->config;

	for (size_t i = 0; i < config->listener_count; i++) {
		const struct config_listener *place = &config->listeners[i];
		bool is_v6 = strchr(place->ip, ':');
		int fd = conn_listen(place->ip, place->port);

		if (fd < 0) {
			snprintf(text, cap, "cannot listen on %s%s%s:%u: %s",
				is_v6 ? "[" : "", place->ip, is_v6 ? "]" : "",
				place->port, uv_strerror(fd));
			return fd;
		}
		listener->doors[i].fd = fd;
		listener->doors[i].takes_tls10 = place->takes_tls10;
		listener->doors[i].has_tls = place->tls != CONFIG_TLS_OFF;
		session_options_init(&listener->doors[i].options, place);
		listener->door_count++;
	}
	return 0;
}

static void open_door(struct listener *listener, struct door *door)
{
	int error = uv_poll_init(listener->relay->loop, &door->poll, door->fd);

	assert(error == 0); /* it fails for what is not a socket */
	door->listener = listener;
	door->poll.data = door;
	door->options.tls = door->tls;
	door->options.crowd = listener->guest_limit - listener->guest_limit / 4;
	uv_poll_start(&door->poll, UV_READABLE, on_ready);
}

/* As many as the configuration says, but never so many that nothing is left to store and
 * to deliver with what is there already. */
static void limit_guests(struct listener *listener)
{
	uint64_t wanted = listener->relay->config->session_limit;
	uint64_t possible = descriptors_reserve(wanted, SPARE_FILES);

	if (wanted > possible)
		log_event(&listener->relay->log, LOG_WARNING,
			"few-descriptors session_limit=%llu possible=%llu",
			(unsigned long long)wanted, (unsigned long long)possible);
	listener->guest_limit = possible;
	listener->relay->linger.most = LINGER_MAX;
}

int listener_open(struct listener **out, struct relay *relay, char *text, size_t cap)
{
	const struct config *config = relay->config;
	struct listener *listener = mem_alloc(sizeof *listener);

	listener->relay = relay;
	listener->doors = mem_alloc(config->listener_count * sizeof *listener->doors);
	TAILQ_INIT(&listener->guests);
	limit_guests(listener);
	int error = open_sockets(listener, text, cap);

	if (!error)
		error = listener_renew_certificate(listener, config, text, cap);
	if (error < 0) {
		for (size_t i = 0; i < listener->door_count; i++)
			close(listener->doors[i].fd);
		free_doors(listener);
		return error;
	}
	listener->doorman = doorman_new(relay, listener->guest_limit);
	for (size_t i = 0; i < listener->door_count; i++)
		open_door(listener, &listener->doors[i]);
	uv_timer_init(relay->loop, &listener->pause);
	uv_timer_init(relay->loop, &listener->patience);
	listener->pause.data = listener->patience.data = listener;
	listener->handles = listener->door_count + 3; /* the timers, the doorman */
	*out = listener;
	return 0;
}

static void on_door_closed(uv_handle_t *handle)
{
	struct door *door = handle->data;

	close(door->fd);
	on_handle_gone(door->listener);
}

/* What is left waits for the disk, and nobody knows for how long. */
static void on_patience_over(uv_timer_t *timer)
{
	struct listener *listener = timer->data;
	void (*closed)(void *owner, bool clean) = listener->closed;

	listener->closed = NULL;
	closed(listener->owner, false);
}

void listener_close(
	struct listener *listener, void (*closed)(void *owner, bool clean), void *owner)
{
	struct guest *guest = TAILQ_FIRST(&listener->guests), *next;

	listener->is_closing = true;
	listener->closed = closed;
	listener->owner = owner;
	for (size_t i = 0; i < listener->door_count; i++)
		uv_close((uv_handle_t *)&listener->doors[i].poll, on_door_closed);
	uv_close((uv_handle_t *)&listener->pause, on_handle_closed);
	doorman_stop(listener->doorman, on_handle_gone, listener);
	uv_timer_start(&listener->patience, on_patience_over, STOP_PATIENCE_MS, 0);
	for (; guest; guest = next) {
		next = TAILQ_NEXT(guest, others);
		session_stop(guest->session);
	}
	check_closed(listener); /* nobody may have been there */
}
