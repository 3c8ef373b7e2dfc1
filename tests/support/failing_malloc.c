/* SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stddef.h>

/*
 * An allocator that fails once, when the test says: included by it, this takes the place of the C
 * library's. The sanitizers have one of their own, and there is nothing to see then.
 */

static long left = -1; /* allocations until one fails; less than 0: none does */

/* The buffers of fake servers do not count. */
static inline bool fails(size_t size)
{
	return size < 60000 && left >= 0 && left-- == 0;
}

#ifdef __SANITIZE_ADDRESS__
enum { IS_DISABLED = 1 };
#else
enum { IS_DISABLED = 0 };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
	return fails(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(size) ? NULL : __libc_realloc(old, size);
}
#endif
