/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "dns/check.h"
#include "dns/generic_words.h"
#include "dns/name.h"

/*
 * Does a name look made from an address, or like a place in a dial-up pool? Receivers guess: rspamd
 * (hfilter), SpamAssassin (RDNS_DYNAMIC), Haraka (is_generic_rdns), spamdyke (ip-in-rdns) and the
 * private rules of GMX, Virgin Media, mail.ru. What most of them would take is taken here, and
 * what a mail server is honestly called (mail1, mx-192, smtp-out-4) is not.
 */

enum { WORDS_MAX = 256, NUMBER_NONE = 1000 };

/* A run of letters, or of digits. */
struct word {
	const char *text;
	size_t len;
	size_t label;
	unsigned octet; /* 0 to 255, or NUMBER_NONE */
	bool is_number;
	bool begins_label;
};

struct name {
	char text[256]; /* lower case, no trailing dot */
	struct word words[WORDS_MAX];
	size_t count;
	size_t host_labels; /* those before the registered domain: "mail" of mail.corp.example */
	bool is_mail; /* it begins with a word for a mail server */
};

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_word(const struct word *word, const char *text)
{
	return word->len == strlen(text) && memcmp(word->text, text, word->len) == 0;
}

static bool is_among(const struct word *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_word(word, list[i]))
			return true;
	return false;
}

#define IS_AMONG(word, list) is_among(word, list, sizeof(list) / sizeof(list)[0])

static unsigned read_octet(const char *digits, size_t len)
{
	unsigned value = 0;

	for (size_t i = 0; i < len && len <= 3; i++)
		value = value * 10 + (unsigned)(digits[i] - '0');
	return len <= 3 && value <= 255 ? value : NUMBER_NONE;
}

static void add_word(struct name *name, const char *at, size_t label)
{
	struct word *word = &name->words[name->count++];
	bool is_number = is_digit(*at);
	size_t len = 1;

	while (is_number ? is_digit(at[len]) : is_letter(at[len]))
		len++;
	*word = (struct word){.text = at,
		.len = len,
		.label = label,
		.octet = is_number ? read_octet(at, len) : NUMBER_NONE,
		.is_number = is_number,
		.begins_label = at == name->text || at[-1] == '.'};
}

/* The labels of the registered domain, guessed: there is no list of public suffixes here. */
static size_t domain_labels(const struct name *name, size_t labels)
{
	const struct word *last = &name->words[name->count - 1];

	for (size_t i = 0; labels > 2 && last->len == 2 && i < name->count; i++)
		if (name->words[i].label == labels - 2 &&
			IS_AMONG(&name->words[i], second_levels))
			return 3;
	return 2;
}

static void read_name(const char *text, struct name *name)
{
	size_t label = 0;

	memset(name, 0, sizeof *name);
	name_normalize(text, name->text, sizeof name->text);
	for (const char *at = name->text; *at && name->count < WORDS_MAX;) {
		if (!is_digit(*at) && !is_letter(*at)) {
			label += *at++ == '.';
			continue;
		}
		add_word(name, at, label);
		at += name->words[name->count - 1].len;
	}
	if (name->count == 0)
		return;
	size_t registered = domain_labels(name, label + 1);

	name->host_labels = label + 1 > registered ? label + 1 - registered : 0;
	name->is_mail = IS_AMONG(&name->words[0], mail_words);
}

/* How many octets follow each other from word i on, whatever separates them. */
static size_t count_octets(const struct name *name, size_t i)
{
	size_t count = 0;

	while (i + count < name->count && name->words[i + count].octet != NUMBER_NONE)
		count++;
	return count;
}

/* So many octets beside each other, anywhere, or only before the registered domain. */
static bool has_octets(const struct name *name, size_t wanted, bool in_host)
{
	for (size_t i = 0; i < name->count; i++)
		if ((!in_host || name->words[i].label < name->host_labels) &&
			count_octets(name, i) >= wanted)
			return true;
	return false;
}

