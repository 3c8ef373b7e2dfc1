/* SPDX-License-Identifier: ISC */
#include "smtp/client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smtp/address.h"

/* The longest command: RCPT TO:<path> and parameters (RFC 5321 4.5.3.1.3). */
enum { COMMAND_ROOM = 512 };

static void say(
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
	say(m, "MAIL FROM:<", t->sender, rest);
}

/* Says what may be said: one command, or with PIPELINING as many as fit (RFC 2920 3.1). */
static void say_envelope(struct smtp_client *m)
{
	while (m->said <= data_number(m) && sizeof m->out - m->out_len >= COMMAND_ROOM) {
		if (m->said > m->heard && !m->extensions.pipelining)
			return;
		if (m->said == 0)
			say_mail(m);
		else if (m->said < data_number(m))
			say(m, "RCPT TO:<", m->transaction->recipients[m->said - 1], ">");
		else if (m->heard == m->said && m->taken == 0)
			return; /* nobody is left to write to: no DATA */
		else
			say(m, "DATA", "", "");
		m->said++;
	}
}

static void set_event(struct smtp_client *m, struct smtp_event *event,
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

/* The first reply that decides for all who have no answer of their own stands. */
static void decide(struct smtp_client *m, enum smtp_stage stage)
{
	if (m->decided)
		return;
	m->decided = true;
	m->decision = m->reply;
	m->decision_stage = stage;
}

static void end_transaction(struct smtp_client *m, struct smtp_event *event)
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
		end_transaction(m, event);
		return;
	}
	say(m, "RSET", "", "");
	m->phase = SMTP_CLIENT_RESET;
}

static void on_banner(struct smtp_client *m, struct smtp_event *event)
{
	if (m->reply.code != 220) {
		set_event(m, event, SMTP_EVENT_REFUSED, SMTP_STAGE_BANNER);
		m->phase = SMTP_CLIENT_READY;
		return;
	}
	say(m, "EHLO ", m->name, "");
	m->phase = SMTP_CLIENT_EHLO;
}

static void take_extension(
	struct smtp_extensions *extensions, const char *line, size_t len)
{
	static const struct {
		const char *name;
		size_t offset;
	} known[] = {
		{"PIPELINING", offsetof(struct smtp_extensions, pipelining)},
		{"SIZE", offsetof(struct smtp_extensions, size)},
		{"8BITMIME", offsetof(struct smtp_extensions, eight_bit)},
		{"ENHANCEDSTATUSCODES", offsetof(struct smtp_extensions, enhanced)},
		{"STARTTLS", offsetof(struct smtp_extensions, starttls)},
		{"DSN", offsetof(struct smtp_extensions, dsn)},
		{"CHUNKING", offsetof(struct smtp_extensions, chunking)},
		{"SMTPUTF8", offsetof(struct smtp_extensions, utf8)},
	};
	size_t name = 0;

	while (name < len && line[name] != ' ' && line[name] != '=')
		name++;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strlen(known[i].name) == name &&
			strncasecmp(known[i].name, line, name) == 0)
			*(bool *)((char *)extensions + known[i].offset) = true;
	if (name != 4 || strncasecmp(line, "SIZE", 4) != 0)
		return;
	uint64_t limit = 0;

	for (size_t i = name + 1; i < len; i++) {
		if (line[i] < '0' || line[i] > '9' || limit > UINT64_MAX / 10 - 1) {
			limit = 0; /* not a number we can believe: no limit told */
			break;
		}
		limit = limit * 10 + (uint64_t)(line[i] - '0');
	}
	extensions->size_limit = limit;
}

/* The first line of the EHLO reply is the server's name, each other one an extension. */
static void take_extensions(struct smtp_client *m)
{
	const char *line = strchr(m->reply.text, '\n');

	m->extensions = (struct smtp_extensions){0};
	while (line) {
		const char *next = strchr(++line, '\n');

		take_extension(&m->extensions, line,
			next ? (size_t)(next - line) : strlen(line));
		line = next;
	}
}

