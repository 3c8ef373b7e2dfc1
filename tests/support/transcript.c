/* SPDX-License-Identifier: ISC */
/* Included by the tests that play transcripts. See transcript.h. */
#include "transcript.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void text_add(struct text *text, const char *bytes, size_t len)
{
	if (text->len + len + 1 > text->cap) {
		text->cap = 2 * (text->len + len) + 16;
		text->bytes = realloc(text->bytes, text->cap);
		cr_assert_not_null(text->bytes);
	}
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

static void text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){0};
}

/* Takes one character or escape off the front of line. */
static char take_byte(const char **line)
{
	static const char names[] = "rnt0\\{", bytes[] = "\r\n\t\0\\{";
	char c = *(*line)++;

	if (c != '\\')
		return c;
	if (**line == 'x') {
		char digits[3] = {(*line)[1], (*line)[1] ? (*line)[2] : '\0', '\0'};

		*line += 3;
		return (char)strtoul(digits, NULL, 16);
	}
	const char *name = strchr(names, **line);

	cr_assert(name && *name, "unknown escape \\%s", *line);
	++*line;
	return bytes[name - names];
}

/* "{text*N}" at line: its length, and the number; 0: it is not one. */
static size_t find_repeat(const char *line, size_t *count, size_t *inner)
{
	size_t len = strcspn(line + 1, "{}") + 1;
	char *end;

	if (line[len] != '}')
		return 0;
	size_t star = len;

	while (star > 0 && line[star] != '*')
		star--;
	if (star == 0 || star + 1 == len)
		return 0;
	*count = strtoul(line + star + 1, &end, 10);
	*inner = star - 1;
	return end == line + len ? len + 1 : 0;
}

static void expand(struct text *text, const char *line, size_t len)
{
	const char *end = line + len;
	size_t count, inner;

	while (line < end) {
		size_t used = *line == '{' ? find_repeat(line, &count, &inner) : 0;

		if (used) {
			for (size_t i = 0; i < count; i++)
				expand(text, line + 1, inner);
			line += used;
		} else {
			char c = take_byte(&line);

			text_add(text, &c, 1);
		}
	}
}

static struct step *add_step(
	struct transcript *t, enum step_kind kind, unsigned line, size_t count)
{
	t->steps = realloc(t->steps, (t->step_count + 1) * sizeof *t->steps);
	cr_assert_not_null(t->steps);
	t->steps[t->step_count] =
		(struct step){.kind = kind, .line = line, .count = count};
	return &t->steps[t->step_count++];
}

/* What the presets announce (features.md section 5); the relay's own table is not asked. */
static unsigned preset_extensions(const char *name)
{
	unsigned old = SMTP_EXT_SIZE | SMTP_EXT_DSN;
	unsigned logins = SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD;
	unsigned all = old | SMTP_EXT_8BITMIME | SMTP_EXT_PIPELINING | SMTP_EXT_ENHANCEDSTATUSCODES |
	               SMTP_EXT_CHUNKING | SMTP_EXT_SMTPUTF8 | SMTP_EXT_STARTTLS |
	               SMTP_EXT_AUTH;

	return strcmp(name, "exchange55") == 0     ? old | logins
	       : strcmp(name, "exchange2000") == 0 ? all | logins
	                                           : all;
}

static void take_options(struct transcript *t, const char *value)
{
	char words[256], *at = NULL;

	snprintf(words, sizeof words, "%s", value);
	for (char *word = strtok_r(words, " ", &at); word;
		word = strtok_r(NULL, " ", &at)) {
		char *equals = strchr(word, '=');

		cr_assert(equals, "%s: option %s", t->path, word);
		*equals++ = '\0';
		if (strcmp(word, "size") == 0)
			t->options.size_limit = strtoull(equals, NULL, 10);
		else if (strcmp(word, "recipients") == 0)
			t->options.recipient_limit = (unsigned)strtoul(equals, NULL, 10);
		else if (strcmp(word, "preset") == 0)
			t->options.extensions = preset_extensions(equals);
		else if (strcmp(word, "newlines") == 0)
			t->options.newlines = strcmp(equals, "reject") == 0
			                              ? SMTP_NEWLINES_REJECT
			                              : SMTP_NEWLINES_NORMALIZE;
		else if (strcmp(word, "auth") == 0 && strcmp(equals, "tls") == 0)
			t->options.auth_needs_tls = true;
		else if (strcmp(word, "auth") == 0)
			t->options.extensions &=
				~(unsigned)(SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD);
		else
			cr_assert_fail("%s: option %s", t->path, word);
	}
}

