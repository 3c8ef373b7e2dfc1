/* SPDX-License-Identifier: ISC */
#include "dns/spf_macro.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	VALUE_MAX = 600, /* bytes a letter stands for, so also the most parts it has */
	TAIL = 1024,
};

/* One step through a text: a literal, or a macro to be expanded. */
struct piece {
	const char *literal; /* NULL when it is a macro */
	size_t literal_len;
	char letter;     /* lower case */
	bool is_escaped; /* the letter was upper case: as in a URL */
	unsigned keep;   /* parts from the right; 0: all */
	bool is_reversed;
	const char *delimiters;
	size_t delimiter_count;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Behind "%{": letter, transformers, delimiters, '}' (RFC 7208 7.1). */
static bool read_macro(
	const char **at, const char *end, const char *letters, struct piece *piece)
{
	const char *c = *at;

	piece->literal = NULL;
	if (c == end || !isalpha((unsigned char)*c))
		return false;
	piece->letter = (char)tolower((unsigned char)*c);
	piece->is_escaped = *c++ != piece->letter;
	if (!strchr(letters, piece->letter))
		return false;
	bool has_digits = c < end && is_digit(*c);

	for (piece->keep = 0; c < end && is_digit(*c); c++)
		if (piece->keep < VALUE_MAX)
			piece->keep = piece->keep * 10 + (unsigned)(*c - '0');
	if (has_digits && piece->keep == 0)
		return false;
	piece->is_reversed = c < end && tolower((unsigned char)*c) == 'r';
	c += piece->is_reversed;
	piece->delimiters = c;
	while (c < end && *c && strchr(".-+,/_=", *c))
		c++;
	piece->delimiter_count = (size_t)(c - piece->delimiters);
	if (c == end || *c != '}')
		return false;
	*at = c + 1;
	return true;
}

/* True: a piece was read and *at moved on. False: syntax error. There must be something left. */
static bool next_piece(
	const char **at, const char *end, const char *letters, struct piece *piece)
{
	char c = *(*at)++;

	piece->literal = *at - 1;
	piece->literal_len = 1;
	if (c != '%')
		return c > ' ' && c <= '~';
	if (*at == end)
		return false;
	c = *(*at)++;
	switch (c) {
	case '{':
		return read_macro(at, end, letters, piece);
	case '%':
		return true;
	case '_':
		piece->literal = " ";
		return true;
	case '-':
		piece->literal = "%20";
		piece->literal_len = 3;
		return true;
	default:
		return false;
	}
}

/* c, r and t are for explanations only (RFC 7208 7.2). */
static const char domain_letters[] = "slodiphv", text_letters[] = "slodiphvcrt";

bool spf_macro_is_string(const char *text, size_t len)
{
	const char *end = text + len;
	struct piece piece;

	while (text < end)
		if (!next_piece(&text, end, text_letters, &piece))
			return false;
	return true;
}

/* "." toplabel [ "." ] at the end of literals */
static bool ends_in_toplabel(const char *text, const char *end)
{
	const char *label = end;
	bool is_number = true;

	if (label > text && label[-1] == '.')
		label = --end;
	while (label > text && label[-1] != '.') {
		label--;
		if (!isalnum((unsigned char)*label) && *label != '-')
			return false;
		is_number = is_number && is_digit(*label);
	}
	return label > text && label < end && !is_number && *label != '-' &&
	       end[-1] != '-';
}

bool spf_macro_is_domain(const char *text, size_t len)
{
	const char *end = text + len;
	const char *literals = text; /* since the last macro */
	struct piece piece;

	while (text < end) {
		bool is_macro = *text == '%';

		if (!next_piece(&text, end, domain_letters, &piece))
			return false;
		if (is_macro)
			literals = text;
	}
	return len > 0 && (literals == end || ends_in_toplabel(literals, end));
}

bool spf_macro_needs_validated(const char *text, size_t len)
{
	const char *end = text + len;
	struct piece piece;

	while (text < end) {
		if (*text == ' ')
			text++;
		else if (!next_piece(&text, end, text_letters, &piece))
			return false;
		else if (!piece.literal && piece.letter == 'p')
			return true;
	}
	return false;
}

void spf_macro_set_sender(struct spf_macro_values *values, const char *mailbox)
{
	const char *at = strrchr(mailbox, '@');
	const char *domain = at ? at + 1 : mailbox;
	size_t len = at ? (size_t)(at - mailbox) : 0;

	snprintf(values->sender, sizeof values->sender, "%.*s@%.255s",
		len ? (int)(len < 300 ? len : 300) : 10, len ? mailbox : "postmaster",
		domain);
	values->local_len = (size_t)(strrchr(values->sender, '@') - values->sender);
}

/* Where an expansion goes. */
struct sink {
	char *bytes;
	size_t len, cap;
	bool is_domain; /* the end of what is too long is kept; else the beginning, escaped */
};

static void put(struct sink *sink, char c)
{
	if (sink->len + 1 < sink->cap) {
		sink->bytes[sink->len++] = c;
	} else if (sink->is_domain) {
		size_t half = sink->cap / 2;

		memmove(sink->bytes, sink->bytes + half, sink->len - half);
		sink->len -= half;
		sink->bytes[sink->len++] = c;
	}
}

static void put_text(struct sink *sink, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(sink, text[i]);
}

static void put_byte(struct sink *sink, char c, bool is_escaped)
{
	bool is_plain = c > ' ' && c <= '~';
	char escape[8];

	if (is_escaped)
		is_plain = isalnum((unsigned char)c) || strchr("-._~", c);
	else if (sink->is_domain || c == ' ')
		is_plain = true;
	if (is_plain) {
		put(sink, c);
		return;
	}
	snprintf(escape, sizeof escape, is_escaped ? "%%%02X" : "\\%03u",
		(unsigned char)c);
	put_text(sink, escape, strlen(escape));
}

/* "192.0.2.3", or the 32 nibbles of an IPv6 address with dots between. */
static void format_dotted(const struct spf_macro_values *values, char out[VALUE_MAX])
{
	const uint8_t *ip = values->ip;
	size_t used = 0;

	if (!values->is_v6) {
		inet_ntop(AF_INET, ip, out, VALUE_MAX);
		return;
	}
	for (size_t i = 0; i < 16; i++)
		used += (size_t)snprintf(out + used, VALUE_MAX - used, "%s%X.%X",
			i ? "." : "", ip[i] >> 4, ip[i] & 0x0F);
}

static void format_value(
	const struct spf_macro_values *values, char letter, char out[VALUE_MAX])
{
	switch (letter) {
	case 's':
		snprintf(out, VALUE_MAX, "%s", values->sender);
		break;
	case 'l':
		snprintf(out, VALUE_MAX, "%.*s", (int)values->local_len, values->sender);
		break;
	case 'o':
		snprintf(out, VALUE_MAX, "%s", values->sender + values->local_len + 1);
		break;
	case 'd':
		snprintf(out, VALUE_MAX, "%s", values->domain);
		break;
	case 'i':
		format_dotted(values, out);
		break;
	case 'p':
		snprintf(out, VALUE_MAX, "%s", values->validated);
		break;
	case 'v':
		snprintf(out, VALUE_MAX, "%s", values->is_v6 ? "ip6" : "in-addr");
		break;
	case 'h':
		snprintf(out, VALUE_MAX, "%s", values->helo);
		break;
	case 'c':
		inet_ntop(values->is_v6 ? AF_INET6 : AF_INET, values->ip, out, VALUE_MAX);
		break;
	case 't':
		snprintf(out, VALUE_MAX, "%lld", (long long)values->seconds);
		break;
	default: /* r: which receiver asks we do not know */
		snprintf(out, VALUE_MAX, "unknown");
		break;
	}
}

static bool is_delimiter(const struct piece *piece, char c)
{
	return piece->delimiter_count
	               ? memchr(piece->delimiters, c, piece->delimiter_count) != NULL
	               : c == '.';
}

/* Splits at delimiters, reverses, keeps parts from the right, joins with dots (RFC 7208 7.3). */
static void put_value(struct sink *sink, const struct spf_macro_values *values,
	const struct piece *piece)
{
	char value[VALUE_MAX];
	size_t starts[VALUE_MAX + 1], count = 0;

	format_value(values, piece->letter, value);
	starts[count++] = 0;
	for (size_t i = 0; value[i]; i++)
		if (is_delimiter(piece, value[i]))
			starts[count++] = i + 1;
	starts[count] = strlen(value) + 1;
	size_t keep = piece->keep && piece->keep < count ? piece->keep : count;

	for (size_t i = 0; i < keep; i++) {
		size_t part = piece->is_reversed ? keep - 1 - i : count - keep + i;

		if (i)
			put(sink, '.');
		for (size_t c = starts[part]; c + 1 < starts[part + 1]; c++)
			put_byte(sink, value[c], piece->is_escaped);
	}
}

static void expand_domain(const struct spf_macro_values *values, const char *text,
	const char *end, struct sink *sink)
{
	struct piece piece;

	sink->len = 0;
	while (text < end && next_piece(&text, end, domain_letters, &piece)) {
		if (piece.literal)
			put_text(sink, piece.literal, piece.literal_len);
		else
			put_value(sink, values, &piece);
	}
}

/* Where the last TAIL bytes of a text begin, or a little later: between two pieces. */
static const char *find_tail(const char *text, const char *end)
{
	struct piece piece;

	while (end - text > TAIL && next_piece(&text, end, domain_letters, &piece))
		;
	return text;
}

void spf_macro_expand_domain(const struct spf_macro_values *values, const char *text,
	size_t len, char out[static SPF_TEXT_MAX])
{
	char long_text[4 * SPF_TEXT_MAX];
	struct sink sink = {
		.bytes = long_text, .cap = sizeof long_text, .is_domain = true};
	const char *end = text + len, *tail = find_tail(text, end);

	/* A hostile 8 KB become megabytes, of which the end counts: mostly it is enough. */
	expand_domain(values, tail, end, &sink);
	if (tail > text && sink.len <= SPF_TEXT_MAX)
		expand_domain(values, text, end, &sink);
	if (sink.len && long_text[sink.len - 1] == '.')
		sink.len--;
	long_text[sink.len] = '\0';
	const char *rest = long_text;

	while (rest && strlen(rest) >= SPF_TEXT_MAX) {
		rest = strchr(rest, '.');
		rest = rest ? rest + 1 : NULL;
	}
	memccpy(out, rest ? rest : "", '\0', SPF_TEXT_MAX);
}

bool spf_macro_expand_text(const struct spf_macro_values *values,
	const struct record *explanation, char *out, size_t cap)
{
	const char *text = explanation->text, *end = text + explanation->len;
	struct sink sink = {.bytes = out, .cap = cap};
	struct piece piece;

	while (text < end) {
		if (*text == ' ') {
			put(&sink, *text++);
			continue;
		}
		if (!next_piece(&text, end, text_letters, &piece)) {
			out[0] = '\0';
			return false;
		}
		if (piece.literal)
			put_text(&sink, piece.literal, piece.literal_len);
		else
			put_value(&sink, values, &piece);
	}
	out[sink.len] = '\0';
	return true;
}
