/* SPDX-License-Identifier: ISC */
#include "smtp/server_verbs.h"

#include <string.h>

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

/*
 * Takes "FROM:<address>" or "TO:<address>" off the front of *rest. False: answered, with
 * the enhanced code of the address given.
 */
static bool take_path(struct smtp_server *m, const struct command *command,
	const char *enhanced, struct span *rest)
{
	*rest = command->argument;
	int used = command->has_keyword
	                   ? smtp_path_parse_utf8(&m->address, rest->text, rest->len)
	                   : -1;

	if (used < 0) {
		smtp_server_complain(m, 501, enhanced,
			"MAIL FROM:<address> and RCPT TO:<address> are what it looks "
		        "like");
		return false;
	}
	rest->text += used;
	rest->len -= (size_t)used;
	if (rest->len && rest->text[0] != ' ' && rest->text[0] != '\t') {
		smtp_server_complain(m, 501, enhanced, "a space must follow the address");
		return false;
	}
	return true;
}

/* RFC 6531 3.5. False: answered. */
static bool may_be_utf8(struct smtp_server *m)
{
	if (m->mail.utf8 || !smtp_address_is_utf8(&m->address))
		return true;
	smtp_server_complain(
		m, 553, "5.6.7", "an address with such characters needs SMTPUTF8");
	return false;
}

static void on_mail(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest;

	if (m->phase != SMTP_PHASE_READY) {
		smtp_server_complain(m, 503, "5.5.1", "a transaction is open already");
		return;
	}
	if (!take_path(m, command, "5.1.7", &rest) ||
		!smtp_server_take_mail_parameters(m, rest) || !may_be_utf8(m))
		return;
	if (m->mail.size > m->options.size_limit)
		smtp_server_complain(m, 552, "5.3.4", "message is larger than we take");
	else
		smtp_server_ask(m, question, SMTP_ASK_MAIL);
}

/* Who sends a long list in one piece makes no mistake: the rest is to come in another
 * message. */
static void refuse_overshoot(struct smtp_server *m)
{
	smtp_server_say_text(
		m, 452, "4.5.3", "too many recipients: send the rest in another message");
	if (++m->overshoot > SMTP_OVERSHOOT_MAX)
		smtp_server_say_text(m, 421, "4.7.0", "too many recipients");
}

static void on_rcpt(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest;

	if (m->phase != SMTP_PHASE_MAIL && m->phase != SMTP_PHASE_RCPT) {
		smtp_server_complain(m, 503, "5.5.1", "MAIL FROM must come first");
		return;
	}
	if (!take_path(m, command, "5.1.3", &rest))
		return;
	if (smtp_address_is_null(&m->address))
		smtp_server_complain(m, 501, "5.1.3", "nobody is to receive it");
	else if (m->recipients >= m->options.recipient_limit)
		refuse_overshoot(m);
	else if (smtp_server_take_rcpt_parameters(m, rest) && may_be_utf8(m))
		smtp_server_ask(m, question, SMTP_ASK_RCPT);
}

static void on_data(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	if (command->argument.len)
		smtp_server_complain(m, 501, "5.5.4", "DATA takes no argument");
	else if (m->phase == SMTP_PHASE_RCPT)
		smtp_server_ask(m, question, SMTP_ASK_DATA);
	else if (m->phase == SMTP_PHASE_CHUNKS)
		smtp_server_complain(m, 503, "5.5.1", "BDAT has begun this message");
	else if (m->phase == SMTP_PHASE_MAIL && m->refused)
		smtp_server_complain(m, 554, "5.5.1", "no valid recipients");
	else
		smtp_server_complain(m, 503, "5.5.1", "RCPT TO must come first");
}

static void on_starttls(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	if (!smtp_server_has(m, SMTP_EXT_STARTTLS))
		smtp_server_complain(m, 502, "5.5.1", "STARTTLS is not offered");
	else if (command->argument.len) /* RFC 3207 4 */
		smtp_server_complain(m, 501, "5.5.4", "STARTTLS takes no argument");
	else if (m->secured)
		smtp_server_complain(m, 503, "5.5.1", "TLS is up already");
	else if (m->phase != SMTP_PHASE_READY)
		smtp_server_complain(m, 503, "5.5.1", "not within a transaction");
	else
		smtp_server_ask(m, question, SMTP_ASK_STARTTLS);
}

static void say_help(struct smtp_server *m)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, 214, "2.0.0",
		"EHLO HELO MAIL RCPT DATA%s%s%s RSET NOOP VRFY HELP QUIT",
		smtp_server_has(m, SMTP_EXT_CHUNKING) ? " BDAT" : "",
		smtp_server_has(m, SMTP_EXT_STARTTLS) && !m->secured ? " STARTTLS" : "",
		smtp_server_has_auth(m) ? " AUTH" : "");
	smtp_server_say(m, &reply);
}

static void on_other(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	(void)question;
	switch (command->verb) {
	case VERB_RSET:
		m->data_refused = false;
		smtp_server_say_text(m, 250, "2.0.0", "forgotten");
		smtp_server_count_junk(m);
		break;
	case VERB_NOOP:
		smtp_server_say_text(m, 250, "2.0.0", "ok");
		smtp_server_count_junk(m);
		break;
	case VERB_VRFY:
		smtp_server_say_text(
			m, 252, "2.0.0", "cannot tell; send it, and it will be tried");
		smtp_server_count_junk(m);
		break;
	case VERB_HELP:
		say_help(m);
		smtp_server_count_junk(m);
		break;
	case VERB_QUIT:
		smtp_server_say_text(m, 221, "2.0.0", "goodbye");
		m->phase = SMTP_PHASE_CLOSED;
		break;
	case VERB_XEXCH50: /* a blob follows, not commands: we must not read on */
		smtp_server_say_text(m, 502, "5.5.1", "XEXCH50 is not offered");
		smtp_server_say_text(m, 421, "4.7.0", "closing");
		break;
	case VERB_FOREIGN: /* cross-protocol attack: not even an answer */
		m->phase = SMTP_PHASE_CLOSED;
		break;
	case VERB_NOT_OURS:
		smtp_server_complain(m, 502, "5.5.1", "command not implemented");
		break;
	default:
		smtp_server_refuse_line(m, "command not recognized");
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
	{VERB_BDAT, false, false, smtp_server_on_bdat}, /* minds its octets in any case */
	{VERB_STARTTLS, true, false, on_starttls},
	{VERB_AUTH, true, false, smtp_server_on_auth},
	{VERB_RSET, false, true, on_other},
};

void smtp_server_obey(struct smtp_server *m, struct smtp_question *question)
{
	struct command command;

	if (m->exchange != SMTP_EXCHANGE_NONE) {
		m->has_line = false;
		smtp_server_continue_auth(m, question);
		m->line_len = 0;
		return;
	}
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
		m->data_refused |= command.verb == VERB_DATA &&
		                   question->ask != SMTP_ASK_DATA;
		return;
	}
	m->has_line = false;
	m->line_len = 0;
	on_other(m, &command, question);
}
