/* SPDX-License-Identifier: ISC */
#pragma once

#include <stddef.h>

/*
 * Base64 as AUTH needs it (RFC 4648 4). Strict: whole groups of four, padding at the end
 * only and its unused bits zero, so that every text has one meaning. Internal to smtp/.
 */

/*
 * Decodes text to out, which may be text itself. Returns the bytes written, at most len /
 * 4 * 3, or -1 when this is no base64.
 */
int base64_decode(char *out, const char *text, size_t len);

/* Bytes that base64_encode writes for len bytes. */
size_t base64_encoded_length(size_t len);

/* Encodes bytes to out, padded, without a NUL. */
void base64_encode(char *out, const char *bytes, size_t len);
