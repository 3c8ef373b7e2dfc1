/* SPDX-License-Identifier: ISC */
#include "smtp/server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "smtp/server_verbs.h"

/* Room for what one command can lead to: the caller's reply, and a 421 of our own. */
enum { REPLY_ROOM = 2 * SMTP_REPLY_TEXT_MAX + 256 };

bool smtp_server_has(const struct smtp_server *m, unsigned extension)
{
	return m->options.extensions & extension;
}

void smtp_server_say(struct smtp_server *m, const struct smtp_reply *reply)
{
	struct smtp_reply plain;

	if (!smtp_server_has(m, SMTP_EXT_ENHANCEDSTATUSCODES) && reply->enhanced[0]) {
		plain = *reply;
		plain.enhanced[0] = '\0';
		reply = &plain;
	}
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
void smtp_server_count_error(struct smtp_server *m)
{
	if (++m->errors > SMTP_ERRORS_MAX && m->phase != SMTP_PHASE_CLOSED)
		smtp_server_say_text(m, 421, "4.7.0", "too many errors");
}

void smtp_server_count_junk(struct smtp_server *m)
{
	if (++m->junk > SMTP_JUNK_MAX && m->phase != SMTP_PHASE_CLOSED)
		smtp_server_say_text(m, 421, "4.7.0", "too many commands without mail");
}

void smtp_server_complain(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text)
{
	smtp_server_say_text(m, code, enhanced, text);
	smtp_server_count_error(m);
}

/* Who did not wait for the answer to DATA says the body now. Its first line is a field, whoever
 * wrote the rest of it, so nothing of it is obeyed (RFC 2920 3.1: DATA ends a group). */
void smtp_server_refuse_line(struct smtp_server *m, const char *text)
{
	smtp_server_complain(m, 500, "5.5.2", text);
	if (m->data_refused && m->phase != SMTP_PHASE_CLOSED)
		smtp_server_say_text(m, 421, "4.7.0", "no body is wanted, closing");
}

void smtp_server_end_transaction(struct smtp_server *m)
{
	if (m->phase > SMTP_PHASE_READY && m->phase != SMTP_PHASE_CLOSED)
		m->phase = SMTP_PHASE_READY;
	m->recipients = m->refused = m->overshoot = 0;
	m->body_ended = m->data_refused = false;
	m->body_size = 0;
}

void smtp_server_init(struct smtp_server *m, const struct smtp_server_options *options)
{
	struct smtp_reply banner;

	memset(m, 0,
		offsetof(struct smtp_server, line)); /* the rest is not touched yet */
	m->options = *options;
	smtp_reply_set(&banner, 220, "", "%s ESMTP ptrelay", options->host);
	smtp_server_say(m, &banner);
}

/* RFC 5321 4.1.1.1: the first line is our name, the others are extensions. */
static void say_extensions(struct smtp_server *m)
{
	char size[32];
	struct smtp_reply reply;
	const struct {
		bool is_offered;
		const char *text;
	} rows[] = {
		{smtp_server_has(m, SMTP_EXT_PIPELINING), "PIPELINING"},
		{smtp_server_has(m, SMTP_EXT_SIZE), size},
		{smtp_server_has(m, SMTP_EXT_8BITMIME), "8BITMIME"},
		{smtp_server_has(m, SMTP_EXT_ENHANCEDSTATUSCODES), "ENHANCEDSTATUSCODES"},
		{smtp_server_has(m, SMTP_EXT_DSN), "DSN"},
		{smtp_server_has(m, SMTP_EXT_CHUNKING), "CHUNKING"},
		{smtp_server_has(m, SMTP_EXT_SMTPUTF8), "SMTPUTF8"},
		{smtp_server_has(m, SMTP_EXT_STARTTLS) && !m->secured, "STARTTLS"},
		{smtp_server_has_auth(m), "AUTH LOGIN PLAIN"},
		{smtp_server_has_auth(m) && smtp_server_has(m, SMTP_EXT_AUTH_OLD),
			"AUTH=LOGIN PLAIN"},
	};

	snprintf(size, sizeof size, "SIZE %llu",
		(unsigned long long)m->options.size_limit);
	smtp_reply_set(&reply, 250, "", "%s", m->options.host);
	size_t len = strlen(reply.text);

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].is_offered)
			len += (size_t)snprintf(reply.text + len, sizeof reply.text - len,
				"\n%s", rows[i].text);
	smtp_server_say(m, &reply);
}

