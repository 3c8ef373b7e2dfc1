/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/smtp.h"

/*
 * Whatever the sender gave, the receiver said and the header holds: a report has its three parts and the end,
 * lines end in CRLF, and no byte is there that could do harm to a terminal. The texts are the pieces of
 * the input between its NULs.
 */
enum { TEXTS = 6 };

static size_t count(const char *text, size_t len, const char *word)
{
	size_t found = 0, word_len = strlen(word);

	for (const char *at = text;
		(at = memmem(at, len - (size_t)(at - text), word, word_len)); at++)
		found++;
	return found;
}

static void check(const char *text, size_t len)
{
	assert(count(text, len, "\r\n--BOUNDARY1234567\r\n") == 3);
	assert(count(text, len, "\r\n--BOUNDARY1234567--\r\n") == 1);
	assert(count(text, len, "\r\nFinal-Recipient: ") == 1);
	assert(count(text, len, "\r\nAction: ") == 1);
	assert(len > 2 && memcmp(text + len - 2, "\r\n", 2) == 0);
	for (size_t i = 0; i < len; i++) {
		assert(text[i] == '\t' || text[i] == '\r' || text[i] == '\n' ||
			(text[i] >= ' ' && text[i] <= '~'));
		assert(text[i] != '\n' || (i && text[i - 1] == '\r'));
		assert(text[i] != '\r' || (i + 1 < len && text[i + 1] == '\n'));
	}
}

/*
 * A boundary is random: an input that has this one is none of ours, and so is one that has it once the bare
 * CRs are out. Nor can fields be counted that the input has as well.
 */
static bool has_what_is_counted(const uint8_t *data, size_t size)
{
	static const char *const words[] = {
		"BOUNDARY1234567", "Final-Recipient", "Action"};
	char *plain = malloc(size + 1);
	bool has = false;
	size_t len = 0;

	for (size_t i = 0; i < size; i++)
		if (data[i] != '\r')
			plain[len++] = (char)data[i];
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		has = has || memmem(plain, len, words[i], strlen(words[i]));
	free(plain);
	return has;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *input = calloc(1, size + TEXTS);
	const char *texts[TEXTS];

	memcpy(input, data, size);
	texts[0] = input;
	for (size_t i = 1; i < TEXTS; i++)
		texts[i] = texts[i - 1] + strlen(texts[i - 1]) + 1;
	struct smtp_dsn_recipient recipient = {.address = "b@dest.example",
		.orcpt = texts[0],
		.action = SMTP_DSN_FAILED,
		.status = "5.1.1",
		.remote = texts[1],
		.diagnostic = texts[2],
		.words = texts[3]};
	struct smtp_dsn dsn = {.host = "mail.corp.example",
		.from = "postmaster@mail.corp.example",
		.to = "a@corp.example",
		.id = "00000000A2",
		.original_id = "00000000A1",
		.envid = texts[4],
		.boundary = "BOUNDARY1234567",
		.recipients = &recipient,
		.count = 1,
		.original = texts[5],
		.original_len = strlen(texts[5])};
	size_t len = smtp_dsn_format(&dsn, NULL, 0);
	char *text = malloc(len);

	assert(smtp_dsn_format(&dsn, text, len) == len);
	if (!has_what_is_counted(data, size))
		check(text, len);
	free(text);
	free(input);
	return 0;
}
