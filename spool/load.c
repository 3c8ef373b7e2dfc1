/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/store.h"

/*
 * Envelope and states back from the log. The places are copied first: the index may change while
 * another thread reads. Pins keep the segments.
 */
struct entry_places {
	struct index_entry entry; /* its states follow */
	struct state_place states[];
};

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

/* Reads an item's head, then its bytes behind those at *used in *bytes, which grows. */
static int read_item(
	const struct place *place, char **bytes, size_t *used, struct item *item)
{
	uint8_t head[ITEM_HEAD];
	size_t got;
	int error = fs_read(place->segment->fd, head, sizeof head, place->offset, &got);

	if (error)
		return error;
	if (got != sizeof head)
		return -EBADMSG;
	item_decode_head(head, item);
	char *grown = realloc(*bytes, *used + item->len + 1);

	if (!grown)
		return -ENOMEM;
	*bytes = grown;
	error = fs_read(place->segment->fd, grown + *used, item->len,
		place->offset + ITEM_HEAD + item->body_size, &got);
	item->bytes = grown + *used;
	if (!error && (got != item->len || !item_is_sound(item, head)))
		error = -EBADMSG;
	*used += item->len;
	return error;
}

int read_entry(const struct entry_places *places, struct spool_entry *result,
	char **bytes, struct spool_state **states)
{
	const struct index_entry *entry = &places->entry;
	struct item item;
	size_t used = 0, at = 0;

	*bytes = NULL;
	*states = calloc(entry->state_count + 1, sizeof **states);
	if (!*states)
		return -ENOMEM;
	int error = read_item(&entry->place, bytes, &used, &item);

	*result = (struct spool_entry){.id = entry->id,
		.body_size = entry->body_size,
		.envelope_len = item.len,
		.states = *states,
		.state_count = entry->state_count};
	for (uint32_t i = 0; i < entry->state_count && !error; i++) {
		error = read_item(&places->states[i].place, bytes, &used, &item);
		(*states)[i] =
			(struct spool_state){places->states[i].recipient, NULL, item.len};
	}
	if (error)
		return error;
	result->envelope =
		*bytes; /* it has stopped moving: now the pointers can be set */
	at = result->envelope_len;
	for (uint32_t i = 0; i < entry->state_count; i++) {
		(*states)[i].bytes = *bytes + at;
		at += (*states)[i].len;
	}
	return 0;
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

int spool_each(struct spool *spool,
	int (*each)(void *owner, const struct spool_entry *entry), void *owner)
{
	struct index_entry **sorted = index_sorted(spool->index);
	size_t count = index_count(spool->index);
	int result = sorted ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && result == 0; i++) {
		struct spool_entry entry;
		struct spool_state *states = NULL;
		char *bytes = NULL;
		struct entry_places *places = entry_places_new(sorted[i]);

		if (!places) {
			result = -ENOMEM;
			break;
		}
		if (read_entry(places, &entry, &bytes, &states))
			spool->stats.damaged++; /* it was sound when the log was read */
		else
			result = each(owner, &entry);
		entry_places_free(places);
		free(states);
		free(bytes);
	}
	free(sorted);
	return result;
}
