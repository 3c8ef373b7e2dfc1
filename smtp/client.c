/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void smtp_client_say(
	struct smtp_client *m, const char *verb, const char *argument, const char *rest)
{
	int len = snprintf(m->out + m->out_len, sizeof m->out - m->out_len, "%s%s%s\r\n",
		verb, argument, rest);

	assert(len > 0 && (size_t)len < sizeof m->out - m->out_len);
	m->out_len += (size_t)len;
}

void smtp_client_init(struct smtp_client *m, const char *name)
{
	memset(m, 0, sizeof *m);
	m->name = name;
}

void smtp_client_sent(struct smtp_client *m, size_t n)
{
	m->out_len -= n;
	memmove(m->out, m->out + n, m->out_len);
}

void smtp_client_tell(struct smtp_client *m, struct smtp_event *event,
	enum smtp_event_kind kind, enum smtp_stage stage)
{
	event->kind = kind;
	event->stage = stage;
	event->reply = &m->reply;
}

static void set_protocol_error(
	struct smtp_client *m, struct smtp_event *event, const char *text)
{
	*event = (struct smtp_event){.kind = SMTP_EVENT_PROTOCOL, .text = text};
	m->phase = SMTP_CLIENT_CLOSED;
}

static void on_banner(struct smtp_client *m, struct smtp_event *event)
{
	if (m->reply.code != 220) {
		smtp_client_tell(m, event, SMTP_EVENT_REFUSED, SMTP_STAGE_BANNER);
		m->phase = SMTP_CLIENT_READY;
		return;
	}
	smtp_client_say(m, "EHLO ", m->name, "");
	m->phase = SMTP_CLIENT_EHLO;
}

static void on_ehlo(struct smtp_client *m, struct smtp_event *event)
{
	int class = smtp_reply_class(&m->reply);

	if (class == 2) {
		if (m->phase == SMTP_CLIENT_EHLO)
			smtp_client_take_extensions(m);
		smtp_client_tell(m, event, SMTP_EVENT_READY, SMTP_STAGE_EHLO);
		m->phase = SMTP_CLIENT_READY;
	} else if (class == 5 && m->phase == SMTP_CLIENT_EHLO && m->reply.code != 550 &&
		   m->reply.code !=
			   554) { /* RFC 5321 3.2: an old server; 550, 554 are a no */
		smtp_client_say(m, "HELO ", m->name, "");
		m->phase = SMTP_CLIENT_HELO;
	} else {
		smtp_client_tell(m, event, SMTP_EVENT_REFUSED, SMTP_STAGE_EHLO);
		m->phase = SMTP_CLIENT_READY;
	}
}

static void on_reply(struct smtp_client *m, struct smtp_event *event)
{
	switch (m->phase) {
	case SMTP_CLIENT_BANNER:
		on_banner(m, event);
		break;
	case SMTP_CLIENT_EHLO:
	case SMTP_CLIENT_HELO:
		on_ehlo(m, event);
		break;
	case SMTP_CLIENT_ENVELOPE:
		smtp_client_on_envelope_reply(m, event);
		break;
	case SMTP_CLIENT_END:
		smtp_client_decide(m, SMTP_STAGE_END);
		smtp_client_end_transaction(m, event);
		break;
	case SMTP_CLIENT_RESET:
		smtp_client_end_transaction(m, event);
		break;
	case SMTP_CLIENT_QUIT:
		smtp_client_tell(m, event, SMTP_EVENT_CLOSED, SMTP_STAGE_QUIT);
		m->phase = SMTP_CLIENT_CLOSED;
		break;
	case SMTP_CLIENT_READY:
		if (m->reply.code == 421) {
			smtp_client_tell(m, event, SMTP_EVENT_CLOSED, SMTP_STAGE_QUIT);
			m->phase = SMTP_CLIENT_CLOSED;
			break;
		}
		__attribute__((fallthrough));
	case SMTP_CLIENT_BODY:
	case SMTP_CLIENT_CLOSED:
		set_protocol_error(m, event, "the server answered what was not asked");
		break;
	}
}

/* True while a command of ours is unanswered. */
static bool is_reply_due(const struct smtp_client *m)
{
	return m->phase != SMTP_CLIENT_ENVELOPE || m->said > m->heard;
}

/*
 * True when bytes behind the reply just read cannot be an answer to anything. What comes behind the
 * answer to the final dot does not change that the message was taken.
 */
static bool is_surplus(const struct smtp_client *m)
{
	switch (m->phase) {
	case SMTP_CLIENT_BANNER:
	case SMTP_CLIENT_EHLO:
	case SMTP_CLIENT_HELO:
		return true;
	case SMTP_CLIENT_ENVELOPE:
		return m->said == m->heard + 1;
	default:
		return false;
	}
}

size_t smtp_client_next(
	struct smtp_client *m, const char *in, size_t len, struct smtp_event *event)
{
	size_t used = 0;

	*event = (struct smtp_event){.kind = SMTP_EVENT_INPUT};
	if (m->phase == SMTP_CLIENT_ENVELOPE && m->said == 0 && m->decided) {
		smtp_client_end_transaction(m, event); /* unfit: see smtp_client_send */
		return 0;
	}
	if (m->phase == SMTP_CLIENT_ENVELOPE)
		smtp_client_say_envelope(m);
	while (used < len && event->kind == SMTP_EVENT_INPUT) {
		int size = smtp_reply_parse(&m->reply, in + used, len - used);

		if (size == 0)
			break;
		bool is_alone = used + (size_t)(size > 0 ? size : 0) == len;

		if (size < 0 || m->phase == SMTP_CLIENT_CLOSED || !is_reply_due(m) ||
			(!is_alone && is_surplus(m))) {
			set_protocol_error(m, event,
				size < 0 ? "what the server says is no SMTP reply"
					 : "the server answered what was not asked");
			return used;
		}
		used += (size_t)size;
		on_reply(m, event);
	}
	return used;
}

void smtp_client_quit(struct smtp_client *m)
{
	if (m->phase == SMTP_CLIENT_CLOSED)
		return;
	smtp_client_say(m, "QUIT", "", "");
	m->phase = SMTP_CLIENT_QUIT;
}

const char *smtp_stage_name(enum smtp_stage stage)
{
	static const char *const names[] = {
		[SMTP_STAGE_BANNER] = "the banner",
		[SMTP_STAGE_EHLO] = "EHLO",
		[SMTP_STAGE_STARTTLS] = "STARTTLS",
		[SMTP_STAGE_AUTH] = "AUTH",
		[SMTP_STAGE_MAIL] = "MAIL FROM",
		[SMTP_STAGE_RCPT] = "RCPT TO",
		[SMTP_STAGE_DATA] = "DATA",
		[SMTP_STAGE_END] = "the end of data",
		[SMTP_STAGE_QUIT] = "QUIT",
	};

	return names[stage];
}
