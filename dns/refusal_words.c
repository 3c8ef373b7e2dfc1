/* SPDX-License-Identifier: ISC */
#include "dns/refusal_words.h"

#include <ctype.h>
#include <string.h>

#include "dns/refusal_lists.h"

enum {
	TOKEN_MAX = 256,
	GAP_MAX = 5,
};

/* What stands between two blanks or brackets. */
struct token {
	char text[TOKEN_MAX];
	size_t len;
	bool is_url;
};

static bool contains(const struct token *token, const char *part)
{
	return memmem(token->text, token->len, part, strlen(part)) != NULL;
}

static bool is_only(const struct token *token, const char *accepted)
{
	return strspn(token->text, accepted) == token->len;
}

static size_t count(const struct token *token, char wanted)
{
	size_t n = 0;

	for (size_t i = 0; i < token->len; i++)
		n += token->text[i] == wanted;
	return n;
}

static void put_word(struct refusal_words *words, const char *word, size_t len)
{
	if (len == 0 || words->count == REFUSAL_WORDS_MAX ||
		words->len + len > REFUSAL_LETTERS_MAX)
		return;
	memcpy(words->letters + words->len, word, len);
	words->word[words->count].at = (uint16_t)words->len;
	words->word[words->count++].len = (uint16_t)len;
	words->len += len;
}

static void put_mark(struct refusal_words *words, const char *mark)
{
	put_word(words, mark, strlen(mark));
}

/* The words of a list are parted by '|'. */
static bool is_one_of(const char *word, size_t len, const char *list)
{
	for (size_t n; (n = strcspn(list, "|")) > 0; list += n + (list[n] == '|'))
		if (n == len && memcmp(list, word, len) == 0)
			return true;
	return false;
}

/* Takes the last word back when it is one of the list. */
static bool drop_last(struct refusal_words *words, const char *list)
{
	if (words->count == 0)
		return false;
	size_t at = words->word[words->count - 1].at;

	if (!is_one_of(words->letters + at, words->len - at, list))
		return false;
	words->len = at;
	words->count--;
	return true;
}

/* True when the word denies the verb behind it: "does not", "cannot", "failed to". */
static bool denies_verb(struct refusal_words *words, const char *word, size_t len)
{
	if (is_one_of(word, len, "to"))
		return drop_last(words, "unable|failed|fails");
	if (!is_one_of(word, len,
		    "not|cannot|cant|couldnt|doesnt|dosnt|dont|didnt|isnt|arent|"
		    "wasnt|hasnt|havent|wont"))
		return false;
	drop_last(words, "does|do|did|can|could");
	return true;
}

/* True when the word denies the thing behind it: "lacks", "not have", "missing a". */
static bool denies_thing(struct refusal_words *words, const char *word, size_t len)
{
	if (is_one_of(word, len, "have"))
		return drop_last(words, "not");
	if (is_one_of(word, len, "a|an|any"))
		return drop_last(words, "missing|no");
	return is_one_of(word, len, "lacks|lacking|without");
}

/*
 * Servers deny in many words what the rules deny in one: all that denies a verb becomes "not", all
 * that denies a thing "no". "no valid PTR" is turned round to "valid no PTR", so that it is also a
 * "no PTR".
 */
static void put_plain_word(struct refusal_words *words, const char *word, size_t len)
{
	if (denies_verb(words, word, len)) {
		put_mark(words, "not");
	} else if (denies_thing(words, word, len)) {
		put_mark(words, "no");
	} else if (is_one_of(word, len, "valid|proper|correct|corresponding") &&
		   drop_last(words, "no")) {
		put_word(words, word, len);
		put_mark(words, "no");
	} else {
		put_word(words, word, len);
	}
}

static bool names_any(const struct token *token, const char *const *names)
{
	for (; *names; names++)
		if (contains(token, *names))
			return true;
	return false;
}

