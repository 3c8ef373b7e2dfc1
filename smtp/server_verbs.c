/* SPDX-License-Identifier: ISC */
#include "smtp/server_verbs.h"

#include <string.h>

#include "smtp/command.h"

static void count_junk(struct smtp_server *m)
{
	if (++m->junk > SMTP_JUNK_MAX)
		smtp_server_say_text(m, 421, "4.7.0", "too many commands without mail");
}

static void on_helo(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span name = command->argument;

	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] <= ' ' || name.text[i] > '~')
			name.len = 0;
	if (name.len == 0 || name.len > SMTP_DOMAIN_MAX) {
		smtp_server_complain(
			m, 501, "5.5.4", "a host name or address literal must follow");
		return;
	}
	m->extended = command->verb == VERB_EHLO;
	memmove(m->line, name.text, name.len);
	m->line[name.len] = '\0'; /* kept for the question */
	smtp_server_ask(m, question, SMTP_ASK_HELO);
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
			smtp_server_complain(m, 555, "5.5.4", "parameter not recognized");
			return false;
		}
		if (!is_good) {
			smtp_server_complain(m, 501, "5.5.4",
				"bad value of a parameter, or given twice");
			return false;
		}
	}
	if (m->mail.size > m->options.size_limit) {
		smtp_server_complain(m, 552, "5.3.4", "message is larger than we take");
		return false;
	}
	return true;
}

static void on_mail(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest = command->argument;

	if (m->phase != SMTP_PHASE_READY) {
		smtp_server_complain(m, 503, "5.5.1", "a transaction is open already");
		return;
	}
	int used = command->has_keyword
	                   ? smtp_path_parse(&m->address, rest.text, rest.len)
	                   : -1;

	if (used < 0 || ((size_t)used < rest.len && rest.text[used] != ' ')) {
		smtp_server_complain(
			m, 501, "5.1.7", "MAIL FROM:<address> is what it looks like");
		return;
	}
	rest.text += used;
	rest.len -= (size_t)used;
	if (take_mail_parameters(m, rest))
		smtp_server_ask(m, question, SMTP_ASK_MAIL);
}

static void on_rcpt(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest = command->argument;

	if (m->phase != SMTP_PHASE_MAIL && m->phase != SMTP_PHASE_RCPT) {
		smtp_server_complain(m, 503, "5.5.1", "MAIL FROM must come first");
		return;
	}
	int used = command->has_keyword
	                   ? smtp_path_parse(&m->address, rest.text, rest.len)
	                   : -1;

	if (used < 0 || smtp_address_is_null(&m->address)) {
		smtp_server_complain(
			m, 501, "5.1.3", "RCPT TO:<address> is what it looks like");
		return;
	}
	if ((size_t)used < rest.len) {
		smtp_server_complain(m, 555, "5.5.4", "parameter not recognized");
		return;
	}
	if (m->recipients >= m->options.recipient_limit) {
		smtp_server_complain(m, 452, "4.5.3",
			"too many recipients: send the rest in another message");
		return;
	}
	smtp_server_ask(m, question, SMTP_ASK_RCPT);
}

static void on_data(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	if (command->argument.len)
		smtp_server_complain(m, 501, "5.5.4", "DATA takes no argument");
	else if (m->phase == SMTP_PHASE_RCPT)
		smtp_server_ask(m, question, SMTP_ASK_DATA);
	else if (m->phase == SMTP_PHASE_MAIL && m->refused)
		smtp_server_complain(m, 554, "5.5.1", "no valid recipients");
	else
		smtp_server_complain(m, 503, "5.5.1", "RCPT TO must come first");
}

static void on_other(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	(void)question;
	switch (command->verb) {
	case VERB_RSET:
		smtp_server_say_text(m, 250, "2.0.0", "forgotten");
		count_junk(m);
		break;
	case VERB_NOOP:
		smtp_server_say_text(m, 250, "2.0.0", "ok");
		count_junk(m);
		break;
	case VERB_VRFY:
		smtp_server_say_text(
			m, 252, "2.0.0", "cannot tell; send it, and it will be tried");
		count_junk(m);
		break;
	case VERB_HELP:
		smtp_server_say_text(m, 214, "2.0.0",
			"EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
		count_junk(m);
		break;
	case VERB_QUIT:
		smtp_server_say_text(m, 221, "2.0.0", "goodbye");
		m->phase = SMTP_PHASE_CLOSED;
		break;
	case VERB_BDAT: /* what follows it is not commands: we must not read on */
		smtp_server_say_text(m, 502, "5.5.1", "CHUNKING is not offered");
		smtp_server_say_text(m, 421, "4.7.0", "closing");
		break;
	case VERB_HTTP: /* cross-protocol attack: not even an answer */
		m->phase = SMTP_PHASE_CLOSED;
		break;
	case VERB_NOT_OURS:
		smtp_server_complain(m, 502, "5.5.1", "command not implemented");
		break;
	default:
		smtp_server_complain(m, 500, "5.5.2", "command not recognized");
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

void smtp_server_obey(struct smtp_server *m, struct smtp_question *question)
{
	struct command command;

	command_parse(&command, m->line, m->line_len);
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].verb != command.verb)
			continue;
		if (rules[i].resets && m->phase > SMTP_PHASE_READY) {
			smtp_server_end_transaction(m);
			question->ask = SMTP_ASK_RESET;
			return;
		}
		m->has_line = false;
		m->line_len = 0;
		if (rules[i].needs_greeting && m->phase == SMTP_PHASE_GREETING)
			smtp_server_complain(m, 503, "5.5.1", "EHLO must come first");
		else
			rules[i].obey(m, &command, question);
		return;
	}
	m->has_line = false;
	m->line_len = 0;
	on_other(m, &command, question);
}
