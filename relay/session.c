/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/policy.h"
#include "relay/session_state.h"

void session_drop_intake(struct session *s)
{
	intake_free(s->intake);
	s->intake = NULL;
	s->message_end = 0;
}

void session_free(struct session *s)
{
	session_gone_cb gone = s->gone;
	void *owner = s->owner;

	session_drop_intake(s);
	login_fini(&s->login);
	s->relay->stats.sessions--;
	explicit_bzero(&s->machine, sizeof s->machine); /* a password, half an exchange */
	free(s);
	gone(owner);
}

/* The connection is over; the session too, unless a commit still has to come back. */
static void end(struct session *s)
{
	conn_close(s->conn);
	s->conn = NULL;
	if (s->state == SESSION_COMMITTING)
		s->state = SESSION_ORPHANED;
	else
		session_free(s);
}

/* Bytes of replies that a client has not taken; beyond it the client is not heard. */
enum { UNTAKEN_MAX = 8192 };

static bool takes_replies(const struct session *s)
{
	return conn_unsent(s->conn) <= UNTAKEN_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A crowd of clients that say nothing must not keep the others out. */
static uint64_t patience(const struct session *s)
{
	return s->relay->stats.sessions >= s->options.crowd ? s->options.crowded_ms
	                                                    : s->options.command_ms;
}

/* Within a body what has come of it decides, whatever was answered meanwhile (between
 * chunks). */
static void set_deadline(struct session *s)
{
	uint64_t now = uv_now(s->relay->loop);
	uint64_t end = s->message_end ? least(s->window_end, s->message_end)
	                              : least(now + patience(s), s->end);

	conn_set_deadline(s->conn, end > now ? end - now : 1);
}

/* What was answered goes out, and the client has its time for the next command. */
static bool flush(struct session *s)
{
	if (!s->machine.out_len)
		return false;
	conn_write(s->conn, s->machine.out, s->machine.out_len);
	smtp_server_sent(&s->machine, s->machine.out_len);
	if (s->state == SESSION_TALKING) /* else the time is ours */
		set_deadline(s);
	return true;
}

/* The last words, from our side. */
static void shut(struct session *s, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, enhanced, "%s", text);
	smtp_server_shut(&s->machine, &reply);
	flush(s);
	end(s);
}

void session_begin_body(struct session *s)
{
	uint64_t now = uv_now(s->relay->loop);

	s->window = 0;
	s->window_end = now + s->options.command_ms;
	s->message_end = now + s->options.message_ms;
	set_deadline(s); /* by BDAT nothing is said here that would do it */
}

/*
 * A window that has come earns the time that it may take at body_rate; what was earned in
 * advance is kept up to command_ms, so that a quick client may stall as long as a slow
 * one.
 */
void session_count_body(struct session *s, size_t len)
{
	uint64_t full = uv_now(s->relay->loop) + s->options.command_ms;
	uint64_t earned = 1000 * SESSION_WINDOW / s->options.body_rate;

	s->window += len;
	if (s->window < SESSION_WINDOW)
		return;
	s->window_end = least(s->window_end + earned, full);
	s->window -= SESSION_WINDOW;
	set_deadline(s);
}

void session_wait(struct session *s, enum session_state state)
{
	s->state = state;
	s->waiting_since = uv_now(s->relay->loop);
	conn_set_deadline(s->conn, 0);
}

static void pump(struct session *s);

void session_resume(struct session *s)
{
	uint64_t taken = uv_now(s->relay->loop) - s->waiting_since;

	s->state = SESSION_TALKING;
	if (s->message_end) { /* it was the disk's time */
		s->message_end += taken;
		s->window_end += taken;
	}
	set_deadline(s);
	if (s->stopping)
		shut(s, 421, "4.3.2", "shutting down");
	else
		pump(s);
}

static void begin_handshake(struct session *s)
{
	s->state = SESSION_SECURING;
	conn_start_tls(s->conn, s->options.tls);
	conn_set_deadline(s->conn, s->options.handshake_ms);
}

static void on_lost(struct session *s)
{
	if (s->intake && s->state != SESSION_COMMITTING)
		log_event(&s->relay->log, LOG_INFO, "aborted client=%s what=\"%s\"",
			s->client,
			conn_error(s->conn) ? conn_error(s->conn) : "connection closed");
	end(s);
}

/* A client may end its side behind its last command, and wait for the answers: Exim does, after QUIT
 * in one go with the message. Left unanswered it would send the message again. */
static bool is_over(const struct session *s)
{
	if (!s->client_ended)
		return false;
	return s->state == SESSION_SECURING ||
	       (s->state == SESSION_TALKING && takes_replies(s));
}

/* Commands that are read in one turn of the loop, in bytes: a flood of the smallest (BDAT 1) by all
 * sessions at once still lets a new client in within a second. Bodies are cheaper. */
enum { COMMANDS_A_TURN = 256 };

static bool is_in_body(const struct session *s)
{
	return s->machine.phase == SMTP_PHASE_BODY ||
	       (s->machine.in_chunk && s->machine.chunk_left > COMMANDS_A_TURN);
}

