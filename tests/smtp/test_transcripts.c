/* SPDX-License-Identifier: ISC */
#include "../support/transcript.c"

/*
 * The transcripts against the pure machine: all at once, byte by byte, and in pieces that fit
 * nothing. The questions are answered as the relay would, or as the file says.
 */
struct play {
	const struct transcript *transcript;
	struct smtp_server machine;
	struct hearing hearing;
	struct arrival open; /* the transaction under way */
	bool upgrading;      /* STARTTLS was said yes to */
};

static void drop_open(struct play *play)
{
	free_arrivals(&play->open, 1);
	play->open = (struct arrival){0};
}

static const struct transcript_answer *find_answer(
	const struct transcript *t, const char *question, const char *subject)
{
	for (size_t i = 0; i < t->answer_count; i++)
		if (strcmp(t->answers[i].question, question) == 0 &&
			fnmatch(t->answers[i].glob, subject, 0) == 0)
			return &t->answers[i];
	return NULL;
}

/* As relay/policy.c does it. */
static bool is_refused(const struct smtp_address *address)
{
	const char *domain = smtp_address_domain(address);

	return smtp_domain_is_literal(domain, strlen(domain)) ||
	       (!*domain && strcasecmp(address->text, "postmaster"));
}

static void answer_mail(
	struct play *play, const struct smtp_question *question, struct smtp_reply *reply)
{
	text_add(&play->open.sender, question->address->text, question->address->len);
	text_add(&play->open.body, "", 0);
	smtp_reply_set(reply, 250, "2.1.0", "ok");
}

static void answer_rcpt(
	struct play *play, const struct smtp_question *question, struct smtp_reply *reply)
{
	struct text *recipients = &play->open.recipients;

	smtp_reply_set(reply, 250, "2.1.5", "ok");
	if (is_refused(question->address)) {
		smtp_reply_set(reply, 550, "5.1.3", "not relayed");
		return;
	}
	if (find_answer(play->transcript, "rcpt", question->address->text))
		return;
	if (recipients->len)
		text_add(recipients, ", ", 2);
	text_add(recipients, question->address->text, question->address->len);
	if (!*smtp_address_domain(question->address))
		text_add(recipients, "@mail.corp.example", 18);
}

static void answer_end(struct play *play, struct smtp_reply *reply)
{
	struct hearing *hearing = &play->hearing;

	smtp_reply_set(reply, 250, "2.0.0", "queued");
	if (find_answer(play->transcript, "end", "")) {
		drop_open(play);
		return;
	}
	cr_assert_lt(hearing->arrival_count, TRANSCRIPT_ARRIVALS_MAX);
	hearing->arrivals[hearing->arrival_count++] = play->open;
	play->open = (struct arrival){0};
}

static void answer_auth(const struct smtp_question *question, struct smtp_reply *reply)
{
	bool is_right = strcmp(question->auth->user, "exchange") == 0 &&
	                strcmp(question->auth->password, "secret") == 0;

	if (is_right)
		smtp_reply_set(reply, 235, "2.7.0", "welcome");
	else
		smtp_reply_set(reply, 535, "5.7.8", "wrong user or password");
}

/* The relay's part. Returns false when no answer is due. */
static bool decide(
	struct play *play, const struct smtp_question *question, struct smtp_reply *reply)
{
	switch (question->ask) {
	case SMTP_ASK_HELO:
		smtp_reply_set(reply, 250, "", "mail.corp.example");
		return true;
	case SMTP_ASK_MAIL:
		answer_mail(play, question, reply);
		return true;
	case SMTP_ASK_RCPT:
		answer_rcpt(play, question, reply);
		return true;
	case SMTP_ASK_DATA:
		smtp_reply_set(reply, question->chunked ? 250 : 354, "", "go");
		return true;
	case SMTP_ASK_BODY:
		text_add(&play->open.body, question->text, question->len);
		return false;
	case SMTP_ASK_END:
		answer_end(play, reply);
		return true;
	case SMTP_ASK_RESET:
		drop_open(play);
		return false;
	case SMTP_ASK_STARTTLS:
		play->upgrading = true;
		smtp_reply_set(reply, 220, "2.0.0", "go");
		return true;
	case SMTP_ASK_AUTH:
		answer_auth(question, reply);
		return true;
	case SMTP_ASK_INPUT:
	case SMTP_ASK_CLOSE:
		return false;
	}
	return false;
}

