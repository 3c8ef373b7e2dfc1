/* SPDX-License-Identifier: ISC */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * Plays a relay that says yes to everything, except to what the sender and the recipient tell: see
 * decide(). What the machine said and what it asked is written down, and must not depend on how the
 * input was cut.
 */

enum {
	EVERYTHING = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME |
	             SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_DSN | SMTP_EXT_CHUNKING |
	             SMTP_EXT_SMTPUTF8 | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH |
	             SMTP_EXT_AUTH_OLD,
	BASIC = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME |
	        SMTP_EXT_ENHANCEDSTATUSCODES,
};

struct setting {
	unsigned without; /* extensions */
	bool strict, auth_needs_tls;
};

struct dialogue {
	struct smtp_server machine;
	char replies[65536], asked[65536];
	size_t replies_len, asked_len;
	char mail[16]; /* local part of the sender */
	bool closed;
};

/* Where plain text ends and TLS begins in the input of a dialogue. */
#define HANDSHAKE "\xff"

static inline void note(
	struct dialogue *d, const char *what, const char *text, size_t len)
{
	size_t head = strlen(what);

	cr_assert_lt(d->asked_len + head + len, sizeof d->asked);
	memcpy(d->asked + d->asked_len, what, head);
	memcpy(d->asked + d->asked_len + head, text, len);
	d->asked_len += head + len;
}

static inline void take_output(struct dialogue *d)
{
	cr_assert_lt(d->replies_len + d->machine.out_len, sizeof d->replies);
	memcpy(d->replies + d->replies_len, d->machine.out, d->machine.out_len);
	d->replies_len += d->machine.out_len;
	d->replies[d->replies_len] = '\0';
	smtp_server_sent(&d->machine, d->machine.out_len);
}

static inline void note_mail(struct dialogue *d, const struct smtp_question *question)
{
	static const char *const ret[] = {"", " RET=FULL", " RET=HDRS"};
	const struct smtp_mail *mail = question->mail;
	char parameters[256];
	int len = snprintf(parameters, sizeof parameters, "%s%s%s%s%s",
		mail->eight_bit ? " 8BITMIME" : "", mail->utf8 ? " SMTPUTF8" : "",
		ret[mail->ret], mail->envid[0] ? " ENVID=" : "", mail->envid);

	note(d, "\nMAIL ", question->address->text, question->address->len);
	note(d, "", parameters, (size_t)len);
	snprintf(d->mail, sizeof d->mail, "%.*s", (int)question->address->local_len,
		question->address->text);
}

static inline void note_rcpt(struct dialogue *d, const struct smtp_question *question)
{
	const struct smtp_rcpt *rcpt = question->rcpt;
	char parameters[600] = "";
	int len = 0;

	if (rcpt->notify)
		len = snprintf(parameters, sizeof parameters, " NOTIFY=%u", rcpt->notify);
	if (rcpt->orcpt[0])
		len += snprintf(parameters + len, sizeof parameters - (size_t)len,
			" ORCPT=%s", rcpt->orcpt);
	note(d, "\nRCPT ", question->address->text, question->address->len);
	note(d, "", parameters, (size_t)len);
}

static inline void note_auth(struct dialogue *d, const struct smtp_question *question)
{
	note(d, "\nAUTH ", question->auth->user, strlen(question->auth->user));
	note(d, " ", question->auth->password, strlen(question->auth->password));
}

static inline void decide(struct dialogue *d, const struct smtp_question *question)
{
	unsigned code = 250;

	switch (question->ask) {
	case SMTP_ASK_HELO:
		note(d, question->extended ? "\nEHLO " : "\nHELO ", question->text,
			question->len);
		break;
	case SMTP_ASK_MAIL:
		note_mail(d, question);
		break;
	case SMTP_ASK_RCPT:
		note_rcpt(d, question);
		code = strncmp(question->address->text, "refuse@", 7) ? 250 : 550;
		break;
	case SMTP_ASK_DATA:
		note(d, question->chunked ? "\nBDAT " : "\nDATA ", "", 0);
		code = strcmp(d->mail, "full") == 0 ? 452 : question->chunked ? 250 : 354;
		break;
	case SMTP_ASK_BODY:
		note(d, "", question->text, question->len);
		return;
	case SMTP_ASK_END:
		note(d, "\nEND", "", 0);
		code = strcmp(d->mail, "loop") == 0 ? 554 : 250;
		break;
	case SMTP_ASK_RESET:
		note(d, "\nRESET", "", 0);
		return;
	case SMTP_ASK_STARTTLS:
		note(d, "\nSTARTTLS", "", 0);
		code = 220;
		break;
	case SMTP_ASK_AUTH:
		note_auth(d, question);
		code = strcmp(question->auth->password, "secret") == 0 ? 235 : 535;
		break;
	case SMTP_ASK_INPUT:
	case SMTP_ASK_CLOSE:
		return;
	}
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, "", "said");
	smtp_server_answer(&d->machine, &reply);
}

