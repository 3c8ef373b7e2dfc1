/* SPDX-License-Identifier: ISC */
#include "dns/spf_record.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dns/spf_macro.h"

enum { VERSION_LEN = 6 }; /* "v=spf1" */

bool spf_record_is(const struct record *record)
{
	return record->len >= VERSION_LEN &&
	       strncasecmp(record->text, "v=spf1", VERSION_LEN) == 0 &&
	       (record->len == VERSION_LEN || record->text[VERSION_LEN] == ' ');
}

const struct record *spf_record_find(const struct answer *txt, size_t *count)
{
	const struct record *first = NULL;

	*count = 0;
	for (size_t i = 0; i < txt->count; i++) {
		if (!spf_record_is(&txt->records[i]))
			continue;
		if (!first)
			first = &txt->records[i];
		++*count;
	}
	return first;
}

/* What may follow the name of a mechanism. */
enum domain_use { DOMAIN_NONE, DOMAIN_OPTIONAL, DOMAIN_REQUIRED, NETWORK };

static const struct mechanism {
	const char *name;
	enum spf_term_kind kind;
	enum domain_use domain;
	bool has_prefixes; /* dual-cidr-length */
} mechanisms[] = {
	{"all", SPF_TERM_ALL, DOMAIN_NONE, false},
	{"include", SPF_TERM_INCLUDE, DOMAIN_REQUIRED, false},
	{"a", SPF_TERM_A, DOMAIN_OPTIONAL, true},
	{"mx", SPF_TERM_MX, DOMAIN_OPTIONAL, true},
	{"ptr", SPF_TERM_PTR, DOMAIN_OPTIONAL, false},
	{"ip4", SPF_TERM_IP4, NETWORK, false},
	{"ip6", SPF_TERM_IP6, NETWORK, false},
	{"exists", SPF_TERM_EXISTS, DOMAIN_REQUIRED, false},
};

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

