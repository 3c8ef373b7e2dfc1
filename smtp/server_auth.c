/* SPDX-License-Identifier: ISC */
#include "smtp/server_verbs.h"

#include <string.h>

#include "smtp/base64.h"

/*
 * AUTH (RFC 4954), PLAIN (RFC 4616) and LOGIN. Credentials are decoded within m->line,
 * copied to m->auth for the question, and wiped from both with the answer.
 *
 *   AUTH PLAIN ──334──> PLAIN ──────────────────────────> asked
 *   AUTH LOGIN ──334──> USER ──334──> PASSWORD ─────────> asked
 *
 * An initial response stands for the first line. "*" leads back from everywhere.
 */

bool smtp_server_has_auth(const struct smtp_server *m)
{
	return smtp_server_has(m, SMTP_EXT_AUTH) &&
	       (m->secured || !m->options.auth_needs_tls);
}

static void wipe(struct smtp_server *m)
{
	m->exchange = SMTP_EXCHANGE_NONE;
	explicit_bzero(m->auth.user, sizeof m->auth.user);
	explicit_bzero(m->auth.password, sizeof m->auth.password);
	explicit_bzero(m->line, sizeof m->line);
}

void smtp_server_end_auth(struct smtp_server *m, bool is_refused)
{
	wipe(m);
	if (is_refused && ++m->failed_logins >= SMTP_LOGINS_MAX &&
		m->phase != SMTP_PHASE_CLOSED)
		smtp_server_say_text(m, 421, "4.7.0", "too many failed log-ins");
}

/* What can be nobody's credentials needs no question. */
static void refuse_credentials(struct smtp_server *m)
{
	smtp_server_complain(m, 535, "5.7.8", "user name or password is wrong");
	smtp_server_end_auth(m, true);
}

static void refuse_exchange(
	struct smtp_server *m, unsigned code, const char *enhanced, const char *text)
{
	wipe(m);
	smtp_server_complain(m, code, enhanced, text);
}

static bool take_user(struct smtp_server *m, const char *text, size_t len)
{
	if (len == 0 || len > SMTP_LOGIN_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return false;
	memcpy(m->auth.user, text, len);
	m->auth.user[len] = '\0';
	return true;
}

static bool take_password(struct smtp_server *m, const char *text, size_t len)
{
	if (len == 0 || len > SMTP_LOGIN_MAX || memchr(text, '\0', len))
		return false;
	memcpy(m->auth.password, text, len);
	m->auth.password[len] = '\0';
	return true;
}

/* [authorization identity] NUL user NUL password: nobody acts for somebody else. */
static bool take_plain(struct smtp_server *m, const char *text, size_t len)
{
	const char *end = text + len;
	const char *first = memchr(text, '\0', len);
	const char *second =
		first ? memchr(first + 1, '\0', (size_t)(end - first - 1)) : NULL;

	if (!second)
		return false;
	const char *user = first + 1, *password = second + 1;
	size_t identity_len = (size_t)(first - text), user_len = (size_t)(second - user);

	if (identity_len &&
		(identity_len != user_len || memcmp(text, user, user_len) != 0))
		return false;
	return take_user(m, user, user_len) &&
	       take_password(m, password, (size_t)(end - password));
}

/* One decoded response. */
static void take_response(struct smtp_server *m, const char *text, size_t len,
	struct smtp_question *question)
{
	bool is_good = false;

	switch (m->exchange) {
	case SMTP_EXCHANGE_PLAIN:
		is_good = take_plain(m, text, len);
		break;
	case SMTP_EXCHANGE_USER:
		if (!take_user(m, text, len))
			break;
		m->exchange = SMTP_EXCHANGE_PASSWORD;
		smtp_server_say_text(m, 334, "", "UGFzc3dvcmQ6"); /* "Password:" */
		return;
	case SMTP_EXCHANGE_PASSWORD:
		is_good = take_password(m, text, len);
		break;
	case SMTP_EXCHANGE_NONE:
		break;
	}
	m->exchange = SMTP_EXCHANGE_NONE;
	if (is_good)
		smtp_server_ask(m, question, SMTP_ASK_AUTH);
	else
		refuse_credentials(m);
}

void smtp_server_continue_auth(struct smtp_server *m, struct smtp_question *question)
{
	if (m->line_len == 1 && m->line[0] == '*') {
		refuse_exchange(m, 501, "5.7.0", "cancelled");
		return;
	}
	int len = base64_decode(m->line, m->line, m->line_len);

	if (len < 0)
		refuse_exchange(m, 501, "5.5.2", "this is not base64");
	else
		take_response(m, m->line, (size_t)len, question);
}

/* False: refused and answered. */
static bool may_start(struct smtp_server *m)
{
	if (!smtp_server_has(m, SMTP_EXT_AUTH))
		smtp_server_complain(m, 502, "5.5.1", "AUTH is not offered");
	else if (!smtp_server_has_auth(m))
		smtp_server_complain(m, 538, "5.7.11", "STARTTLS must come first");
	else if (m->authenticated)
		smtp_server_complain(m, 503, "5.5.1", "logged in already");
	else if (m->phase != SMTP_PHASE_READY)
		smtp_server_complain(m, 503, "5.5.1", "not within a transaction");
	else
		return true;
	return false;
}

void smtp_server_on_auth(struct smtp_server *m, const struct command *command,
	struct smtp_question *question)
{
	struct span rest = command->argument, mechanism, initial, extra;

	if (!may_start(m))
		return;
	bool has_mechanism = command_next_word(&rest, &mechanism);
	bool has_initial = command_next_word(&rest, &initial);

	if (!has_mechanism || command_next_word(&rest, &extra)) {
		smtp_server_complain(m, 501, "5.5.4", "AUTH mechanism [response]");
		return;
	}
	if (span_is(mechanism, "PLAIN")) {
		m->exchange = SMTP_EXCHANGE_PLAIN;
	} else if (span_is(mechanism, "LOGIN")) {
		m->exchange = SMTP_EXCHANGE_USER;
	} else {
		smtp_server_complain(m, 504, "5.5.4", "PLAIN and LOGIN are what we know");
		return;
	}
	if (!has_initial) {
		smtp_server_say_text(m, 334, "",
			m->exchange == SMTP_EXCHANGE_PLAIN ? "" : "VXNlcm5hbWU6");
		return;
	}
	/* RFC 4954 4: "=" is the empty response */
	m->line_len = span_is(initial, "=") ? 0 : initial.len;
	memmove(m->line, initial.text, m->line_len);
	smtp_server_continue_auth(m, question);
	m->line_len = 0;
}
