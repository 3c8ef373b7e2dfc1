/* SPDX-License-Identifier: ISC */
#include "spool/spool.h"

#include <errno.h>
#include <string.h>

enum {
	BASE = 36,
	DIGITS_MIN = 10,
	DIGITS_MAX = 13, /* 2^64 - 1 is 3W5E11264SGSF */
};

void spool_id_format(uint64_t id, char *text)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char reversed[DIGITS_MAX];
	size_t len = 0;
	while (id > 0 || len < DIGITS_MIN) {
		reversed[len++] = digits[id % BASE];
		id /= BASE;
	}
	for (size_t i = 0; i < len; i++)
		text[i] = reversed[len - 1 - i];
	text[len] = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return -1;
}

int spool_id_parse(const char *text, uint64_t *id)
{
	size_t len = strlen(text);
	if (len < DIGITS_MIN || len > DIGITS_MAX)
		return -EINVAL;
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++) {
		int digit = digit_value(text[i]);
		if (digit < 0 || __builtin_mul_overflow(value, (uint64_t)BASE, &value) ||
			__builtin_add_overflow(value, (uint64_t)digit, &value))
			return -EINVAL;
	}
	*id = value;
	return 0;
}
