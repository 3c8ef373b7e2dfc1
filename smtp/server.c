/* SPDX-License-Identifier: ISC */
#include "smtp/server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "smtp/server_verbs.h"

/* Room for what one command can lead to: our own reply and the caller's. */
enum { REPLY_ROOM = 2 * SMTP_REPLY_TEXT_MAX + 256 };

void smtp_server_say(struct smtp_server *m, const struct smtp_reply *reply)
{
	m->out_len +=
		smtp_reply_format(reply, m->out + m->out_len, sizeof m->out - m->out_len);
	if (reply->code == 421)
		m->phase = SMTP_PHASE_CLOSED;
}

void smtp_server_say_text(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, enhanced, "%s", text);
	smtp_server_say(m, &reply);
}

/* Somebody who makes nothing but mistakes is sent away (RFC 5321 7.8). */
static void count_error(struct smtp_server *m)
{
	if (++m->errors > SMTP_ERRORS_MAX && m->phase != SMTP_PHASE_CLOSED)
		smtp_server_say_text(m, 421, "4.7.0", "too many errors");
}

void smtp_server_complain(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text)
{
	smtp_server_say_text(m, code, enhanced, text);
	count_error(m);
}

void smtp_server_end_transaction(struct smtp_server *m)
{
	if (m->phase > SMTP_PHASE_READY && m->phase != SMTP_PHASE_CLOSED)
		m->phase = SMTP_PHASE_READY;
	m->recipients = m->refused = 0;
	m->body_ended = false;
	m->body_size = 0;
}

void smtp_server_init(struct smtp_server *m, const struct smtp_server_options *options)
{
	struct smtp_reply banner;

	memset(m, 0, sizeof *m);
	m->options = *options;
	smtp_reply_set(&banner, 220, "", "%s ESMTP ptrelay", options->host);
	smtp_server_say(m, &banner);
}

/* RFC 5321 4.1.1.1: the first line is our name, the others are extensions. */
static void say_extensions(struct smtp_server *m)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, 250, "",
		"%s\nPIPELINING\nSIZE %llu\n8BITMIME\nENHANCEDSTATUSCODES",
		m->options.host, (unsigned long long)m->options.size_limit);
	smtp_server_say(m, &reply);
}

void smtp_server_ask(
	struct smtp_server *m, struct smtp_question *question, enum smtp_ask what)
{
	m->pending = what;
	question->ask = what;
}

/* A whole line, its LF included, is in m->line. */
static void end_line(struct smtp_server *m)
{
	m->line_len--;
	if (m->line_len == 0 || m->line[m->line_len - 1] != '\r') {
		/* Whoever ends commands so has smuggled them into somebody's body. */
		smtp_server_say_text(m, 500, "5.5.2", "a line ends with CRLF");
		smtp_server_say_text(m, 421, "4.7.0", "closing");
		return;
	}
	m->line_len--;
	if (memchr(m->line, '\r', m->line_len) || memchr(m->line, '\0', m->line_len)) {
		m->line_len = 0;
		smtp_server_complain(m, 500, "5.5.2", "a control byte in a command");
		return;
	}
	m->has_line = true;
}

static size_t skip_line(struct smtp_server *m, const char *in, size_t len)
{
	const char *newline = memchr(in, '\n', len);
	size_t used = newline ? (size_t)(newline + 1 - in) : len;

	m->skipped += used;
	if (m->skipped > SMTP_SKIP_MAX)
		smtp_server_say_text(m, 421, "4.7.0", "line too long");
	if (newline)
		m->skipped = 0;
	return used;
}

/* Collects a command line. Returns the bytes consumed. */
static size_t next_line(struct smtp_server *m, const char *in, size_t len)
{
	if (m->skipped)
		return skip_line(m, in, len);
	bool is_first = m->phase == SMTP_PHASE_GREETING && m->line_len == 0;

	if (is_first &&
		!((in[0] >= 'A' && in[0] <= 'Z') || (in[0] >= 'a' && in[0] <= 'z')) &&
		in[0] != '\r' && in[0] != '\n') {
		m->phase = SMTP_PHASE_CLOSED; /* TLS, SSH...: not a word of SMTP */
		return len;
	}
	size_t room = SMTP_COMMAND_MAX - m->line_len;
	const char *newline = memchr(in, '\n', len < room ? len : room);
	size_t used = newline ? (size_t)(newline + 1 - in) : len < room ? len : room;

	memcpy(m->line + m->line_len, in, used);
	m->line_len += used;
	if (newline) {
		end_line(m);
	} else if (m->line_len == SMTP_COMMAND_MAX) {
		m->skipped = m->line_len;
		m->line_len = 0;
		smtp_server_complain(m, 500, "5.5.2", "line too long");
	}
	return used;
}

