/* SPDX-License-Identifier: ISC */
#include "smtp/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit_value(char c)
{
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Decodes a group of 4 digits, the last `padding` of them missing. Returns 0, or -1. */
static int decode_group(char *out, const char *text, size_t padding)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? digit_value(text[i]) : 0;

		if (value < 0)
			return -1;
		bits = bits << 6 | (uint32_t)value;
	}
	if (bits & ((1u << (8 * padding)) - 1))
		return -1;
	for (size_t i = 0; i < 3 - padding; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return 0;
}

int base64_decode(char *out, const char *text, size_t len)
{
	size_t used = 0;

	if (len % 4)
		return -1;
	for (size_t at = 0; at < len; at += 4) {
		size_t padding = 0;

		if (at + 4 == len)
			padding = text[at + 3] != '=' ? 0 : text[at + 2] != '=' ? 1 : 2;
		if (decode_group(out + used, text + at, padding))
			return -1;
		used += 3 - padding;
	}
	return (int)used;
}

size_t base64_encoded_length(size_t len)
{
	return (len + 2) / 3 * 4;
}

void base64_encode(char *out, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += 3, out += 4) {
		size_t given = len - at < 3 ? len - at : 3;
		uint32_t bits = 0;

		for (size_t i = 0; i < 3; i++)
			bits = bits << 8 | (i < given ? (unsigned char)bytes[at + i] : 0);
		for (size_t i = 0; i < 4; i++)
			out[i] = i <= given ? digits[bits >> (18 - 6 * i) & 63] : '=';
	}
}
