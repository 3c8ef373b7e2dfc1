/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <strings.h>

#include "dns/dmarc.h"

/* A piece of the record, without the white space around it. */
struct piece {
	const char *text;
	size_t len;
};

static struct piece trim(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t'))
		text++;
	while (text < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct piece){text, (size_t)(end - text)};
}

static bool is_text(struct piece piece, const char *text)
{
	return piece.len == strlen(text) && strncasecmp(piece.text, text, piece.len) == 0;
}

/* Takes the next "name = value" off the record; false at its end. */
static bool next_tag(
	const char **at, const char *end, struct piece *name, struct piece *value)
{
	if (*at >= end)
		return false;
	const char *semicolon = memchr(*at, ';', (size_t)(end - *at));
	const char *stop = semicolon ? semicolon : end;
	const char *equals = memchr(*at, '=', (size_t)(stop - *at));

	*name = trim(*at, equals ? equals : stop);
	*value = equals ? trim(equals + 1, stop) : (struct piece){stop, 0};
	*at = stop + 1;
	return true;
}

/* Three policies as they were read; a missing one is told from a wrong one. */
enum { UNSET = -1, INVALID = -2 };

struct reading {
	int p, sp, np;
};

static int read_policy(struct piece value)
{
	static const char *const names[] = {"none", "quarantine", "reject"};

	for (int policy = DMARC_ASKS_NOTHING; policy <= DMARC_REJECT; policy++)
		if (is_text(value, names[policy]))
			return policy;
	return INVALID;
}

static void read_tag(struct piece name, struct piece value, struct reading *reading,
	struct dmarc_record *record)
{
	/* A repeated policy is a syntax error, which is ignored: the first one stands. */
	if (is_text(name, "p") && reading->p == UNSET)
		reading->p = read_policy(value);
	else if (is_text(name, "sp") && reading->sp == UNSET)
		reading->sp = read_policy(value);
	else if (is_text(name, "np") && reading->np == UNSET)
		reading->np = read_policy(value);
	else if (is_text(name, "aspf"))
		record->is_strict_spf = is_text(value, "s");
	else if (is_text(name, "adkim"))
		record->is_strict_dkim = is_text(value, "s");
	else if (is_text(name, "t"))
		record->is_test = is_text(value, "y");
	else if (is_text(name, "psd"))
		record->psd = (char)(is_text(value, "y")   ? 'y'
				     : is_text(value, "n") ? 'n'
							   : 'u');
}

bool dmarc_parse(const char *text, size_t len, struct dmarc_record *record)
{
	struct reading reading = {UNSET, UNSET, UNSET};
	const char *at = text, *end = text + len;
	struct piece name, value;

	*record = (struct dmarc_record){.psd = 'u'};
	/* The version comes first and is exact, also in its case (RFC 9989 4.8). */
	if (!next_tag(&at, end, &name, &value) || name.text != text ||
		!is_text(name, "v") || value.len != 6 ||
		memcmp(value.text, "DMARC1", 6) != 0)
		return false;
	while (next_tag(&at, end, &name, &value))
		read_tag(name, value, &reading, record);
	/* RFC 9989 4.10.1: with a rua= it is as good as p=none, without one DMARC does not
	 * apply. Either way nothing is asked of the receiver. */
	if (reading.p < 0 || reading.sp == INVALID || reading.np == INVALID)
		return true;
	record->domain = (enum dmarc_policy)reading.p;
	record->subdomain =
		reading.sp == UNSET ? record->domain : (enum dmarc_policy)reading.sp;
	record->nonexistent =
		reading.np == UNSET ? record->subdomain : (enum dmarc_policy)reading.np;
	return true;
}
