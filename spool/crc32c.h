/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * CRC32C (Castagnoli, as in RFC 3720 B.4): finds torn writes and flipped bits in the log. It is
 * no defence against somebody who may write to the spool.
 */

/* The CRC of what crc stands for (0: nothing yet) followed by bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The same without the processor's instruction; what crc32c falls back to. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t len);
