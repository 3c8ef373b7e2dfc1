/* SPDX-License-Identifier: ISC */
#include "dns/refusal.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "dns/refusal_rules.h"

/*
 * A reply is made comparable first: lower case, runs of anything but letters and digits are one
 * space, addresses and numbers with dots are "ip", mailboxes are gone. A host name or URL is gone
 * too (they are full of "spf", "dns" and "mx"), but for the name of a known block list, which
 * becomes "knownlist". Phrases are then compared word by word. All of it is linear and bounded.
 */
enum { TEXT_MAX = 2048 };

static const char *const known_lists[] = {"spamhaus", "spamcop", "sorbs", "barracuda",
	"surriel", "psbl", "cbl.abuseat", "abuseat", "mail-abuse", "trend micro rbl",
	"uceprotect", "backscatterer", "junkemailfilter", "hostkarma", "cloudmark",
	"ivmsip", "ivmuri", "invaluement", "njabl", "dsbl", "mailspike", "senderscore",
	"dnswl", "truncate.gbudb", "manitu", "dnsbl", "blocklist.zap"};

struct plain {
	char text[TEXT_MAX]; /* words with one space between, and one at either end */
	size_t len;
};

static void put_word(struct plain *plain, const char *word, size_t len)
{
	if (plain->len + len + 2 >= TEXT_MAX || len == 0)
		return;
	memcpy(plain->text + plain->len, word, len);
	plain->len += len;
	plain->text[plain->len++] = ' ';
	plain->text[plain->len] = '\0';
}

static bool contains(const char *text, size_t len, const char *part)
{
	return memmem(text, len, part, strlen(part)) != NULL;
}

static bool names_known_list(const char *token, size_t len)
{
	for (size_t i = 0; i < sizeof known_lists / sizeof known_lists[0]; i++)
		if (contains(token, len, known_lists[i]))
			return true;
	return false;
}

/* A dot between letters or digits, a scheme: a host name, an address, a URL. */
static bool is_dotted(const char *token, size_t len)
{
	if (contains(token, len, "://") || contains(token, len, "www."))
		return true;
	for (size_t i = 1; i + 1 < len; i++)
		if (token[i] == '.' && isalnum((unsigned char)token[i - 1]) &&
			isalnum((unsigned char)token[i + 1]))
			return true;
	return false;
}

static bool is_numeric(const char *token, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isalpha((unsigned char)token[i]))
			return false;
	return true;
}

static void put_plain_token(struct plain *plain, const char *token, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i <= len; i++) {
		bool is_word =
			i < len && (isalnum((unsigned char)token[i]) || token[i] == '_');

		if (is_word)
			continue;
		put_word(plain, token + start, i - start);
		start = i + 1;
	}
}

/* One token between spaces, in lower case. */
static void put_token(struct plain *plain, const char *token, size_t len)
{
	if (names_known_list(token, len)) {
		put_word(plain, "knownlist", 9);
		if (contains(token, len, "dbl.") || contains(token, len, "/domain"))
			put_word(plain, "dbl", 3);
	} else if (contains(token, len, "openspf")) {
		put_word(plain, "openspf", 7);
	} else if (memchr(token, '@', len)) {
		put_word(plain, "mailbox@", 0);
	} else if (is_dotted(token, len)) {
		if (is_numeric(token, len))
			put_word(plain, "ip", 2);
	} else {
		put_plain_token(plain, token, len);
	}
}

static void make_plain(struct plain *plain, const char *text)
{
	char token[256];
	size_t len = 0;

	plain->text[0] = ' ';
	plain->text[1] = '\0';
	plain->len = 1;
	for (size_t i = 0; i < 2 * TEXT_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > ' ' && len < sizeof token) {
			token[len++] = (char)tolower(c);
			continue;
		}
		put_token(plain, token, len);
		len = 0;
		if (!c)
			return;
	}
}

/* True when one of the alternatives stands in the text, whole words only. */
static bool has_any(const struct plain *plain, const char *alternatives)
{
	char phrase[128];

	while (*alternatives) {
		size_t len = strcspn(alternatives, "|");

		if (len + 3 <= sizeof phrase) {
			phrase[0] = ' ';
			memcpy(phrase + 1, alternatives, len);
			phrase[len + 1] = ' ';
			phrase[len + 2] = '\0';
			if (contains(plain->text, plain->len, phrase))
				return true;
		}
		alternatives += len + (alternatives[len] == '|');
	}
	return false;
}

/* True when the enhanced code, without its class, is one of those listed. */
static bool has_code(const char *enhanced, const char *codes)
{
	const char *detail = strchr(enhanced, '.');

	if (!detail || !detail[1])
		return false;
	size_t len = strlen(++detail);

	for (const char *at = codes; (at = strstr(at, detail)); at += len)
		if ((at == codes || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static bool matches(const struct refusal_rule *rule, unsigned code, const char *enhanced,
	const struct plain *plain)
{
	if (rule->code_class && code / 100 != (unsigned)(rule->code_class - '0') &&
		enhanced[0] != rule->code_class)
		return false;
	if (rule->enhanced && !has_code(enhanced, rule->enhanced))
		return false;
	for (size_t i = 0; i < 3 && rule->all[i]; i++)
		if (!has_any(plain, rule->all[i]))
			return false;
	return !rule->none || !has_any(plain, rule->none);
}

struct refusal refusal_classify(unsigned code, const char *enhanced, const char *text)
{
	struct plain plain;

	make_plain(&plain, text);
	for (size_t i = 0; i < sizeof refusal_rules / sizeof refusal_rules[0]; i++)
		if (matches(&refusal_rules[i], code, enhanced, &plain))
			return (struct refusal){
				refusal_rules[i].reason, refusal_rules[i].name};
	return (struct refusal){REASON_NONE, "no rule matched"};
}
