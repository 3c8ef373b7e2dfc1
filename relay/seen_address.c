/* SPDX-License-Identifier: ISC */
#include "relay/seen_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dns/mx.h"

enum { WORD_MAX = 128 }; /* longer words hold no address */

/* One word of a reply, and its neighbours. */
struct word {
	const char *text;
	size_t len;
};

/* What reading a reply has come to. */
struct reading {
	struct mx_network theirs; /* the receiver's own network */
	uint8_t ip[16];
	size_t count; /* different addresses */
};

/* Replies that quote what another server said speak of its client, or of that server. */
static bool quotes_another_server(const char *text)
{
	static const char *const signs[] = {
		" said:", "callout", "response to", "connect to"};

	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
		if (strcasestr(text, signs[i]))
			return true;
	return false;
}

/* Words without which a bare address could as well be a version, a resolver, anything. */
static bool is_cue(const struct word *word, bool is_before)
{
	static const char *const before[] = {"ip", "address", "addr", "host", "client",
		"server", "for", "from", "because", NULL};
	static const char *const behind[] = {"is", "has", "was", "blocked", "listed",
		"blacklisted", "rejected", "dns", NULL};
	size_t len = word->len;

	while (len && strchr(":=,;", word->text[len - 1]))
		len--;
	for (const char *const *cue = is_before ? before : behind; *cue; cue++)
		if (strlen(*cue) == len && strncasecmp(*cue, word->text, len) == 0)
			return true;
	return false;
}

static void take(struct reading *reading, const char *text, size_t len)
{
	char ip[INET6_ADDRSTRLEN];
	uint8_t bytes[16] = {0};
	bool is_v6 = reading->theirs.is_v6;

	if (len >= sizeof ip)
		return;
	memcpy(ip, text, len);
	ip[len] = '\0';
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, ip, bytes) != 1 ||
		mx_address_is_private(bytes, is_v6) ||
		mx_network_contains(&reading->theirs, bytes, is_v6))
		return;
	if (reading->count == 0 || memcmp(reading->ip, bytes, sizeof bytes) != 0)
		reading->count++;
	memcpy(reading->ip, bytes, sizeof bytes);
}

/* The address that begins at text: as many of its characters as there are. */
static size_t address_length(const char *text, size_t len)
{
	size_t used = 0;

	while (used < len &&
		(isxdigit((unsigned char)text[used]) || strchr(".:", text[used])))
		used++;
	return used;
}

/* "[192.0.2.25]", "name[192.0.2.25]:4711", "(192.0.2.25)", "[IPv6:2001:db8::25]", "[192.0.2.25" */
static bool take_bracketed(struct reading *reading, const struct word *word)
{
	static const char tag[] = "IPv6:";
	size_t start = 0;

	while (start < word->len && !strchr("[(", word->text[start]))
		start++;
	if (start == word->len)
		return false;
	start++;
	if (word->len - start > sizeof tag - 1 &&
		strncasecmp(word->text + start, tag, sizeof tag - 1) == 0)
		start += sizeof tag - 1;
	size_t len = address_length(word->text + start, word->len - start);

	if (start + len == word->len || strchr("])", word->text[start + len]))
		take(reading, word->text + start, len);
	return true;
}

/* "192.0.2.25", "192.0.2.25," "IP=192.0.2.25" */
static void take_bare(struct reading *reading, const struct word *previous,
	const struct word *word, const struct word *next)
{
	static const char tag[] = "ip=";
	const char *text = word->text;
	size_t len = word->len;
	bool is_tagged = len > sizeof tag && strncasecmp(text, tag, sizeof tag - 1) == 0;

	if (is_tagged) {
		text += sizeof tag - 1;
		len -= sizeof tag - 1;
	}
	while (len && strchr(".,;:)]\"'!", text[len - 1]))
		len--;
	if (is_tagged || is_cue(previous, true) || is_cue(next, false))
		take(reading, text, len);
}

static struct word next_word(const char **text, const char *end)
{
	struct word word;

	while (*text < end && isspace((unsigned char)**text))
		++*text;
	word.text = *text;
	while (*text < end && !isspace((unsigned char)**text))
		++*text;
	word.len = (size_t)(*text - word.text);
	return word;
}

/* Addresses in URLs, paths, mailboxes and queries say nothing by themselves. */
static bool is_plain(const struct word *word)
{
	for (size_t i = 0; i < word->len; i++)
		if (strchr("/@?&%", word->text[i]))
			return false;
	return word->len <= WORD_MAX;
}

static void read_words(
	struct reading *reading, const char *text, const char *end, bool is_greeting)
{
	struct word previous = {.text = text, .len = 0};
	struct word word = next_word(&text, end);

	while (word.len) {
		struct word next = next_word(&text, end);

		if (is_plain(&word) && !take_bracketed(reading, &word) && !is_greeting)
			take_bare(reading, &previous, &word, &next);
		previous = word;
		word = next;
	}
}

bool seen_address_find(const struct seen_reply *seen, char ip[46])
{
	struct reading reading = {0};
	const char *text = seen->reply->text;
	const char *end = text + strlen(text);
	bool is_yes = smtp_reply_class(seen->reply) == 2;
	bool is_greeting = is_yes && seen->stage == SMTP_STAGE_EHLO;

	if ((is_yes && !is_greeting) ||
		mx_network_parse(seen->remote_ip, &reading.theirs))
		return false;
	reading.theirs.bits = reading.theirs.is_v6 ? 48 : 24;
	if (is_greeting) /* the other lines are extensions (RFC 5321 4.1.1.1) */
		end = strchrnul(text, '\n');
	else if (quotes_another_server(text))
		return false;
	read_words(&reading, text, end, is_greeting);
	if (reading.count != 1)
		return false;
	inet_ntop(reading.theirs.is_v6 ? AF_INET6 : AF_INET, reading.ip, ip, 46);
	return true;
}
