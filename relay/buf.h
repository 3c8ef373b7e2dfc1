/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/* A growing run of bytes with one owner; zero-initialised is empty. */
struct buf {
	char *bytes;
	size_t len, cap;
};

void buf_fini(struct buf *buf); /* frees the bytes; the buf is empty again */
void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_printf(struct buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *buf, size_t len); /* takes len bytes off the front */
char *buf_reserve(
	struct buf *buf, size_t room); /* room bytes behind len; then add to len */
