/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/damage.h"
#include "spool/fs.h"
#include "spool/upkeep.h"

/*
 * When body files go: after the removal of their message is durable (body_remove,
 * bodies_next), and at the start, when no message refers to them: the power went before
 * their record was written, or after the record of the removal was. That is why no unlink
 * needs a sync of its own.
 */

enum { UNLINKED_AT_ONCE = 64 };

struct unlinking {
	struct upkeep upkeep;
	size_t count;
	uint64_t ids[UNLINKED_AT_ONCE];
	uint64_t freed; /* bytes */
};

void body_remove(struct spool *spool, uint64_t id)
{
	const struct index_entry *entry = index_find(spool->index, id);
	struct body_files *files = &spool->body;

	if (!entry || !entry->is_filed)
		return;
	if (files->removed_count == files->removed_cap) {
		size_t cap = files->removed_cap ? 2 * files->removed_cap : 64;
		uint64_t *removed = realloc(files->removed, cap * sizeof *removed);

		if (!removed)
			return; /* the next start finds it */
		files->removed = removed;
		files->removed_cap = cap;
	}
	files->removed[files->removed_count++] = id;
}

static void unlink_files(struct upkeep *upkeep)
{
	struct unlinking *unlinking = (struct unlinking *)upkeep;
	char name[SPOOL_ID_TEXT];
	int dir = upkeep->spool->bodies;
	uint64_t size; /* not as the index has it: the file may be damaged */

	for (size_t i = 0; i < unlinking->count; i++) {
		spool_id_format(unlinking->ids[i], name);
		if (fs_size_of(dir, name, &size) == 0 && fs_unlink(dir, name) == 0)
			unlinking->freed += size;
	}
}

static void on_unlinked(struct upkeep *upkeep)
{
	struct unlinking *unlinking = (struct unlinking *)upkeep;

	upkeep->spool->stats.disk_bytes -= unlinking->freed;
	free(unlinking);
}

/* Takes over what nobody reads. Returns how many. */
static size_t take_removed(struct spool *spool, uint64_t *taken)
{
	struct body_files *files = &spool->body;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < files->removed_count; i++) {
		uint64_t id = files->removed[i];

		if (count < UNLINKED_AT_ONCE && !reader_has_file(spool, id))
			taken[count++] = id;
		else
			files->removed[kept++] = id;
	}
	files->removed_count = kept;
	return count;
}

struct upkeep *bodies_next(struct spool *spool)
{
	if (spool->body.removed_count == 0)
		return NULL;
	struct unlinking *unlinking = calloc(1, sizeof *unlinking);

	if (!unlinking)
		return NULL;
	unlinking->upkeep.work = unlink_files;
	unlinking->upkeep.done = on_unlinked;
	unlinking->count = take_removed(spool, unlinking->ids);
	if (unlinking->count)
		return &unlinking->upkeep;
	free(unlinking);
	return NULL;
}

/* The names of the directory, sorted out: live ones are checked, others kept for later. */
struct census {
	struct spool *spool;
	size_t live; /* found */
	uint64_t *orphans;
	size_t count, cap;
};

static void note_body(struct spool *spool, uint64_t id, uint64_t size, int code)
{
	struct spool_damage damage = {.id = id, .len = size, .code = code};
	char name[SPOOL_ID_TEXT];

	spool_id_format(id, name);
	snprintf(damage.place, sizeof damage.place, "body/%s", name);
	note_damage(spool, &damage);
}

static int on_name(void *owner, const char *name)
{
	struct census *census = owner;
	const struct index_entry *entry;
	char canonical[SPOOL_ID_TEXT];
	uint64_t id, size, *orphans;

	if (spool_id_parse(name, &id))
		return 0; /* not ours: left alone */
	spool_id_format(id, canonical);
	if (strcmp(name, canonical) != 0 ||
		fs_size_of(census->spool->bodies, name, &size))
		return 0;
	entry = index_find(census->spool->index, id);
	if (entry && entry->is_filed) {
		census->live++;
		census->spool->stats.disk_bytes += size;
		if (size != entry->body_size)
			note_body(census->spool, id, size, -EBADMSG);
		return 0;
	}
	if (census->count == census->cap) {
		census->cap = census->cap ? 2 * census->cap : 64;
		orphans = realloc(census->orphans, census->cap * sizeof *orphans);
		if (!orphans)
			return -ENOMEM;
		census->orphans = orphans;
	}
	census->orphans[census->count++] = id;
	return 0;
}

/* Rarely any is missing, so it is only now that all messages are gone through. */
static int note_missing(struct spool *spool)
{
	struct index_entry **sorted = index_sorted(spool->index);
	char name[SPOOL_ID_TEXT];
	uint64_t size;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < index_count(spool->index); i++) {
		spool_id_format(sorted[i]->id, name);
		if (sorted[i]->is_filed && fs_size_of(spool->bodies, name, &size))
			note_body(spool, sorted[i]->id, sorted[i]->body_size, -ENOENT);
	}
	free(sorted);
	return 0;
}

/*
 * A body whose record may be in what was damaged is all that is left of a message: one
 * whose id was given out before the last damaged segment was closed. What later runs
 * leave are orphans, as long as the damage may stay.
 */
static bool may_be_all(const struct spool *spool, uint64_t id)
{
	const struct damage *damage;

	TAILQ_FOREACH(damage, &spool->damages, others)
	{
		if (id / SEGMENT_IDS <= damage->number)
			return true;
	}
	return false;
}

static void keep_orphan(const struct spool *spool, const char *name, int kept)
{
	char from[64], to[64];

	snprintf(from, sizeof from, "body/%s", name);
	snprintf(to, sizeof to, "damaged/%s.body", name);
	if (fs_rename(spool->dir, from, to) == 0)
		fs_sync_dir(kept);
}

/* What cannot be moved stays where it is. */
static void clear_orphans(const struct spool *spool, const struct census *census)
{
	char name[SPOOL_ID_TEXT];
	int kept = -1;

	for (size_t i = 0; i < census->count; i++) {
		spool_id_format(census->orphans[i], name);
		if (!may_be_all(spool, census->orphans[i])) {
			fs_unlink(spool->bodies, name);
			continue;
		}
		kept = kept < 0 ? damage_open_dir(spool) : kept;
		if (kept >= 0)
			keep_orphan(spool, name, kept);
	}
	fs_close(kept);
}

int body_check_files(struct spool *spool)
{
	struct census census = {.spool = spool};
	int error = fs_list(spool->bodies, on_name, &census);

	if (!error && census.live < index_filed_count(spool->index))
		error = note_missing(spool);
	if (!error)
		clear_orphans(spool, &census);
	free(census.orphans);
	return error;
}
