/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether bytes are UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above
 * U+10FFFF, and no C1 control character, which has no place in an address. Internal to
 * smtp/.
 */
bool utf8_is_valid(const char *text, size_t len);

bool utf8_is_ascii(const char *text, size_t len);