static void on_ehlo(struct smtp_client *m, struct smtp_event *event)
{
	int class = smtp_reply_class(&m->reply);

	if (class == 2) {
		if (m->phase == SMTP_CLIENT_EHLO)
			take_extensions(m);
		set_event(m, event, SMTP_EVENT_READY, SMTP_STAGE_EHLO);
		m->phase = SMTP_CLIENT_READY;
	} else if (class == 5 && m->phase == SMTP_CLIENT_EHLO && m->reply.code != 550 &&
		   m->reply.code !=
			   554) { /* RFC 5321 3.2: an old server; 550, 554 are a no */
		say(m, "HELO ", m->name, "");
		m->phase = SMTP_CLIENT_HELO;
	} else {
		set_event(m, event, SMTP_EVENT_REFUSED, SMTP_STAGE_EHLO);
		m->phase = SMTP_CLIENT_READY;
	}
}

static void on_data_reply(struct smtp_client *m, struct smtp_event *event)
{
	if (m->reply.code != 354) {
		if (m->taken || !m->decided)
			decide(m, SMTP_STAGE_DATA);
		reset(m, event);
		return;
	}
	if (m->taken && !m->decided) {
		set_event(m, event, SMTP_EVENT_BODY, SMTP_STAGE_DATA);
		m->phase = SMTP_CLIENT_BODY;
		return;
	}
	/* It was said ahead, and nobody was taken: an empty message ends it (RFC 2920 3.1). */
	say(m, ".", "", "");
	m->phase = SMTP_CLIENT_END;
}

/* The reply to command number heard of the transaction. */
static void on_envelope_reply(struct smtp_client *m, struct smtp_event *event)
{
	size_t number = m->heard++;
	bool is_yes = smtp_reply_class(&m->reply) == 2;

	if (m->reply.code == 421) {
		decide(m, number == 0 ? SMTP_STAGE_MAIL : SMTP_STAGE_RCPT);
		end_transaction(m, event);
		return;
	}
	if (number == data_number(m)) {
		on_data_reply(m, event);
		return;
	}
	if (number == 0 && !is_yes) {
		decide(m, SMTP_STAGE_MAIL);
	} else if (number > 0 && is_yes) {
		m->taken++;
	} else if (number > 0 &&
		   !m->decided) { /* after a refused MAIL it says nothing new */
		set_event(m, event, SMTP_EVENT_RCPT, SMTP_STAGE_RCPT);
		event->index = number - 1;
	}
	bool is_over = m->decided || (m->heard == data_number(m) && m->taken == 0);

	if (!is_over || m->said > m->heard) {
		say_envelope(m);
		return;
	}
	if (!m->decided)
		decide(m, SMTP_STAGE_RCPT);
	m->phase = SMTP_CLIENT_RESET;
	say(m, "RSET", "", "");
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
		on_envelope_reply(m, event);
		break;
	case SMTP_CLIENT_END:
		decide(m, SMTP_STAGE_END);
		end_transaction(m, event);
		break;
	case SMTP_CLIENT_RESET:
		end_transaction(m, event);
		break;
	case SMTP_CLIENT_QUIT:
		set_event(m, event, SMTP_EVENT_CLOSED, SMTP_STAGE_QUIT);
		m->phase = SMTP_CLIENT_CLOSED;
		break;
	case SMTP_CLIENT_READY:
		if (m->reply.code == 421) {
			set_event(m, event, SMTP_EVENT_CLOSED, SMTP_STAGE_QUIT);
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
		end_transaction(m, event); /* unfit: see smtp_client_send */
		return 0;
	}
	if (m->phase == SMTP_CLIENT_ENVELOPE)
		say_envelope(m);
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
		decide(m, SMTP_STAGE_MAIL);
	else
		say_envelope(m);
}

void smtp_client_body_done(struct smtp_client *m)
{
	assert(m->phase == SMTP_CLIENT_BODY);
	m->phase = SMTP_CLIENT_END;
}

void smtp_client_quit(struct smtp_client *m)
{
	if (m->phase == SMTP_CLIENT_CLOSED)
		return;
	say(m, "QUIT", "", "");
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
