/* SPDX-License-Identifier: ISC */
#include "smtp/header.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smtp/address.h"

void smtp_header_scan_init(struct smtp_header_scan *scan)
{
	*scan = (struct smtp_header_scan){.at_line_start = true};
	smtp_author_init(&scan->author);
	smtp_signers_init(&scan->signers);
}

static bool has_name(const struct smtp_header_scan *scan, const char *name)
{
	size_t len = scan->name_len;

	if (len && scan->name[len - 1] == ' ')
		len--;
	return len == strlen(name) && strncasecmp(scan->name, name, len) == 0;
}

/* The colon was read. Only the first From: counts: a second one is forged, or a mistake. */
static enum smtp_field begin_value(struct smtp_header_scan *scan)
{
	if (has_name(scan, "Received"))
		scan->received++;
	if (has_name(scan, "From") && !scan->has_from) {
		scan->has_from = true;
		return SMTP_FIELD_FROM;
	}
	if (has_name(scan, "DKIM-Signature")) {
		smtp_signers_begin(&scan->signers);
		return SMTP_FIELD_SIGNATURE;
	}
	return SMTP_FIELD_OTHER;
}

/* Spaces before the colon are allowed (RFC 5322 4.5): of several only one is kept. */
static void take_name_byte(struct smtp_header_scan *scan, char c)
{
	bool is_space = c == ' ' || c == '\t';

	if (c == ':')
		scan->field = begin_value(scan);
	else if (is_space && scan->name_len && scan->name[scan->name_len - 1] == ' ')
		return;
	else if (scan->name_len == sizeof scan->name)
		scan->field = SMTP_FIELD_OTHER;
	else
		scan->name[scan->name_len++] = is_space ? ' ' : c;
}

static void end_field(struct smtp_header_scan *scan)
{
	if (scan->field == SMTP_FIELD_FROM)
		smtp_author_end(&scan->author);
	else if (scan->field == SMTP_FIELD_SIGNATURE)
		smtp_signers_end(&scan->signers);
	scan->field = SMTP_FIELD_NAME;
	scan->name_len = 0;
}

static void take_field_byte(struct smtp_header_scan *scan, char c)
{
	switch (scan->field) {
	case SMTP_FIELD_NAME:
		take_name_byte(scan, c);
		break;
	case SMTP_FIELD_FROM:
		smtp_author_take(&scan->author, c);
		break;
	case SMTP_FIELD_SIGNATURE:
		smtp_signers_take(&scan->signers, c);
		break;
	case SMTP_FIELD_OTHER:
		break;
	}
}

/* A line end inside the header block: the field goes on if the next line starts with a
 * space. */
static void take_header_byte(struct smtp_header_scan *scan, char c)
{
	if (scan->at_line_start) {
		scan->at_line_start = false;
		if (c != ' ' && c != '\t')
			end_field(scan);
		if (c == '\r' || c == '\n') {
			scan->done = true;
			return;
		}
	}
	if (c == '\n')
		scan->at_line_start = true;
	else if (c != '\r')
		take_field_byte(scan, c);
}

/* Eight bytes at a time, for it is asked of all that passes. */
static bool is_ascii(const char *in, size_t len)
{
	uint64_t seen = 0, word;

	for (; len >= sizeof word; in += sizeof word, len -= sizeof word) {
		memcpy(&word, in, sizeof word);
		seen |= word;
	}
	while (len-- > 0)
		seen |= (unsigned char)*in++;
	return !(seen & 0x8080808080808080u);
}

void smtp_header_scan_feed(struct smtp_header_scan *scan, const char *in, size_t len)
{
	size_t header = 0;

	while (header < len && !scan->done)
		take_header_byte(scan, in[header++]);
	if (!is_ascii(in, header))
		scan->has_eight_bit = scan->has_eight_bit_header = true;
	if (!is_ascii(in + header, len - header))
		scan->has_eight_bit = true;
}

void smtp_header_scan_end(struct smtp_header_scan *scan)
{
	if (!scan->done)
		end_field(scan);
	scan->done = true;
}

/* Days since 1970-01-01, never before it, to a date of the Gregorian calendar. */
static void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	/* Years are counted from March, so that the leap day comes last; eras are 400 years. */
	days += 719468;
	int64_t era = days / 146097;
	unsigned day_of_era = (unsigned)(days - era * 146097);
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				       day_of_era / 146096) /
	                       365;
	unsigned day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned shifted = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

void smtp_date_format(int64_t seconds, char buf[32])
{
	static const char weekdays[][4] = {
		"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec"};
	enum { DAY = 86400 };
	int64_t latest = 253402300799; /* the last second of the year 9999 */
	int64_t time = seconds < 0 ? 0 : seconds > latest ? latest : seconds;
	unsigned rest = (unsigned)(time % DAY), month, day;
	int64_t year;

	civil_from_days(time / DAY, &year, &month, &day);
	snprintf(buf, 32, "%s, %02u %s %04u %02u:%02u:%02u +0000",
		weekdays[time / DAY % 7], day % 100, months[month - 1],
		(unsigned)year % 10000, rest / 3600, rest / 60 % 60, rest % 60);
}

/* Text from outside inside a Received line: nothing that ends a comment, a field or a line. */
static void copy_tame(char *out, size_t cap, const char *text)
{
	size_t used = 0;

	for (; *text && used + 1 < cap; text++)
		out[used++] = *text > ' ' && *text <= '~' && !strchr("()\\;\"", *text)
		                      ? *text
		                      : '?';
	out[used] = '\0';
}

/*
 * The protocol, as registered (RFC 3848, RFC 6531 4.3): S for TLS, A for authenticated.
 * HELO has no extensions, so nothing to tell.
 */
static void name_protocol(const struct smtp_trace *trace, char name[16])
{
	if (trace->extended)
		snprintf(name, 16, "%s%s%s", trace->utf8 ? "UTF8SMTP" : "ESMTP",
			trace->tls ? "S" : "", trace->authenticated ? "A" : "");
	else
		snprintf(name, 16, "SMTP");
}

size_t smtp_received_format(const struct smtp_trace *trace, char *buf, size_t cap)
{
	char helo[256], rcpt[SMTP_PATH_MAX + 16] = "", date[32], protocol[16];
	char cipher[96] = "";

	copy_tame(helo, sizeof helo, trace->helo);
	smtp_date_format(trace->time, date);
	name_protocol(trace, protocol);
	if (trace->rcpt) {
		char address[SMTP_PATH_MAX];

		copy_tame(address, sizeof address, trace->rcpt);
		snprintf(rcpt, sizeof rcpt, "\r\n\tfor <%s>", address);
	}
	if (trace->cipher)
		snprintf(cipher, sizeof cipher, " (%.80s)", trace->cipher);
	/* RFC 5321 4.4: the literal of an IPv6 address is tagged */
	int len = snprintf(buf, cap,
		"Received: from %s ([%s%s])\r\n\tby %s with %s%s id %s%s;\r\n\t%s\r\n",
		helo, strchr(trace->client, ':') ? "IPv6:" : "", trace->client,
		trace->host, protocol, cipher, trace->id, rcpt, date);

	return (size_t)len < cap ? (size_t)len : cap - 1;
}
