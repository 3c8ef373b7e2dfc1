/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/fs.h"
#include "spool/upkeep.h"

/*
 * A body on its way out. As long as the reader is open its segment is pinned, or its file
 * stays: it is opened with the first block, in the pool, and must still be there then.
 */
struct spool_reader {
	uv_work_t work;
	struct spool *spool;
	uint64_t id;
	struct segment *segment;          /* NULL: the body is in a file */
	int file;                         /* of that; -1: not opened yet */
	TAILQ_ENTRY(spool_reader) others; /* readers of files */
	uint64_t offset, size, done;      /* of the body; done: bytes given out */
	uint32_t crc, expected;
	size_t len; /* in block */
	int status;
	bool busy, closed; /* closed while busy: freed when the block comes */
	spool_block_cb cb;
	void *owner;
	char block[]; /* SPOOL_BLOCK, or all of a smaller body */
};

/* Says the body is damaged when its file is not there: to who reads, it is the same. */
static int open_body(struct spool_reader *reader)
{
	char name[SPOOL_ID_TEXT];

	if (reader->segment || reader->file >= 0)
		return 0;
	spool_id_format(reader->id, name);
	reader->file = fs_open(reader->spool->bodies, name, O_RDONLY);
	if (reader->file >= 0)
		return 0;
	return reader->file == -ENOENT ? -EBADMSG : reader->file;
}

static size_t next_length(const struct spool_reader *reader)
{
	uint64_t left = reader->size - reader->done;

	return left < SPOOL_BLOCK ? (size_t)left : SPOOL_BLOCK;
}

/* Was read: the last block is only good if the CRC over all is. */
static int take_block(struct spool_reader *reader, size_t len)
{
	uint32_t crc = crc32c(reader->crc, reader->block, len);

	if (reader->done + len == reader->size && crc != reader->expected)
		return -EBADMSG;
	reader->crc = crc;
	reader->done += len;
	reader->len = len;
	return 0;
}

static int read_block(struct spool_reader *reader)
{
	size_t len = next_length(reader), got;
	int error = open_body(reader);

	if (!error)
		error = fs_read(reader->segment ? reader->segment->fd : reader->file,
			reader->block, len, reader->offset + reader->done, &got);
	if (error)
		return error;
	return got == len ? take_block(reader, len) : -EBADMSG;
}

static void free_reader(struct spool_reader *reader)
{
	struct spool *spool = reader->spool;

	if (reader->segment) {
		reader->segment->pins--;
	} else {
		TAILQ_REMOVE(&spool->body.readers, reader, others);
		fs_close(reader->file);
	}
	free(reader);
	if (spool->loop)
		upkeep(spool); /* what it held may go now */
}

bool reader_has_file(const struct spool *spool, uint64_t id)
{
	const struct spool_reader *reader;

	TAILQ_FOREACH(reader, &spool->body.readers, others)
	{
		if (reader->id == id)
			return true;
	}
	return false;
}

static void on_work(uv_work_t *work)
{
	struct spool_reader *reader = work->data;

	reader->status = read_block(reader);
}

static void on_done(uv_work_t *work, int cancelled)
{
	struct spool_reader *reader = work->data;
	struct spool *spool = reader->spool;

	(void)cancelled; /* never */
	reader->busy = false;
	spool->reads--;
	if (reader->closed)
		free_reader(reader);
	else
		reader->cb(reader->owner, reader->status, reader->block,
			reader->status ? 0 : reader->len);
	check_closing(spool);
}

struct spool_reader *spool_reader_open(struct spool *spool, uint64_t id, int *error)
{
	const struct index_entry *entry = index_find(spool->index, id);
	struct spool_reader *reader;
	size_t block;

	*error = -ENOENT;
	if (!entry)
		return NULL;
	block = entry->body_size < SPOOL_BLOCK ? (size_t)entry->body_size : SPOOL_BLOCK;
	reader = malloc(sizeof *reader + block);
	*error = -ENOMEM;
	if (!reader)
		return NULL;
	*error = 0;
	*reader = (struct spool_reader){.spool = spool,
		.id = id,
		.file = -1,
		.size = entry->body_size,
		.expected = entry->body_crc};
	reader->work.data = reader;
	if (entry->is_filed) {
		TAILQ_INSERT_TAIL(&spool->body.readers, reader, others);
		return reader;
	}
	reader->segment = entry->place.segment;
	reader->segment->pins++;
	reader->offset = entry->place.offset + ITEM_HEAD;
	return reader;
}

uint64_t spool_reader_size(const struct spool_reader *reader)
{
	return reader->size;
}

bool spool_reader_take_cached(
	struct spool_reader *reader, const void **bytes, size_t *len)
{
	*bytes = reader->block;
	*len = next_length(reader);
	return reader->segment &&
	       fs_read_cached(reader->segment->fd, reader->block, *len,
		       reader->offset + reader->done) == 0 &&
	       take_block(reader, *len) == 0;
}

void spool_reader_next(struct spool_reader *reader, spool_block_cb cb, void *owner)
{
	reader->cb = cb;
	reader->owner = owner;
	reader->busy = true;
	reader->spool->reads++;
	uv_queue_work(reader->spool->loop, &reader->work, on_work, on_done);
}

void spool_reader_close(struct spool_reader *reader)
{
	if (reader->busy)
		reader->closed = true;
	else
		free_reader(reader);
}

int spool_body_now(struct spool *spool, uint64_t id, char **body, size_t *len)
{
	int error;
	struct spool_reader *reader = spool_reader_open(spool, id, &error);

	if (!reader)
		return error;
	*len = 0;
	*body = malloc((size_t)reader->size + 1);
	error = *body ? 0 : -ENOMEM;
	while (!error && *len < reader->size) {
		error = read_block(reader);
		if (!error) {
			memcpy(*body + *len, reader->block, reader->len);
			*len += reader->len;
		}
	}
	free_reader(reader);
	if (error) {
		free(*body);
		*body = NULL;
	}
	return error;
}