/* What was said so far is due now. */
static bool is_pause(const struct session *s, enum smtp_ask ask)
{
	return s->state != SESSION_TALKING || ask == SMTP_ASK_STARTTLS ||
	       ask == SMTP_ASK_CLOSE;
}

/*
 * Works until nothing moves, a commit or the disk has to be waited for, or the client
 * does not read what it is told (CONN_DRAINED comes back here). Replies leave together,
 * when the machine has no room for another or no more to do: one by one a flood of small
 * commands would cost a system call and a piece of memory each.
 */
static void pump(struct session *s)
{
	struct smtp_question question;
	bool moved = true;

	while (moved && s->state == SESSION_TALKING && takes_replies(s)) {
		const char *in;
		size_t len = conn_peek(s->conn, &in);
		size_t used = smtp_server_next(&s->machine, in, len, &question);

		session_decide(s, &question);
		conn_consume(s->conn, used);
		moved = used > 0 || question.ask != SMTP_ASK_INPUT;
		if (!moved || is_pause(s, question.ask))
			moved |= flush(s);
		if (question.ask == SMTP_ASK_STARTTLS)
			begin_handshake(s);
		if (question.ask == SMTP_ASK_CLOSE) {
			end(s);
			return;
		}
	}
	conn_limit_read(s->conn, is_in_body(s) ? 0 : COMMANDS_A_TURN);
	if (is_over(s))
		on_lost(s);
}

static void on_client_ended(struct session *s)
{
	const char *unread;

	s->client_ended = true;
	if (s->state == SESSION_COMMITTING)
		return; /* on_committed answers, and goes on */
	if (conn_peek(s->conn, &unread) == 0) {
		on_lost(s);
		return;
	}
	if (s->state == SESSION_TALKING)
		set_deadline(s); /* to read what it is told */
	pump(s);
}

static void on_secured(struct session *s)
{
	s->relay->stats.tls_sessions++;
	s->state = SESSION_TALKING;
	smtp_server_secured(&s->machine);
	set_deadline(s);
	flush(s); /* the banner, where TLS is implicit */
}

static void on_handshake_event(struct session *s, enum conn_event event)
{
	const char *what = conn_error(s->conn);

	if (event == CONN_SECURED) {
		on_secured(s);
		return;
	}
	if (event == CONN_DRAINED)
		return; /* our side of the handshake */
	if (event == CONN_EOF)
		what = "the client left during the handshake";
	if (event == CONN_TIMEOUT)
		what = "no whole handshake in time; a client that waits for our banner "
		       "wants tls=starttls";
	s->relay->stats.tls_failures++;
	log_event(&s->relay->log, LOG_INFO, "tls-failed client=%s what=\"%s\"", s->client,
		what);
	end(s);
}

static void on_conn(void *owner, enum conn_event event)
{
	struct session *s = owner;

	if (s->state == SESSION_SECURING) {
		on_handshake_event(s, event);
		return;
	}
	switch (event) {
	case CONN_CONNECTED: /* of outgoing ones only */
	case CONN_SECURED:   /* only while SECURING */
		break;
	case CONN_DATA:
	case CONN_DRAINED:
		pump(s);
		break;
	case CONN_EOF:
		on_client_ended(s);
		break;
	case CONN_ERROR:
		on_lost(s);
		break;
	case CONN_TIMEOUT:
		log_event(&s->relay->log, LOG_INFO, "timeout client=%s", s->client);
		shut(s, 421, "4.4.2", "timeout, closing");
		break;
	}
}

struct session *session_start(struct relay *relay, const struct session_options *options,
	struct conn *conn, session_gone_cb gone, void *owner)
{
	struct session *s = mem_alloc(sizeof *s);
	struct smtp_server_options machine = {
		.host = relay->config->hostname,
		.size_limit = relay->config->message_size_limit,
		.recipient_limit = (unsigned)relay->config->recipient_limit,
		.newlines = options->newlines,
		.extensions = options->extensions,
		/* whom we would relay for without it may say it in the clear */
		.auth_needs_tls = options->auth_needs_tls &&
	                          !policy_may_relay(relay->config, conn_peer(conn)->ip),
	};

	if (!relay->auth)
		machine.extensions &= ~(unsigned)(SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD);
	s->relay = relay;
	s->options = *options;
	s->conn = conn;
	s->gone = gone;
	s->owner = owner;
	snprintf(s->client, sizeof s->client, "%s", conn_peer(conn)->ip);
	s->end = uv_now(relay->loop) + options->session_ms;
	relay->stats.sessions++;
	smtp_server_init(&s->machine, &machine);
	conn_limit_read(conn, COMMANDS_A_TURN);
	conn_start(conn, on_conn, s);
	if (options->is_tls_implicit)
		begin_handshake(s);
	else
		flush(s);
	return s;
}

void session_stop(struct session *s)
{
	s->stopping = true;
	if (s->state == SESSION_SECURING)
		end(s);
	else if (s->state != SESSION_COMMITTING && s->state != SESSION_ORPHANED)
		shut(s, 421, "4.3.2", "shutting down");
}