static void put_name(struct refusal_words *words, const struct token *token)
{
	if (names_any(token, reverse_zones))
		put_mark(words, "#arpa");
	else if (names_any(token, lists_of_others))
		put_mark(words, "#other");
	else if (names_any(token, lists_of_bodies))
		put_mark(words, "#uribl");
	else if (names_any(token, lists_of_domains))
		put_mark(words, "#dbl");
	else if (names_any(token, lists_of_addresses))
		put_mark(words, "#list");
	else if (names_any(token, pages_about_spf))
		put_mark(words, "#openspf");
	else
		put_mark(words, token->is_url ? "#url" : "#host");
}

/* Digits and dots: an address, or an enhanced code that a server put into the text (qmail). */
static void put_number(struct refusal_words *words, const struct token *token)
{
	size_t dots = count(token, '.');

	if (dots == 3)
		put_mark(words, "#ip");
	else if (dots == 2 && token->len < sizeof words->enhanced &&
		 !words->enhanced[0] && (token->text[0] == '4' || token->text[0] == '5'))
		memcpy(words->enhanced, token->text, token->len + 1);
}

static bool is_letter(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static void put_plain(struct refusal_words *words, const struct token *token)
{
	char word[TOKEN_MAX];
	size_t len = 0;

	for (size_t i = 0; i <= token->len; i++) {
		/* Scripts without blanks: a Latin name stands between their letters. */
		if (len && (word[len - 1] ^ token->text[i]) & 0x80) {
			put_plain_word(words, word, len);
			len = 0;
		}
		if (i < token->len && is_letter(token->text[i])) {
			word[len++] = token->text[i];
		} else if (i == token->len || token->text[i] != '\'') {
			put_plain_word(words, word, len);
			len = 0;
		}
	}
}

static bool is_dotted(const struct token *token)
{
	for (size_t i = 1; i + 1 < token->len; i++)
		if (token->text[i] == '.' && is_letter(token->text[i - 1]) &&
			is_letter(token->text[i + 1]))
			return true;
	return false;
}

static void strip(struct token *token)
{
	size_t skip = 0;

	while (token->len && !is_letter(token->text[token->len - 1]) &&
		token->text[token->len - 1] != ':')
		token->len--;
	token->text[token->len] = '\0';
	while (skip < token->len && !is_letter(token->text[skip]) &&
		token->text[skip] != ':')
		skip++;
	token->len -= skip;
	memmove(token->text, token->text + skip, token->len + 1);
}

static void put_token(struct refusal_words *words, struct token *token)
{
	strip(token);
	if (token->is_url)
		put_name(words, token);
	else if (memchr(token->text, '@', token->len))
		put_mark(words, "#mail");
	else if (count(token, ':') > 1 && is_only(token, "0123456789abcdef:."))
		put_mark(words, "#ip");
	else if (!is_dotted(token))
		put_plain(words, token);
	else if (is_only(token, "0123456789./"))
		put_number(words, token);
	else
		put_name(words, token);
	token->len = 0;
	token->is_url = false;
}

/*
 * The next character of the text, folded; several bytes of UTF-8 may become one. Returns how many
 * bytes it took.
 */
static size_t fold(const unsigned char *text, char *folded)
{
	static const char latin1[] = "aaaaaaaceeeeiiiidnooooo ouuuuyts";
	static const char latin_a[] = "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii"
				      "iijjkkkllllllllllnnnnnnnnnoooooooorrrrrrsssssssstt"
				      "ttttuuuuuuuuuuuuwwyyyzzzzzzs";
	unsigned char next = text[0] ? text[1] : 0;
	bool is_pair = (next & 0xc0) == 0x80;

	*folded = (char)tolower(text[0]);
	if (text[0] == '\\' && next == 'n')
		*folded = ' ';
	else if (text[0] == 0xc2 && is_pair) /* a no-break space, or a sign */
		*folded = ' ';
	else if (text[0] == 0xc3 && is_pair)
		*folded = latin1[next & 0x1f];
	else if ((text[0] == 0xc4 || text[0] == 0xc5) && is_pair)
		*folded = latin_a[(text[0] - 0xc4) * 64 + (next & 0x3f)];
	else if (text[0] == 0xe2 && next == 0x80 && text[2])
		*folded = (text[2] & 0xfe) == 0x98 ? '\'' : ' ';
	else
		return 1;
	return text[0] == 0xe2 ? 3 : 2;
}

/* Cyrillic capitals, in place: the letters of a word are kept as they came, in UTF-8. */
static void lower_cyrillic(char *letters, size_t len)
{
	unsigned char *at = (unsigned char *)letters;

	for (size_t i = 0; i + 1 < len; i++) {
		if (at[i] != 0xd0 || at[i + 1] < 0x90 || at[i + 1] > 0xaf)
			continue;
		if (at[i + 1] < 0xa0) {
			at[i + 1] = (unsigned char)(at[i + 1] + 0x20);
		} else {
			at[i] = 0xd1;
			at[i + 1] = (unsigned char)(at[i + 1] - 0x20);
		}
	}
}

/* True when c, with next behind it, does not belong to the token any more. */
static bool ends(const struct token *token, char c, const unsigned char *next)
{
	if ((unsigned char)c <= ' ' || strchr("<>\"", c))
		return true;
	if (token->is_url)
		return false;
	if (c == ':') /* of a URL or of an IPv6 address */
		return strncmp((const char *)next, "//", 2) != 0 &&
		       !(is_only(token, "0123456789abcdef:") &&
			       (isxdigit(*next) || *next == ':'));
	return strchr("()[]{},;=|", c) != NULL;
}

void refusal_words_read(struct refusal_words *words, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	struct token token = {.len = 0};
	char c;

	words->count = words->len = 0;
	words->enhanced[0] = '\0';
	while (*at && words->count < REFUSAL_WORDS_MAX &&
		words->len < REFUSAL_LETTERS_MAX - TOKEN_MAX) {
		at += fold(at, &c);
		token.text[token.len] = '\0';
		if (ends(&token, c, at)) {
			put_token(words, &token);
			continue;
		}
		if (token.len + 1 < TOKEN_MAX)
			token.text[token.len++] = c;
		if (c == '/' && token.len > 1 && token.text[token.len - 2] == '/')
			token.is_url = true;
	}
	put_token(words, &token);
	lower_cyrillic(words->letters, words->len);
}

/* What is left of a phrase. */
struct phrase {
	const char *text;
	size_t len;
};

/* Takes the first word off. */
static struct phrase next_word(struct phrase *phrase)
{
	const char *blank = memchr(phrase->text, ' ', phrase->len);
	struct phrase word = *phrase;

	if (blank)
		word.len = (size_t)(blank - phrase->text);
	phrase->text += word.len + (blank != NULL);
	phrase->len -= word.len + (blank != NULL);
	return word;
}

static bool is_word(
	const struct refusal_words *words, size_t i, const struct phrase *wanted)
{
	const char *word = words->letters + words->word[i].at;
	size_t len = words->word[i].len;

	if (wanted->text[wanted->len - 1] == '*')
		return len >= wanted->len - 1 &&
		       memcmp(word, wanted->text, wanted->len - 1) == 0;
	return len == wanted->len && memcmp(word, wanted->text, len) == 0;
}

/* True when the phrase stands at word i. Recurses once for each "..": the table bounds it. */
static bool stands_at(const struct refusal_words *words, size_t i, struct phrase phrase)
{
	for (; phrase.len; i++) {
		struct phrase wanted = next_word(&phrase);

		if (wanted.len == 2 && wanted.text[0] == '.')
			break;
		if (i >= words->count || !is_word(words, i, &wanted))
			return false;
	}
	if (!phrase.len)
		return true;
	for (size_t gap = 0; gap <= GAP_MAX; gap++)
		if (stands_at(words, i + gap, phrase))
			return true;
	return false;
}

bool refusal_words_have(const struct refusal_words *words, const char *phrases)
{
	while (*phrases) {
		struct phrase phrase = {phrases, strcspn(phrases, "|")};

		for (size_t i = 0; i < words->count; i++)
			if (stands_at(words, i, phrase))
				return true;
		phrases += phrase.len + (phrases[phrase.len] == '|');
	}
	return false;
}
