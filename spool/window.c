/* SPDX-License-Identifier: ISC */
#include "spool/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"

enum { SECTOR = 4096 };

void window_init(struct window *window, int fd)
{
	*window = (struct window){.fd = fd};
}

void window_fini(struct window *window)
{
	free(window->bytes);
	window->bytes = NULL;
}

/* What a bad sector, or a file system that checks its blocks, answers. */
static bool is_bad_sector(int error)
{
	return error == -EIO || error == -EBADMSG || error == -EUCLEAN;
}

/* Sector by sector, zeros for the bad ones. */
static int read_sectors(struct window *window, size_t want)
{
	uint64_t size;
	int error = fs_size(window->fd, &size);

	if (error)
		return error;
	window->len = 0;
	while (window->len < want && window->start + window->len < size) {
		uint64_t at = window->start + window->len;
		size_t len = SECTOR - (size_t)(at % SECTOR), got;

		if (len > want - window->len)
			len = want - window->len;
		if (len > size - at)
			len = (size_t)(size - at);
		error = fs_read(window->fd, window->bytes + window->len, len, at, &got);
		if (error && !is_bad_sector(error))
			return error;
		if (error) {
			window->unreadable = error;
			if (at + len > window->unreadable_end)
				window->unreadable_end = at + len;
			memset(window->bytes + window->len, 0, len);
		} else if (got < len) {
			len = got;
			want = window->len + got;
		}
		window->len += len;
	}
	return 0;
}

static int fill(struct window *window, uint64_t offset, size_t len)
{
	size_t cap = len > WINDOW_SIZE ? len : WINDOW_SIZE;

	if (cap > window->cap) {
		uint8_t *bytes = realloc(window->bytes, cap);

		if (!bytes)
			return -ENOMEM;
		window->bytes = bytes;
		window->cap = cap;
	}
	window->start = offset;
	window->len = 0;
	int error = fs_read(window->fd, window->bytes, window->cap, offset, &window->len);

	return is_bad_sector(error) ? read_sectors(window, window->cap) : error;
}

int window_at(struct window *window, uint64_t offset, size_t len, const uint8_t **bytes)
{
	bool is_inside = offset >= window->start &&
	                 offset - window->start <= window->len &&
	                 len <= window->len - (size_t)(offset - window->start);

	if (!is_inside) {
		int error = fill(window, offset, len);

		if (error)
			return error;
		if (window->len < len)
			return -ENODATA;
	}
	*bytes = window->bytes + (offset - window->start);
	return 0;
}
