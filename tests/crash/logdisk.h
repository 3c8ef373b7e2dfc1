/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdint.h>

/*
 * The log of a log disk, as logdisk.c writes it and replay.py reads it: records one behind the other, in the
 * order in which the disk got them, numbers in the byte order of the machine.
 */

enum logdisk_kind {
	LOGDISK_WRITE = 1, /* len bytes follow */
	LOGDISK_ZERO,      /* a discard, or zeros: none follow */
	LOGDISK_FLUSH,     /* all before it is on the platter */
	LOGDISK_MARK,      /* len bytes for the checker follow; no part of the disk */
};

struct logdisk_record {
	uint32_t kind;
	uint32_t len;
	uint64_t offset;
};
