/* SPDX-License-Identifier: ISC */
#include "spool/spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "spool/fs.h"
#include "spool/store.h"

struct spare *spare_add(struct spool *spool, uint64_t number, uint64_t size)
{
	struct spare *spare = calloc(1, sizeof *spare);

	if (!spare)
		return NULL;
	*spare = (struct spare){.number = number, .size = size, .fd = -1};
	TAILQ_INSERT_TAIL(&spool->spares, spare, others);
	spool->stats.disk_bytes += size;
	return spare;
}

void spare_add_stray(struct spool *spool, uint64_t number)
{
	struct spare *spare = spare_add(spool, number, 0);

	if (!spare) { /* nobody will look for it: the next start does */
		spool->cannot_retire = true;
		return;
	}
	spare->state = SPARE_STRAY;
	spare->is_segment = true;
}

bool spare_is_passed(const struct spool *spool, const struct spare *stray)
{
	const struct segment *next;

	if (!stray->is_segment)
		return false;
	TAILQ_FOREACH(next, &spool->segments, others)
	{
		if (next->head.number > stray->number)
			break;
	}
	if (!next)
		return false;
	bool is_due = next == TAILQ_FIRST(&spool->segments) && next->live == 0 &&
	              TAILQ_NEXT(next, others);

	return is_due || next->head.previous < stray->number;
}

void spare_forget(struct spool *spool, struct spare *spare)
{
	TAILQ_REMOVE(&spool->spares, spare, others);
	spool->stats.disk_bytes -= spare->size;
	fs_close(spare->fd);
	free(spare);
}

void spares_free(struct spool *spool)
{
	struct spare *spare;

	while ((spare = TAILQ_FIRST(&spool->spares)))
		spare_forget(spool, spare);
}

static bool is_spare(const struct spare *spare)
{
	return spare->state <= SPARE_LENT;
}

unsigned spares_count(const struct spool *spool)
{
	const struct spare *spare;
	unsigned count = 0;

	TAILQ_FOREACH(spare, &spool->spares, others)
	{
		count += is_spare(spare);
	}
	return count;
}

unsigned spares_ready(const struct spool *spool)
{
	const struct spare *spare;
	unsigned count = 0;

	TAILQ_FOREACH(spare, &spool->spares, others)
	{
		count += spare->state == SPARE_READY || spare->state == SPARE_LENT;
	}
	return count;
}

uint64_t spares_room(const struct spool *spool)
{
	return spares_ready(spool) * (spool->segment_size - SEGMENT_DATA);
}

struct spare *spare_lend(struct spool *spool)
{
	struct spare *spare;

	TAILQ_FOREACH(spare, &spool->spares, others)
	{
		if (spare->state != SPARE_READY)
			continue;
		spare->state = SPARE_LENT;
		return spare;
	}
	return NULL;
}

void spare_return(struct spool *spool, struct spare *spare, bool is_used)
{
	spare->state = SPARE_READY;
	if (!is_used)
		return;
	spare->fd = -1; /* the segment's now */
	spare_forget(spool, spare);
}

static bool is_in_log(const struct spool *spool, uint64_t number)
{
	const struct segment *segment;

	TAILQ_FOREACH(segment, &spool->segments, others)
	{
		if (segment->head.number == number)
			return true;
	}
	return false;
}

static int on_name(void *owner, const char *name)
{
	struct spool *spool = owner;
	uint64_t number = segment_number(name), size;
	bool is_segment = number != 0;

	if (!is_segment)
		number = segment_spare_number(name);
	if (!number || (is_segment && is_in_log(spool, number)))
		return 0;
	int fd = fs_open(spool->log, name, O_RDONLY);
	int error = fd < 0 ? fd : fs_size(fd, &size);

	fs_close(fd);
	if (segment_is_foreign(error))
		return 0;
	if (error)
		return error;
	struct spare *spare = spare_add(spool, number, size);

	if (!spare)
		return -ENOMEM;
	spare->is_segment = is_segment;
	spare->state = is_segment ? SPARE_STRAY : SPARE_RAW;
	if (number > spool->last_number)
		spool->last_number = number;
	return 0;
}

int spares_find(struct spool *spool)
{
	return fs_list(spool->log, on_name, spool);
}