static void end_body(struct smtp_server *m, struct smtp_question *question)
{
	bool is_bare = m->unstuffer.saw_bare_newline &&
	               m->options.newlines == SMTP_NEWLINES_REJECT;

	if (m->body_size <= m->options.size_limit && !is_bare) {
		smtp_server_ask(m, question, SMTP_ASK_END);
		return;
	}
	smtp_server_end_transaction(m);
	question->ask = SMTP_ASK_RESET;
	if (is_bare)
		smtp_server_complain(
			m, 550, "5.5.2", "the message has line ends that are not CRLF");
	else
		smtp_server_complain(m, 552, "5.3.4", "message is larger than we take");
}

/* Decodes a piece of the body; too much of it is read to its end, but given to nobody. */
static size_t next_body(
	struct smtp_server *m, const char *in, size_t len, struct smtp_question *question)
{
	size_t used, produced;

	m->body_ended = smtp_unstuff(&m->unstuffer, in, len, &used, m->body,
				sizeof m->body, &produced) == SMTP_BODY_END;
	m->body_size += used;
	if (produced && m->body_size <= m->options.size_limit) {
		question->ask = SMTP_ASK_BODY;
		question->text = m->body;
		question->len = produced;
	}
	return used;
}

static void repeat_question(struct smtp_server *m, struct smtp_question *question)
{
	question->ask = m->pending;
	question->address = &m->address;
	question->mail = &m->mail;
	question->extended = m->extended;
	if (m->pending == SMTP_ASK_HELO) {
		question->text = m->line;
		question->len = strlen(m->line);
	}
}

size_t smtp_server_next(
	struct smtp_server *m, const char *in, size_t len, struct smtp_question *question)
{
	size_t used = 0;

	*question = (struct smtp_question){.ask = SMTP_ASK_INPUT};
	while (m->pending == SMTP_ASK_INPUT && question->ask == SMTP_ASK_INPUT) {
		if (m->phase == SMTP_PHASE_CLOSED) {
			question->ask = SMTP_ASK_CLOSE;
			return used;
		}
		if (sizeof m->out - m->out_len < REPLY_ROOM)
			return used;
		if (m->has_line)
			smtp_server_obey(m, question);
		else if (m->body_ended)
			end_body(m, question);
		else if (used == len)
			return used;
		else if (m->phase == SMTP_PHASE_BODY)
			used += next_body(m, in + used, len - used, question);
		else
			used += next_line(m, in + used, len - used);
	}
	if (m->pending != SMTP_ASK_INPUT)
		repeat_question(m, question);
	return used;
}

/* What the answer means for the transaction, when it is a yes. */
static void advance(struct smtp_server *m, enum smtp_ask question)
{
	switch (question) {
	case SMTP_ASK_HELO:
		m->phase = SMTP_PHASE_READY;
		break;
	case SMTP_ASK_MAIL:
		m->phase = SMTP_PHASE_MAIL;
		break;
	case SMTP_ASK_RCPT:
		m->phase = SMTP_PHASE_RCPT;
		m->recipients++;
		break;
	case SMTP_ASK_DATA:
		m->phase = SMTP_PHASE_BODY;
		smtp_unstuffer_init(&m->unstuffer, m->options.newlines);
		break;
	case SMTP_ASK_END:
		m->errors = m->junk = 0;
		break;
	default:
		break;
	}
}

void smtp_server_answer(struct smtp_server *m, const struct smtp_reply *reply)
{
	enum smtp_ask question = m->pending;
	bool is_yes = smtp_reply_class(reply) < 4;

	assert(question != SMTP_ASK_INPUT);
	m->pending = SMTP_ASK_INPUT;
	if (question == SMTP_ASK_END)
		smtp_server_end_transaction(m);
	if (question == SMTP_ASK_HELO && is_yes && m->extended)
		say_extensions(m);
	else
		smtp_server_say(m, reply);
	if (is_yes)
		advance(m, question);
	else if (question == SMTP_ASK_RCPT)
		m->refused++;
	if (smtp_reply_class(reply) == 5)
		count_error(m);
}

void smtp_server_secured(struct smtp_server *m)
{
	m->secured = true;
	m->extended = m->authenticated = false;
	m->phase = SMTP_PHASE_GREETING;
}

void smtp_server_shut(struct smtp_server *m, const struct smtp_reply *reply)
{
	m->pending = SMTP_ASK_INPUT;
	if (sizeof m->out - m->out_len >= REPLY_ROOM)
		smtp_server_say(m, reply);
	m->phase = SMTP_PHASE_CLOSED;
}

void smtp_server_sent(struct smtp_server *m, size_t n)
{
	m->out_len -= n;
	memmove(m->out, m->out + n, m->out_len);
}
