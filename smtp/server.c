/* SPDX-License-Identifier: ISC */
#include "smtp/server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "smtp/command.h"

/* Room for what one command can lead to: our own reply and the caller's. */
enum { REPLY_ROOM = 2 * (2 * SMTP_REPLY_TEXT_MAX + 64) };

static void say(struct smtp_server *m, const struct smtp_reply *reply)
{
	m->out_len +=
		smtp_reply_format(reply, m->out + m->out_len, sizeof m->out - m->out_len);
	if (reply->code == 421)
		m->phase = SMTP_PHASE_CLOSED;
}

static void say_text(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, enhanced, "%s", text);
	say(m, &reply);
}

/* Somebody who makes nothing but mistakes is sent away (RFC 5321 7.8). */
static void count_error(struct smtp_server *m)
{
	if (++m->errors > SMTP_ERRORS_MAX && m->phase != SMTP_PHASE_CLOSED)
		say_text(m, 421, "4.7.0", "too many errors");
}

static void complain(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text)
{
	say_text(m, code, enhanced, text);
	count_error(m);
}

static void count_junk(struct smtp_server *m)
{
	if (++m->junk > SMTP_JUNK_MAX)
		say_text(m, 421, "4.7.0", "too many commands without mail");
}

static void end_transaction(struct smtp_server *m)
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
	say(m, &banner);
}

/* RFC 5321 4.1.1.1: the first line is our name, the others are extensions. */
static void say_extensions(struct smtp_server *m)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, 250, "",
		"%s\nPIPELINING\nSIZE %llu\n8BITMIME\nENHANCEDSTATUSCODES",
		m->options.host, (unsigned long long)m->options.size_limit);
	say(m, &reply);
}

static void ask(struct smtp_server *m, struct smtp_question *question, enum smtp_ask what)
{
	m->pending = what;
	question->ask = what;
}

static void on_helo(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span name = command->argument;

	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] <= ' ' || name.text[i] > '~')
			name.len = 0;
	if (name.len == 0 || name.len > SMTP_DOMAIN_MAX) {
		complain(m, 501, "5.5.4", "a host name or address literal must follow");
		return;
	}
	m->extended = command->verb == VERB_EHLO;
	memmove(m->line, name.text, name.len);
	m->line[name.len] = '\0'; /* kept for the question */
	ask(m, question, SMTP_ASK_HELO);
}

static bool parse_size(struct span value, uint64_t *size)
{
	*size = 0;
	if (value.len == 0 || value.len > 20) /* RFC 1870 3 */
		return false;
	for (size_t i = 0; i < value.len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)value.text[i] - '0';

		if (digit > 9 || *size > (UINT64_MAX - digit) / 10)
			return false;
		*size = *size * 10 + digit;
	}
	return true;
}

/* Reads the parameters of MAIL. False: answered. */
static bool take_mail_parameters(struct smtp_server *m, struct span rest)
{
	struct span keyword, value;
	bool has_size = false, has_body = false;

	m->mail = (struct smtp_mail){0};
	while (command_next_parameter(&rest, &keyword, &value)) {
		bool is_good;

		if (span_is(keyword, "SIZE")) {
			is_good = !has_size && parse_size(value, &m->mail.size);
			has_size = true;
		} else if (span_is(keyword, "BODY") && !span_is(value, "BINARYMIME")) {
			m->mail.eight_bit = span_is(value, "8BITMIME");
			is_good = !has_body &&
			          (m->mail.eight_bit || span_is(value, "7BIT"));
			has_body = true;
		} else {
			complain(m, 555, "5.5.4", "parameter not recognized");
			return false;
		}
		if (!is_good) {
			complain(m, 501, "5.5.4",
				"bad value of a parameter, or given twice");
			return false;
		}
	}
	if (m->mail.size > m->options.size_limit) {
		complain(m, 552, "5.3.4", "message is larger than we take");
		return false;
	}
	return true;
}

static void on_mail(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest = command->argument;

	if (m->phase != SMTP_PHASE_READY) {
		complain(m, 503, "5.5.1", "a transaction is open already");
		return;
	}
	int used = command->has_keyword
	                   ? smtp_path_parse(&m->address, rest.text, rest.len)
	                   : -1;

	if (used < 0 || ((size_t)used < rest.len && rest.text[used] != ' ')) {
		complain(m, 501, "5.1.7", "MAIL FROM:<address> is what it looks like");
		return;
	}
	rest.text += used;
	rest.len -= (size_t)used;
	if (take_mail_parameters(m, rest))
		ask(m, question, SMTP_ASK_MAIL);
}

static void on_rcpt(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest = command->argument;

	if (m->phase != SMTP_PHASE_MAIL && m->phase != SMTP_PHASE_RCPT) {
		complain(m, 503, "5.5.1", "MAIL FROM must come first");
		return;
	}
	int used = command->has_keyword
	                   ? smtp_path_parse(&m->address, rest.text, rest.len)
	                   : -1;

	if (used < 0 || smtp_address_is_null(&m->address)) {
		complain(m, 501, "5.1.3", "RCPT TO:<address> is what it looks like");
		return;
	}
	if ((size_t)used < rest.len) {
		complain(m, 555, "5.5.4", "parameter not recognized");
		return;
	}
	if (m->recipients >= m->options.recipient_limit) {
		complain(m, 452, "4.5.3",
			"too many recipients: send the rest in another message");
		return;
	}
	ask(m, question, SMTP_ASK_RCPT);
}

