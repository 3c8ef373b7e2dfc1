/* SPDX-License-Identifier: ISC */
#include "relay/delivery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/buf.h"
#include "relay/mem.h"
#include "relay/text.h"

/*
 *   CONNECT ──> GREET ──> ENVELOPE ──354──> BODY ──dot──> END ──reply──> over
 *      │          │           └──────── all refused ────────────────────^
 *      └──────────┴── refused, or no answer ────────────────────────────^
 *
 * The protocol's own states are in the smtp client machine; these are ours: how long the
 * connection may stay silent, and what its loss means.
 */
enum delivery_state {
	DELIVERY_STATE_CONNECT,
	DELIVERY_STATE_GREET,
	DELIVERY_STATE_ENVELOPE,
	DELIVERY_STATE_BODY,
	DELIVERY_STATE_END,
};

enum { TRANSCRIPT_MAX = 2048 };

struct delivery {
	enum delivery_state state;
	struct relay *relay;
	struct conn *conn;
	struct smtp_client client;
	const struct smtp_transaction *transaction;
	uint64_t message_id;
	struct spool_reader *reader;
	struct smtp_stuffer stuffer;
	bool reading; /* a block is on its way from the spool */
	struct buf transcript;
	delivery_cb cb;
	void *owner;
};

/* RFC 5321 4.5.3.2, milliseconds; connecting is our own affair. */
static const uint64_t deadlines[] = {
	[DELIVERY_STATE_CONNECT] = 30 * 1000,
	[DELIVERY_STATE_GREET] = 5 * 60 * 1000,
	[DELIVERY_STATE_ENVELOPE] = 5 * 60 * 1000,
	[DELIVERY_STATE_BODY] = 3 * 60 * 1000,
	[DELIVERY_STATE_END] = 10 * 60 * 1000,
};

static const char *const lost_words[] = {
	[DELIVERY_STATE_CONNECT] = "no connection",
	[DELIVERY_STATE_GREET] = "connection lost before the greeting was over",
	[DELIVERY_STATE_ENVELOPE] = "connection lost",
	[DELIVERY_STATE_BODY] = "connection lost while sending the body",
	/* RFC 1047: only the receiver knows whether it has taken the message. */
	[DELIVERY_STATE_END] =
		"connection lost after the final dot: may be delivered twice",
};

static const char *const timeout_words[] = {
	[DELIVERY_STATE_CONNECT] = "connection timed out",
	[DELIVERY_STATE_GREET] = "no greeting in time",
	[DELIVERY_STATE_ENVELOPE] = "no reply in time",
	[DELIVERY_STATE_BODY] = "the body was not taken in time",
	[DELIVERY_STATE_END] =
		"no reply to the final dot in time: may be delivered twice",
};

static void on_block(void *owner, int status, const void *bytes, size_t len);

static void enter(struct delivery *d, enum delivery_state state)
{
	d->state = state;
	conn_set_deadline(d->conn, deadlines[state]);
}

static void free_delivery(struct delivery *d)
{
	if (d->reader)
		spool_reader_close(d->reader);
	if (d->conn)
		conn_close(d->conn);
	buf_fini(&d->transcript);
	free(d);
}

void delivery_cancel(struct delivery *d)
{
	free_delivery(d);
}

bool delivery_has_begun(const struct delivery *d)
{
	return d->state >= DELIVERY_STATE_ENVELOPE;
}

/* The owner is told, and the delivery is over. */
static void end(struct delivery *d, const struct delivery_report *report)
{
	if (report->event == DELIVERY_DONE || report->event == DELIVERY_REFUSED) {
		smtp_client_quit(&d->client);
		conn_write(d->conn, d->client.out, d->client.out_len);
	}
	d->cb(d->owner, report);
	free_delivery(d);
}

static void fail(struct delivery *d, enum delivery_event event, const char *failure)
{
	struct delivery_report report = {
		.event = event,
		.failure = failure,
		.begun = delivery_has_begun(d),
	};

	end(d, &report);
}

/* One line of the dialogue; the oldest go when there are too many. */
static void note(struct delivery *d, const char *who, const char *line, size_t len)
{
	char text[600];

	text_escape(text, sizeof text, line, len);
	buf_printf(&d->transcript, "%s%s\n", who, text);
	while (d->transcript.len > TRANSCRIPT_MAX) {
		const char *newline =
			memchr(d->transcript.bytes, '\n', d->transcript.len);

		buf_consume(&d->transcript, (size_t)(newline + 1 - d->transcript.bytes));
	}
}

static void note_lines(struct delivery *d, const char *who, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *newline = memchr(bytes, '\n', len);
		size_t line = newline ? (size_t)(newline - bytes) : len;
		size_t whole = newline ? line + 1 : len;

		note(d, who, bytes, line && bytes[line - 1] == '\r' ? line - 1 : line);
		bytes += whole;
		len -= whole;
	}
}

json_t *delivery_transcript(const struct delivery *d)
{
	json_t *lines = mem_must(json_array());
	const char *bytes = d->transcript.bytes;
	size_t len = d->transcript.len;

	while (len > 0) {
		size_t line = (size_t)((const char *)memchr(bytes, '\n', len) - bytes);

		json_array_append_new(lines, json_stringn(bytes, line));
		bytes += line + 1;
		len -= line + 1;
	}
	return lines;
}

static void flush(struct delivery *d)
{
	if (!d->client.out_len)
		return;
	note_lines(d, "C: ", d->client.out, d->client.out_len);
	conn_write(d->conn, d->client.out, d->client.out_len);
	smtp_client_sent(&d->client, d->client.out_len);
}

