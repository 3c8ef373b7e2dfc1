/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/upkeep.h"

/*
 * Envelope and states back from the log. The places are copied first: the index may
 * change while another thread reads. Pins keep the segments.
 */
struct entry_places *entry_places_new(const struct index_entry *entry)
{
	size_t states = entry->state_count * sizeof(struct state_place);
	struct entry_places *places = malloc(sizeof *places + states);

	if (!places)
		return NULL;
	places->entry = *entry;
	if (states)
		memcpy(places->states, entry->states, states);
	places->entry.place.segment->pins++;
	for (uint32_t i = 0; i < entry->state_count; i++)
		places->states[i].place.segment->pins++;
	return places;
}

void entry_places_free(struct entry_places *places)
{
	places->entry.place.segment->pins--;
	for (uint32_t i = 0; i < places->entry.state_count; i++)
		places->states[i].place.segment->pins--;
	free(places);
}

/* Reads a part of the item behind those at *used in *bytes, which grows. */
static int read_part(
	const struct place *place, uint64_t skip, size_t len, char **bytes, size_t *used)
{
	size_t got;
	char *grown = realloc(*bytes, *used + len + 1);

	if (!grown)
		return -ENOMEM;
	*bytes = grown;
	int error = fs_read(
		place->segment->fd, grown + *used, len, place->offset + skip, &got);

	if (!error && got != len)
		error = -EBADMSG;
	*used += len;
	return error;
}

/* The envelope: what is in front of it and behind the head is the body, which is not read. */
static int read_envelope(const struct index_entry *entry, char **bytes, size_t *used,
	struct spool_entry *result)
{
	uint8_t head[ITEM_HEAD];
	struct item item;
	size_t got, start = *used;
	int error = fs_read(
		entry->place.segment->fd, head, sizeof head, entry->place.offset, &got);

	if (error)
		return error;
	if (got != sizeof head)
		return -EBADMSG;
	item_decode_head(head, &item);
	if (item.id != entry->id || item_size(&item) != entry->place.size)
		return -EBADMSG;
	error = read_part(
		&entry->place, entry->place.size - item.len, item.len, bytes, used);
	item.bytes = *bytes + start;
	if (!error && !item_is_sound(&item, head))
		error = -EBADMSG;
	result->envelope_len = item.len;
	return error;
}

/*
 * Its pointers stay NULL until *bytes has stopped moving. A detail that is damaged is
 * left out: mail can be worked on without what was said last.
 */
static int read_state(const struct state_place *at, char **bytes, size_t *used,
	struct spool_state *state)
{
	size_t start = *used;
	struct item item;
	int error = read_part(&at->place, 0, at->place.size, bytes, used);

	if (error)
		return error;
	uint8_t *in = (uint8_t *)*bytes + start;

	if (!item_decode(in, at->place.size, &item))
		return -EBADMSG;
	if (!item_body_is_sound(&item, in + ITEM_HEAD)) {
		memmove(in + ITEM_HEAD, item.bytes, item.len);
		*used -= (size_t)item.body_size;
		item.body_size = 0;
	}
	*state = (struct spool_state){.recipient = at->recipient,
		.summary_len = item.len,
		.detail_len = (size_t)item.body_size};
	return 0;
}

static void set_pointers(
	struct spool_entry *result, struct spool_state *states, const char *bytes)
{
	result->envelope = bytes;
	bytes += result->envelope_len;
	for (size_t i = 0; i < result->state_count; i++) {
		states[i].detail = bytes + ITEM_HEAD;
		states[i].summary = bytes + ITEM_HEAD + states[i].detail_len;
		bytes += ITEM_HEAD + states[i].detail_len + states[i].summary_len;
	}
}

int read_entry(const struct entry_places *places, struct spool_entry *result,
	char **bytes, struct spool_state **states)
{
	const struct index_entry *entry = &places->entry;
	size_t used = 0;

	*bytes = NULL;
	*states = calloc(entry->state_count + 1, sizeof **states);
	if (!*states)
		return -ENOMEM;
	*result = (struct spool_entry){.id = entry->id,
		.body_size = entry->body_size,
		.states = *states,
		.state_count = entry->state_count};
	int error = read_envelope(entry, bytes, &used, result);

	for (uint32_t i = 0; i < entry->state_count && !error; i++)
		error = read_state(&places->states[i], bytes, &used, &(*states)[i]);
	if (!error)
		set_pointers(result, *states, *bytes);
	return error;
}

struct load {
	uv_work_t work;
	struct spool *spool;
	struct entry_places *places; /* NULL: there is no such message */
	struct spool_entry entry;
	struct spool_state *states;
	char *bytes;
	int status;
	spool_load_cb cb;
	void *owner;
};

static void on_work(uv_work_t *work)
{
	struct load *load = work->data;

	load->status = load->places ? read_entry(load->places, &load->entry, &load->bytes,
					      &load->states)
	                            : -ENOENT;
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct load *load = work->data;
	struct spool *spool = load->spool;

	(void)cancelled; /* never */
	if (load->places)
		entry_places_free(load->places);
	spool->reads--;
	load->cb(load->owner, load->status, load->status ? NULL : &load->entry);
	free(load->states);
	free(load->bytes);
	free(load);
	upkeep(spool); /* a segment may have lost its pin */
	check_closing(spool);
}

int spool_load(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner)
{
	const struct index_entry *entry = index_find(spool->index, id);
	struct load *load = calloc(1, sizeof *load);

	if (!load)
		return -ENOMEM;
	*load = (struct load){.spool = spool, .cb = cb, .owner = owner};
	load->work.data = load;
	if (entry && !(load->places = entry_places_new(entry))) {
		free(load);
		return -ENOMEM;
	}
	spool->reads++;
	uv_queue_work(spool->loop, &load->work, on_work, on_done);
	return 0;
}

int spool_load_now(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner)
{
	const struct index_entry *entry = index_find(spool->index, id);
	struct spool_entry result;
	struct spool_state *states = NULL;
	char *bytes = NULL;

	if (!entry)
		return -ENOENT;
	struct entry_places *places = entry_places_new(entry);

	if (!places)
		return -ENOMEM;
	int status = read_entry(places, &result, &bytes, &states);

	entry_places_free(places);
	cb(owner, status, status ? NULL : &result);
	free(states);
	free(bytes);
	return 0;
}