static void take_answer(struct transcript *t, const char *value)
{
	struct transcript_answer *answer = &t->answers[t->answer_count++];

	cr_assert_leq(t->answer_count, TRANSCRIPT_ANSWERS_MAX, "%s: answers", t->path);
	cr_assert_geq(sscanf(value, "%7s %63s %u %7s", answer->question, answer->glob,
			      &answer->code, answer->enhanced),
		3, "%s: answer: %s", t->path, value);
}

static void take_mail(struct transcript *t, const char *value)
{
	struct arrival *arrival = &t->arrivals[t->arrival_count++];
	const char *arrow = strstr(value, "> ");

	cr_assert(
		arrow && t->arrival_count < TRANSCRIPT_ARRIVALS_MAX, "%s: MAIL", t->path);
	size_t len = (size_t)(arrow - value);

	while (len && value[len - 1] == ' ')
		len--;
	expand(&arrival->sender, value, len);
	text_add(&arrival->sender, "", 0);
	expand(&arrival->recipients, arrow + 2, strlen(arrow + 2));
	text_add(&arrival->body, "", 0);
}

static void take_body(struct transcript *t, size_t count, const char *value, bool whole)
{
	cr_assert(t->arrival_count, "%s: BODY without MAIL", t->path);
	struct text *body = &t->arrivals[t->arrival_count - 1].body;

	for (size_t i = 0; i < count; i++) {
		expand(body, value, strlen(value));
		if (whole)
			text_add(body, "\r\n", 2);
	}
}

static bool take_step(struct transcript *t, unsigned line, const char *key, size_t count,
	const char *value)
{
	static const struct {
		const char *key;
		enum step_kind kind;
	} kinds[] = {{"C", STEP_SAY}, {"B", STEP_SAY}, {"S", STEP_HEAR}, {"S!", STEP_NOT},
		{"TLS", STEP_TLS}, {"cut", STEP_CUT}, {"reset", STEP_CUT},
		{"close", STEP_CLOSE}};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(key, kinds[i].key))
			continue;
		struct step *step = add_step(t, kinds[i].kind, line, count);

		if (step->kind == STEP_SAY)
			expand(&step->text, value, strlen(value));
		else
			text_add(&step->text, value, strlen(value));
		if (step->kind == STEP_HEAR)
			text_add(&step->text, "*", 1);
		if (strcmp(key, "C") == 0)
			text_add(&step->text, "\r\n", 2);
		return true;
	}
	return false;
}

static void take_line(struct transcript *t, unsigned number, char *line);

/* What nearly every dialogue begins with. */
static bool take_shorthand(struct transcript *t, unsigned number, const char *key)
{
	static const struct {
		const char *key, *lines[5];
	} rows[] = {
		{"hello", {"S: 220 mail.corp.example ESMTP", "C: EHLO client.example",
				  "S: 250 mail.corp.example"}},
		{"envelope", {"C: MAIL FROM:<ann@corp.example>", "S: 250",
				     "C: RCPT TO:<bob@dest.example>", "S: 250"}},
		{"data", {"C: DATA", "S: 354"}},
		{"quit", {"C: QUIT", "S: 221", "close"}},
	};
	char copy[64];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(key, rows[i].key))
			continue;
		for (size_t j = 0; j < 5 && rows[i].lines[j]; j++) {
			snprintf(copy, sizeof copy, "%s", rows[i].lines[j]);
			take_line(t, number, copy);
		}
		return true;
	}
	return false;
}

