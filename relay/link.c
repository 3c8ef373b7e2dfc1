/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdlib.h>

#include "relay/link_state.h"
#include "relay/mem.h"

enum {
	CARRIED_MAX = 1000, /* transactions */
	AGE_MAX_MS = 5 * 60 * 1000,
	ENVELOPE_MAX_MS = 30 * 60 * 1000, /* for all replies to one, however many */
};

static uint64_t now(const struct link *link)
{
	return uv_now(link->relay->loop);
}

void link_enter(struct link *link, enum link_state state)
{
	link->state = state;
	conn_set_deadline(link->conn, link_patience(state));
}

/* Each reply gives the envelope time again, up to an end. */
static void await_reply(struct link *link)
{
	uint64_t wait = link_patience(LINK_STATE_ENVELOPE);
	uint64_t left =
		link->envelope_ends > now(link) ? link->envelope_ends - now(link) : 1;

	conn_set_deadline(link->conn, left < wait ? left : wait);
}

static void free_link(struct link *link)
{
	buf_fini(&link->body);
	config_free_login(&link->login);
	free(link->key);
	free(link);
}

void link_close(struct link *link)
{
	if (!link)
		return;
	conn_drop(link->conn);
	link->is_closed = true;
	if (!link->is_calling)
		free_link(link);
}

bool link_emit(struct link *link, const struct link_report *report)
{
	link->is_calling = true;
	link->cb(link->owner, report);
	link->is_calling = false;
	if (!link->is_closed)
		return true;
	free_link(link);
	return false;
}

void link_fail(struct link *link, const char *failure)
{
	struct link_report report = {
		.event = LINK_FAILED,
		.failure = failure,
		.begun = link_has_begun(link),
		.in_doubt = link->state == LINK_STATE_END,
		.is_stale = link->state == LINK_STATE_ENVELOPE && link->carried > 0 &&
	                    !link->has_replied,
	};

	link_enter(link, LINK_STATE_LOST);
	link_emit(link, &report);
}

void link_flush(struct link *link)
{
	struct smtp_client *client = &link->client;

	while (client->out_len) {
		transcript_note(&link->transcript, "C: ", client->out,
			client->out_len - client->secret_len);
		if (client->secret_len)
			transcript_note(&link->transcript, "C: ", "(a secret)", 10);
		conn_write(link->conn, client->out, client->out_len);
		smtp_client_sent(client, client->out_len);
		if (conn_unsent(link->conn))
			return; /* on_drained goes on with a long envelope */
	}
}

static bool emit_reply(
	struct link *link, enum link_event event, const struct smtp_event *heard)
{
	struct link_report report = {
		.event = event,
		.stage = heard->stage,
		.reply = heard->reply,
		.index = heard->index,
	};

	return link_emit(link, &report);
}

static bool end_transaction(struct link *link, const struct smtp_event *heard)
{
	const struct smtp_client *client = &link->client;
	bool is_over = !smtp_client_is_ready(client);

	if (heard->reply->code == 421 && link->carried > 0 && client->heard == 1) {
		link->has_replied = false; /* it had ended before it saw MAIL */
		link_fail(link, "ended by the server");
		return false;
	}
	if (heard->reply->code == 530 && heard->stage == SMTP_STAGE_MAIL &&
		link->is_plain)
		return link_on_tls_missed(link, heard);
	link->carried++;
	link_enter(link, is_over ? LINK_STATE_LOST : LINK_STATE_READY);
	return emit_reply(link, LINK_DONE, heard);
}

/* Where TLS is being begun, all that goes wrong is TLS that fails. */
static void lose(struct link *link, const char *words)
{
	if (link->state == LINK_STATE_HANDSHAKE || link->state == LINK_STATE_STARTTLS)
		link_on_no_tls(link, NULL, words);
	else
		link_fail(link, words);
}

/* Returns false when the link is gone or lost. */
static bool on_heard(struct link *link, const struct smtp_event *heard)
{
	switch (heard->kind) {
	case SMTP_EVENT_INPUT:
		return true;
	case SMTP_EVENT_READY:
		return link_on_ready(link, heard);
	case SMTP_EVENT_RCPT:
		return emit_reply(link, LINK_RCPT, heard);
	case SMTP_EVENT_BODY:
		smtp_stuffer_init(&link->stuffer);
		link_enter(link, LINK_STATE_BODY);
		return emit_reply(link, LINK_BODY, heard);
	case SMTP_EVENT_DONE:
		return end_transaction(link, heard);
	case SMTP_EVENT_REFUSED:
		return link_on_refused(link, heard);
	case SMTP_EVENT_TLS:
		return link_on_tls(link);
	case SMTP_EVENT_NO_TLS:
		return link_on_no_tls(link, heard->reply, "STARTTLS was refused");
	case SMTP_EVENT_CLOSED:
		lose(link, link_lost_words(link->state));
		return false;
	case SMTP_EVENT_PROTOCOL:
		lose(link, heard->text);
		return false;
	}
	return true;
}

static void on_whole_reply(struct link *link)
{
	if (link->state == LINK_STATE_ENVELOPE) {
		link->has_replied = true;
		await_reply(link);
	} else if (link->state == LINK_STATE_GREET) {
		link_enter(link, LINK_STATE_GREET);
	}
}

static void take_replies(struct link *link)
{
	struct smtp_event heard;

	do {
		const char *in;
		size_t len = conn_peek(link->conn, &in);
		size_t used = smtp_client_next(&link->client, in, len, &heard);

		transcript_note(&link->transcript, "S: ", in, used);
		conn_consume(link->conn, used);
		link->is_answered |= used > 0;
		if (used && link->client.lines == 0)
			on_whole_reply(link);
		if (!on_heard(link, &heard))
			return;
		link_flush(link);
	} while (heard.kind != SMTP_EVENT_INPUT && link->state != LINK_STATE_LOST);
}

