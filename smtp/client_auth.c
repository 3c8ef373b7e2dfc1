/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <assert.h>
#include <string.h>

#include "smtp/base64.h"
#include "smtp/server.h"

/*
 * AUTH (RFC 4954) to a server we are a customer of. PLAIN (RFC 4616) needs one response, which
 * goes with the command; LOGIN asks for the user, then for the password. What is said of them
 * stands at the end of out, is counted in secret_len, and is wiped when it has been taken.
 */

/* RFC 4954 4: an initial response must not make the command longer than this. */
enum { COMMAND_LINE_MAX = 512 };

static void put_secret(struct smtp_client *m, const char *bytes, size_t len)
{
	size_t encoded = base64_encoded_length(len);

	assert(encoded + 2 <= sizeof m->out - m->out_len);
	base64_encode(m->out + m->out_len, bytes, len);
	m->out_len += encoded;
	smtp_client_put(m, "\r\n", 2);
	m->secret_len += encoded + 2;
}

/* NUL user NUL password: who acts for nobody else names nobody else. */
static void put_plain(struct smtp_client *m)
{
	char text[2 + 2 * SMTP_LOGIN_MAX];
	size_t user = strlen(m->login->user), password = strlen(m->login->password);

	text[0] = '\0';
	memcpy(text + 1, m->login->user, user);
	text[1 + user] = '\0';
	memcpy(text + 2 + user, m->login->password, password);
	put_secret(m, text, 2 + user + password);
	explicit_bzero(text, sizeof text);
}

static void say_plain(struct smtp_client *m)
{
	static const char verb[] = "AUTH PLAIN ";
	size_t len = 2 + strlen(m->login->user) + strlen(m->login->password);

	if (sizeof verb - 1 + base64_encoded_length(len) + 2 > COMMAND_LINE_MAX) {
		smtp_client_say(m, "AUTH PLAIN", "");
		return;
	}
	smtp_client_put(m, verb, sizeof verb - 1);
	put_plain(m);
}

/* Answers the 334 number m->prompts. False: there is nothing more that we could tell. */
static bool say_response(struct smtp_client *m)
{
	/* PLAIN: the server does not know initial responses, or ours was too long for one. */
	if (m->extensions.auth_plain && m->prompts == 0)
		put_plain(m);
	else if (!m->extensions.auth_plain && m->prompts == 0)
		put_secret(m, m->login->user, strlen(m->login->user));
	else if (!m->extensions.auth_plain && m->prompts == 1)
		put_secret(m, m->login->password, strlen(m->login->password));
	else
		return false;
	m->prompts++;
	return true;
}

void smtp_client_on_auth_reply(struct smtp_client *m, struct smtp_event *event)
{
	int class = smtp_reply_class(&m->reply);

	if (m->reply.code == 334 && say_response(m))
		return;
	m->login = NULL;
	if (class == 3) {
		smtp_client_complain(
			m, event, "the server asks for more than a user and a password");
		return;
	}
	m->phase = class == 2 ? SMTP_CLIENT_READY : SMTP_CLIENT_REFUSED;
	smtp_client_tell(m, event, class == 2 ? SMTP_EVENT_READY : SMTP_EVENT_REFUSED,
		SMTP_STAGE_AUTH);
}

void smtp_client_log_in(struct smtp_client *m, const struct smtp_login *login)
{
	assert(m->phase == SMTP_CLIENT_READY);
	assert(strlen(login->user) <= SMTP_LOGIN_MAX &&
		strlen(login->password) <= SMTP_LOGIN_MAX);
	smtp_client_begin(m, SMTP_CLIENT_AUTH);
	m->login = login;
	m->prompts = 0;
	if (m->extensions.auth_plain) {
		say_plain(m);
	} else if (m->extensions.auth_login) {
		smtp_client_say(m, "AUTH LOGIN", "");
	} else {
		/* RFC 4954 6 */
		smtp_reply_set(&m->decision, 504, "5.7.4",
			"the server offers neither AUTH PLAIN nor AUTH LOGIN");
		m->is_unasked = true;
	}
}
