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
		if ((packets == BY_STEPS && is_said) || step->kind == STEP_TLS) {
			send_all(&said, packets);
			said.len = 0;
		}
		if (step->kind == STEP_TLS)
			fake_secure();
	}
	send_all(&said, packets);
	text_fini(&said);
}

static void connect_as(const struct transcript *t)
{
	fake_init();
	fake.config.message_size_limit = t->options.size_limit;
	fake.config.recipient_limit = t->options.recipient_limit;
	fake.options.newlines = t->options.newlines;
	fake.options.extensions = t->options.extensions;
	fake.options.auth_needs_tls = t->options.auth_needs_tls;
	fake_connect();
}

static void play(const struct transcript *t, enum packets packets)
{
	hearing = (struct hearing){0};
	connect_as(t);
	fake.arrived = on_arrived;
	send_steps(t, packets);
	hearing.closed = fake.conn.closed;
	text_add(&hearing.replies, fake.conn.out.bytes, fake.conn.out.len);
	fake_fini();
	transcript_judge(t, &hearing, packet_names[packets]);
	hearing_fini(&hearing);
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
		for (enum packets packets = BY_STEPS; packets < PACKETS; packets++)
			play(t, packets);
	}
	transcripts_free(transcripts, count);
}
