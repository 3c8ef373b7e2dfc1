/* SPDX-License-Identifier: ISC */
#include "relay/listener.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "relay/client_count.h"
#include "relay/descriptors.h"
#include "relay/mem.h"
#include "relay/preset.h"
#include "relay/session.h"
#include "relay/text.h"
#include "relay/tls_server.h"

enum {
	ACCEPT_BATCH = 16, /* connections taken in one turn of the loop */
	PAUSE_MS = 100,    /* no accepting when descriptors or memory are short */
	DAY_S = 24 * 60 * 60,
	SOON_S = 14 * DAY_S, /* a certificate that ends within is warned of */
	HANDSHAKE_MS = 30 * 1000,
	COMMAND_MS = 5 * 60 * 1000, /* RFC 5321 4.5.3.2.7 */
	CROWDED_MS = 30 * 1000,
	MESSAGE_MS = 4 * 60 * 60 * 1000,
	SESSION_MS = 8 * 60 * 60 * 1000,
	BODY_RATE = 500, /* bytes a second: what Postfix asks for too */
	/* Descriptors that sessions leave to the spool, the DNS, attempts and idle links... */
	SPARE_FILES = 512,
	LINGER_MAX = 64, /* ...and of them to clients that were sent away */
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
	bool exhausted; /* the pause was logged */
	TAILQ_HEAD(, guest) guests;
	size_t guest_count, guest_limit;
	struct client_counts *clients;
	size_t handles; /* not yet closed */
	void (*closed)(void *owner);
	void *owner;
};

static void free_doors(struct listener *listener)
{
	for (size_t i = 0; i < listener->door_count; i++)
		tls_server_free(listener->doors[i].tls);
	client_counts_free(listener->clients);
	free(listener->doors);
	free(listener);
}

static void check_closed(struct listener *listener)
{
	void (*closed)(void *owner) = listener->closed;
	void *owner = listener->owner;

	if (listener->handles || listener->guest_count)
		return;
	free_doors(listener);
	closed(owner);
}

static void on_session_gone(void *owner)
{
	struct guest *guest = owner;
	struct listener *listener = guest->listener;

	TAILQ_REMOVE(&listener->guests, guest, others);
	client_counts_leave(listener->clients, guest->client);
	listener->guest_count--;
	free(guest);
	check_closed(listener);
}

/* Too many already. One write, no session: refusing must stay cheap; no write where a
 * handshake would have to come first. */
static void refuse(
	struct door *door, struct conn *conn, const char *enhanced, const char *what)
{
	struct relay *relay = door->listener->relay;
	struct smtp_reply reply;
	char line[128];

	smtp_reply_set(&reply, 421, enhanced, "%s, try again later", what);
	if (!door->options.is_tls_implicit)
		conn_write(conn, line, smtp_reply_format(&reply, line, sizeof line));
	relay->stats.refused_connections++;
	log_event(&relay->log, LOG_INFO, "refused client=%s reply=\"421 %s %s\"",
		conn_peer(conn)->ip, enhanced, what);
	conn_close(conn);
}

static void admit(struct door *door, struct conn *conn)
{
	struct listener *listener = door->listener;
	struct relay *relay = listener->relay;
	const char *client = conn_peer(conn)->ip;

	relay->stats.connections++;
	if (listener->guest_count >= listener->guest_limit) {
		refuse(door, conn, "4.3.2", "too many sessions");
		return;
	}
	if (client_counts_get(listener->clients, client) >=
		relay->config->client_session_limit) {
		refuse(door, conn, "4.7.0", "too many sessions from your address");
		return;
	}
	struct guest *guest = mem_alloc(sizeof *guest);

	guest->listener = listener;
	snprintf(guest->client, sizeof guest->client, "%s", client);
	TAILQ_INSERT_TAIL(&listener->guests, guest, others);
	client_counts_enter(listener->clients, client);
	listener->guest_count++;
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
	int result = load_certificate(listener, config, fresh, error, cap);
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
	}
	if (!result && shown)
		log_certificate(&listener->relay->log, shown);
	free(fresh);
	return result;
}

/* What the configuration says of it; the certificate is still to be read. */
static void furnish(struct door *door, const struct config_listener *place)
{
	unsigned hidden = 0;

	door->takes_tls10 = place->takes_tls10;
	door->has_tls = place->tls != CONFIG_TLS_OFF;
	if (place->tls != CONFIG_TLS_STARTTLS)
		hidden |= SMTP_EXT_STARTTLS;
	if (!place->has_auth)
		hidden |= SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD;
	door->options = (struct session_options){
		.newlines = place->newlines,
		.extensions = place->preset->extensions & ~hidden,
		.auth_needs_tls = true,
		.is_tls_implicit = place->tls == CONFIG_TLS_IMPLICIT,
		.handshake_ms = HANDSHAKE_MS,
		.command_ms = COMMAND_MS,
		.crowded_ms = CROWDED_MS,
		.message_ms = MESSAGE_MS,
		.session_ms = SESSION_MS,
		.body_rate = BODY_RATE,
	};
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
		furnish(&listener->doors[i], place);
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
	listener->clients = client_counts_new();
	TAILQ_INIT(&listener->guests);
	limit_guests(listener);
	int error = open_sockets(listener, text, cap);

	if (!error)
		error = listener_renew_certificate(listener, config, text, cap);
	if (error) {
		for (size_t i = 0; i < listener->door_count; i++)
			close(listener->doors[i].fd);
		free_doors(listener);
		return error;
	}
	for (size_t i = 0; i < listener->door_count; i++)
		open_door(listener, &listener->doors[i]);
	uv_timer_init(relay->loop, &listener->pause);
	listener->pause.data = listener;
	listener->handles = listener->door_count + 1;
	*out = listener;
	return 0;
}

static void on_door_closed(uv_handle_t *handle)
{
	struct door *door = handle->data;

	close(door->fd);
	door->listener->handles--;
	check_closed(door->listener);
}

static void on_pause_closed(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	listener->handles--;
	check_closed(listener);
}

void listener_close(struct listener *listener, void (*closed)(void *owner), void *owner)
{
	struct guest *guest = TAILQ_FIRST(&listener->guests), *next;

	listener->closed = closed;
	listener->owner = owner;
	for (size_t i = 0; i < listener->door_count; i++)
		uv_close((uv_handle_t *)&listener->doors[i].poll, on_door_closed);
	uv_close((uv_handle_t *)&listener->pause, on_pause_closed);
	for (; guest; guest = next) {
		next = TAILQ_NEXT(guest, others);
		session_stop(guest->session);
	}
}
