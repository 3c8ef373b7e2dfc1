/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A receiver's reply made comparable: its words, without what only looks like one. Addresses,
 * mailboxes, host names and URLs are full of "spf", "dns" and "mx", so each becomes one of the
 * marks #ip #mail #host #url, or, when it belongs to a well-known list, #list, #dbl (a list of
 * domains), #uribl (a list of what stands in bodies) or #other (of countries...); a name in the
 * reverse zone is #arpa. Internal to dns/.
 */

enum {
	REFUSAL_WORDS_MAX = 512,
	REFUSAL_LETTERS_MAX = 4096,
};

struct refusal_words {
	size_t count, len;
	struct {
		uint16_t at, len;
	} word[REFUSAL_WORDS_MAX];
	char letters[REFUSAL_LETTERS_MAX];
	char enhanced[12]; /* the first "5.1.8" inside the text, or "" */
};

/*
 * Lower case, Latin letters without accents; everything else but letters and digits parts words.
 * What denies is made one word: "doesn't", "cannot", "failed to" are "not"; "does not have a",
 * "lacks", "without" are "no"; "no valid" is "valid no". Lines may be joined by '\n' or by the two
 * characters \n. Any bytes; what goes beyond the bounds is not read.
 */
void refusal_words_read(struct refusal_words *words, const char *text);

/*
 * True when one of the phrases between '|' stands in the text. In a phrase "resolv*" is the start
 * of a word, and ".." stands for up to five words.
 */
bool refusal_words_have(const struct refusal_words *words, const char *phrases);
