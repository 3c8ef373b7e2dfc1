/* SPDX-License-Identifier: ISC */
#include "relay/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "relay/mem.h"
#include "relay/message_restore.h"
#include "relay/text.h"

struct reading {
	const struct filter *filter;
	enum listing_form form;
	const struct control_sink *sink;
	int64_t now;
	uint64_t messages, recipients;
	const struct message *shown; /* while its details are read */
	bool *found;                 /* for each of filter->ids */
};

int offline_open(const char *dir, struct spool **spool)
{
	struct spool_error error;

	if (spool_open_readonly(spool, dir, &error) == 0)
		return EX_OK;
	switch (error.code) {
	case -EWOULDBLOCK:
		fputs("ptrelay: a relay has the spool, but does not answer at its "
		      "control socket\n",
			stderr);
		return EX_UNAVAILABLE;
	case -EACCES:
	case -EPERM:
		fprintf(stderr, "ptrelay: %s\n", error.text);
		return EX_NOPERM;
	default:
		fprintf(stderr, "ptrelay: %s\n", error.text);
		return EX_IOERR;
	}
}

static void mark_found(struct reading *reading, uint64_t id)
{
	for (size_t i = 0; i < reading->filter->id_count; i++)
		if (reading->filter->ids[i] == id)
			reading->found[i] = true;
}

static void complain(uint64_t id, const char *what)
{
	char text[SPOOL_ID_TEXT];

	spool_id_format(id, text);
	fprintf(stderr, "ptrelay: %s: %s\n", text, what);
}

static void read_message(struct queue *queue, const struct spool_item *item)
{
	struct message *message;

	if (message_restore(item, &message))
		complain(item->id, "its envelope is of another version");
	else
		queue_add(queue, message);
}

static void read_state(struct queue *queue, const struct spool_item *item)
{
	struct message *message = queue_find(queue, item->id);
	struct recipient_record record;

	if (!message || message_restore_state(message, item, &record))
		return;
	complain(item->id, "the state of a recipient is of another version");
	queue_remove(queue, message);
}

static int on_item(void *owner, const struct spool_item *item)
{
	if (item->is_state)
		read_state(owner, item);
	else
		read_message(owner, item);
	return 0;
}

static void show(struct reading *reading, const struct message *message,
	const struct spool_entry *entry)
{
	json_t *object = listing_describe(
		reading->filter, message, entry, reading->form, reading->now);

	reading->sink->object(reading->sink->owner, object);
	json_decref(object);
}

/* A message whose details are lost is still one in the queue. */
static void on_loaded(void *owner, int status, const struct spool_entry *entry)
{
	struct reading *reading = owner;

	if (status)
		complain(reading->shown->id, "its details cannot be read");
	show(reading, reading->shown, status ? NULL : entry);
}

static void list_message(
	struct reading *reading, struct spool *spool, const struct message *message)
{
	mark_found(reading, message->id);
	if (!listing_selects(
		    reading->filter, message, reading->now, &reading->recipients))
		return;
	reading->messages++;
	reading->shown = message;
	if (reading->form == LISTING_ROWS) {
		show(reading, message, NULL);
		return;
	}
	int error = spool_load_now(spool, message->id, on_loaded, reading);

	if (error)
		on_loaded(reading, error, NULL);
}

static json_t *make_end(const struct reading *reading)
{
	json_t *missing = mem_must(json_array());
	char id[SPOOL_ID_TEXT];

	for (size_t i = 0; i < reading->filter->id_count; i++) {
		if (reading->found[i])
			continue;
		spool_id_format(reading->filter->ids[i], id);
		json_array_append_new(missing, mem_must(json_string(id)));
	}
	return mem_must(json_pack("{s:b, s:I, s:I, s:o}", "done", 1, "messages",
		(json_int_t)reading->messages, "recipients",
		(json_int_t)reading->recipients, "missing", missing));
}

int offline_list(const char *spool_dir, const struct filter *filter,
	enum listing_form form, const struct control_sink *sink, json_t **end)
{
	struct reading reading = {
		.filter = filter, .form = form, .sink = sink, .now = text_now()};
	struct spool *spool;
	int code = offline_open(spool_dir, &spool);

	if (code != EX_OK)
		return code;
	reading.found = mem_alloc(filter->id_count * sizeof(bool));
	struct queue *queue = queue_new();

	spool_each(spool, on_item, queue);
	queue_sort(queue);
	for (const struct message *message = queue_first(queue); message;
		message = queue_next(message))
		list_message(&reading, spool, message);
	*end = make_end(&reading);
	free(reading.found);
	queue_free(queue);
	spool_close_now(spool);
	return EX_OK;
}

int offline_cat(const char *spool_dir, const struct filter *filter,
	const struct control_sink *sink, json_t **end)
{
	bool found = false;
	struct reading reading = {.filter = filter, .found = &found};
	struct spool *spool;
	char *body;
	size_t len;
	int code = offline_open(spool_dir, &spool);

	if (code != EX_OK)
		return code;
	int error = spool_body_now(spool, filter->ids[0], &body, &len);

	if (error == 0) {
		found = true;
		reading.messages = 1;
		sink->bytes(sink->owner, body, len);
		free(body);
	}
	if (error && error != -ENOENT) {
		fprintf(stderr, "ptrelay: the message cannot be read\n");
		code = EX_IOERR;
	} else {
		*end = make_end(&reading);
	}
	spool_close_now(spool);
	return code;
}