/* "192000002025": an address with its zeros, and nothing between its parts. */
static bool has_padded_address(const struct name *name)
{
	for (size_t i = 0; i < name->count; i++) {
		const struct word *word = &name->words[i];

		if (!word->is_number || word->len != 12)
			continue;
		size_t octets = 0;

		for (size_t part = 0; part < 4; part++)
			octets += read_octet(word->text + 3 * part, 3) != NUMBER_NONE;
		if (octets == 4)
			return true;
	}
	return false;
}

/* An interface of IPv6 or a hardware address: 16 hex digits beside each other. */
static bool has_long_hex(const char *text)
{
	size_t len = 0, digits = 0;

	for (; *text; text++) {
		len = is_hex(*text) ? len + 1 : 0;
		digits = len ? digits + is_digit(*text) : 0;
		if (len >= 16 && digits >= 4)
			return true;
	}
	return false;
}

/* Groups of hex digits between separators: six of an IPv6 address, or sixteen nibbles of one. */
static bool has_hex_groups(
	const char *text, char separator, size_t longest, size_t wanted)
{
	size_t groups = 0, digits = 0;

	while (*text) {
		size_t len = 0;

		for (; is_hex(text[len]); len++)
			digits += is_digit(text[len]);
		bool is_group = len && len <= longest &&
		                (text[len] == separator || text[len] == '.');

		groups = is_group ? groups + 1 : 0;
		digits = is_group ? digits : 0;
		if (groups >= wanted && digits >= 3)
			return true;
		text += len;
		if (*text != '\0')
			text++;
	}
	return false;
}

/* "p4fd12345", "0x3ec6ec81": eight hex digits at the end of a run of letters and digits. */
static bool has_hex_address(const char *text)
{
	while (*text) {
		size_t len = 0, hex = 0, digits = 0;

		for (; is_letter(text[len]) || is_digit(text[len]); len++)
			hex = is_hex(text[len]) ? hex + 1 : 0;
		for (size_t i = 1; i <= 8 && i <= len; i++)
			digits += is_digit(text[len - i]);
		if (hex >= 8 && len <= 11 && digits >= 2)
			return true;
		text += len;
		if (*text != '\0')
			text++;
	}
	return false;
}

static bool has_pool_word(const struct name *name)
{
	for (size_t i = 0; i < name->count; i++)
		if (name->words[i].label < name->host_labels &&
			IS_AMONG(&name->words[i], pool_words))
			return true;
	return false;
}

static bool is_whole_label(const struct word *word)
{
	char behind = word->text[word->len];

	return word->begins_label && (behind == '.' || behind == '\0');
}

/* Is this a number of so many digits beside word, in its label or as the label next to it? */
static bool is_number_beside(
	const struct word *word, const struct word *number, size_t digits)
{
	return number->is_number && number->len >= digits &&
	       (number->label == word->label ||
		       (is_whole_label(number) && is_whole_label(word)));
}

/* Digits a number beside this word must have; 0: it is no weak word. */
static size_t weak_digits(const struct word *word)
{
	for (size_t i = 0; i < sizeof weak_words / sizeof weak_words[0]; i++)
		if (is_word(word, weak_words[i].text))
			return weak_words[i].digits;
	return 0;
}

/* A weak word with what makes it count. */
static bool has_weak_word(const struct name *name)
{
	bool has_address = has_octets(name, 2, true) || has_hex_address(name->text);
	const struct word *words = name->words;

	for (size_t i = 0; i < name->count; i++) {
		size_t digits = weak_digits(&words[i]);

		if (digits == 0)
			continue;
		/* Three octets behind it count also in the domain: ns12345.ip-192-0-2.eu. */
		if (count_octets(name, i + 1) >= 3)
			return true;
		if (words[i].label >= name->host_labels)
			continue;
		if (has_address ||
			(i > 0 && is_number_beside(&words[i], &words[i - 1], digits)) ||
			(i + 1 < name->count &&
				is_number_beside(&words[i], &words[i + 1], digits)))
			return true;
	}
	return false;
}