/* answer: of the file, which is about a question and its subject. */
static void overrule(
	struct play *play, const struct smtp_question *question, struct smtp_reply *reply)
{
	static const char *const names[] = {[SMTP_ASK_MAIL] = "mail",
		[SMTP_ASK_RCPT] = "rcpt",
		[SMTP_ASK_DATA] = "data",
		[SMTP_ASK_END] = "end",
		[SMTP_ASK_AUTH] = "auth",
		[SMTP_ASK_CLOSE] = NULL};
	const char *subject = question->address ? question->address->text : "";
	const char *name = names[question->ask];
	const struct transcript_answer *answer =
		name ? find_answer(play->transcript, name, subject) : NULL;

	if (!answer)
		return;
	smtp_reply_set(reply, answer->code, answer->enhanced, "as the file says");
	if (question->ask == SMTP_ASK_MAIL && answer->code >= 400)
		drop_open(play);
}

static void take_output(struct play *play)
{
	text_add(&play->hearing.replies, play->machine.out, play->machine.out_len);
	smtp_server_sent(&play->machine, play->machine.out_len);
}

/* Gives the machine len bytes, piece by piece, until it wants no more. */
static void feed(struct play *play, const char *bytes, size_t len, size_t piece)
{
	struct smtp_question question;
	struct smtp_reply reply;
	size_t at = 0, given = 0;

	while (!play->hearing.closed && !play->upgrading) {
		size_t used = smtp_server_next(
			&play->machine, bytes + at, given - at, &question);

		at += used;
		if (decide(play, &question, &reply)) {
			overrule(play, &question, &reply);
			smtp_server_answer(&play->machine, &reply);
		}
		take_output(play);
		play->hearing.closed = question.ask == SMTP_ASK_CLOSE;
		if (question.ask != SMTP_ASK_INPUT || used)
			continue;
		if (given == len)
			break;
		given = len - given < piece ? len : given + piece;
	}
}

static void run_steps(struct play *play, size_t piece)
{
	const struct transcript *t = play->transcript;
	struct text said = {0};

	text_add(&said, "", 0);
	for (const struct step *step = t->steps; step < t->steps + t->step_count;
		step++) {
		for (size_t i = 0; step->kind == STEP_SAY && i < step->count; i++)
			text_add(&said, step->text.bytes, step->text.len);
		if (step->kind == STEP_CUT)
			break;
		if (step->kind != STEP_TLS)
			continue;
		feed(play, said.bytes, said.len, piece);
		cr_assert(play->upgrading, "%s:%u: no STARTTLS", t->path, step->line);
		play->upgrading = false;
		smtp_server_secured(&play->machine);
		said.len = 0;
	}
	feed(play, said.bytes, said.len, piece);
	text_fini(&said);
}

static void play_transcript(const struct transcript *t, size_t piece, const char *how)
{
	struct play *play = calloc(1, sizeof *play);

	play->transcript = t;
	smtp_server_init(&play->machine, &t->options);
	run_steps(play, piece);
	transcript_judge(t, &play->hearing, how);
	drop_open(play);
	hearing_fini(&play->hearing);
	free(play);
}

ParameterizedTestParameters(transcripts, played_by_the_machine)
{
	return transcript_paths();
}

ParameterizedTest(
	struct transcript_path *path, transcripts, played_by_the_machine, .timeout = 60)
{
	size_t count;
	struct transcript *transcripts = transcripts_load(path->text, &count);

	for (size_t i = 0; i < count; i++) {
		const struct transcript *t = &transcripts[i];

		if (!transcript_is_for(t, "machine"))
			continue;
		play_transcript(t, SIZE_MAX / 2, "all at once");
		play_transcript(t, 1, "byte by byte");
		play_transcript(t, 7, "in sevens");
	}
	transcripts_free(transcripts, count);
}