static void on_drained(struct link *link)
{
	struct link_report report = {.event = LINK_DRAINED};

	if (link->state == LINK_STATE_BODY)
		link_emit(link, &report);
	else if (link->state == LINK_STATE_ENVELOPE)
		take_replies(link);
}

static void on_timeout(struct link *link)
{
	struct link_report report = {.event = LINK_IDLE};

	if (link->client.is_unasked)
		take_replies(link);
	else if (link->state == LINK_STATE_READY)
		link_emit(link, &report);
	else
		lose(link, link_timeout_words(link->state));
}

/* With TLS 1.3 a server that does not like our end of the handshake says so behind it. */
static void on_error(struct link *link)
{
	bool is_late = link->state == LINK_STATE_GREET && link->client.is_secured;

	if (is_late && link->way.target->level == TLS_MAY)
		link_on_no_tls(link, NULL, conn_error(link->conn));
	else if (is_late || link->state <= LINK_STATE_HANDSHAKE)
		lose(link, conn_error(link->conn));
	else
		lose(link, link_lost_words(link->state));
}

static void on_conn(void *owner, enum conn_event event)
{
	struct link *link = owner;

	if (link->state == LINK_STATE_LOST)
		return;
	switch (event) {
	case CONN_CONNECTED:
		link_on_connected(link);
		break;
	case CONN_SECURED:
		link_on_secured(link);
		break;
	case CONN_DATA:
		take_replies(link);
		break;
	case CONN_DRAINED:
		on_drained(link);
		break;
	case CONN_EOF:
		lose(link, link_lost_words(link->state));
		break;
	case CONN_TIMEOUT:
		on_timeout(link);
		break;
	case CONN_ERROR:
		on_error(link);
		break;
	}
}

void link_connect(struct link *link)
{
	const struct link_way *way = &link->way;

	smtp_client_init(&link->client, link->relay->config->hostname);
	link->client.may_share_name = way->route;
	link->conn = conn_connect(
		link->relay->loop, &way->target->address, way->source, on_conn, link);
	link_enter(link, LINK_STATE_CONNECT);
}

struct link *link_open(
	struct relay *relay, const struct link_way *way, link_cb cb, void *owner)
{
	struct link *link = mem_alloc(sizeof *link);

	link->relay = relay;
	link->way = *way;
	link->key = link_way_key(way);
	link->cb = cb;
	link->owner = owner;
	link->opened = uv_now(relay->loop);
	link_recall(link);
	link_connect(link);
	return link;
}

void link_hand_over(struct link *link, uint64_t idle_ms, link_cb cb, void *owner)
{
	link->cb = cb;
	link->owner = owner;
	conn_set_deadline(link->conn, idle_ms);
}

void link_send(struct link *link, const struct smtp_transaction *transaction)
{
	assert(link_is_ready(link));
	transcript_rewind(&link->transcript);
	link->has_replied = false;
	link->envelope_ends = now(link) + ENVELOPE_MAX_MS;
	smtp_client_send(&link->client, transaction);
	link_enter(link, LINK_STATE_ENVELOPE);
	if (link->client.is_unasked)
		conn_set_deadline(link->conn, 1); /* it tells from the loop */
	link_flush(link);
}

void link_write(struct link *link, const void *bytes, size_t len, bool is_last)
{
	const char *in = bytes;
	struct buf *body = &link->body;

	assert(link->state == LINK_STATE_BODY);
	do {
		size_t room = len + len / 16 + 8, consumed, produced;

		smtp_stuff(&link->stuffer, in, len, &consumed, buf_reserve(body, room),
			room, &produced);
		body->len += produced;
		in += consumed;
		len -= consumed;
	} while (len > 0);
	if (is_last)
		body->len += smtp_stuff_end(&link->stuffer, buf_reserve(body, 5));
	conn_write(link->conn, body->bytes, body->len);
	body->len = 0;
	link_enter(link, is_last ? LINK_STATE_END : LINK_STATE_BODY);
	if (!is_last)
		return;
	buf_fini(body);
	transcript_note(&link->transcript, "C: ", "(the message, then a dot)", 25);
	smtp_client_body_done(&link->client);
}

bool link_has_room(const struct link *link)
{
	return conn_unsent(link->conn) <= CONN_WRITE_HIGH;
}

void link_quit(struct link *link)
{
	smtp_client_quit(&link->client);
	link_enter(link, LINK_STATE_QUIT);
	link_flush(link);
}

bool link_is_ready(const struct link *link)
{
	return link->state == LINK_STATE_READY;
}

bool link_is_answered(const struct link *link)
{
	return link->is_answered;
}

bool link_can_quit(const struct link *link)
{
	return link->state == LINK_STATE_READY || link->state == LINK_STATE_REFUSED;
}

bool link_has_begun(const struct link *link)
{
	return link->state >= LINK_STATE_ENVELOPE && link->state <= LINK_STATE_END;
}

bool link_passes_dsn(const struct link *link)
{
	return link->client.extensions.dsn;
}

bool link_is_worn(const struct link *link)
{
	return link->carried >= CARRIED_MAX || now(link) - link->opened > AGE_MAX_MS;
}

const char *link_key(const struct link *link)
{
	return link->key;
}

json_t *link_transcript(const struct link *link)
{
	return transcript_json(&link->transcript);
}
