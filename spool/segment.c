/* SPDX-License-Identifier: ISC */
#include "spool/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"
#include "spool/spare.h"

enum { NUMBER_DIGITS = 16 };

void segment_name(uint64_t number, char name[static SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%016llx.seg", (unsigned long long)number);
}

void segment_spare_name(uint64_t number, char name[static SEGMENT_NAME])
{
	snprintf(name, SEGMENT_NAME, "%016llx.spare", (unsigned long long)number);
}

static uint64_t number_before(const char *name, const char *suffix)
{
	char *end;

	if (strspn(name, "0123456789abcdef") != NUMBER_DIGITS)
		return 0;
	uint64_t number = strtoull(name, &end, 16);

	return strcmp(end, suffix) == 0 && number <= SEGMENT_NUMBER_MAX ? number : 0;
}

uint64_t segment_number(const char *name)
{
	return number_before(name, ".seg");
}

uint64_t segment_spare_number(const char *name)
{
	return number_before(name, ".spare");
}

static int write_head(struct segment *segment)
{
	static const uint64_t places[] = {0, SEGMENT_COPY};
	uint8_t bytes[SEGMENT_HEAD];
	struct iovec part = {bytes, sizeof bytes};
	int error = 0;

	segment_head_encode(&segment->head, bytes);
	for (size_t i = 0; i < 2 && !error; i++)
		error = fs_write(segment->fd, &part, 1, places[i]);
	return error ? error : fs_sync_data(segment->fd);
}

/* In memory, with a salt. */
static int new_segment(const struct segment_head *head, struct segment **result)
{
	struct segment *segment = calloc(1, sizeof *segment);

	if (!segment)
		return -ENOMEM;
	segment->fd = -1;
	segment->head = *head;
	segment->end = SEGMENT_DATA;
	segment->size = SEGMENT_COPY + SEGMENT_HEAD;
	int error = head->number > SEGMENT_NUMBER_MAX
	                    ? -EOVERFLOW
	                    : fs_random(&segment->head.salt, sizeof segment->head.salt);

	if (error) {
		segment_free(segment);
		return error;
	}
	*result = segment;
	return 0;
}

int segment_create(int dir, const struct segment_head *head, struct segment **result)
{
	struct segment *segment;
	char name[SEGMENT_NAME];
	int error = new_segment(head, &segment);

	if (error)
		return error;
	segment_name(head->number, name);
	segment->fd = fs_open(dir, name, O_RDWR | O_CREAT | O_EXCL);
	if (segment->fd < 0) {
		error = segment->fd;
		segment_free(segment);
		return error;
	}
	error = write_head(segment);
	if (!error)
		error = fs_sync_dir(dir);
	if (error) {
		segment_discard(dir, segment);
		return error;
	}
	*result = segment;
	return 0;
}

/* The name is given when the head is durable: under the name of a segment there is one. */
int segment_reuse(int dir, const struct segment_head *head, const struct spare *spare,
	struct segment **result)
{
	struct segment *segment;
	char old_name[SEGMENT_NAME], name[SEGMENT_NAME];
	int error = new_segment(head, &segment);

	segment_spare_name(spare->number, old_name);
	segment_name(head->number, name);
	if (error) {
		fs_close(spare->fd);
		fs_unlink(dir, old_name);
		return error;
	}
	segment->fd = spare->fd;
	segment->size = spare->size;
	error = write_head(segment);
	if (!error)
		error = fs_rename(dir, old_name, name);
	if (error)
		fs_unlink(dir, old_name);
	else
		error = fs_sync_dir(dir);
	if (error) {
		segment_discard(dir, segment);
		return error;
	}
	*result = segment;
	return 0;
}

static int read_head(struct segment *segment, uint32_t *version)
{
	static const uint64_t places[] = {0, SEGMENT_COPY};
	uint8_t bytes[SEGMENT_HEAD];
	size_t got;

	for (size_t i = 0; i < 2; i++) {
		int error = fs_read(segment->fd, bytes, sizeof bytes, places[i], &got);

		if (error || got != sizeof bytes)
			continue; /* the other copy may do */
		if (segment_head_decode(bytes, &segment->head))
			return 0;
		*version = segment_head_version(bytes);
		if (*version)
			return -ENOTSUP;
	}
	return -EBADMSG;
}

bool segment_is_foreign(int error)
{
	return error == -EMEDIUMTYPE || error == -ELOOP || error == -EISDIR ||
	       error == -ENXIO;
}

int segment_open(
	int dir, uint64_t number, struct segment **result, struct segment_doubt *doubt)
{
	struct segment *segment = calloc(1, sizeof *segment);
	char name[SEGMENT_NAME];

	if (!segment)
		return -ENOMEM;
	segment_name(number, name);
	segment->fd = fs_open(dir, name, O_RDONLY);
	int error = segment->fd < 0 ? segment->fd : fs_size(segment->fd, &segment->size);

	if (segment_is_foreign(error))
		error = -EMEDIUMTYPE;
	if (!error)
		error = read_head(segment, &doubt->version);
	if (!error && segment->head.number != number)
		error = -EBADMSG; /* a copy of another one */
	doubt->size = segment->size;
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

void segment_discard(int dir, struct segment *segment)
{
	char name[SEGMENT_NAME];

	segment_name(segment->head.number, name);
	fs_unlink(dir, name);
	segment_free(segment);
}
