/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/address.h"
#include "smtp/body.h"
#include "smtp/dsn.h"
#include "smtp/reply.h"

/*
 * The receiving machine. It reads what a client sends, answers by itself what needs no
 * decision (syntax, order of commands, NOOP, HELP...), and asks one question at a time for
 * the rest. While a question waits it reads no further, so pipelining, the order of replies
 * and back-pressure come for free.
 *
 *   while ((n = smtp_server_next(m, in, len, &q)), q.ask != SMTP_ASK_INPUT)
 *           decide; smtp_server_answer(m, &reply);
 *
 *      GREETING ──EHLO/HELO──> READY ──MAIL──> MAIL ──RCPT──> RCPT ──DATA──> BODY
 *         ^                    ^ │ ^            │              │ │            │
 *         │                    │ │ └─RSET, EHLO─┴──────────────┘ └──BDAT──> CHUNKS
 *       HANDSHAKE <──STARTTLS──┼─┘                                            │
 *                              └── final dot or last chunk answered, RSET ────┘
 *
 * A line of an AUTH exchange comes in READY; octets of a chunk come in any phase, since a
 * refused BDAT brings them too, and are never read as commands.
 */

enum smtp_ask {
	SMTP_ASK_INPUT, /* no question: write the output, bring more bytes */
	SMTP_ASK_HELO,  /* text: the client's name; extended: EHLO */
	SMTP_ASK_MAIL,  /* address, mail: who sends, and the parameters */
	SMTP_ASK_RCPT,  /* address, rcpt: who is to receive, and the parameters */
	SMTP_ASK_DATA, /* may the body come? Answer 354 or a refusal. When chunked, a yes is not
	                   sent, and a refusal not before the octets of the chunk are swallowed */
	SMTP_ASK_BODY, /* text: the next piece of the body, dots and end removed. No answer is due */
	SMTP_ASK_END, /* the body is whole: answer 250 when it is on stable storage */
	SMTP_ASK_RESET, /* the transaction is off (RSET, EHLO, too large...). No answer is due */
	SMTP_ASK_STARTTLS, /* answer 220, write it, drop what came behind the command, start TLS, then
	                      smtp_server_secured(); or answer 454 */
	SMTP_ASK_AUTH,  /* auth: who logs in. Answer 235, or 535 or 454 */
	SMTP_ASK_CLOSE, /* write the output, then close. The machine says no more */
};

enum smtp_server_phase {
	SMTP_PHASE_GREETING,
	SMTP_PHASE_READY,
	SMTP_PHASE_MAIL,
	SMTP_PHASE_RCPT,
	SMTP_PHASE_CHUNKS, /* BDAT has begun: nothing but chunks may follow */
	SMTP_PHASE_BODY,   /* behind DATA */
	SMTP_PHASE_HANDSHAKE, /* STARTTLS was answered 220: nothing is read until TLS is up */
	SMTP_PHASE_CLOSED,
};

/* What is announced, in this order, and obeyed; anything else is refused. */
enum smtp_extension {
	SMTP_EXT_PIPELINING = 1,
	SMTP_EXT_SIZE = 2,
	SMTP_EXT_8BITMIME = 4,
	SMTP_EXT_ENHANCEDSTATUSCODES = 8, /* off: no reply carries one */
	SMTP_EXT_DSN = 16,
	SMTP_EXT_CHUNKING = 32,
	SMTP_EXT_SMTPUTF8 = 64,
	SMTP_EXT_STARTTLS = 128,
	SMTP_EXT_AUTH = 256,
	SMTP_EXT_AUTH_OLD = 512, /* "AUTH=LOGIN PLAIN" beside it, for Exchange 5.5 */
};

enum {
	/* bytes with CRLF; RFC 5321 4.5.3.1.4 asks for 512, and extensions for more */
	SMTP_COMMAND_MAX = 2048,
	SMTP_OUTPUT_MAX = 2816, /* while less than a reply fits, nothing is read */
	SMTP_ERRORS_MAX = 20,   /* bad commands before 421 */
	SMTP_SKIP_MAX = 65536,  /* bytes of an overlong command before 421 */
	SMTP_JUNK_MAX = 100,    /* NOOP, RSET, empty chunks... without mail before 421 */
	SMTP_OVERSHOOT_MAX = 1000,  /* recipients beyond the limit before 421 */
	SMTP_LOGINS_MAX = 3,        /* failed AUTH before 421 */
	SMTP_SWALLOW_MAX = 1 << 30, /* octets of a refused chunk; a larger one: 421 */
	SMTP_ENVID_MAX = 100,       /* RFC 3461 4.4 */
	SMTP_ORCPT_MAX = 500,       /* RFC 3461 4.2 */
	SMTP_LOGIN_MAX = 255,       /* bytes of a user name, and of a password */
};

