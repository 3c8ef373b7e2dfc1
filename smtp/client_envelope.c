/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <assert.h>
#include <string.h>

/* The commands of a transaction by number: MAIL, RCPT 0..count-1, DATA. */
static size_t data_number(const struct smtp_client *m)
{
	return m->transaction->count + 1;
}

static void put_text(struct smtp_client *m, const char *text)
{
	smtp_client_put(m, text, strlen(text));
}

static void put_number(struct smtp_client *m, uint64_t number)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	smtp_client_put(m, digits + at, sizeof digits - at);
}

/* A parameter, unless there is nothing to tell. */
static void put_parameter(struct smtp_client *m, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	put_text(m, name);
	put_text(m, value);
}

static void say_mail(struct smtp_client *m)
{
	const struct smtp_transaction *t = m->transaction;

	put_text(m, "MAIL FROM:<");
	put_text(m, t->sender);
	put_text(m, ">");
	if (m->extensions.size) {
		put_text(m, " SIZE=");
		put_number(m, t->size);
	}
	if (m->extensions.eight_bit && t->eight_bit)
		put_text(m, " BODY=8BITMIME");
	if (t->utf8)
		put_text(m, " SMTPUTF8");
	if (m->extensions.dsn) {
		if (t->ret != SMTP_RET_NOT_GIVEN)
			put_text(m, t->ret == SMTP_RET_FULL ? " RET=FULL" : " RET=HDRS");
		put_parameter(m, " ENVID=", t->envid);
	}
	put_text(m, "\r\n");
}

/* RFC 3461 4.1: NEVER stands alone, the others are a list. */
static void put_notify(struct smtp_client *m, unsigned notify)
{
	static const struct {
		enum smtp_notify bit;
		const char *name;
	} words[] = {
		{SMTP_NOTIFY_NEVER, "NEVER"},
		{SMTP_NOTIFY_SUCCESS, "SUCCESS"},
		{SMTP_NOTIFY_FAILURE, "FAILURE"},
		{SMTP_NOTIFY_DELAY, "DELAY"},
	};
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!(notify & words[i].bit))
			continue;
		put_text(m, before);
		put_text(m, words[i].name);
		before = ",";
	}
}

static void say_rcpt(struct smtp_client *m, size_t index)
{
	const struct smtp_transaction *t = m->transaction;

	put_text(m, "RCPT TO:<");
	put_text(m, t->recipients[index]);
	put_text(m, ">");
	if (m->extensions.dsn) {
		put_notify(m, t->notify ? t->notify[index] : 0);
		put_parameter(m, " ORCPT=", t->orcpts ? t->orcpts[index] : NULL);
	}
	put_text(m, "\r\n");
}

/* One command, or with PIPELINING as many as fit (RFC 2920 3.1). */
void smtp_client_say_envelope(struct smtp_client *m)
{
	while (m->said <= data_number(m) &&
		sizeof m->out - m->out_len >= SMTP_CLIENT_COMMAND_MAX) {
		if (m->decided || (m->said > m->heard && !m->extensions.pipelining))
			return;
		if (m->said == 0)
			say_mail(m);
		else if (m->said < data_number(m))
			say_rcpt(m, m->said - 1);
		else if (m->heard == m->said && m->taken == 0)
			return; /* nobody is left to write to: no DATA */
		else
			put_text(m, "DATA\r\n");
		m->said++;
	}
}

/* The first reply that decides for all who have no answer of their own stands. */
static void decide(struct smtp_client *m, enum smtp_stage stage)
{
	if (m->decided)
		return;
	m->decided = true;
	m->decision_stage = stage;
	smtp_reply_copy(&m->decision, &m->reply);
}

static void end_transaction(struct smtp_client *m, struct smtp_event *event,
	enum smtp_stage stage, enum smtp_client_phase phase)
{
	m->phase = phase;
	m->transaction = NULL;
	*event = (struct smtp_event){
		.kind = SMTP_EVENT_DONE,
		.stage = m->decided ? m->decision_stage : stage,
		.reply = m->decided ? &m->decision : &m->reply,
	};
}

void smtp_client_tell_own_decision(struct smtp_client *m, struct smtp_event *event)
{
	m->is_unasked = false;
	if (m->phase == SMTP_CLIENT_ENVELOPE) {
		end_transaction(m, event, SMTP_STAGE_MAIL, SMTP_CLIENT_READY);
		return;
	}
	m->phase = SMTP_CLIENT_REFUSED;
	*event = (struct smtp_event){.kind = SMTP_EVENT_REFUSED,
		.stage = SMTP_STAGE_AUTH,
		.reply = &m->decision};
}

/* The envelope was refused: RSET clears the table for the next one. */
static void reset(struct smtp_client *m)
{
	put_text(m, "RSET\r\n");
	m->phase = SMTP_CLIENT_RESET;
}

