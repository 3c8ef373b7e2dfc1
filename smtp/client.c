/* SPDX-License-Identifier: ISC */
#include "smtp/client_parts.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

void smtp_client_put(struct smtp_client *m, const char *bytes, size_t len)
{
	assert(len <= sizeof m->out - m->out_len);
	memcpy(m->out + m->out_len, bytes, len);
	m->out_len += len;
}

void smtp_client_say(struct smtp_client *m, const char *verb, const char *argument)
{
	smtp_client_put(m, verb, strlen(verb));
	smtp_client_put(m, argument, strlen(argument));
	smtp_client_put(m, "\r\n", 2);
}

void smtp_client_init(struct smtp_client *m, const char *name)
{
	memset(m, 0, sizeof *m);
	m->name = name;
}

static void wipe_sent(struct smtp_client *m, size_t n)
{
	if (m->secret_len == 0)
		return;
	explicit_bzero(m->out + m->out_len, n);
	if (m->secret_len > m->out_len)
		m->secret_len = m->out_len;
}

void smtp_client_sent(struct smtp_client *m, size_t n)
{
	m->out_len -= n;
	if (m->out_len)
		memmove(m->out, m->out + n, m->out_len);
	wipe_sent(m, n);
	if (m->phase == SMTP_CLIENT_ENVELOPE && !m->is_unasked)
		smtp_client_say_envelope(m);
}

bool smtp_client_is_ready(const struct smtp_client *m)
{
	return m->phase == SMTP_CLIENT_READY && m->left == 0 && !m->is_ahead;
}

void smtp_client_tell(struct smtp_client *m, struct smtp_event *event,
	enum smtp_event_kind kind, enum smtp_stage stage)
{
	event->kind = kind;
	event->stage = stage;
	event->reply = &m->reply;
}

void smtp_client_complain(
	struct smtp_client *m, struct smtp_event *event, const char *text)
{
	*event = (struct smtp_event){.kind = SMTP_EVENT_PROTOCOL, .text = text};
	m->phase = SMTP_CLIENT_CLOSED;
}

void smtp_client_complain_of_answer(struct smtp_client *m, struct smtp_event *event)
{
	smtp_client_complain(m, event, "the server's answer does not fit the question");
}

static void refuse(struct smtp_client *m, struct smtp_event *event, enum smtp_stage stage)
{
	smtp_client_tell(m, event, SMTP_EVENT_REFUSED, stage);
	m->phase = SMTP_CLIENT_REFUSED;
}

void smtp_client_begin(struct smtp_client *m, enum smtp_client_phase phase)
{
	m->phase = phase;
	m->is_ahead |= m->left > 0;
}

static void say_ehlo(struct smtp_client *m)
{
	m->extensions = (struct smtp_extensions){0};
	m->phase = SMTP_CLIENT_EHLO;
	smtp_client_say(m, "EHLO ", m->name);
}

/* True when the server calls itself what we are called: the mail would come back to us. */
static bool is_ourselves(const struct smtp_client *m)
{
	const char *text = m->reply.text;
	size_t len = strcspn(text, " \n");

	if (len > 0 && text[len - 1] == '.')
		len--;
	return !m->may_share_name && len > 0 && len == strlen(m->name) &&
	       strncasecmp(text, m->name, len) == 0;
}

/* RFC 3463 3.5: X.4.6, a routing loop. */
static void refuse_loop(
	struct smtp_client *m, struct smtp_event *event, enum smtp_stage stage)
{
	smtp_reply_set(&m->reply, 554, "5.4.6",
		"the mail loops back to us: the server calls itself %s, as we do",
		m->name);
	refuse(m, event, stage);
}

static void on_banner(struct smtp_client *m, struct smtp_event *event)
{
	if (smtp_reply_class(&m->reply) > 3)
		refuse(m, event, SMTP_STAGE_BANNER);
	else if (m->reply.code != 220)
		smtp_client_complain_of_answer(m, event);
	else if (is_ourselves(m))
		refuse_loop(m, event, SMTP_STAGE_BANNER);
	else
		say_ehlo(m);
}

