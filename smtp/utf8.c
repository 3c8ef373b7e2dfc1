/* SPDX-License-Identifier: ISC */
#include "smtp/utf8.h"

#include <stdint.h>

/* The first byte tells the length; a character below `least` had a shorter form. */
static size_t sequence_length(unsigned char first, uint32_t *bits, uint32_t *least)
{
	if (first < 0x80) {
		*bits = first;
		*least = 0;
		return 1;
	}
	if (first >= 0xc0 && first < 0xe0) {
		*bits = first & 0x1f;
		*least = 0xa0; /* U+0080 to U+009F are the C1 controls */
		return 2;
	}
	if (first >= 0xe0 && first < 0xf0) {
		*bits = first & 0x0f;
		*least = 0x800;
		return 3;
	}
	if (first >= 0xf0 && first < 0xf8) {
		*bits = first & 0x07;
		*least = 0x10000;
		return 4;
	}
	return 0;
}

bool utf8_is_valid(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t character, least;
		size_t length =
			sequence_length((unsigned char)text[at], &character, &least);

		if (length == 0 || length > len - at)
			return false;
		for (size_t i = 1; i < length; i++) {
			unsigned char next = (unsigned char)text[at + i];

			if ((next & 0xc0) != 0x80)
				return false;
			character = character << 6 | (next & 0x3f);
		}
		if (character < least || character > 0x10ffff ||
			(character >= 0xd800 && character < 0xe000))
			return false;
		at += length;
	}
	return true;
}

bool utf8_is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 127)
			return false;
	return true;
}
