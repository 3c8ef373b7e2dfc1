/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/dsn.h"
#include "smtp/reply.h"

/*
 * The sending machine: greets, secures and logs in as its owner says, then carries one
 * transaction after another over a connection. Two cursors walk the commands of a transaction:
 * said (written) and heard (answered); with PIPELINING MAIL, all RCPT and DATA go in one flight
 * (RFC 2920), without it one at a time. What a server says before it was asked is no answer.
 *
 *   BANNER ─220─> EHLO ─250─> READY ─smtp_client_send─> ENVELOPE ─354─> BODY ─dot─> END ─> READY
 *     │             └5xx─> HELO ─250─^                     │ (no recipient taken: RSET)     ^
 *     └───── other ──> REFUSED                             └────────────────────────────────┘
 *   smtp_client_start_tls: READY -> STARTTLS ─220─> (handshake) ─smtp_client_secured─> EHLO
 *   smtp_client_log_in:    READY -> AUTH ─235─> READY
 *   smtp_client_quit:      READY -> QUIT -> CLOSED
 */

enum smtp_event_kind {
	SMTP_EVENT_INPUT, /* nothing happened: write the output, bring more bytes */
	SMTP_EVENT_READY, /* greeted or logged in: start_tls, log_in, send or quit come next */
	SMTP_EVENT_REFUSED, /* banner, EHLO, HELO or AUTH was refused, the server goes (421 to
	                       STARTTLS), or it is us (554 5.4.6): reply says how. Close */
	SMTP_EVENT_TLS,     /* 220 came, and nothing behind it: the handshake is yours */
	SMTP_EVENT_NO_TLS, /* STARTTLS was refused: reply says how. READY again */
	SMTP_EVENT_RCPT,   /* recipient number index was refused: reply says how */
	SMTP_EVENT_BODY, /* 354 came: write the stuffed body, then smtp_client_body_done */
	SMTP_EVENT_DONE, /* the transaction is over; reply is the one that decided: for all
	                        recipients that had no event of their own. READY again if
	                        smtp_client_is_ready, else close */
	SMTP_EVENT_CLOSED, /* QUIT was answered, or 421 came between transactions. Close */
	SMTP_EVENT_PROTOCOL, /* the server does not speak SMTP; text says what is wrong. Close */
};

/* Where in the conversation a reply came: for the refusal's reading and for the log. */
enum smtp_stage {
	SMTP_STAGE_BANNER,
	SMTP_STAGE_EHLO,
	SMTP_STAGE_STARTTLS,
	SMTP_STAGE_AUTH,
	SMTP_STAGE_MAIL,
	SMTP_STAGE_RCPT,
	SMTP_STAGE_DATA,
	SMTP_STAGE_END,
	SMTP_STAGE_QUIT,
};

struct smtp_event {
	enum smtp_event_kind kind;
	enum smtp_stage stage;
	const struct smtp_reply *reply; /* borrowed until the next call */
	size_t index;                   /* SMTP_EVENT_RCPT */
	const char *text;               /* SMTP_EVENT_PROTOCOL; static text */
};

/* What a server offered in its EHLO reply. */
struct smtp_extensions {
	bool pipelining, size, eight_bit, enhanced, starttls, dsn, chunking, utf8;
	bool auth_plain, auth_login;
	uint64_t size_limit; /* 0: none told */
};

struct smtp_transaction {
	const char *sender; /* "" for the null reverse-path */
	const char *const *recipients;
	size_t count; /* at most 100: RFC 5321 4.5.3.1.8 promises no more */
	uint64_t size;
	bool eight_bit; /* the body holds bytes above 127 */
	bool is_strict; /* then only a server with 8BITMIME may have it (RFC 6152 3) */
	bool utf8;      /* only a server with SMTPUTF8 may have it (RFC 6531 3.2) */
	/* What goes to a server with DSN (RFC 3461); else nothing of it is said. */
	enum smtp_ret ret;
	const char *envid;         /* xtext; "" or NULL: none */
	const uint8_t *notify;     /* smtp_notify bits of each recipient; NULL: none */
	const char *const *orcpts; /* "rfc822;xtext" of each, "" none; NULL: none */
};

/* Who we are to a smarthost. */
struct smtp_login {
	/* bytes but NUL, at most SMTP_LOGIN_MAX of each; borrowed until READY or REFUSED */
	const char *user, *password;
};

