/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The commands of a transaction by number: MAIL, RCPT 0..count-1, DATA. */
static size_t data_number(const struct smtp_client *m)
{
	return m->transaction->count + 1;
}

static void say_mail(struct smtp_client *m)
{
	const struct smtp_transaction *t = m->transaction;
	char rest[64] = ">";

	if (m->extensions.size)
		snprintf(rest, sizeof rest, "> SIZE=%llu", (unsigned long long)t->size);
	if (m->extensions.eight_bit && t->eight_bit)
		strncat(rest, " BODY=8BITMIME", sizeof rest - strlen(rest) - 1);
	if (t->utf8)
		strncat(rest, " SMTPUTF8", sizeof rest - strlen(rest) - 1);
	smtp_client_say(m, "MAIL FROM:<", t->sender, rest);
}

/* Says what may be said: one command, or with PIPELINING as many as fit (RFC 2920 3.1). */
void smtp_client_say_envelope(struct smtp_client *m)
{
	while (m->said <= data_number(m) &&
		sizeof m->out - m->out_len >= SMTP_CLIENT_COMMAND_MAX) {
		if (m->said > m->heard && !m->extensions.pipelining)
			return;
		if (m->said == 0)
			say_mail(m);
		else if (m->said < data_number(m))
			smtp_client_say(m, "RCPT TO:<",
				m->transaction->recipients[m->said - 1], ">");
		else if (m->heard == m->said && m->taken == 0)
			return; /* nobody is left to write to: no DATA */
		else
			smtp_client_say(m, "DATA", "", "");
		m->said++;
	}
}

/* The first reply that decides for all who have no answer of their own stands. */
void smtp_client_decide(struct smtp_client *m, enum smtp_stage stage)
{
	if (m->decided)
		return;
	m->decided = true;
	m->decision = m->reply;
	m->decision_stage = stage;
}

void smtp_client_end_transaction(struct smtp_client *m, struct smtp_event *event)
{
	m->phase = m->decision.code == 421 ? SMTP_CLIENT_CLOSED : SMTP_CLIENT_READY;
	m->transaction = NULL;
	*event = (struct smtp_event){.kind = SMTP_EVENT_DONE,
		.stage = m->decision_stage,
		.reply = &m->decision};
}

/* The envelope was refused: RSET clears the table for the next one. */
static void reset(struct smtp_client *m, struct smtp_event *event)
{
	if (m->decision.code == 421) {
		smtp_client_end_transaction(m, event);
		return;
	}
	smtp_client_say(m, "RSET", "", "");
	m->phase = SMTP_CLIENT_RESET;
}

static void on_data_reply(struct smtp_client *m, struct smtp_event *event)
{
	if (m->reply.code != 354) {
		if (m->taken || !m->decided)
			smtp_client_decide(m, SMTP_STAGE_DATA);
		reset(m, event);
		return;
	}
	if (m->taken && !m->decided) {
		smtp_client_tell(m, event, SMTP_EVENT_BODY, SMTP_STAGE_DATA);
		m->phase = SMTP_CLIENT_BODY;
		return;
	}
	/* It was said ahead, and nobody was taken: an empty message ends it (RFC 2920 3.1). */
	smtp_client_say(m, ".", "", "");
	m->phase = SMTP_CLIENT_END;
}

/* The reply to command number heard of the transaction. */
void smtp_client_on_envelope_reply(struct smtp_client *m, struct smtp_event *event)
{
	size_t number = m->heard++;
	bool is_yes = smtp_reply_class(&m->reply) == 2;

	if (m->reply.code == 421) {
		smtp_client_decide(m, number == 0 ? SMTP_STAGE_MAIL : SMTP_STAGE_RCPT);
		smtp_client_end_transaction(m, event);
		return;
	}
	if (number == data_number(m)) {
		on_data_reply(m, event);
		return;
	}
	if (number == 0 && !is_yes) {
		smtp_client_decide(m, SMTP_STAGE_MAIL);
	} else if (number > 0 && is_yes) {
		m->taken++;
	} else if (number > 0 &&
		   !m->decided) { /* after a refused MAIL it says nothing new */
		smtp_client_tell(m, event, SMTP_EVENT_RCPT, SMTP_STAGE_RCPT);
		event->index = number - 1;
	}
	bool is_over = m->decided || (m->heard == data_number(m) && m->taken == 0);

	if (!is_over || m->said > m->heard) {
		smtp_client_say_envelope(m);
		return;
	}
	if (!m->decided)
		smtp_client_decide(m, SMTP_STAGE_RCPT);
	m->phase = SMTP_CLIENT_RESET;
	smtp_client_say(m, "RSET", "", "");
}

/* The server said already that it does not take such a message: there is no need to ask. */
static bool is_unfit(struct smtp_client *m)
{
	const struct smtp_transaction *t = m->transaction;

	if (m->extensions.size_limit && t->size > m->extensions.size_limit)
		/* RFC 1870 6.1 */
		smtp_reply_set(&m->reply, 552, "5.3.4", "%s",
			"the message is larger than the server takes");
	else if (t->utf8 && !m->extensions.utf8)
		/* RFC 6531 3.5 */
		smtp_reply_set(&m->reply, 553, "5.6.7", "%s",
			"an address or the header is not ASCII, and the server takes "
			"only ASCII (no SMTPUTF8)");
	else
		return false;
	return true;
}

void smtp_client_send(struct smtp_client *m, const struct smtp_transaction *transaction)
{
	assert(m->phase == SMTP_CLIENT_READY);
	m->transaction = transaction;
	m->phase = SMTP_CLIENT_ENVELOPE;
	m->said = m->heard = m->taken = 0;
	m->decided = false;
	if (is_unfit(m))
		smtp_client_decide(m, SMTP_STAGE_MAIL);
	else
		smtp_client_say_envelope(m);
}

void smtp_client_body_done(struct smtp_client *m)
{
	assert(m->phase == SMTP_CLIENT_BODY);
	m->phase = SMTP_CLIENT_END;
}