static void on_data_reply(struct smtp_client *m, struct smtp_event *event)
{
	if (smtp_reply_class(&m->reply) > 3) {
		decide(m, SMTP_STAGE_DATA);
		reset(m);
	} else if (m->reply.code != 354) {
		smtp_client_complain_of_answer(m, event); /* a 250 here has taken no message */
	} else if (m->taken && m->decided) {
		/* It refused the sender and takes a message for a recipient: an empty one
		 * from us would be delivered. */
		end_transaction(m, event, SMTP_STAGE_DATA, SMTP_CLIENT_CLOSED);
	} else if (m->taken) {
		smtp_client_tell(m, event, SMTP_EVENT_BODY, SMTP_STAGE_DATA);
		m->phase = SMTP_CLIENT_BODY;
	} else {
		/* It was said ahead, and nobody was taken: an empty message ends it (RFC
		 * 2920 3.1). */
		put_text(m, ".\r\n");
		m->phase = SMTP_CLIENT_END;
	}
}

static void on_mail_or_rcpt_reply(
	struct smtp_client *m, struct smtp_event *event, size_t number)
{
	bool is_yes = smtp_reply_class(&m->reply) == 2;

	if (number == 0 && !is_yes) {
		decide(m, SMTP_STAGE_MAIL);
	} else if (number > 0 && is_yes) {
		m->taken++;
	} else if (number > 0 && !m->decided) {
		/* behind a refused MAIL it would say nothing new */
		smtp_client_tell(m, event, SMTP_EVENT_RCPT, SMTP_STAGE_RCPT);
		event->index = number - 1;
	}
	smtp_client_say_envelope(m);
	bool is_over = m->decided || (m->heard == data_number(m) && m->taken == 0);

	if (!is_over || m->said > m->heard)
		return;
	decide(m, SMTP_STAGE_RCPT);
	reset(m);
}

static enum smtp_stage stage_of(const struct smtp_client *m, size_t number)
{
	if (number == 0)
		return SMTP_STAGE_MAIL;
	return number < data_number(m) ? SMTP_STAGE_RCPT : SMTP_STAGE_DATA;
}

/* The reply to command number heard of the transaction. */
void smtp_client_on_envelope_reply(struct smtp_client *m, struct smtp_event *event)
{
	size_t number = m->heard++;
	enum smtp_stage stage = stage_of(m, number);

	if (m->reply.code == 421)
		end_transaction(m, event, stage, SMTP_CLIENT_CLOSED);
	else if (stage == SMTP_STAGE_DATA)
		on_data_reply(m, event);
	else if (smtp_reply_class(&m->reply) == 3)
		smtp_client_complain_of_answer(m, event); /* an answer is missing, or out of order */
	else
		on_mail_or_rcpt_reply(m, event, number);
}

/* Before the dot a server can only break off, and has heard too little for another command. */
void smtp_client_on_body_reply(struct smtp_client *m, struct smtp_event *event)
{
	int class = smtp_reply_class(&m->reply);
	bool is_over = m->phase == SMTP_CLIENT_END;

	if (class == 3 || (class == 2 && !is_over))
		smtp_client_complain_of_answer(m, event);
	else
		end_transaction(m, event, SMTP_STAGE_END,
			is_over && m->reply.code != 421 ? SMTP_CLIENT_READY
							: SMTP_CLIENT_CLOSED);
}

void smtp_client_on_reset_reply(struct smtp_client *m, struct smtp_event *event)
{
	bool is_clear = smtp_reply_class(&m->reply) == 2;

	end_transaction(m, event, m->decision_stage,
		is_clear ? SMTP_CLIENT_READY : SMTP_CLIENT_CLOSED);
}

/* True when the server said already that it does not take such a message: no need to ask. */
static bool is_unfit(struct smtp_client *m)
{
	const struct smtp_transaction *t = m->transaction;
	const struct smtp_extensions *offered = &m->extensions;

	if (offered->size_limit && t->size > offered->size_limit)
		/* RFC 1870 6.1 */
		smtp_reply_set(&m->decision, 552, "5.3.4", "%s",
			"the message is larger than the server takes");
	else if (t->utf8 && !offered->utf8)
		/* RFC 6531 3.5 */
		smtp_reply_set(&m->decision, 553, "5.6.7", "%s",
			"an address or the header is not ASCII, and the server takes "
			"only ASCII (no SMTPUTF8)");
	else if (t->eight_bit && t->is_strict && !offered->eight_bit)
		/* RFC 6152 3 */
		smtp_reply_set(&m->decision, 554, "5.6.3", "%s",
			"the message has 8-bit text, and the server takes only ASCII "
			"(no 8BITMIME)");
	else
		return false;
	return true;
}

void smtp_client_send(struct smtp_client *m, const struct smtp_transaction *transaction)
{
	assert(m->phase == SMTP_CLIENT_READY);
	smtp_client_begin(m, SMTP_CLIENT_ENVELOPE);
	m->transaction = transaction;
	m->said = m->heard = m->taken = 0;
	m->decision_stage = SMTP_STAGE_MAIL;
	m->decided = m->is_unasked = is_unfit(m);
	if (!m->is_unasked)
		smtp_client_say_envelope(m);
}

void smtp_client_body_done(struct smtp_client *m)
{
	assert(m->phase == SMTP_CLIENT_BODY);
	smtp_client_begin(m, SMTP_CLIENT_END);
}
