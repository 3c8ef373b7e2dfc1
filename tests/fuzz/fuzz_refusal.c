/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/refusal.h"
#include "dns/refusal_words.h"

/* The bounds that the rules rely on. */
static void check_words(const char *text)
{
	struct refusal_words words;

	refusal_words_read(&words, text);
	assert(words.count <= REFUSAL_WORDS_MAX && words.len <= REFUSAL_LETTERS_MAX);
	for (size_t i = 0; i < words.count; i++) {
		assert(words.word[i].len > 0);
		assert(words.word[i].at + words.word[i].len <= words.len);
	}
	assert(memchr(words.enhanced, '\0', sizeof words.enhanced));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), enhanced[8] = "";

	memcpy(text, data, size);
	if (size > 7)
		memcpy(enhanced, data, 7);
	check_words(text);
	refusal_classify(size > 8 ? 400u + data[8] : 550, enhanced, text);
	free(text);
	return 0;
}
