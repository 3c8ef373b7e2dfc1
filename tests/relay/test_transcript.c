/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "relay/transcript.h"

static void note(struct transcript *transcript, const char *who, const char *text)
{
	transcript_note(transcript, who, text, strlen(text));
}

static void expect(const struct transcript *transcript, size_t count, const char *first,
	const char *last)
{
	json_t *lines = transcript_json(transcript);

	cr_assert_eq(json_array_size(lines), count, "%zu", json_array_size(lines));
	cr_assert_str_eq(json_string_value(json_array_get(lines, 0)), first);
	cr_assert_str_eq(json_string_value(json_array_get(lines, count - 1)), last);
	json_decref(lines);
}

Test(transcript, the_greeting_stays_and_a_transaction_goes)
{
	static struct transcript transcript;

	note(&transcript, "S: ", "220 mx\r\n");
	note(&transcript, "C: ", "EHLO me\r\n");
	transcript_keep(&transcript);
	note(&transcript, "C: ", "MAIL FROM:<a@one.example>\r\nRCPT TO:<b@x>\r\n");
	expect(&transcript, 4, "S: 220 mx", "C: RCPT TO:<b@x>");
	transcript_rewind(&transcript);
	note(&transcript, "C: ", "MAIL FROM:<a@two.example>\r\n");
	expect(&transcript, 3, "S: 220 mx", "C: MAIL FROM:<a@two.example>");
}

Test(transcript, the_oldest_lines_of_a_transaction_go_first)
{
	static struct transcript transcript;
	char line[32];

	note(&transcript, "S: ", "220 mx\r\n");
	transcript_keep(&transcript);
	for (int i = 0; i < 1000; i++) {
		snprintf(line, sizeof line, "RCPT %04d\n", i);
		note(&transcript, "C: ", line);
	}
	expect(&transcript, 157, "S: 220 mx", "C: RCPT 0999"); /* of 13 bytes each */
}

Test(transcript, a_greeting_has_half_of_the_room_at_most)
{
	static struct transcript transcript;
	static char line[5000];

	memset(line, 'x', sizeof line - 1);
	for (int i = 0; i < 5; i++)
		note(&transcript, "S: ", line);
	transcript_keep(&transcript);
	cr_assert_eq(transcript.greeting, 1024);
	note(&transcript, "S: ", line);
	note(&transcript, "S: ", line);
	note(&transcript, "S: ", "the end");
	json_t *lines = transcript_json(&transcript);

	cr_assert_eq(json_array_size(lines), 4);
	cr_assert_str_eq(json_string_value(json_array_get(lines, 3)), "S: the end");
	json_decref(lines);
}

Test(transcript, what_a_server_says_is_escaped)
{
	static struct transcript transcript;

	transcript_note(&transcript, "S: ", "550 \033[31m\0\xff no", 14);
	expect(&transcript, 1, "S: 550 \\x1B[31m\\x00\\xFF no",
		"S: 550 \\x1B[31m\\x00\\xFF no");
}
