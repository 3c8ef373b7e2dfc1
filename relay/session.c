/* SPDX-License-Identifier: ISC */
#include "relay/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/intake.h"
#include "relay/login.h"
#include "relay/mem.h"
#include "relay/policy.h"
#include "relay/text.h"

/*
 *   TALKING ──the disk is behind──> PAUSED ──drained──> TALKING
 *
 *   TALKING ──AUTH──> VERIFYING ──the password was checked──> TALKING
 *
 *   TALKING ──final dot──> COMMITTING ──committed──> TALKING
 *      │                       │ the client has gone
 *      │ the client has gone   v
 *      │                   ORPHANED: no 250 can be said, but the message may be durable
 *      v                       │ committed
 *    freed <───────────────────┘
 *
 *   SECURING ──handshake done──> TALKING ──STARTTLS──> SECURING
 *
 * While SECURING not a word is said, not even a last one: the client could not read it.
 * While a commit or a login is under way the machine waits for its answer, while PAUSED it is not asked: input waits
 * in the connection, and when that is full, in the client. Neither is the client's time.
 */
enum session_state {
	SESSION_TALKING,
	SESSION_SECURING,
	SESSION_PAUSED,
	SESSION_VERIFYING,
	SESSION_COMMITTING,
	SESSION_ORPHANED,
};

struct session {
	enum session_state state;
	struct relay *relay;
	struct session_options options;
	struct conn *conn; /* NULL: ORPHANED */
	struct smtp_server machine;
	char client[46];
	char helo[SMTP_DOMAIN_MAX + 1];
	bool extended;
	bool stopping;
	struct login login;
	struct intake *intake; /* from MAIL on */
	uint64_t end;          /* uv_now: no further command is waited for */
	uint64_t message_end;  /* uv_now: the body must be whole; 0: none is under way */
	uint64_t window_end;   /* uv_now: the next window of it must have come */
	uint64_t paused_at;    /* uv_now */
	size_t window;         /* bytes of it that have come */
	session_gone_cb gone;
	void *owner;
};

static void drop_intake(struct session *s)
{
	intake_free(s->intake);
	s->intake = NULL;
	s->message_end = 0;
}

static void free_session(struct session *s)
{
	session_gone_cb gone = s->gone;
	void *owner = s->owner;

	drop_intake(s);
	login_fini(&s->login);
	s->relay->stats.sessions--;
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
		free_session(s);
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

/* Within a body what has come of it decides, whatever was answered meanwhile (between chunks). */
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
	set_deadline(s);
	return true;
}

static void answer(
	struct session *s, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, enhanced, "%s", text);
	smtp_server_answer(&s->machine, &reply);
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

/* Our own trouble is never a 5xx: the client keeps the message and comes again. */
static void answer_unstored(struct session *s, int error)
{
	if (error == -ENOSPC || error == -EDQUOT)
		answer(s, 452, "4.3.1", "no room to store it; try again later");
	else
		answer(s, 451, "4.3.0", "cannot store it now; try again later");
}

static void log_refusal(
	struct session *s, const char *rcpt, const struct smtp_reply *reply)
{
	char from[512], to[512], text[512];
	const char *sender = intake_sender(s->intake);

	s->relay->stats.refused++;
	log_event(&s->relay->log, LOG_INFO,
		"refused client=%s from=<%s> to=<%s> reply=\"%u %s %s\"", s->client,
		text_escape(from, sizeof from, sender, strlen(sender)),
		text_escape(to, sizeof to, rcpt, strlen(rcpt)), reply->code,
		reply->enhanced,
		text_escape(text, sizeof text, reply->text, strlen(reply->text)));
}

static void on_helo(struct session *s, const struct smtp_question *question)
{
	snprintf(s->helo, sizeof s->helo, "%s", question->text);
	s->extended = question->extended;
	answer(s, 250, "", s->relay->config->hostname);
}

static void on_mail(struct session *s, const struct smtp_question *question)
{
	if (!spool_has_room(s->relay->spool, question->mail->size)) {
		answer_unstored(s, -ENOSPC);
		return;
	}
	s->intake = intake_new(s->relay, question->address->text, question->mail);
	answer(s, 250, "2.1.0", "ok");
}

static void on_rcpt(struct session *s, const struct smtp_question *question)
{
	struct smtp_reply refusal;
	const struct config *config = s->relay->config;
	bool may_relay = s->machine.authenticated || policy_may_relay(config, s->client);
	char *mailbox =
		policy_take_recipient(config, may_relay, question->address, &refusal);

	if (!mailbox) {
		log_refusal(s, question->address->text, &refusal);
		smtp_server_answer(&s->machine, &refusal);
		return;
	}
	intake_add_recipient(s->intake, mailbox, question->rcpt);
	answer(s, 250, "2.1.5", "ok");
}

static void on_data(struct session *s)
{
	struct intake_client client = {
		.ip = s->client,
		.helo = s->helo,
		.extended = s->extended,
		.tls = conn_tls_name(s->conn),
		.authenticated = s->machine.authenticated,
		.user = s->machine.authenticated ? s->login.user : NULL,
	};

	int error = intake_open(s->intake, &client);

	if (error) {
		answer_unstored(s, error);
		return;
	}
	s->window = 0;
	s->window_end = uv_now(s->relay->loop) + s->options.command_ms;
	s->message_end = uv_now(s->relay->loop) + s->options.message_ms;
	answer(s, 354, "", "end with <CRLF>.<CRLF>");
}