bool is_generic_name(const char *text)
{
	struct name name;

	read_name(text, &name);
	return has_octets(&name, 4, false) || has_padded_address(&name) ||
	       has_long_hex(name.text) || has_hex_groups(name.text, '-', 4, 6) ||
	       has_hex_groups(name.text, '.', 1, 16) || has_pool_word(&name) ||
	       (!name.is_mail && has_weak_word(&name));
}

/* Three of our octets beside each other, forward or backward. */
static bool has_own_octets(const struct name *name, const uint8_t ip[4])
{
	for (size_t i = 0; i + 2 < name->count; i++) {
		const struct word *words = &name->words[i];

		if (count_octets(name, i) < 3)
			continue;
		for (size_t first = 0; first < 2; first++) {
			const uint8_t *own = ip + first;
			bool is_forward = words[0].octet == own[0] &&
			                  words[1].octet == own[1] &&
			                  words[2].octet == own[2];
			bool is_backward = words[0].octet == own[2] &&
			                   words[1].octet == own[1] &&
			                   words[2].octet == own[0];

			if (is_forward || is_backward)
				return true;
		}
	}
	return false;
}

/* Our IPv4 address as one number: hex either way round, decimal, or its octets run together. */
static bool has_own_number(const struct name *name, const uint8_t ip[4])
{
	char forms[4][16];
	unsigned long value = (unsigned long)ip[0] << 24 | (unsigned long)ip[1] << 16 |
	                      (unsigned long)ip[2] << 8 | ip[3];

	snprintf(forms[0], 16, "%02x%02x%02x%02x", ip[0], ip[1], ip[2], ip[3]);
	snprintf(forms[1], 16, "%02x%02x%02x%02x", ip[3], ip[2], ip[1], ip[0]);
	snprintf(forms[2], 16, "%lu", value);
	snprintf(forms[3], 16, "%u%u%u%u", ip[0], ip[1], ip[2], ip[3]);
	for (size_t f = 0; f < 2; f++)
		if (strstr(name->text, forms[f]))
			return true;
	for (size_t i = 0; i < name->count; i++)
		for (size_t f = 2; f < 4; f++)
			if (strlen(forms[f]) >= 7 && is_word(&name->words[i], forms[f]))
				return true;
	return false;
}

/* Our IPv6 address as RFC 5952 writes it, or its last 64 bits, with hyphens or dots for the colons. */
static bool has_own_groups(const struct name *name, const uint8_t ip[16])
{
	char forms[3][INET6_ADDRSTRLEN];
	unsigned groups[4];

	for (size_t i = 0; i < 4; i++)
		groups[i] = (unsigned)ip[8 + 2 * i] << 8 | ip[9 + 2 * i];
	inet_ntop(AF_INET6, ip, forms[0], sizeof forms[0]);
	snprintf(forms[1], sizeof forms[1], "%x:%x:%x:%x", groups[0], groups[1],
		groups[2], groups[3]);
	snprintf(forms[2], sizeof forms[2], "%04x:%04x:%04x:%04x", groups[0], groups[1],
		groups[2], groups[3]);
	for (size_t f = 0; f < 3; f++) {
		for (const char *separators = "-."; *separators; separators++) {
			char form[INET6_ADDRSTRLEN];
			size_t len = strlen(forms[f]);

			for (size_t i = 0; i <= len; i++)
				form[i] = (char)(forms[f][i] == ':' ? *separators
								    : forms[f][i]);
			if (strstr(name->text, form))
				return true;
		}
	}
	return false;
}

bool is_generic_name_of(const char *text, const struct address *address)
{
	struct name name;

	if (is_generic_name(text))
		return true;
	read_name(text, &name);
	if (address->is_v6)
		return has_own_groups(&name, address->ip);
	return has_own_number(&name, address->ip) ||
	       (!name.is_mail && has_own_octets(&name, address->ip));
}