/* After the 220 the caller drops what came in the clear. Returns the bytes dropped. */
static inline size_t drop_plain(
	struct dialogue *d, const char *in, size_t len, size_t *at)
{
	size_t before = *at;
	const char *border =
		len > before ? memchr(in + before, HANDSHAKE[0], len - before) : NULL;

	*at = border ? (size_t)(border + 1 - in) : len;
	if (border)
		smtp_server_secured(&d->machine);
	return *at - before;
}

static inline struct smtp_server_options dialogue_options(struct setting setting)
{
	return (struct smtp_server_options){.host = "mail.corp.example",
		.size_limit = 1000,
		.recipient_limit = 3,
		.newlines =
			setting.strict ? SMTP_NEWLINES_REJECT : SMTP_NEWLINES_NORMALIZE,
		.extensions = EVERYTHING & ~setting.without,
		.auth_needs_tls = setting.auth_needs_tls};
}

/* Goes on with a dialogue; the input comes in pieces of so many bytes. */
static inline void converse(struct dialogue *d, const char *in, size_t len, size_t piece)
{
	struct smtp_question question = {0};
	size_t at = 0, given = 0;

	while (!d->closed) {
		size_t used =
			smtp_server_next(&d->machine, in + at, given - at, &question);

		cr_assert_leq(used, given - at);
		decide(d, &question);
		at += used;
		take_output(d);
		d->closed = question.ask == SMTP_ASK_CLOSE;
		if (d->machine.phase == SMTP_PHASE_HANDSHAKE)
			used = drop_plain(d, in, given, &at);
		if (question.ask != SMTP_ASK_INPUT || used)
			continue;
		if (given == len)
			break;
		given = len - given < piece ? len : given + piece;
	}
	take_output(d);
}

/* A whole dialogue. The caller frees the result. */
static inline struct dialogue *talk_cut(
	const char *in, size_t len, size_t piece, struct setting setting)
{
	struct smtp_server_options options = dialogue_options(setting);
	struct dialogue *d = calloc(1, sizeof *d);

	smtp_server_init(&d->machine, &options);
	converse(d, in, len, piece);
	return d;
}

/* In one piece, and byte by byte: both must come to the same. */
static inline struct dialogue *talk_bytes(
	const char *in, size_t len, struct setting setting)
{
	struct dialogue *whole = talk_cut(in, len, len, setting);
	struct dialogue *bytes = talk_cut(in, len, 1, setting);

	cr_assert_str_eq(whole->replies, bytes->replies, "cut: %s", bytes->replies);
	cr_assert_eq(whole->asked_len, bytes->asked_len);
	cr_assert_arr_eq(whole->asked, bytes->asked, whole->asked_len);
	cr_assert_eq(whole->closed, bytes->closed);
	free(bytes);
	return whole;
}

static inline struct dialogue *talk_with(const char *in, struct setting setting)
{
	return talk_bytes(in, strlen(in), setting);
}

static inline struct dialogue *talk(const char *in)
{
	return talk_with(in, (struct setting){0});
}

/* The codes of all replies, "220 250 250": what most tests are about. Static memory. */
static inline const char *codes(const struct dialogue *d)
{
	static char text[16384];
	size_t len = 0;

	text[0] = '\0';
	for (const char *line = d->replies; *line; line = strchr(line, '\n') + 1)
		if (line[3] == ' ')
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%.3s",
				len ? " " : "", line);
	return text;
}

static inline bool was_asked(const struct dialogue *d, const char *text)
{
	return memmem(d->asked, d->asked_len, text, strlen(text)) != NULL;
}

/* One dialogue and what is to come of it. */
struct row {
	const char *name, *in, *codes;
	const char *asked; /* all of it, or NULL: not looked at */
};

static inline void play(const struct row *rows, size_t count, struct setting setting)
{
	for (size_t i = 0; i < count; i++) {
		struct dialogue *d = talk_with(rows[i].in, setting);

		cr_assert_str_eq(codes(d), rows[i].codes, "%s: %s\n%s", rows[i].name,
			codes(d), d->replies);
		if (rows[i].asked)
			cr_assert_str_eq(d->asked, rows[i].asked, "%s: %s", rows[i].name,
				d->asked);
		free(d);
	}
}

#define PLAY(rows, ...)                                                                  \
	play(rows, sizeof rows / sizeof rows[0], (struct setting){__VA_ARGS__})

/* The beginning of most dialogues, and the codes it is answered with. */
#define TO_RCPT       "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
#define TO_RCPT_CODES "220 250 250 250 "
#define TO_RCPT_ASKED "\nEHLO x\nMAIL a@b.example\nRCPT c@d.example"
