/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "relay/policy.h"
#include "relay/session_state.h"
#include "relay/text.h"
#include "relay/trouble.h"

static void answer(
	struct session *s, unsigned code, const char *enhanced, const char *text)
{
	struct smtp_reply reply;

	smtp_reply_set(&reply, code, enhanced, "%s", text);
	smtp_server_answer(&s->machine, &reply);
}

/* Our own trouble is never a 5xx: the client keeps the message and comes again. */
static void answer_unstored(struct session *s, int error)
{
	if (error == -ENOSPC || error == -EDQUOT)
		answer(s, 452, "4.3.1", "no room to store it; try again later");
	else
		answer(s, 451, "4.3.0", "cannot store it now; try again later");
}

static void refuse_unstored(struct session *s, int error)
{
	trouble_note(s->relay, error);
	answer_unstored(s, error);
}

static void log_refusal(
	struct session *s, const char *rcpt, const struct smtp_reply *reply)
{
	char from[512], to[512], text[512];
	const char *sender = intake_sender(s->intake);

	s->relay->stats.refused++;
	log_event(&s->relay->log, LOG_INFO,
		"refused client=%s from=<%s> to=<%s> reply=\"%u %s %s\"", s->client,
		text_word(from, sizeof from, sender, strlen(sender)),
		text_word(to, sizeof to, rcpt, strlen(rcpt)), reply->code,
		reply->enhanced,
		text_quote(text, sizeof text, reply->text, strlen(reply->text)));
}

static void on_helo(struct session *s, const struct smtp_question *question)
{
	snprintf(s->helo, sizeof s->helo, "%s", question->text);
	s->extended = question->extended;
	answer(s, 250, "", s->relay->config->hostname);
}

static void on_mail(struct session *s, const struct smtp_question *question)
{
	struct spool_stats spool;

	if (!spool_has_room(s->relay->spool, question->mail->size)) {
		spool_stats(s->relay->spool, &spool);
		if (spool.failed) /* whoever met it has told why */
			answer_unstored(s, -EIO);
		else
			refuse_unstored(s, -ENOSPC);
		return;
	}
	s->intake = intake_new(s->relay, question->address->text, question->mail);
	answer(s, 250, "2.1.0", "ok");
}

static void on_rcpt(struct session *s, const struct smtp_question *question)
{
	struct smtp_reply refusal;
	const struct config *config = s->relay->config;
	bool may_relay = s->machine.authenticated || policy_may_relay(config, s->client);
	char *mailbox =
		policy_take_recipient(config, may_relay, question->address, &refusal);

	if (!mailbox) {
		log_refusal(s, question->address->text, &refusal);
		smtp_server_answer(&s->machine, &refusal);
		return;
	}
	intake_add_recipient(s->intake, mailbox, question->rcpt);
	answer(s, 250, "2.1.5", "ok");
}

static void on_data(struct session *s)
{
	struct intake_client client = {
		.ip = s->client,
		.helo = s->helo,
		.extended = s->extended,
		.tls = conn_tls_name(s->conn),
		.authenticated = s->machine.authenticated,
		.user = s->machine.authenticated ? s->login.user : NULL,
	};

	int error = intake_open(s->intake, &client);

	if (error) {
		refuse_unstored(s, error);
		return;
	}
	session_begin_body(s);
	answer(s, 354, "", "end with <CRLF>.<CRLF>");
}

static void on_drained(void *owner)
{
	session_resume(owner);
}

static void on_body(struct session *s, const struct smtp_question *question)
{
	intake_append(s->intake, question->text, question->len);
	session_count_body(s, question->len);
	if (intake_is_full(s->intake)) {
		session_wait(s, SESSION_PAUSED);
		intake_wait(s->intake, on_drained, s);
	}
}

static void on_committed(void *owner, int status)
{
	struct session *s = owner;
	char words[64];

	snprintf(words, sizeof words, "queued as %s", intake_id(s->intake));
	session_drop_intake(s);
	trouble_note(s->relay, status);
	if (s->state == SESSION_ORPHANED) {
		session_free(s);
		return;
	}
	if (status)
		answer_unstored(s, status);
	else
		answer(s, 250, "2.0.0", words);
	session_resume(s);
}

static void on_end(struct session *s)
{
	struct smtp_reply refusal;
	int error;

	if (intake_is_looping(s->intake)) {
		smtp_reply_set(&refusal, 554, "5.4.6",
			"more than %d Received lines: a loop", SMTP_HOPS_MAX);
		log_refusal(s, "", &refusal);
		session_drop_intake(s);
		smtp_server_answer(&s->machine, &refusal);
	} else if ((error = intake_commit(s->intake, on_committed, s))) {
		session_drop_intake(s);
		refuse_unstored(s, error);
	} else {
		session_wait(s, SESSION_COMMITTING);
	}
}

static void on_login(void *owner, const struct smtp_reply *reply)
{
	struct session *s = owner;

	smtp_server_answer(&s->machine, reply);
	session_resume(s);
}

static void on_auth(struct session *s, const struct smtp_question *question)
{
	session_wait(s, SESSION_VERIFYING);
	login_start(&s->login, s->relay, s->client, question->auth, on_login, s);
}

void session_decide(struct session *s, const struct smtp_question *question)
{
	switch (question->ask) {
	case SMTP_ASK_HELO:
		on_helo(s, question);
		break;
	case SMTP_ASK_MAIL:
		on_mail(s, question);
		break;
	case SMTP_ASK_RCPT:
		on_rcpt(s, question);
		break;
	case SMTP_ASK_DATA:
		on_data(s);
		break;
	case SMTP_ASK_BODY:
		on_body(s, question);
		break;
	case SMTP_ASK_END:
		on_end(s);
		break;
	case SMTP_ASK_RESET:
		session_drop_intake(s);
		break;
	case SMTP_ASK_STARTTLS:
		answer(s, 220, "2.0.0", "go ahead");
		break;
	case SMTP_ASK_AUTH:
		on_auth(s, question);
		break;
	case SMTP_ASK_INPUT:
	case SMTP_ASK_CLOSE:
		break;
	}
}
