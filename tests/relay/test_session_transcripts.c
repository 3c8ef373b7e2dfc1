/* SPDX-License-Identifier: ISC */
#include "../support/fake_client.c"
#include "../support/transcript.c"

/*
 * The transcripts against the session, its intake and the policy, over a connection that is two
 * buffers: a step at a time, all at once, and byte by byte.
 */
static struct hearing hearing;

/* The message below our own Received field, which intake has put in front. */
static void on_arrived(const struct envelope *envelope, const struct buf *stored)
{
	struct arrival *arrival = &hearing.arrivals[hearing.arrival_count++];
	static const char ours[] = "Received: from ";
	size_t at = 0;

	cr_assert_lt(hearing.arrival_count, TRANSCRIPT_ARRIVALS_MAX);
	cr_assert_eq(strncmp(stored->bytes, ours, sizeof ours - 1), 0);
	do {
		const char *newline = memchr(stored->bytes + at, '\n', stored->len - at);

		at = (size_t)(newline + 1 - stored->bytes);
	} while (at < stored->len && stored->bytes[at] == '\t');
	text_add(&arrival->body, stored->bytes + at, stored->len - at);
	text_add(&arrival->sender, envelope->sender, strlen(envelope->sender));
	for (size_t i = 0; i < envelope->count; i++) {
		if (i)
			text_add(&arrival->recipients, ", ", 2);
		text_add(&arrival->recipients, envelope->recipients[i],
			strlen(envelope->recipients[i]));
	}
}

enum packets { BY_STEPS, AT_ONCE, BY_BYTES, PACKETS };

static const char *const packet_names[] = {
	"a step at a time", "all at once", "byte by byte"};

static void send_all(const struct text *said, enum packets packets)
{
	size_t piece = packets == BY_BYTES ? 1 : said->len;

	for (size_t at = 0; at < said->len; at += piece)
		fake_send(said->bytes + at, piece);
}

static void send_steps(const struct transcript *t, enum packets packets)
{
	struct text said = {0};

	for (const struct step *step = t->steps; step < t->steps + t->step_count;
		step++) {
		bool is_said = step->kind == STEP_SAY;

		for (size_t i = 0; is_said && i < step->count; i++)
			text_add(&said, step->text.bytes, step->text.len);
		if (step->kind == STEP_CUT)
			break;
		cr_assert_neq(step->kind, STEP_TLS, "%s: no TLS here", t->path);
		if (packets == BY_STEPS && is_said) {
			send_all(&said, packets);
			said.len = 0;
		}
	}
	send_all(&said, packets);
	text_fini(&said);
}

static void play(const struct transcript *t, enum packets packets)
{
	hearing = (struct hearing){0};
	fake_init();
	fake.arrived = on_arrived;
	fake.config.message_size_limit = t->options.size_limit;
	fake.config.recipient_limit = t->options.recipient_limit;
	fake.options.newlines = t->options.newlines;
	fake_connect();
	send_steps(t, packets);
	hearing.closed = fake.conn.closed;
	text_add(&hearing.replies, fake.conn.out.bytes, fake.conn.out.len);
	fake_fini();
	transcript_judge(t, &hearing, packet_names[packets]);
	hearing_fini(&hearing);
}

/* Is it announced what the transcript needs? */
static bool is_able(const struct transcript *t)
{
	char words[sizeof t->needs], *at = NULL;
	bool has_all = true;

	fake_init();
	fake_connect();
	fake_send("EHLO x\r\n", 8);
	snprintf(words, sizeof words, "%s", t->needs);
	for (char *word = strtok_r(words, " ", &at); word;
		word = strtok_r(NULL, " ", &at))
		has_all &= memmem(fake.conn.out.bytes, fake.conn.out.len, word,
				   strlen(word)) != NULL;
	fake_fini();
	return has_all;
}

ParameterizedTestParameters(transcripts, played_by_the_session)
{
	return transcript_paths();
}

ParameterizedTest(
	struct transcript_path *path, transcripts, played_by_the_session, .timeout = 60)
{
	size_t count;
	struct transcript *transcripts = transcripts_load(path->text, &count);

	for (size_t i = 0; i < count; i++) {
		const struct transcript *t = &transcripts[i];

		if (!transcript_is_for(t, "session"))
			continue;
		if (!is_able(t)) {
			fprintf(stderr, "skipped %s: waits for %s\n", t->name, t->needs);
			continue;
		}
		for (enum packets packets = BY_STEPS; packets < PACKETS; packets++)
			play(t, packets);
	}
	transcripts_free(transcripts, count);
}