void smtp_server_ask(
	struct smtp_server *m, struct smtp_question *question, enum smtp_ask what)
{
	m->pending = what;
	question->ask = what;
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 127;
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
	for (size_t i = 0; i < m->line_len; i++) {
		if (!is_control(m->line[i]))
			continue;
		m->line_len = 0;
		m->exchange = SMTP_EXCHANGE_NONE;
		smtp_server_refuse_line(m, "a control byte in a command");
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
		if (m->exchange == SMTP_EXCHANGE_NONE)
			smtp_server_refuse_line(m, "line too long");
		else /* RFC 4954 6 */
			smtp_server_complain(m, 500, "5.5.6", "response too long");
		m->exchange = SMTP_EXCHANGE_NONE;
	}
	return used;
}

static void repeat_question(struct smtp_server *m, struct smtp_question *question)
{
	question->ask = m->pending;
	question->address = &m->address;
	question->mail = &m->mail;
	question->rcpt = &m->rcpt;
	question->auth = &m->auth;
	question->extended = m->extended;
	question->chunked = m->in_chunk;
	if (m->pending == SMTP_ASK_HELO) {
		question->text = m->line;
		question->len = strlen(m->line);
	}
}

/* Takes one step. False: there is nothing to do without more input. */
static bool step(struct smtp_server *m, const char *in, size_t len, size_t *used,
	struct smtp_question *question)
{
	*used = 0;
	if (m->has_line)
		smtp_server_obey(m, question);
	else if (m->body_ended)
		smtp_server_end_body(m, question);
	else if (m->in_chunk && m->chunk_left == 0)
		smtp_server_end_chunk(m, question);
	else if (len == 0 || m->phase == SMTP_PHASE_HANDSHAKE)
		return false;
	else if (m->in_chunk)
		*used = smtp_server_take_chunk(m, in, len, question);
	else if (m->phase == SMTP_PHASE_BODY)
		*used = smtp_server_take_body(m, in, len, question);
	else
		*used = next_line(m, in, len);
	return true;
}

size_t smtp_server_next(
	struct smtp_server *m, const char *in, size_t len, struct smtp_question *question)
{
	size_t total = 0, used;

	*question = (struct smtp_question){.ask = SMTP_ASK_INPUT};
	while (m->pending == SMTP_ASK_INPUT && question->ask == SMTP_ASK_INPUT) {
		if (m->phase == SMTP_PHASE_CLOSED) {
			question->ask = SMTP_ASK_CLOSE;
			return total;
		}
		if (sizeof m->out - m->out_len < REPLY_ROOM ||
			!step(m, in + total, len - total, &used, question))
			return total;
		total += used;
	}
	if (m->pending != SMTP_ASK_INPUT)
		repeat_question(m, question);
	return total;
}

/* What the answer means for the transaction, when it is a yes. */
static void advance(struct smtp_server *m, enum smtp_ask question)
{
	switch (question) {
	case SMTP_ASK_HELO:
		m->phase = SMTP_PHASE_READY;
		m->data_refused = false;
		break;
	case SMTP_ASK_MAIL:
		m->phase = SMTP_PHASE_MAIL;
		m->data_refused = false;
		break;
	case SMTP_ASK_RCPT:
		m->phase = SMTP_PHASE_RCPT;
		m->data_refused = false;
		m->recipients++;
		break;
	case SMTP_ASK_DATA:
		if (m->in_chunk) {
			smtp_server_begin_chunks(m);
			break;
		}
		m->phase = SMTP_PHASE_BODY;
		smtp_unstuffer_init(&m->unstuffer);
		break;
	case SMTP_ASK_STARTTLS:
		m->phase = SMTP_PHASE_HANDSHAKE;
		break;
	case SMTP_ASK_AUTH:
		m->authenticated = true;
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
	if (question == SMTP_ASK_DATA && m->in_chunk) {
		/* by BDAT: a yes is not said, and a no later */
		if (is_yes)
			advance(m, question);
		else
			smtp_server_swallow_chunk(m, reply);
		return;
	}
	if (question == SMTP_ASK_END)
		smtp_server_end_transaction(m);
	m->data_refused |= question == SMTP_ASK_DATA && !is_yes;
	if (question == SMTP_ASK_HELO && is_yes && m->extended)
		say_extensions(m);
	else
		smtp_server_say(m, reply);
	if (is_yes)
		advance(m, question);
	else if (question == SMTP_ASK_RCPT)
		m->refused++;
	if (smtp_reply_class(reply) == 5)
		smtp_server_count_error(m);
	else if (!is_yes && question != SMTP_ASK_RCPT)
		smtp_server_count_junk(m); /* who asks at once again and again */
	if (question == SMTP_ASK_AUTH)
		smtp_server_end_auth(m, smtp_reply_class(reply) == 5);
}

void smtp_server_secured(struct smtp_server *m)
{
	m->secured = true;
	m->extended = m->authenticated = false;
	m->exchange = SMTP_EXCHANGE_NONE;
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
