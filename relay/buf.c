/* SPDX-License-Identifier: ISC */
#include "relay/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"

enum { CAP_MIN = 256 };

void buf_fini(struct buf *buf)
{
	free(buf->bytes);
	*buf = (struct buf){0};
}

char *buf_reserve(struct buf *buf, size_t room)
{
	size_t cap = buf->cap ? buf->cap : CAP_MIN;

	while (cap - buf->len < room)
		cap *= 2;
	if (cap != buf->cap) {
		buf->bytes = mem_realloc(buf->bytes, cap);
		buf->cap = cap;
	}
	return buf->bytes + buf->len;
}

void buf_append(struct buf *buf, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	memcpy(buf_reserve(buf, len), bytes, len);
	buf->len += len;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments, again;
	char *end = buf_reserve(buf, 1);
	size_t room = buf->cap - buf->len;

	va_start(arguments, format);
	va_copy(again, arguments);
	int len = vsnprintf(end, room, format, arguments);

	va_end(arguments);
	if (len < 0)
		abort(); /* a format that cannot be printed is a bug */
	if ((size_t)len >= room)
		vsnprintf(buf_reserve(buf, (size_t)len + 1), (size_t)len + 1, format,
			again);
	va_end(again);
	buf->len += (size_t)len;
}

void buf_consume(struct buf *buf, size_t len)
{
	buf->len -= len;
	memmove(buf->bytes, buf->bytes + len, buf->len);
}
