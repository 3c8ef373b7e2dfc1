/* SPDX-License-Identifier: ISC */
#include "relay/delivery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/links.h"
#include "relay/mem.h"

/*
 *   LINK ──> ENVELOPE ──354──> BODY ──> END ──> OVER ──delivery_close──> gone
 *    │ ^         │ │                              ^
 *    │ └─ stale ─┘ └──── refused, or no answer ───┤
 *    └────────────── refused, or no answer ───────┘
 *
 * The link has its own states; these say what its events mean to us. Stale: a link that had been used
 * was lost before it replied again, as happens while it is idle. A fresh one takes its place, once.
 */
enum delivery_state {
	DELIVERY_STATE_LINK,
	DELIVERY_STATE_ENVELOPE,
	DELIVERY_STATE_BODY,
	DELIVERY_STATE_END,
	DELIVERY_STATE_OVER,
};

struct delivery {
	enum delivery_state state;
	struct relay *relay;
	struct link *link;
	const struct link_way *way;
	const struct smtp_transaction *transaction;
	uint64_t message_id;
	struct spool_reader *reader;
	uint64_t left; /* of the body, not yet read */
	bool reading;  /* a block is on its way from the spool */
	delivery_cb cb;
	void *owner;
};

static void on_link(void *owner, const struct link_report *report);

void delivery_close(struct delivery *d)
{
	if (d->reader)
		spool_reader_close(d->reader);
	if (d->state == DELIVERY_STATE_OVER)
		links_give(d->relay->links, d->link);
	else
		link_close(d->link);
	free(d);
}

bool delivery_has_begun(const struct delivery *d)
{
	return d->state != DELIVERY_STATE_OVER && link_has_begun(d->link);
}

bool delivery_is_in_doubt(const struct delivery *d)
{
	return d->state == DELIVERY_STATE_END;
}

bool delivery_is_connecting(const struct delivery *d)
{
	return !link_is_answered(d->link);
}

json_t *delivery_transcript(const struct delivery *d)
{
	return link_transcript(d->link);
}

/* The owner is told, and the delivery is over; perhaps gone. */
static void end(struct delivery *d, const struct delivery_report *report)
{
	d->state = DELIVERY_STATE_OVER;
	d->cb(d->owner, report);
}

/* Before the final dot: the receiver drops what it has. A wrong CRC stays wrong, a bad read may not. */
static void fail_reading(struct delivery *d, int error)
{
	bool is_damaged = error == -EBADMSG || error == -ENOENT;
	struct delivery_report report = {
		.event = is_damaged ? DELIVERY_DAMAGED : DELIVERY_UNREADABLE,
		.failure = strerror(-error),
		.begun = true,
	};

	end(d, &report);
}

static void on_block(void *owner, int status, const void *bytes, size_t len);

static void read_body(struct delivery *d)
{
	if (d->reading || !link_has_room(d->link))
		return; /* on_block or LINK_DRAINED comes back here */
	d->reading = true;
	spool_reader_next(d->reader, on_block, d);
}

static void end_body(struct delivery *d)
{
	spool_reader_close(d->reader);
	d->reader = NULL;
	d->state = DELIVERY_STATE_END;
}

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct delivery *d = owner;

	d->reading = false;
	if (status) {
		fail_reading(d, status);
		return;
	}
	d->left -= len;
	link_write(d->link, bytes, len, d->left == 0);
	if (d->left == 0)
		end_body(d);
	else
		read_body(d);
}

static void begin_body(struct delivery *d)
{
	const void *bytes;
	size_t len;
	int error;

	d->reader = spool_reader_open(d->relay->spool, d->message_id, &error);
	if (!d->reader) {
		fail_reading(d, error);
		return;
	}
	d->left = spool_reader_size(d->reader);
	d->state = DELIVERY_STATE_BODY;
	/* Most bodies are one block and were stored just now. Only that one: a long body is not to keep the loop. */
	if (spool_reader_take_cached(d->reader, &bytes, &len))
		on_block(d, 0, bytes, len);
	else
		read_body(d);
}

static void begin_envelope(struct delivery *d)
{
	d->state = DELIVERY_STATE_ENVELOPE;
	link_send(d->link, d->transaction);
}

/* In its place comes a new one: what goes wrong with that is told. */
static void replace_link(struct delivery *d)
{
	struct link *stale = d->link;

	d->state = DELIVERY_STATE_LINK;
	d->link = link_open(d->relay, d->way, on_link, d);
	link_close(stale);
}

static void report_end(struct delivery *d, const struct link_report *report)
{
	static const enum delivery_event events[] = {
		[LINK_DONE] = DELIVERY_DONE,
		[LINK_REFUSED] = DELIVERY_REFUSED,
		[LINK_FAILED] = DELIVERY_FAILED,
	};
	struct delivery_report said = {
		.event = events[report->event],
		.stage = report->stage,
		.reply = report->reply,
		.failure = report->failure,
		.status = report->status,
		.begun = report->begun,
		.in_doubt = report->in_doubt,
		.dsn_passed = link_passes_dsn(d->link),
	};

	if (d->reader) {
		spool_reader_close(d->reader);
		d->reader = NULL;
	}
	end(d, &said);
}

static void report_reply(
	struct delivery *d, enum delivery_event event, const struct link_report *report)
{
	struct delivery_report said = {
		.event = event,
		.stage = report->stage,
		.reply = report->reply,
		.index = report->index,
	};

	d->cb(d->owner, &said);
}

static void on_link(void *owner, const struct link_report *report)
{
	struct delivery *d = owner;

	if (d->state == DELIVERY_STATE_OVER)
		return; /* links.c will see that it is lost */
	switch (report->event) {
	case LINK_READY:
		report_reply(d, DELIVERY_GREETED, report);
		begin_envelope(d);
		break;
	case LINK_RCPT:
		report_reply(d, DELIVERY_RCPT, report);
		break;
	case LINK_BODY:
		begin_body(d);
		break;
	case LINK_DRAINED:
		if (d->state == DELIVERY_STATE_BODY)
			read_body(d);
		break;
	case LINK_DONE:
	case LINK_REFUSED:
	case LINK_FAILED:
		if (report->is_stale)
			replace_link(d);
		else
			report_end(d, report);
		break;
	case LINK_IDLE: /* of links.c */
		break;
	}
}

struct delivery *delivery_start(struct relay *relay, const struct link_way *way,
	uint64_t message_id, const struct smtp_transaction *transaction, delivery_cb cb,
	void *owner)
{
	struct delivery *d = mem_alloc(sizeof *d);
	char *key = link_way_key(way);

	d->relay = relay;
	d->way = way;
	d->transaction = transaction;
	d->message_id = message_id;
	d->cb = cb;
	d->owner = owner;
	d->link = links_take(relay->links, key, on_link, d);
	free(key);
	if (d->link)
		begin_envelope(d);
	else
		d->link = link_open(relay, way, on_link, d);
	return d;
}
