/* SPDX-License-Identifier: ISC */
#include "dns/laid.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"

/* Takes the next word off *line; false when there is none, or it does not fit. */
static bool next_word(const char **line, char *word, size_t cap)
{
	*line += strspn(*line, " \t");
	size_t len = strcspn(*line, " \t");

	if (len == 0 || len >= cap)
		return false;
	memcpy(word, *line, len);
	word[len] = '\0';
	*line += len;
	return true;
}

static bool is_number(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoul(text, &end, 10);
	return *end == '\0' && *value <= most;
}

static bool is_name(const char *text)
{
	return strcmp(text, ".") == 0 || name_is_possible(text);
}

/* One byte of a character-string, plain, as \X or as \DDD; beyond 255 it is none. */
static unsigned take_char(const char **line)
{
	unsigned c;
	size_t taken = name_take_byte(*line, &c);

	if (taken == 1 && c == '\\' && (*line)[1])
		c = (unsigned char)*++*line;
	*line += taken;
	return c;
}

/* The character-strings of a TXT record, quoted or single words, joined. */
static const char *parse_strings(const char *line, struct laid_record *laid)
{
	size_t len = 0;

	for (line += strspn(line, " \t"); *line; line += strspn(line, " \t")) {
		bool is_quoted = *line == '"';

		line += is_quoted;
		while (*line &&
			(is_quoted ? *line != '"' : *line != ' ' && *line != '\t')) {
			unsigned c = take_char(&line);

			if (c > 255)
				return "\\DDD in a text is at most \\255";
			if (len + 1 >= sizeof laid->text)
				return "the text is too long";
			laid->text[len++] = (char)c;
		}
		if (is_quoted && *line++ != '"')
			return "a quote is not closed";
	}
	laid->text[len] = '\0';
	laid->record.text = laid->text;
	laid->record.len = len;
	return NULL;
}

static const char *parse_name_data(const char *line, struct laid_record *laid)
{
	char word[ANSWER_NAME_MAX], rest[2];

	if (!next_word(&line, word, sizeof word) || !is_name(word))
		return "the name the record leads to is missing or wrong";
	if (next_word(&line, rest, sizeof rest) || *line)
		return "there is something behind the record";
	name_normalize(word, laid->text, sizeof laid->text);
	laid->record.text = laid->text;
	laid->record.len = strlen(laid->text);
	return NULL;
}

static const char *parse_address(const char *line, struct laid_record *laid)
{
	char word[INET6_ADDRSTRLEN];
	int family = laid->type == TYPE_A ? AF_INET : AF_INET6;

	if (!next_word(&line, word, sizeof word) ||
		inet_pton(family, word, laid->record.address) != 1)
		return laid->type == TYPE_A ? "an IPv4 address must follow A"
		                            : "an IPv6 address must follow AAAA";
	return line[strspn(line, " \t")] ? "there is something behind the record" : NULL;
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c | 0x20) : NULL;

	return digit && *digit ? (int)(digit - digits) : -1;
}

/* The data of a TLSA record in hexadecimal, blanks anywhere in it (RFC 6698 2.2). */
static const char *parse_hex(const char *line, struct laid_record *laid)
{
	size_t digits = 0;

	for (line += strspn(line, " \t"); *line; line += strspn(line, " \t")) {
		int value = hex_value(*line++);
		size_t at = laid->record.len + digits / 2;

		if (value < 0)
			return "the data of a TLSA record are hexadecimal digits";
		if (at + 1 >= sizeof laid->text)
			return "the data are too long";
		laid->text[at] = (char)(digits % 2 ? laid->text[at] | value : value << 4);
		digits++;
	}
	if (digits == 0 || digits % 2)
		return "the data of a TLSA record are pairs of hexadecimal digits";
	laid->record.len += digits / 2;
	return NULL;
}

static const char *parse_association(const char *line, struct laid_record *laid)
{
	char word[16];
	unsigned long number;

	for (size_t i = 0; i < TLSA_HEAD; i++) {
		if (!next_word(&line, word, sizeof word) ||
			!is_number(word, UINT8_MAX, &number))
			return "usage, selector and matching type, from 0 to 255, must "
			       "follow TLSA";
		laid->text[i] = (char)number;
	}
	laid->record.text = laid->text;
	laid->record.len = TLSA_HEAD;
	return parse_hex(line, laid);
}

static const char *parse_data(const char *line, struct laid_record *laid)
{
	char word[16];
	unsigned long preference;

	switch (laid->type) {
	case TYPE_A:
	case TYPE_AAAA:
		return parse_address(line, laid);
	case TYPE_TXT:
		return parse_strings(line, laid);
	case TYPE_TLSA:
		return parse_association(line, laid);
	case TYPE_MX:
		if (!next_word(&line, word, sizeof word) ||
			!is_number(word, 65535, &preference))
			return "a preference from 0 to 65535 must follow MX";
		laid->record.preference = (uint16_t)preference;
		return parse_name_data(line, laid);
	case TYPE_PTR:
	case TYPE_CNAME:
	case TYPE_NS:
		return parse_name_data(line, laid);
	default:
		return "a record of this type cannot be laid";
	}
}

const char *laid_parse(const char *line, struct laid_record *laid)
{
	char word[ANSWER_NAME_MAX];
	unsigned long ttl = LAID_TTL;

	memset(laid, 0, sizeof *laid);
	if (!next_word(&line, word, sizeof word) || !is_name(word))
		return "a record is 'NAME [TTL] TYPE RDATA', and this begins with no "
		       "name";
	name_normalize(word, laid->name, sizeof laid->name);
	if (!next_word(&line, word, sizeof word))
		return "a record is 'NAME [TTL] TYPE RDATA', and its type is missing";
	if (is_number(word, ANSWER_TTL_MAX, &ttl) && !next_word(&line, word, sizeof word))
		return "a record is 'NAME [TTL] TYPE RDATA', and its type is missing";
	if (strcasecmp(word, "IN") == 0 && !next_word(&line, word, sizeof word))
		return "a record is 'NAME [TTL] TYPE RDATA', and its type is missing";
	laid->ttl = (uint32_t)ttl;
	if (record_type_parse(word, &laid->type))
		return "this type of record is not known (A AAAA MX PTR CNAME TXT NS "
		       "TLSA are)";
	return parse_data(line, laid);
}
