/* SPDX-License-Identifier: ISC */
#include "spool/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/window.h"

struct damage *damage_new(uint64_t number, uint64_t offset, uint64_t len, int code)
{
	struct damage *damage = calloc(1, sizeof *damage);
	char name[SEGMENT_NAME];

	if (!damage)
		return NULL;
	damage->number = number;
	damage->offset = offset;
	damage->told.len = len;
	damage->told.code = code;
	segment_name(number, name);
	if (code == -ENOENT)
		snprintf(damage->told.place, sizeof damage->told.place, "log/%s", name);
	else
		snprintf(damage->told.place, sizeof damage->told.place, "log/%s:%llu",
			name, (unsigned long long)offset);
	return damage;
}

/* What of the damage is in the file at all. */
static uint64_t length_there(const struct damage *damage, uint64_t size)
{
	uint64_t there = damage->offset < size ? size - damage->offset : 0;

	return there < damage->told.len ? there : damage->told.len;
}

static bool is_there(int dir, const char *name, uint64_t len)
{
	uint64_t size;

	return fs_size_of(dir, name, &size) == 0 && size == len;
}

static int copy_bytes(int from, uint64_t offset, uint64_t len, int to)
{
	struct window window;
	int error = 0;

	window_init(&window, from);
	for (uint64_t done = 0; done < len && !error;) {
		size_t part =
			len - done < WINDOW_SIZE ? (size_t)(len - done) : WINDOW_SIZE;
		const uint8_t *bytes;

		error = window_at(&window, offset + done, part, &bytes);
		if (!error)
			error = fs_write(
				to, &(struct iovec){(void *)bytes, part}, 1, done);
		done += part;
	}
	window_fini(&window);
	return error ? error : fs_sync_data(to);
}

/* Under a name of its own first: a half copy must not pass for a whole one. */
static int copy_to(
	int dir, const char *name, const struct damage *damage, int from, uint64_t len)
{
	int to = fs_open(dir, "part", O_RDWR | O_CREAT);
	int error = to < 0 ? to : fs_truncate(to, 0);

	if (!error)
		error = copy_bytes(from, damage->offset, len, to);
	fs_close(to);
	if (!error)
		error = fs_rename(dir, "part", name);
	return error ? error : fs_sync_dir(dir);
}

static void keep(int dir, struct damage *damage, int from)
{
	char name[sizeof damage->told.kept - sizeof "damaged/"];
	uint64_t size;
	int error = fs_size(from, &size);
	uint64_t len = error ? 0 : length_there(damage, size);

	if (len == 0)
		return;
	snprintf(name, sizeof name, "%016llx-%llu", (unsigned long long)damage->number,
		(unsigned long long)damage->offset);
	if (!is_there(dir, name, len))
		error = copy_to(dir, name, damage, from, len);
	if (!error)
		snprintf(damage->told.kept, sizeof damage->told.kept, "damaged/%s", name);
}

int damage_open_dir(const struct spool *spool)
{
	int error = fs_make_dir(spool->dir, "damaged");

	if (!error)
		error = fs_sync_dir(spool->dir);
	return error ? error : fs_open_dir(spool->dir, "damaged");
}

void damage_keep(const struct spool *spool, struct damage *damage)
{
	char name[SEGMENT_NAME];

	segment_name(damage->number, name);
	int from = fs_open(spool->log, name, O_RDONLY);

	if (from < 0)
		return;
	int dir = damage_open_dir(spool);

	if (dir >= 0)
		keep(dir, damage, from);
	fs_close(dir);
	fs_close(from);
}

static bool is_known(const struct spool *spool, const struct damage *damage)
{
	const struct damage *other;

	TAILQ_FOREACH(other, &spool->damages, others)
	if (strcmp(other->told.place, damage->told.place) == 0)
		return true;
	return false;
}

void damage_add(struct spool *spool, struct damage *damage)
{
	if (is_known(spool, damage)) {
		free(damage);
		return;
	}
	TAILQ_INSERT_TAIL(&spool->damages, damage, others);
	spool->stats.damaged++;
	if (spool->damaged)
		spool->damaged(spool->damaged_owner, &damage->told);
}

void note_damage(struct spool *spool, const struct spool_damage *told)
{
	struct damage *damage = calloc(1, sizeof *damage);

	if (!damage)
		return; /* it will be met again */
	damage->told = *told;
	damage_add(spool, damage);
}

void damage_free_all(struct spool *spool)
{
	struct damage *damage;

	while ((damage = TAILQ_FIRST(&spool->damages))) {
		TAILQ_REMOVE(&spool->damages, damage, others);
		free(damage);
	}
}

void spool_watch_damage(struct spool *spool, spool_damage_cb damaged, void *owner)
{
	const struct damage *damage;

	spool->damaged = damaged;
	spool->damaged_owner = owner;
	TAILQ_FOREACH(damage, &spool->damages, others)
	damaged(owner, &damage->told);
}
