/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/intake.h"
#include "relay/login.h"
#include "relay/session.h"

/*
 * What the parts of a session share: session.c has the stream, the states and the
 * client's time, session_answer.c the answers to what the machine asks. Internal to
 * session*.c.
 */

/*
 *   TALKING ──the disk is behind──> PAUSED ──drained──> TALKING
 *
 *   TALKING ──AUTH──> VERIFYING ──the password was checked──> TALKING
 *
 *   TALKING ──final dot──> COMMITTING ──committed──> TALKING
 *      │                       │ the connection is lost
 *      │ the client has gone   v
 *      │                   ORPHANED: no 250 can be said, but the message may be durable
 *      v                       │ committed
 *    freed <───────────────────┘
 *
 *   SECURING ──handshake done──> TALKING ──STARTTLS──> SECURING
 *
 * While SECURING not a word is said, not even a last one: the client could not read it.
 * While a commit or a login is under way the machine waits for its answer, while PAUSED
 * it is not asked: input waits in the connection, and when that is full, in the client.
 * Neither is the client's time.
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
	bool client_ended; /* it says no more, and may still listen */
	struct login login;
	struct intake *intake;  /* from MAIL on */
	uint64_t end;           /* uv_now: no further command is waited for */
	uint64_t message_end;   /* uv_now: the body must be whole; 0: none is under way */
	uint64_t window_end;    /* uv_now: the next window of it must have come */
	uint64_t waiting_since; /* uv_now; in session_wait */
	size_t window;          /* bytes of it that have come */
	session_gone_cb gone;
	void *owner;
};

/* Answers a question of the machine, or begins what will. */
void session_decide(struct session *s, const struct smtp_question *question);

/* The body is under way from now on; bytes of it have come. */
void session_begin_body(struct session *s);
void session_count_body(struct session *s, size_t len);

/* Waits, in state, for what is ours to hurry; goes on when that is done. */
void session_wait(struct session *s, enum session_state state);
void session_resume(struct session *s);

/* The message is off, or in the spool. */
void session_drop_intake(struct session *s);

/* The end of one that is ORPHANED. */
void session_free(struct session *s);
