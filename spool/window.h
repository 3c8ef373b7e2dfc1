/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A piece of a file in memory, that moves along with what is asked for: so a file of any
 * size is read with WINDOW_SIZE bytes of memory, or as much as the largest piece asked
 * for. What the disk cannot give reads as zeros, and is remembered: a CRC will not fit,
 * and the caller can say why.
 */
enum { WINDOW_SIZE = 256 * 1024 };

struct window {
	int fd;
	uint8_t *bytes;
	size_t cap, len;
	uint64_t start; /* of bytes in the file */
	int unreadable; /* -errno of the last read that failed, 0: none; the user sets it back */
	uint64_t
		unreadable_end; /* in the file, behind the last sector that was not read; 0: none */
};

/* Nothing to free before the first window_at. */
void window_init(struct window *window, int fd);
void window_fini(struct window *window);

/*
 * Points *bytes at the len bytes of the file from offset on, valid until the next call.
 * Returns 0, -ENODATA when the file ends before, -ENOMEM, or -errno: no read of this file
 * works.
 */
int window_at(struct window *window, uint64_t offset, size_t len, const uint8_t **bytes);