/* RFC 5321 3.2: a server of old does not know EHLO. 550 and 554 are a no. */
static bool is_ehlo_unknown(const struct smtp_client *m)
{
	return m->phase == SMTP_CLIENT_EHLO && smtp_reply_class(&m->reply) == 5 &&
	       m->reply.code != 550 && m->reply.code != 554;
}

static void on_ehlo(struct smtp_client *m, struct smtp_event *event)
{
	int class = smtp_reply_class(&m->reply);

	if (class == 3) {
		smtp_client_complain_of_answer(m, event);
	} else if (class == 2 && is_ourselves(m)) {
		refuse_loop(m, event, SMTP_STAGE_EHLO);
	} else if (class == 2) {
		/* what is secured can not be offered to be secured (RFC 3207 4.2) */
		m->extensions.starttls &= !m->is_secured;
		smtp_client_tell(m, event, SMTP_EVENT_READY, SMTP_STAGE_EHLO);
		m->phase = SMTP_CLIENT_READY;
	} else if (is_ehlo_unknown(m)) {
		smtp_client_say(m, "HELO ", m->name);
		m->phase = SMTP_CLIENT_HELO;
	} else {
		refuse(m, event, SMTP_STAGE_EHLO);
	}
}

static void on_starttls(struct smtp_client *m, struct smtp_event *event)
{
	if (m->reply.code == 220) {
		smtp_client_tell(m, event, SMTP_EVENT_TLS, SMTP_STAGE_STARTTLS);
		m->phase = SMTP_CLIENT_HANDSHAKE;
	} else if (smtp_reply_class(&m->reply) < 4) {
		smtp_client_complain_of_answer(m, event);
	} else if (m->reply.code == 421) {
		refuse(m, event, SMTP_STAGE_STARTTLS);
	} else {
		smtp_client_tell(m, event, SMTP_EVENT_NO_TLS, SMTP_STAGE_STARTTLS);
		m->phase = SMTP_CLIENT_READY;
	}
}

static void close_after_reply(struct smtp_client *m, struct smtp_event *event)
{
	smtp_client_tell(m, event, SMTP_EVENT_CLOSED, SMTP_STAGE_QUIT);
	m->phase = SMTP_CLIENT_CLOSED;
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
	case SMTP_CLIENT_STARTTLS:
		on_starttls(m, event);
		break;
	case SMTP_CLIENT_AUTH:
		smtp_client_on_auth_reply(m, event);
		break;
	case SMTP_CLIENT_ENVELOPE:
		smtp_client_on_envelope_reply(m, event);
		break;
	case SMTP_CLIENT_BODY:
	case SMTP_CLIENT_END:
		smtp_client_on_body_reply(m, event);
		break;
	case SMTP_CLIENT_RESET:
		smtp_client_on_reset_reply(m, event);
		break;
	case SMTP_CLIENT_QUIT:
		close_after_reply(m, event);
		break;
	case SMTP_CLIENT_READY: /* who is idle for long hears so (RFC 5321 3.8) */
		if (m->reply.code == 421)
			close_after_reply(m, event);
		else
			smtp_client_complain(
				m, event, "the server answered what was not asked");
		break;
	case SMTP_CLIENT_HANDSHAKE:
	case SMTP_CLIENT_REFUSED:
	case SMTP_CLIENT_CLOSED:
		break; /* no reply is due */
	}
}

/* True while a word of the server may mean something. */
static bool is_reply_due(const struct smtp_client *m)
{
	switch (m->phase) {
	case SMTP_CLIENT_HANDSHAKE:
	case SMTP_CLIENT_REFUSED:
	case SMTP_CLIENT_CLOSED:
		return false;
	case SMTP_CLIENT_ENVELOPE:
		return m->said > m->heard && !m->is_ahead;
	default:
		return !m->is_ahead;
	}
}