static void on_data(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	if (command->argument.len)
		complain(m, 501, "5.5.4", "DATA takes no argument");
	else if (m->phase == SMTP_PHASE_RCPT)
		ask(m, question, SMTP_ASK_DATA);
	else if (m->phase == SMTP_PHASE_MAIL && m->refused)
		complain(m, 554, "5.5.1", "no valid recipients");
	else
		complain(m, 503, "5.5.1", "RCPT TO must come first");
}

static void on_other(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	(void)question;
	switch (command->verb) {
	case VERB_RSET:
		say_text(m, 250, "2.0.0", "forgotten");
		count_junk(m);
		break;
	case VERB_NOOP:
		say_text(m, 250, "2.0.0", "ok");
		count_junk(m);
		break;
	case VERB_VRFY:
		say_text(m, 252, "2.0.0", "cannot tell; send it, and it will be tried");
		count_junk(m);
		break;
	case VERB_HELP:
		say_text(m, 214, "2.0.0",
			"EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
		count_junk(m);
		break;
	case VERB_QUIT:
		say_text(m, 221, "2.0.0", "goodbye");
		m->phase = SMTP_PHASE_CLOSED;
		break;
	case VERB_BDAT: /* what follows it is not commands: we must not read on */
		say_text(m, 502, "5.5.1", "CHUNKING is not offered");
		say_text(m, 421, "4.7.0", "closing");
		break;
	case VERB_HTTP: /* cross-protocol attack: not even an answer */
		m->phase = SMTP_PHASE_CLOSED;
		break;
	case VERB_NOT_OURS:
		complain(m, 502, "5.5.1", "command not implemented");
		break;
	default:
		complain(m, 500, "5.5.2", "command not recognized");
		break;
	}
}

static const struct {
	enum verb verb;
	bool needs_greeting;
	bool resets; /* ends a transaction (RFC 5321 4.1.1.1, 4.1.1.5) */
	void (*obey)(struct smtp_server *m, const struct command *command,
		struct smtp_question *question);
} rules[] = {
	{VERB_HELO, false, true, on_helo},
	{VERB_EHLO, false, true, on_helo},
	{VERB_MAIL, true, false, on_mail},
	{VERB_RCPT, true, false, on_rcpt},
	{VERB_DATA, true, false, on_data},
	{VERB_RSET, false, true, on_other},
};

/* Obeys the command in m->line. A command that resets is obeyed after the caller has heard so. */
static void obey(struct smtp_server *m, struct smtp_question *question)
{
	struct command command;

	command_parse(&command, m->line, m->line_len);
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].verb != command.verb)
			continue;
		if (rules[i].resets && m->phase > SMTP_PHASE_READY) {
			end_transaction(m);
			question->ask = SMTP_ASK_RESET;
			return;
		}
		m->has_line = false;
		m->line_len = 0;
		if (rules[i].needs_greeting && m->phase == SMTP_PHASE_GREETING)
			complain(m, 503, "5.5.1", "EHLO must come first");
		else
			rules[i].obey(m, &command, question);
		return;
	}
	m->has_line = false;
	m->line_len = 0;
	on_other(m, &command, question);
}

/* A whole line, its LF included, is in m->line. */
static void end_line(struct smtp_server *m)
{
	m->line_len--;
	if (m->line_len == 0 || m->line[m->line_len - 1] != '\r') {
		/* Whoever ends commands so has smuggled them into somebody's body. */
		say_text(m, 500, "5.5.2", "a line ends with CRLF");
		say_text(m, 421, "4.7.0", "closing");
		return;
	}
	m->line_len--;
	if (memchr(m->line, '\r', m->line_len) || memchr(m->line, '\0', m->line_len)) {
		m->line_len = 0;
		complain(m, 500, "5.5.2", "a control byte in a command");
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
		say_text(m, 421, "4.7.0", "line too long");
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
		complain(m, 500, "5.5.2", "line too long");
	}
	return used;
}

static void end_body(struct smtp_server *m, struct smtp_question *question)
{
	bool is_bare = m->unstuffer.saw_bare_newline &&
	               m->options.newlines == SMTP_NEWLINES_REJECT;

	if (m->body_size <= m->options.size_limit && !is_bare) {
		ask(m, question, SMTP_ASK_END);
		return;
	}
	end_transaction(m);
	question->ask = SMTP_ASK_RESET;
	if (is_bare)
		complain(m, 550, "5.5.2", "the message has line ends that are not CRLF");
	else
		complain(m, 552, "5.3.4", "message is larger than we take");
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
			obey(m, question);
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
		end_transaction(m);
	if (question == SMTP_ASK_HELO && is_yes && m->extended)
		say_extensions(m);
	else
		say(m, reply);
	if (is_yes)
		advance(m, question);
	else if (question == SMTP_ASK_RCPT)
		m->refused++;
	if (smtp_reply_class(reply) == 5)
		count_error(m);
}

void smtp_server_shut(struct smtp_server *m, const struct smtp_reply *reply)
{
	m->pending = SMTP_ASK_INPUT;
	if (sizeof m->out - m->out_len >= REPLY_ROOM)
		say(m, reply);
	m->phase = SMTP_PHASE_CLOSED;
}

void smtp_server_sent(struct smtp_server *m, size_t n)
{
	m->out_len -= n;
	memmove(m->out, m->out + n, m->out_len);
}
