/* SPDX-License-Identifier: ISC */
#include "relay/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The length of the UTF-8 sequence at in (RFC 3629 4: no overlong form, no surrogate), or 0. */
static size_t utf8_length(const unsigned char *in, size_t len)
{
	static const struct {
		unsigned char low, high, second_low, second_high, length;
	} forms[] = {
		{0xC2, 0xDF, 0x80, 0xBF, 2},
		{0xE0, 0xE0, 0xA0, 0xBF, 3},
		{0xE1, 0xEC, 0x80, 0xBF, 3},
		{0xED, 0xED, 0x80, 0x9F, 3},
		{0xEE, 0xEF, 0x80, 0xBF, 3},
		{0xF0, 0xF0, 0x90, 0xBF, 4},
		{0xF1, 0xF3, 0x80, 0xBF, 4},
		{0xF4, 0xF4, 0x80, 0x8F, 4},
	};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (in[0] < forms[i].low || in[0] > forms[i].high)
			continue;
		if (forms[i].length > len || in[1] < forms[i].second_low ||
			in[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((in[k] & 0xC0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* Control characters beyond ASCII, and those that turn the writing direction: U+0080..U+009F,
 * U+200E, U+200F, U+2028..U+202E, U+2066..U+2069. */
static int is_unprintable(const unsigned char *in, size_t len)
{
	if (len == 2)
		return in[0] == 0xC2 && in[1] < 0xA0;
	if (len != 3 || in[0] != 0xE2)
		return 0;
	if (in[1] == 0x80)
		return in[2] == 0x8E || in[2] == 0x8F || (in[2] >= 0xA8 && in[2] <= 0xAE);
	return in[1] == 0x81 && in[2] >= 0xA6 && in[2] <= 0xA9;
}

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7F;
}

bool text_is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_plain((unsigned char)text[i]))
			return false;
	return true;
}

/* Puts the next character of in into piece, harmless, or as \xNN if it is one of also. Returns the
 * bytes of in it took. */
static size_t escape_one(
	const unsigned char *in, size_t len, const char *also, char piece[8])
{
	size_t length = 1;

	if (*in == '\\') {
		memcpy(piece, "\\\\", 3);
	} else if (*in && strchr(also, *in)) {
		snprintf(piece, 8, "\\x%02X", *in);
	} else if (*in == '\n') {
		memcpy(piece, "\\n", 3);
	} else if (is_plain(*in)) {
		piece[0] = (char)*in;
		piece[1] = '\0';
	} else if ((length = utf8_length(in, len)) && !is_unprintable(in, length)) {
		memcpy(piece, in, length);
		piece[length] = '\0';
	} else {
		length = 1;
		snprintf(piece, 8, "\\x%02X", *in);
	}
	return length;
}

/* True when it needs no escape at all, as most of what is logged. */
static bool is_harmless(const char *in, size_t len, const char *also)
{
	for (size_t i = 0; i < len; i++)
		if (!is_plain((unsigned char)in[i]) || in[i] == '\\' ||
			(*also && strchr(also, in[i])))
			return false;
	return true;
}

static char *escape(char *out, size_t cap, const char *in, size_t len, const char *also)
{
	static const char dots[] = "...";
	size_t used = 0, safe = 0; /* safe: as far as the dots still fit behind */
	char piece[8];

	if (cap == 0)
		return out;
	if (len < cap && is_harmless(in, len, also)) {
		memcpy(out, in, len);
		out[len] = '\0';
		return out;
	}
	for (size_t i = 0; i < len;) {
		i += escape_one((const unsigned char *)in + i, len - i, also, piece);
		size_t size = strlen(piece);

		if (used + size >= cap) {
			size_t room = cap - 1 - safe;

			memcpy(out + safe, dots, room < 3 ? room : 3);
			used = safe + (room < 3 ? room : 3);
			break;
		}
		memcpy(out + used, piece, size);
		used += size;
		if (used + sizeof dots <= cap)
			safe = used;
	}
	out[used] = '\0';
	return out;
}

char *text_escape(char *out, size_t cap, const char *in, size_t len)
{
	return escape(out, cap, in, len, "");
}

char *text_word(char *out, size_t cap, const char *in, size_t len)
{
	return escape(out, cap, in, len, " <>");
}

char *text_quote(char *out, size_t cap, const char *in, size_t len)
{
	text_escape(out, cap, in, len);
	for (char *mark = out; (mark = strchr(mark, '"')) != NULL; mark++)
		*mark = '\'';
	return out;
}

char *text_time(int64_t ms, char out[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = '\0';
	return out;
}

char *text_age(int64_t ms, char out[16])
{
	int64_t seconds = ms > 0 ? ms / 1000 : 0;

	if (seconds < 60)
		snprintf(out, 16, "%ds", (int)seconds);
	else if (seconds < 60 * 60)
		snprintf(out, 16, "%dm", (int)(seconds / 60));
	else if (seconds < 48 * 60 * 60)
		snprintf(out, 16, "%dh", (int)(seconds / (60 * 60)));
	else
		snprintf(out, 16, "%lldd", (long long)(seconds / (24 * 60 * 60)));
	return out;
}

char *text_size(uint64_t bytes, char out[16])
{
	static const char units[] = "KMGT";
	double size = (double)bytes;
	int unit = -1;

	while (size >= 1024 && unit < 3) {
		size /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(out, 16, "%u", (unsigned)bytes);
	else
		snprintf(out, 16, "%.1f%c", size, units[unit]);
	return out;
}

int64_t text_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