/* "KEY[*COUNT]:[ VALUE]", or the directive alone. */
static void take_line(struct transcript *t, unsigned number, char *line)
{
	char key[16] = "", *colon = strchr(line, ':'), *value = "";
	unsigned long count = 1;

	if (*line == '#' || *line == '\0')
		return;
	if (colon) {
		*colon = '\0';
		value = colon[1] == ' ' ? colon + 2 : colon + 1;
	}
	cr_assert_geq(sscanf(line, "%15[^*]*%lu", key, &count), 1);
	if (take_step(t, number, key, count, value) || take_shorthand(t, number, key) ||
		strcmp(key, "row") == 0 || strcmp(key, "needs") == 0)
		return;
	if (strcmp(key, "players") == 0)
		snprintf(t->players, sizeof t->players, "%s", value);
	else if (strcmp(key, "options") == 0)
		take_options(t, value);
	else if (strcmp(key, "answer") == 0)
		take_answer(t, value);
	else if (strcmp(key, "MAIL") == 0)
		take_mail(t, value);
	else if (strcmp(key, "BODY") == 0 || strcmp(key, "PART") == 0)
		take_body(t, count, value, *key == 'B');
	else
		cr_assert_fail("%s:%u: what is \"%s\"?", t->path, number, key);
}

/* Another connection, to the same listener as the one before in the file, or to the usual one. */
static struct transcript *add_transcript(
	struct transcript **all, size_t *count, const char *path, unsigned line)
{
	static const char host[] = "mail.corp.example";

	*all = realloc(*all, (*count + 1) * sizeof **all);
	cr_assert_not_null(*all);
	struct transcript *t = &(*all)[*count];

	if (line > 1) {
		*t = t[-1];
		t->steps = NULL;
		t->step_count = t->arrival_count = 0;
		memset(t->arrivals, 0, sizeof t->arrivals);
	} else {
		*t = (struct transcript){.players = "machine session binary",
			.options = {.host = host,
				.size_limit = 50 << 20,
				.recipient_limit = 1000,
				.extensions = preset_extensions("")}};
		snprintf(t->path, sizeof t->path, "%s", path);
	}
	snprintf(t->name, sizeof t->name, "%.40s:%u", strrchr(path, '/') + 1, line);
	++*count;
	return t;
}

static void load(struct transcript **all, size_t *count, const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	cr_assert_not_null(file, "%s", path);
	struct transcript *t = add_transcript(all, count, path, 1);

	for (unsigned number = 1; (len = getline(&line, &cap, file)) > 0; number++) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "----") == 0)
			t = add_transcript(all, count, path, number);
		else
			take_line(t, number, line);
	}
	free(line);
	fclose(file);
}

struct transcript *transcripts_load(const char *path, size_t *count)
{
	struct transcript *all = NULL;

	*count = 0;
	load(&all, count, path);
	return all;
}

static void free_arrivals(struct arrival *arrivals, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		text_fini(&arrivals[i].sender);
		text_fini(&arrivals[i].recipients);
		text_fini(&arrivals[i].body);
	}
}

void transcripts_free(struct transcript *transcripts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct transcript *t = &transcripts[i];

		for (size_t j = 0; j < t->step_count; j++)
			text_fini(&t->steps[j].text);
		free(t->steps);
		free_arrivals(t->arrivals, t->arrival_count);
	}
	free(transcripts);
}

bool transcript_is_for(const struct transcript *t, const char *player)
{
	bool asks_us = t->answer_count > 0 && strcmp(player, "machine") != 0;

	return !asks_us && strstr(t->players, player);
}

void hearing_fini(struct hearing *hearing)
{
	text_fini(&hearing->replies);
	free_arrivals(hearing->arrivals, hearing->arrival_count);
}

