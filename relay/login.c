/* SPDX-License-Identifier: ISC */
#include "relay/login.h"

#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/text.h"

static void log_login(const struct login *login, const char *event, enum log_level level)
{
	char user[4 * SMTP_LOGIN_MAX + 1];

	log_event(&login->relay->log, level, "%s client=%s user=\"%s\"", event,
		login->client,
		text_quote(user, sizeof user, login->asked, strlen(login->asked)));
}

static void let_in(struct login *login, struct smtp_reply *reply)
{
	login->relay->stats.logins++;
	log_login(login, "auth-ok", LOG_INFO);
	free(login->user);
	login->user = login->asked;
	login->asked = NULL;
	smtp_reply_set(reply, 235, "2.7.0", "authenticated");
}

static void refuse(struct login *login, bool blocks, struct smtp_reply *reply)
{
	login->relay->stats.failed_logins++;
	log_login(login, "auth-failed", LOG_WARNING);
	if (blocks)
		log_event(&login->relay->log, LOG_WARNING,
			"auth-blocked client=%s what=\"too many failures; its logins are "
			"put off for ten minutes\"",
			login->client);
	smtp_reply_set(reply, 535, "5.7.8", "user name or password is wrong");
}

static void on_result(void *owner, enum auth_result result, bool blocks)
{
	struct login *login = owner;
	struct smtp_reply reply;

	login->attempt = NULL;
	switch (result) {
	case AUTH_YES:
		let_in(login, &reply);
		break;
	case AUTH_NO:
		refuse(login, blocks, &reply);
		break;
	case AUTH_BUSY:
		login->relay->stats.deferred_logins++;
		smtp_reply_set(
			&reply, 454, "4.7.0", "too many logins at once; try again later");
		break;
	case AUTH_TOO_OFTEN:
		login->relay->stats.deferred_logins++;
		smtp_reply_set(&reply, 454, "4.7.0",
			"too many failed logins from your address; try again later");
		break;
	}
	free(login->asked);
	login->asked = NULL;
	login->done(login->owner, &reply);
}

void login_start(struct login *login, struct relay *relay, const char *client,
	const struct smtp_auth *said, login_done_cb done, void *owner)
{
	login->relay = relay;
	login->client = client;
	login->asked = mem_strdup(said->user);
	login->done = done;
	login->owner = owner;
	login->attempt = auth_start(
		relay->auth, client, said->user, said->password, on_result, login);
}

void login_fini(struct login *login)
{
	if (login->attempt)
		auth_cancel(login->attempt);
	free(login->asked);
	free(login->user);
}