enum smtp_client_phase {
	SMTP_CLIENT_BANNER,
	SMTP_CLIENT_EHLO,
	SMTP_CLIENT_HELO,
	SMTP_CLIENT_READY,
	SMTP_CLIENT_STARTTLS,
	SMTP_CLIENT_HANDSHAKE, /* TLS speaks, not we */
	SMTP_CLIENT_AUTH,
	SMTP_CLIENT_ENVELOPE,
	SMTP_CLIENT_BODY,
	SMTP_CLIENT_END,
	SMTP_CLIENT_RESET, /* RSET after a transaction without recipients */
	SMTP_CLIENT_QUIT,
	SMTP_CLIENT_REFUSED, /* QUIT may be said, no more */
	SMTP_CLIENT_CLOSED,
};

struct smtp_client {
	const char *name; /* our EHLO name; borrowed */
	/* Set by the caller behind smtp_client_init: a server that an administrator named may run
	 * on our host under our name. Any other that has it is us, and the mail would loop. */
	bool may_share_name;
	bool is_secured; /* by STARTTLS */
	enum smtp_client_phase phase;
	struct smtp_extensions extensions;
	const struct smtp_login *login;             /* while AUTH is not over */
	unsigned prompts;                           /* 334s to AUTH that were answered */
	const struct smtp_transaction *transaction; /* borrowed until SMTP_EVENT_DONE */
	size_t said, heard; /* commands of the transaction: MAIL, RCPT 0..n-1, DATA */
	size_t taken;       /* recipients accepted */
	bool decided;       /* decision holds the reply that decides the transaction */
	bool is_unasked;    /* decision is our own: the server was not asked */
	bool is_ahead;      /* it answered before it was asked */
	size_t left;        /* bytes that the last call did not consume */
	unsigned lines;     /* of the reply that is being read */
	enum smtp_stage decision_stage;
	struct smtp_reply reply;    /* the reply last read */
	struct smtp_reply decision; /* the reply that ends the transaction */
	char out[4096];
	size_t out_len;
	size_t secret_len; /* so many bytes at the end of out are credentials: not for logs */
};

/* Starts a machine that waits for the banner. name is our EHLO name. */
void smtp_client_init(struct smtp_client *m, const char *name);

/*
 * Reads replies from in, line by line, and sets *event. Returns the bytes consumed. Call again
 * with the rest until SMTP_EVENT_INPUT; write m->out whenever it is not empty, and do not log
 * the last m->secret_len bytes of it.
 * A surplus reply (nothing was asked) is SMTP_EVENT_PROTOCOL, but one that refuses while the body
 * is on its way is SMTP_EVENT_DONE.
 */
size_t smtp_client_next(
	struct smtp_client *m, const char *in, size_t len, struct smtp_event *event);

/*
 * True when another command may be said. False behind a DONE: the server goes away, or has said
 * more than it was asked; close (smtp_client_quit says QUIT where that makes sense).
 */
bool smtp_client_is_ready(const struct smtp_client *m);

/* Says STARTTLS; only when READY and offered. SMTP_EVENT_TLS or SMTP_EVENT_NO_TLS follows. */
void smtp_client_start_tls(struct smtp_client *m);

/*
 * The handshake behind SMTP_EVENT_TLS is done: what the server offered before counts no more
 * (RFC 3207 4.2). Says EHLO. Where TLS comes first, the banner follows it: do not call this.
 */
void smtp_client_secured(struct smtp_client *m);

/*
 * Logs in by PLAIN or LOGIN; only when READY. SMTP_EVENT_READY or SMTP_EVENT_REFUSED follows,
 * their stage is SMTP_STAGE_AUTH. A server that offers neither is SMTP_EVENT_REFUSED with a
 * reply of our own, 504 5.7.4.
 */
void smtp_client_log_in(struct smtp_client *m, const struct smtp_login *login);

/*
 * Starts a transaction; only when READY. transaction stays the caller's and must live until
 * SMTP_EVENT_DONE. A server whose SIZE is smaller gets nothing: DONE with 552 5.3.4 comes next;
 * one without SMTPUTF8 that would need it neither: DONE with 553 5.6.7; nor one without
 * 8BITMIME that would need that: DONE with 554 5.6.3.
 * Recipients go out as room in m->out allows: smtp_client_sent puts the next ones there.
 */
void smtp_client_send(struct smtp_client *m, const struct smtp_transaction *transaction);

/* The body, with its final dot, has been handed to the connection: the reply may come. */
void smtp_client_body_done(struct smtp_client *m);

/* Says QUIT when READY or after SMTP_EVENT_REFUSED; else it does nothing. */
void smtp_client_quit(struct smtp_client *m);

/* The caller has taken n bytes from the front of m->out; there may be more to take now. */
void smtp_client_sent(struct smtp_client *m, size_t n);

/* "MAIL FROM", "the banner"...: for logs and reports. Static text. */
const char *smtp_stage_name(enum smtp_stage stage);