static void read_body(struct delivery *d)
{
	if (d->reading || conn_unsent(d->conn) > CONN_WRITE_HIGH)
		return; /* on_block or CONN_DRAINED comes back here */
	d->reading = true;
	spool_reader_next(d->reader, on_block, d);
}

/* Before the final dot: the receiver drops what it has. A wrong CRC stays wrong, a bad read may not. */
static void fail_reading(struct delivery *d, int error)
{
	bool is_damaged = error == -EBADMSG || error == -ENOENT;

	fail(d, is_damaged ? DELIVERY_DAMAGED : DELIVERY_UNREADABLE, strerror(-error));
}

static void begin_body(struct delivery *d)
{
	int error;

	d->reader = spool_reader_open(d->relay->spool, d->message_id, &error);
	if (!d->reader) {
		fail_reading(d, error);
		return;
	}
	smtp_stuffer_init(&d->stuffer);
	enter(d, DELIVERY_STATE_BODY);
	read_body(d);
}

static void write_stuffed(struct delivery *d, const char *bytes, size_t len)
{
	char out[8192];
	size_t consumed, produced;

	while (len > 0) {
		smtp_stuff(
			&d->stuffer, bytes, len, &consumed, out, sizeof out, &produced);
		conn_write(d->conn, out, produced);
		bytes += consumed;
		len -= consumed;
	}
}

static void end_body(struct delivery *d)
{
	char out[5];
	size_t len = smtp_stuff_end(&d->stuffer, out);

	spool_reader_close(d->reader);
	d->reader = NULL;
	conn_write(d->conn, out, len);
	note(d, "C: ", "(the message, then a dot)", 25);
	smtp_client_body_done(&d->client);
	enter(d, DELIVERY_STATE_END);
}

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct delivery *d = owner;

	d->reading = false;
	if (status) {
		fail_reading(d, status);
		return;
	}
	if (len == 0) {
		end_body(d);
		return;
	}
	write_stuffed(d, bytes, len);
	conn_set_deadline(d->conn, deadlines[DELIVERY_STATE_BODY]);
	read_body(d);
}

static void report_reply(
	struct delivery *d, enum delivery_event event, const struct smtp_event *heard)
{
	struct delivery_report report = {
		.event = event,
		.stage = heard->stage,
		.reply = heard->reply,
		.index = heard->index,
	};

	if (event == DELIVERY_RCPT || event == DELIVERY_GREETED)
		d->cb(d->owner, &report);
	else
		end(d, &report);
}

/* Returns false when the delivery is over. */
static bool on_heard(struct delivery *d, const struct smtp_event *heard)
{
	switch (heard->kind) {
	case SMTP_EVENT_INPUT:
	case SMTP_EVENT_TLS: /* not asked for yet */
	case SMTP_EVENT_NO_TLS:
		return true;
	case SMTP_EVENT_READY:
		report_reply(d, DELIVERY_GREETED, heard);
		smtp_client_send(&d->client, d->transaction);
		enter(d, DELIVERY_STATE_ENVELOPE);
		return true;
	case SMTP_EVENT_RCPT:
		report_reply(d, DELIVERY_RCPT, heard);
		return true;
	case SMTP_EVENT_BODY:
		begin_body(d);
		return false; /* it may be over; if not, the next bytes come with CONN_DATA */
	case SMTP_EVENT_DONE:
		report_reply(d, DELIVERY_DONE, heard);
		return false;
	case SMTP_EVENT_REFUSED:
		report_reply(d, DELIVERY_REFUSED, heard);
		return false;
	case SMTP_EVENT_CLOSED:
		fail(d, DELIVERY_FAILED, lost_words[d->state]);
		return false;
	case SMTP_EVENT_PROTOCOL:
		fail(d, DELIVERY_FAILED, heard->text);
		return false;
	}
	return true;
}

static void talk(struct delivery *d)
{
	struct smtp_event heard;

	do {
		const char *in;
		size_t len = conn_peek(d->conn, &in);
		size_t used = smtp_client_next(&d->client, in, len, &heard);

		note_lines(d, "S: ", in, used);
		conn_consume(d->conn, used);
		if (!on_heard(d, &heard))
			return;
		flush(d);
	} while (heard.kind != SMTP_EVENT_INPUT);
}

static void on_conn(void *owner, enum conn_event event)
{
	struct delivery *d = owner;

	switch (event) {
	case CONN_CONNECTED:
		enter(d, DELIVERY_STATE_GREET);
		break;
	case CONN_SECURED: /* of incoming ones only */
		break;
	case CONN_DATA:
		talk(d);
		break;
	case CONN_DRAINED:
		if (d->state == DELIVERY_STATE_BODY)
			read_body(d);
		else
			talk(d); /* RCPTs may be left that did not fit */
		break;
	case CONN_EOF:
		fail(d, DELIVERY_FAILED, lost_words[d->state]);
		break;
	case CONN_TIMEOUT:
		fail(d, DELIVERY_FAILED, timeout_words[d->state]);
		break;
	case CONN_ERROR:
		fail(d, DELIVERY_FAILED,
			d->state == DELIVERY_STATE_CONNECT ? conn_error(d->conn)
							   : lost_words[d->state]);
		break;
	}
}

struct delivery *delivery_start(struct relay *relay, const struct conn_address *target,
	const char *local, uint64_t message_id,
	const struct smtp_transaction *transaction, delivery_cb cb, void *owner)
{
	struct delivery *d = mem_alloc(sizeof *d);

	d->relay = relay;
	d->transaction = transaction;
	d->message_id = message_id;
	d->cb = cb;
	d->owner = owner;
	smtp_client_init(&d->client, relay->config->hostname);
	d->conn = conn_connect(relay->loop, target, local, on_conn, d);
	enter(d, DELIVERY_STATE_CONNECT);
	return d;
}