static const struct mechanism *find_mechanism(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		if (is_word(name, len, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

/*
 * Takes a "/" and its number off the end of text. False: there is a number, but it is none from 0
 * to most, or has a leading zero. Without a number nothing is taken.
 */
static bool take_prefix(const char *text, size_t *len, unsigned most, unsigned *prefix)
{
	size_t digits = 0;
	unsigned value = 0;

	while (digits < *len && isdigit((unsigned char)text[*len - 1 - digits]))
		digits++;
	if (digits == *len || text[*len - 1 - digits] != '/')
		return true;
	const char *number = text + *len - digits;

	if (digits == 0 || digits > 3 || (number[0] == '0' && digits > 1))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(number[i] - '0');
	if (value > most)
		return false;
	*prefix = value;
	*len -= digits + 1;
	return true;
}

/* [ "/" ip4-cidr ] [ "//" ip6-cidr ]: read from the end, a domain may have slashes of its own. */
static bool take_prefixes(const char *text, size_t *len, struct spf_term *term)
{
	size_t before = *len;
	unsigned prefix = 0;

	if (!take_prefix(text, len, 128, &prefix))
		return false;
	if (*len == before)
		return true;
	if (*len && text[*len - 1] == '/') {
		--*len;
		term->prefix_v6 = prefix;
		return take_prefix(text, len, 32, &term->prefix_v4);
	}
	term->prefix_v4 = prefix;
	return prefix <= 32;
}

static bool read_network(const char *text, size_t len, struct spf_term *term)
{
	char address[INET6_ADDRSTRLEN];
	bool is_v4 = term->kind == SPF_TERM_IP4;

	if (!take_prefix(text, &len, is_v4 ? 32 : 128,
		    is_v4 ? &term->prefix_v4 : &term->prefix_v6) ||
		len >= sizeof address || memchr(text, '\0', len))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return inet_pton(is_v4 ? AF_INET : AF_INET6, address, term->ip) == 1;
}

static bool read_domain(const char *text, size_t len, struct spf_term *term)
{
	term->domain = text;
	term->domain_len = len;
	return spf_macro_is_domain(text, len);
}

/* What follows the mechanism's name: nothing, prefixes, or ":" and more. */
static bool read_arguments(const struct mechanism *mechanism, const char *text,
	size_t len, struct spf_term *term)
{
	if (mechanism->domain == NETWORK)
		return len > 1 && *text == ':' && read_network(text + 1, len - 1, term);
	if (mechanism->has_prefixes && !take_prefixes(text, &len, term))
		return false;
	if (len == 0)
		return mechanism->domain != DOMAIN_REQUIRED;
	return mechanism->domain != DOMAIN_NONE && *text == ':' &&
	       read_domain(text + 1, len - 1, term);
}

static bool read_mechanism(const char *text, size_t len, struct spf_term *term)
{
	static const char qualifiers[] = "+-~?";
	static const enum spf_result results[] = {
		SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};
	const char *qualifier = *text ? strchr(qualifiers, *text) : NULL;
	size_t name_len = 0;

	term->result = qualifier ? results[qualifier - qualifiers] : SPF_PASS;
	text += qualifier != NULL;
	len -= qualifier != NULL;
	while (name_len < len && isalnum((unsigned char)text[name_len]))
		name_len++;
	const struct mechanism *mechanism = find_mechanism(text, name_len);

	if (!mechanism)
		return false;
	term->kind = mechanism->kind;
	return read_arguments(mechanism, text + name_len, len - name_len, term);
}

/* The length of a modifier's name; 0: the term is no modifier. */
static size_t modifier_name(const char *text, size_t len)
{
	size_t i = 0;

	if (!isalpha((unsigned char)text[0]))
		return 0;
	while (i < len && (isalnum((unsigned char)text[i]) || text[i] == '-' ||
				  text[i] == '_' || text[i] == '.'))
		i++;
	return i < len && text[i] == '=' ? i : 0;
}

static bool read_term(struct spf_term *term)
{
	const char *text = term->text;
	size_t name_len = modifier_name(text, term->len);
	const char *value = text + name_len + 1;

	if (!name_len)
		return read_mechanism(text, term->len, term);
	size_t value_len = term->len - name_len - 1;

	if (is_word(text, name_len, "redirect"))
		term->kind = SPF_TERM_REDIRECT;
	else if (is_word(text, name_len, "exp"))
		term->kind = SPF_TERM_EXP;
	else
		term->kind = SPF_TERM_UNKNOWN;
	return term->kind == SPF_TERM_UNKNOWN ? spf_macro_is_string(value, value_len)
	                                      : read_domain(value, value_len, term);
}

void spf_walk_start(struct spf_walk *walk, const struct record *record)
{
	walk->at = record->text + VERSION_LEN;
	walk->end = record->text + record->len;
}

enum spf_reading spf_walk_next(struct spf_walk *walk, struct spf_term *term)
{
	while (walk->at < walk->end && *walk->at == ' ')
		walk->at++;
	if (walk->at == walk->end)
		return SPF_READ_END;
	const char *space = memchr(walk->at, ' ', (size_t)(walk->end - walk->at));
	const char *end = space ? space : walk->end;

	*term = (struct spf_term){.kind = SPF_TERM_UNKNOWN,
		.text = walk->at,
		.len = (size_t)(end - walk->at),
		.prefix_v4 = 32,
		.prefix_v6 = 128};
	walk->at = end;
	return read_term(term) ? SPF_READ_TERM : SPF_READ_ERROR;
}

/* NULL, or what is wrong. */
static const char *note_modifier(
	struct spf_modifiers *modifiers, const struct spf_term *term)
{
	struct spf_term *place = term->kind == SPF_TERM_REDIRECT
	                                 ? &modifiers->redirect
	                                 : &modifiers->explanation;

	if (term->kind != SPF_TERM_REDIRECT && term->kind != SPF_TERM_EXP)
		return NULL;
	if (place->text)
		return "it is there twice";
	*place = *term;
	return NULL;
}

const char *spf_record_check(const struct record *record, struct spf_modifiers *modifiers,
	struct spf_term *bad)
{
	const char *problem = NULL;
	enum spf_reading reading;
	struct spf_walk walk;

	*modifiers = (struct spf_modifiers){0};
	spf_walk_start(&walk, record);
	while (!problem && (reading = spf_walk_next(&walk, bad)) != SPF_READ_END)
		problem = reading == SPF_READ_ERROR ? "it is no term of SPF"
		                                    : note_modifier(modifiers, bad);
	return problem;
}