/*
 * True when bytes behind the reply just read cannot be an answer to anything, and the dialogue was to
 * go on. What comes behind the answer to the final dot does not change that the message was taken.
 */
static bool is_surplus(const struct smtp_client *m)
{
	bool is_refusal = smtp_reply_class(&m->reply) > 3;

	if (m->reply.code == 421)
		return false;
	switch (m->phase) {
	case SMTP_CLIENT_BANNER:
	case SMTP_CLIENT_HELO:
	case SMTP_CLIENT_AUTH:
		return !is_refusal;
	case SMTP_CLIENT_EHLO:
		return !is_refusal || is_ehlo_unknown(m);
	case SMTP_CLIENT_STARTTLS:
		return true;
	case SMTP_CLIENT_ENVELOPE:
		return m->said == m->heard + 1;
	default:
		return false;
	}
}

/* A line of the EHLO reply tells what is offered, all but the first (RFC 5321 4.1.1.1). */
static void look_for_extension(
	struct smtp_client *m, bool is_first, const char *line, size_t len)
{
	if (m->phase != SMTP_CLIENT_EHLO || is_first || smtp_reply_class(&m->reply) != 2)
		return;
	while (line[len - 1] == '\n' || line[len - 1] == '\r')
		len--; /* the code stays */
	if (len > 4)
		smtp_client_take_extension(m, line + 4, len - 4);
}

/* Reads the next line. Returns the bytes consumed, 0 when it is not there yet. */
static size_t read_line(
	struct smtp_client *m, const char *in, size_t len, struct smtp_event *event)
{
	bool is_first = m->lines == 0;
	size_t used = 0;

	if (!is_reply_due(m)) {
		smtp_client_complain(m, event, "the server answered what was not asked");
		return 0;
	}
	switch (smtp_reply_read_line(&m->reply, &m->lines, in, len, &used)) {
	case SMTP_REPLY_MORE:
		break;
	case SMTP_REPLY_LINE:
		look_for_extension(m, is_first, in, used);
		break;
	case SMTP_REPLY_WHOLE:
		look_for_extension(m, is_first, in, used);
		if (used < len && is_surplus(m))
			smtp_client_complain(m, event,
				m->phase == SMTP_CLIENT_STARTTLS
					? "the server spoke on where TLS begins"
					: "the server answered what was not asked");
		else
			on_reply(m, event);
		break;
	case SMTP_REPLY_BAD:
		smtp_client_complain(m, event, "what the server says is no SMTP reply");
		break;
	}
	return used;
}

size_t smtp_client_next(
	struct smtp_client *m, const char *in, size_t len, struct smtp_event *event)
{
	size_t used = 0, line = 1;

	*event = (struct smtp_event){.kind = SMTP_EVENT_INPUT};
	if (m->is_unasked)
		smtp_client_tell_own_decision(m, event);
	while (used < len && line > 0 && event->kind == SMTP_EVENT_INPUT) {
		line = read_line(m, in + used, len - used, event);
		used += line;
	}
	m->left = len - used;
	return used;
}

void smtp_client_start_tls(struct smtp_client *m)
{
	assert(m->phase == SMTP_CLIENT_READY && m->extensions.starttls);
	smtp_client_begin(m, SMTP_CLIENT_STARTTLS);
	smtp_client_say(m, "STARTTLS", "");
}

void smtp_client_secured(struct smtp_client *m)
{
	assert(m->phase == SMTP_CLIENT_HANDSHAKE);
	m->is_secured = true;
	say_ehlo(m);
}

void smtp_client_quit(struct smtp_client *m)
{
	if (m->phase != SMTP_CLIENT_READY && m->phase != SMTP_CLIENT_REFUSED)
		return;
	smtp_client_say(m, "QUIT", "");
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
