/* SPDX-License-Identifier: ISC */
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"

enum { NUMBER_DIGITS = 16 };

void segment_name(uint64_t number, char name[static SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%016llx.seg", (unsigned long long)number);
}

uint64_t segment_number(const char *name)
{
	char *end;

	if (strlen(name) != NUMBER_DIGITS + 4 ||
		strspn(name, "0123456789abcdef") != NUMBER_DIGITS)
		return 0;
	uint64_t number = strtoull(name, &end, 16);

	return strcmp(end, ".seg") == 0 ? number : 0;
}

static int write_head(struct segment *segment, int dir)
{
	static const uint64_t places[] = {0, SEGMENT_COPY};
	uint8_t bytes[SEGMENT_HEAD];
	struct iovec part = {bytes, sizeof bytes};
	int error = 0;

	segment_head_encode(&segment->head, bytes);
	for (size_t i = 0; i < 2 && !error; i++)
		error = fs_write(segment->fd, &part, 1, places[i]);
	if (!error)
		error = fs_sync_data(segment->fd);
	return error ? error : fs_sync_dir(dir);
}

int segment_create(int dir, const struct segment_head *head, struct segment **result)
{
	struct segment *segment = calloc(1, sizeof *segment);
	char name[SEGMENT_NAME];

	if (!segment)
		return -ENOMEM;
	segment->head = *head;
	segment->end = segment->size = SEGMENT_DATA;
	segment_name(head->number, name);
	int error = fs_random(&segment->head.salt, sizeof segment->head.salt);

	segment->fd = error ? error : fs_open(dir, name, O_RDWR | O_CREAT | O_EXCL);
	error = segment->fd < 0 ? segment->fd : write_head(segment, dir);
	if (error) {
		segment_free(segment);
		return error;
	}
	*result = segment;
	return 0;
}

static int read_head(struct segment *segment)
{
	static const uint64_t places[] = {0, SEGMENT_COPY};
	uint8_t bytes[SEGMENT_HEAD];
	size_t got;

	for (size_t i = 0; i < 2; i++) {
		int error = fs_read(segment->fd, bytes, sizeof bytes, places[i], &got);

		if (error)
			return error;
		if (got == sizeof bytes && segment_head_decode(bytes, &segment->head))
			return 0;
	}
	return -EBADMSG;
}

int segment_open(int dir, uint64_t number, struct segment **result)
{
	struct segment *segment = calloc(1, sizeof *segment);
	char name[SEGMENT_NAME];

	if (!segment)
		return -ENOMEM;
	segment_name(number, name);
	segment->fd = fs_open(dir, name, O_RDONLY);
	int error = segment->fd < 0 ? segment->fd : fs_size(segment->fd, &segment->size);

	if (!error)
		error = read_head(segment);
	if (!error && segment->head.number != number)
		error = -EBADMSG; /* a copy of another one */
	if (error) {
		segment_free(segment);
		return error;
	}
	segment->end = SEGMENT_DATA;
	*result = segment;
	return 0;
}

void segment_free(struct segment *segment)
{
	if (!segment)
		return;
	fs_close(segment->fd);
	free(segment);
}
