/* SPDX-License-Identifier: ISC */
#include "dns/name.h"

#include <string.h>
#include <strings.h>

enum {
	HEADER = 12,
	JUMPS_MAX = 64, /* a compressor needs one or two; a chain of them is an attack */
};

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '/';
}

size_t name_put_byte(char out[static 5], uint8_t c)
{
	size_t used = 0;

	if (c >= 'A' && c <= 'Z')
		c = (uint8_t)(c + 32);
	if (is_plain(c)) {
		out[used++] = (char)c;
	} else {
		out[used++] = '\\';
		out[used++] = (char)('0' + c / 100);
		out[used++] = (char)('0' + c / 10 % 10);
		out[used++] = (char)('0' + c % 10);
	}
	out[used] = '\0';
	return used;
}

/* Appends a label. out has room for any legal name (ANSWER_NAME_MAX). */
static size_t put_label(char *out, size_t used, const uint8_t *label, size_t len)
{
	if (used)
		out[used++] = '.';
	for (size_t i = 0; i < len; i++)
		used += name_put_byte(out + used, label[i]);
	return used;
}

/*
 * A pointer must lead back, behind which every further one must lead back further: so there is
 * an end (RFC 9267 2.1 lists what happens otherwise).
 */
bool name_from_wire(const uint8_t *message, size_t len, size_t *at_end,
	char out[static ANSWER_NAME_MAX])
{
	size_t at = *at_end, limit = at, used = 0, wire = 1, jumps = 0;

	out[0] = '\0';
	while (at < len) {
		uint8_t length = message[at];

		if (length == 0) {
			out[used] = '\0';
			if (jumps == 0)
				*at_end = at + 1;
			return true;
		}
		if ((length & 0xC0) == 0xC0 && at + 1 < len) {
			size_t target = (size_t)(length & 0x3F) << 8 | message[at + 1];

			if (jumps++ == 0)
				*at_end = at + 2;
			if (target >= limit || target < HEADER || jumps > JUMPS_MAX)
				return false;
			at = limit = target;
			continue;
		}
		wire += 1 + (size_t)length;
		if (length & 0xC0 || at + 1 + length > len || wire > NAME_WIRE_MAX)
			return false;
		used = put_label(out, used, message + at + 1, length);
		at += 1 + (size_t)length;
	}
	return false;
}

/* \DDD (RFC 1035 5.1) */
static bool is_escape(const char *text)
{
	return text[0] == '\\' && text[1] >= '0' && text[1] <= '9' && text[2] >= '0' &&
	       text[2] <= '9' && text[3] >= '0' && text[3] <= '9';
}

size_t name_take_byte(const char *text, unsigned *c)
{
	*c = (unsigned char)text[0];
	if (!is_escape(text))
		return 1;
	*c = (unsigned)((text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0');
	return 4;
}

int name_to_wire(const char *name, uint8_t wire[static NAME_WIRE_MAX])
{
	size_t used = 0;

	while (*name) {
		size_t label = used++;

		if (used >= NAME_WIRE_MAX)
			return -1;
		while (*name && *name != '.') {
			unsigned c;

			name += name_take_byte(name, &c);
			if (used >= NAME_WIRE_MAX - 1 || used - label > 63 || c > 255)
				return -1;
			wire[used++] = (uint8_t)c;
		}
		if (used - label == 1)
			return -1; /* an empty label */
		wire[label] = (uint8_t)(used - label - 1);
		if (*name == '.')
			name++;
	}
	wire[used++] = 0;
	return (int)used;
}

void name_normalize(const char *name, char *out, size_t cap)
{
	size_t len = strlen(name), used = 0;
	const char *end = name + len;

	/* "a.." stays what it is, a name that cannot be: twice normalized must be once normalized. */
	if (len && end[-1] == '.' && (len == 1 || end[-2] != '.'))
		end--;
	while (name < end) {
		char text[5] = ".";
		unsigned c;
		size_t taken = name_take_byte(name, &c);

		if (c > 255) /* no byte: what cannot be stays so */
			memcpy(text, name, taken);
		else if (taken > 1 || c != '.')
			name_put_byte(text, (uint8_t)c);
		size_t room = strlen(text);

		if (used + room >= cap) {
			if (used && out[used - 1] == '.')
				out[used - 1] = '-';
			break;
		}
		memcpy(out + used, text, room);
		used += room;
		name += taken;
	}
	out[used] = '\0';
}

bool name_is_possible(const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];

	return name_to_wire(name, wire) > 0;
}

bool name_is_within(const char *name, const char *domain)
{
	size_t len = strlen(name), domain_len = strlen(domain);

	return len >= domain_len && strcmp(name + len - domain_len, domain) == 0 &&
	       (len == domain_len || name[len - domain_len - 1] == '.');
}

bool name_ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len >= suffix_len && strcasecmp(name + len - suffix_len, suffix) == 0;
}

bool name_is_internal(const char *name)
{
	/* RFC 6762 3 and appendix G, RFC 8375; .internal is reserved by ICANN for this */
	static const char *const suffixes[] = {".local", ".localdomain", ".lan",
		".internal", ".intranet", ".private", ".corp", ".home", ".home.arpa"};
	const char *dot = strchr(name, '.');

	if (!dot || !dot[1])
		return true;
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
		if (name_ends_in(name, suffixes[i]))
			return true;
	return false;
}

uint64_t name_hash(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 1099511628211u;
	return hash;
}
