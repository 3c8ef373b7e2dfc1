/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/address.h"
#include "smtp/body.h"
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
 *                                ^   <──RSET, EHLO──┴───────────┘             │
 *                                └──────────────── final dot answered ────────┘
 */

enum smtp_ask {
	SMTP_ASK_INPUT, /* no question: write the output, bring more bytes */
	SMTP_ASK_HELO,  /* text: the client's name; extended: EHLO */
	SMTP_ASK_MAIL,  /* address, mail: who sends, and the parameters */
	SMTP_ASK_RCPT,  /* address: who is to receive */
	SMTP_ASK_DATA,  /* may the body come? Answer 354 or a refusal */
	SMTP_ASK_BODY, /* text: the next piece of the body, dots and end removed. No answer is due */
	SMTP_ASK_END, /* the body is whole: answer 250 when it is on stable storage */
	SMTP_ASK_RESET, /* the transaction is off (RSET, EHLO, too large...). No answer is due */
	SMTP_ASK_CLOSE, /* write the output, then close. The machine says no more */
};

enum smtp_server_phase {
	SMTP_PHASE_GREETING,
	SMTP_PHASE_READY,
	SMTP_PHASE_MAIL,
	SMTP_PHASE_RCPT,
	SMTP_PHASE_BODY,
	SMTP_PHASE_CLOSED,
};

enum {
	SMTP_COMMAND_MAX =
		2048, /* with CRLF. RFC 5321 4.5.3.1.4 asks for 512 and extensions more */
	SMTP_OUTPUT_MAX =
		16384, /* smtp_server_next stops reading while less than a reply fits */
	SMTP_ERRORS_MAX = 20,  /* bad commands before 421 */
	SMTP_SKIP_MAX = 65536, /* bytes of an overlong command before 421 */
	SMTP_JUNK_MAX = 100,   /* NOOP, RSET, VRFY, HELP between messages before 421 */
};

struct smtp_server_options {
	const char *host;    /* our name in the banner; borrowed for the machine's life */
	uint64_t size_limit; /* bytes of a message, on the wire */
	unsigned recipient_limit; /* recipients of a message; beyond: 452 4.5.3 */
	enum smtp_newlines newlines;
};

struct smtp_mail {
	uint64_t size;  /* SIZE= of the client, or 0 */
	bool eight_bit; /* BODY=8BITMIME */
};

struct smtp_question {
	enum smtp_ask ask;
	const char *
		text; /* HELO name (NUL-terminated) or body bytes; borrowed until the next call */
	size_t len;
	bool extended;
	const struct smtp_address *address;
	const struct smtp_mail *mail;
};

struct smtp_server {
	struct smtp_server_options options;
	enum smtp_server_phase phase;
	enum smtp_ask pending; /* the question that waits for its answer */
	bool extended;         /* greeted with EHLO */
	bool has_line;         /* line holds a whole command that is yet to be obeyed */
	bool body_ended;       /* the final dot was read */
	unsigned recipients, refused, errors, junk;
	size_t skipped; /* bytes of an overlong line thrown away; 0: none is being skipped */
	uint64_t body_size;
	struct smtp_mail mail;
	struct smtp_address address;
	struct smtp_unstuffer unstuffer;
	char line[SMTP_COMMAND_MAX + 1];
	size_t line_len;
	char body[4096];
	char out[SMTP_OUTPUT_MAX];
	size_t out_len;
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
 * Ends the session from our side (timeout, shutdown): the reply is put out and the next
 * question is SMTP_ASK_CLOSE.
 */
void smtp_server_shut(struct smtp_server *m, const struct smtp_reply *reply);

/* The caller has taken n bytes from the front of m->out. */
void smtp_server_sent(struct smtp_server *m, size_t n);