static void pump(struct session *s);

/* A window that has come earns the time that it may take at body_rate; what was earned in advance is
 * kept up to command_ms, so that a quick client may stall as long as a slow one. */
static void end_window(struct session *s)
{
	uint64_t full = uv_now(s->relay->loop) + s->options.command_ms;

	s->window_end =
		least(s->window_end + 1000 * SESSION_WINDOW / s->options.body_rate, full);
	s->window -= SESSION_WINDOW;
	set_deadline(s);
}

static void on_drained(void *owner)
{
	struct session *s = owner;
	uint64_t pause = uv_now(s->relay->loop) - s->paused_at;

	s->state = SESSION_TALKING;
	s->message_end += pause;
	s->window_end += pause;
	set_deadline(s);
	pump(s);
}

static void on_body(struct session *s, const struct smtp_question *question)
{
	intake_append(s->intake, question->text, question->len);
	s->window += question->len;
	if (s->window >= SESSION_WINDOW)
		end_window(s);
	if (intake_is_full(s->intake)) {
		s->state = SESSION_PAUSED;
		s->paused_at = uv_now(s->relay->loop);
		conn_set_deadline(s->conn, 0); /* the disk is ours to hurry */
		intake_wait(s->intake, on_drained, s);
	}
}

static void on_committed(void *owner, int status)
{
	struct session *s = owner;
	char words[64];

	snprintf(words, sizeof words, "queued as %s", intake_id(s->intake));
	drop_intake(s);
	if (s->state == SESSION_ORPHANED) {
		free_session(s);
		return;
	}
	s->state = SESSION_TALKING;
	if (status)
		answer_unstored(s, status);
	else
		answer(s, 250, "2.0.0", words);
	if (s->stopping)
		shut(s, 421, "4.3.2", "shutting down");
	else
		pump(s);
}

static void on_end(struct session *s)
{
	struct smtp_reply refusal;
	int error;

	if (intake_is_looping(s->intake)) {
		smtp_reply_set(&refusal, 554, "5.4.6",
			"more than %d Received lines: a loop", SMTP_HOPS_MAX);
		log_refusal(s, "", &refusal);
		drop_intake(s);
		smtp_server_answer(&s->machine, &refusal);
	} else if ((error = intake_commit(s->intake, on_committed, s))) {
		drop_intake(s);
		answer_unstored(s, error);
	} else {
		s->state = SESSION_COMMITTING;
		conn_set_deadline(s->conn, 0); /* it is ours to hurry now */
	}
}

static void on_login(void *owner, const struct smtp_reply *reply)
{
	struct session *s = owner;

	s->state = SESSION_TALKING;
	smtp_server_answer(&s->machine, reply);
	set_deadline(s);
	pump(s);
}

static void on_auth(struct session *s, const struct smtp_question *question)
{
	s->state = SESSION_VERIFYING;
	conn_set_deadline(s->conn, 0); /* the check is ours to hurry */
	login_start(&s->login, s->relay, s->client, question->auth, on_login, s);
}

static void decide(struct session *s, const struct smtp_question *question)
{
	switch (question->ask) {
	case SMTP_ASK_HELO:
		on_helo(s, question);
		break;
	case SMTP_ASK_MAIL:
		on_mail(s, question);
		break;
	case SMTP_ASK_RCPT:
		on_rcpt(s, question);
		break;
	case SMTP_ASK_DATA:
		on_data(s);
		break;
	case SMTP_ASK_BODY:
		on_body(s, question);
		break;
	case SMTP_ASK_END:
		on_end(s);
		break;
	case SMTP_ASK_RESET:
		drop_intake(s);
		break;
	case SMTP_ASK_STARTTLS:
		answer(s, 220, "2.0.0", "go ahead");
		break;
	case SMTP_ASK_AUTH:
		on_auth(s, question);
		break;
	case SMTP_ASK_INPUT:
	case SMTP_ASK_CLOSE:
		break;
	}
}

static void begin_handshake(struct session *s)
{
	s->state = SESSION_SECURING;
	conn_start_tls(s->conn, s->options.tls);
	conn_set_deadline(s->conn, s->options.handshake_ms);
}

/* Works until nothing moves, a commit or the disk has to be waited for, or the client does not read
 * what it is told (CONN_DRAINED comes back here). */
static void pump(struct session *s)
{
	struct smtp_question question;
	bool moved = true;

	while (moved && s->state == SESSION_TALKING &&
		conn_unsent(s->conn) <= CONN_WRITE_HIGH) {
		const char *in;
		size_t len = conn_peek(s->conn, &in);
		size_t used = smtp_server_next(&s->machine, in, len, &question);

		decide(s, &question);
		conn_consume(s->conn, used);
		moved = flush(s) || used > 0 || question.ask != SMTP_ASK_INPUT;
		if (question.ask == SMTP_ASK_STARTTLS)
			begin_handshake(s);
		if (question.ask == SMTP_ASK_CLOSE) {
			end(s);
			return;
		}
	}
}

static void on_lost(struct session *s)
{
	if (s->intake && s->state != SESSION_COMMITTING)
		log_event(&s->relay->log, LOG_INFO, "aborted client=%s what=\"%s\"",
			s->client,
			conn_error(s->conn) ? conn_error(s->conn) : "connection closed");
	end(s);
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