struct smtp_server_options {
	const char *host;    /* our name in the banner; borrowed for the machine's life */
	uint64_t size_limit; /* bytes of a message, on the wire */
	unsigned recipient_limit; /* recipients of a message; beyond: 452 4.5.3 */
	enum smtp_newlines newlines;
	unsigned extensions; /* smtp_extension bits */
	bool auth_needs_tls; /* AUTH is neither announced nor obeyed in the clear */
};

struct smtp_mail {
	uint64_t size;  /* SIZE= of the client, or 0 */
	bool eight_bit; /* BODY=8BITMIME */
	bool utf8;      /* SMTPUTF8 */
	enum smtp_ret ret;
	char envid[SMTP_ENVID_MAX + 1]; /* xtext as given, checked; "": none */
};

struct smtp_rcpt {
	unsigned notify;                /* smtp_notify bits; 0: not given */
	char orcpt[SMTP_ORCPT_MAX + 1]; /* "rfc822;xtext" as given, checked; "": none */
};

/* Who logs in, decoded; wiped when the question is answered. Any byte but NUL in the
 * password. */
struct smtp_auth {
	char user[SMTP_LOGIN_MAX + 1];
	char password[SMTP_LOGIN_MAX + 1];
};

struct smtp_question {
	enum smtp_ask ask;
	const char *
		text; /* HELO name (NUL-terminated) or body bytes; borrowed until the next call */
	size_t len;
	bool extended;
	bool chunked; /* SMTP_ASK_DATA: BDAT */
	const struct smtp_address *address;
	const struct smtp_mail *mail;
	const struct smtp_rcpt *rcpt;
	const struct smtp_auth *auth;
};

/* What the next line of an AUTH exchange is. */
enum smtp_exchange {
	SMTP_EXCHANGE_NONE,
	SMTP_EXCHANGE_PLAIN,
	SMTP_EXCHANGE_USER,
	SMTP_EXCHANGE_PASSWORD,
};

/* An idle session keeps it in memory, so it is small: what is never needed together is a
 * union. */
struct smtp_server {
	struct smtp_server_options options;
	enum smtp_server_phase phase;
	enum smtp_ask pending; /* the question that waits for its answer */
	enum smtp_exchange exchange;
	bool extended;      /* greeted with EHLO */
	bool has_line;      /* line holds a whole command that is yet to be obeyed */
	bool body_ended;    /* the final dot was read */
	bool data_refused;  /* and nothing else was agreed upon since */
	bool secured;       /* under TLS */
	bool authenticated; /* 235 was said */
	bool in_chunk;      /* chunk_left octets of a chunk are to come */
	bool is_last_chunk;
	bool is_swallowed; /* the chunk is thrown away; then refusal is said */
	unsigned recipients, refused, overshoot, errors, junk, failed_logins;
	size_t skipped; /* bytes of an overlong line thrown away; 0: none is being skipped */
	uint64_t body_size, chunk_left;
	struct smtp_mail mail;
	struct smtp_address address;
	union { /* no AUTH within a transaction (RFC 4954 4) */
		struct smtp_rcpt rcpt;
		struct smtp_auth auth;
	};
	struct smtp_unstuffer unstuffer;
	size_t line_len, out_len;
	union { /* no command within a body, and nothing is kept of a refused one */
		char line[SMTP_COMMAND_MAX + 1];
		char body[SMTP_COMMAND_MAX];
		struct smtp_reply refusal;
	};
	char out[SMTP_OUTPUT_MAX];
};

/* Starts a machine; its banner waits in out. */
void smtp_server_init(struct smtp_server *m, const struct smtp_server_options *options);

/*
 * Reads from in and sets *question. Returns the bytes consumed; the rest is to be given again.
 * With a question pending nothing is consumed and the same question is set again.
 */
size_t smtp_server_next(struct smtp_server *m, const char *in, size_t len,
	struct smtp_question *question);

/* Answers the pending question, now or later. The reply's text goes out as it is. */
void smtp_server_answer(struct smtp_server *m, const struct smtp_reply *reply);

/*
 * TLS is up. After STARTTLS all that was said before is forgotten (RFC 3207 4.2): who greeted,
 * who logged in; STARTTLS is not offered any more. The bytes that came in the clear behind the
 * STARTTLS line are not seen by the machine: the caller must drop them (CVE-2011-0411). With
 * implicit TLS it is called once before the first byte.
 */
void smtp_server_secured(struct smtp_server *m);

/*
 * Ends the session from our side (timeout, shutdown): the reply is put out and the next
 * question is SMTP_ASK_CLOSE.
 */
void smtp_server_shut(struct smtp_server *m, const struct smtp_reply *reply);

/* The caller has taken n bytes from the front of m->out. */
void smtp_server_sent(struct smtp_server *m, size_t n);