/* Takes a whole reply off at: its lines joined by LF, with the code once. False: there is none. */
static bool take_reply(const struct text *replies, size_t *at, struct text *reply)
{
	bool is_last = false, is_first = true;

	text_fini(reply);
	while (!is_last && *at < replies->len) {
		const char *line = replies->bytes + *at;
		const char *end = memchr(line, '\n', replies->len - *at);

		cr_assert(end && end - line >= 5 && end[-1] == '\r', "half a reply: %s",
			line);
		is_last = line[3] == ' ';
		if (!is_first)
			text_add(reply, "\n", 1);
		line += is_first ? 0 : 4;
		text_add(reply, line, (size_t)(end - 1 - line));
		if (is_first && reply->len > 3)
			reply->bytes[3] = ' ';
		is_first = false;
		*at = (size_t)(end + 1 - replies->bytes);
	}
	return is_last;
}

static void judge_replies(
	const struct transcript *t, const struct hearing *hearing, const char *how)
{
	struct text reply = {0};
	size_t at = 0;
	bool closes = false, is_cut = false;

	for (const struct step *step = t->steps; step < t->steps + t->step_count;
		step++) {
		closes |= step->kind == STEP_CLOSE;
		is_cut |= step->kind == STEP_CUT;
		if (step->kind == STEP_NOT)
			cr_assert(fnmatch(step->text.bytes, reply.bytes, 0),
				"%s:%u (%s): heard \"%s\"", t->path, step->line, how,
				reply.bytes);
		for (size_t i = 0; i < step->count && step->kind == STEP_HEAR; i++) {
			cr_assert(take_reply(&hearing->replies, &at, &reply),
				"%s:%u (%s): no reply instead of %s", t->path, step->line,
				how, step->text.bytes);
			cr_assert_eq(fnmatch(step->text.bytes, reply.bytes, 0), 0,
				"%s:%u (%s): heard \"%s\"", t->path, step->line, how,
				reply.bytes);
		}
	}
	cr_assert_not(take_reply(&hearing->replies, &at, &reply),
		"%s (%s): heard also \"%s\"", t->path, how, reply.bytes);
	cr_assert(is_cut || hearing->closed == closes, "%s (%s): %s", t->path, how,
		closes ? "not closed" : "closed");
	text_fini(&reply);
}

void transcript_judge(
	const struct transcript *t, const struct hearing *hearing, const char *how)
{
	judge_replies(t, hearing, how);
	cr_assert_eq(hearing->arrival_count, t->arrival_count,
		"%s (%s): %zu messages arrived", t->path, how, hearing->arrival_count);
	for (size_t i = 0; i < t->arrival_count; i++) {
		const struct arrival *want = &t->arrivals[i],
				     *got = &hearing->arrivals[i];

		cr_assert_str_eq(got->sender.bytes, want->sender.bytes,
			"%s (%s): from %s", t->path, how, got->sender.bytes);
		cr_assert_str_eq(got->recipients.bytes, want->recipients.bytes,
			"%s (%s): to %s", t->path, how, got->recipients.bytes);
		cr_assert(got->body.len == want->body.len &&
				  !memcmp(got->body.bytes, want->body.bytes,
					  want->body.len),
			"%s (%s): message %zu is\n%.2000s", t->path, how, i,
			got->body.bytes);
	}
}

/* One test a file: its path is the parameter. */
struct transcript_path {
	char text[512];
};

static struct criterion_test_params transcript_paths(void)
{
	static struct transcript_path *paths;
	glob_t found;

	cr_assert_eq(glob(TESTS_DIR "/transcripts/*.txt", 0, NULL, &found), 0);
	paths = cr_malloc(found.gl_pathc * sizeof *paths);
	for (size_t i = 0; i < found.gl_pathc; i++)
		snprintf(paths[i].text, sizeof paths[i].text, "%s", found.gl_pathv[i]);
	struct criterion_test_params params = {
		.size = sizeof *paths, .params = paths, .length = found.gl_pathc};

	globfree(&found);
	return params;
}
