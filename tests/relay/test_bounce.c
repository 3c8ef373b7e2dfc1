/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "relay/bounce.h"
#include "relay/mem.h"

/* The spool is played by the test: it keeps the one message that is written. */
struct spool {
	struct buf body, envelope;
};

struct spool_writer {
	struct spool *spool;
};

struct spool_writer *spool_create(struct spool *spool)
{
	struct spool_writer *writer = mem_alloc(sizeof *writer);

	writer->spool = spool;
	return writer;
}

uint64_t spool_writer_id(const struct spool_writer *writer)
{
	(void)writer;
	return 2000;
}

int spool_append(struct spool_writer *writer, const void *bytes, size_t len)
{
	buf_append(&writer->spool->body, bytes, len);
	return 0;
}

void spool_abandon(struct spool_writer *writer)
{
	free(writer);
}

int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len)
{
	(void)transaction;
	buf_append(&writer->spool->envelope, envelope, len);
	free(writer);
	return 0;
}

/* original.c reads with these; here its result is given. */
struct spool_reader *spool_reader_open(struct spool *spool, uint64_t id, int *error)
{
	(void)spool;
	(void)id;
	(void)error;
	return NULL;
}

uint64_t spool_reader_size(const struct spool_reader *reader)
{
	(void)reader;
	return 0;
}

void spool_reader_next(struct spool_reader *reader, spool_block_cb cb, void *owner)
{
	(void)reader;
	(void)cb;
	(void)owner;
}

void spool_reader_close(struct spool_reader *reader)
{
	(void)reader;
}

static const char *const rcpts[] = {"bob@dest.example", "eve@dest.example"};

static struct message *make_message(const uint8_t *notify)
{
	struct envelope envelope = {.sender = "ann@corp.example",
		.recipients = rcpts,
		.count = 2,
		.client = "192.0.2.7",
		.author = "news.example",
		.notify = notify};

	return message_new(7, 100, &envelope);
}

/* What the stored text says of its author, read as receivers will read it. */
static void expect_author(const struct buf *body, const char *domain)
{
	struct smtp_header_scan scan;

	smtp_header_scan_init(&scan);
	smtp_header_scan_feed(&scan, body->bytes, body->len);
	cr_expect_str_eq(smtp_author_domain(&scan.author), domain);
}

Test(bounce, a_notification_is_ours_and_goes_to_the_sender)
{
	struct spool spool = {.body = {0}};
	struct config config = {.notify_sender = true,
		.hostname = (char *)"mail.corp.example",
		.bounce_from = (char *)"postmaster@Bounces.example"};
	struct relay relay = {.spool = &spool, .config = &config};
	struct message *message = make_message(NULL);
	struct recipient *rcpt = &message->recipients[0];
	struct outcome outcome = {
		.state = RCPT_BOUNCED, .status = "5.1.1", .event = (char *)"refused"};
	struct original original = {.has_envelope = false};
	struct bounce about = {.message = message,
		.rcpts = &rcpt,
		.outcomes = &outcome,
		.count = 1,
		.original = &original};
	struct envelope stored;
	const char **lists;
	int error = 0;
	struct message *bounce = bounce_write(&relay, NULL, &about, &error);

	cr_assert(bounce, "%d", error);
	cr_assert_eq(envelope_decode(
			     spool.envelope.bytes, spool.envelope.len, &stored, &lists),
		0);
	cr_expect_str_eq(stored.sender, "");
	cr_expect_str_eq(stored.recipients[0], "ann@corp.example");
	cr_expect(stored.notification);
	cr_expect_str_eq(stored.author, "Bounces.example");
	cr_expect_eq(stored.signer_count, 0);
	cr_expect_str_eq(bounce->author, stored.author);
	expect_author(&spool.body, "bounces.example");
	cr_expect_not(bounce_is_due(bounce), "never bounced itself");
	cr_expect(bounce_is_due(message));
	free(lists);
	message_free(bounce);
	message_free(message);
	buf_fini(&spool.body);
	buf_fini(&spool.envelope);
}

Test(bounce, the_sender_hears_what_it_asked_for)
{
	static const struct config config = {.notify_sender = true}, silent = {0};
	enum {
		N = SMTP_NOTIFY_NEVER,
		S = SMTP_NOTIFY_SUCCESS,
		F = SMTP_NOTIFY_FAILURE,
		D = SMTP_NOTIFY_DELAY
	};
	static const struct {
		uint8_t notify;
		enum smtp_dsn_action of_bounced, of_delivered, of_delayed;
	} rows[] = {
		{0, SMTP_DSN_FAILED, SMTP_DSN_NONE, SMTP_DSN_DELAYED},
		{N, SMTP_DSN_NONE, SMTP_DSN_NONE, SMTP_DSN_NONE},
		{S, SMTP_DSN_NONE, SMTP_DSN_RELAYED, SMTP_DSN_NONE},
		{F, SMTP_DSN_FAILED, SMTP_DSN_NONE, SMTP_DSN_NONE},
		{D, SMTP_DSN_NONE, SMTP_DSN_NONE, SMTP_DSN_DELAYED},
		{S | F, SMTP_DSN_FAILED, SMTP_DSN_RELAYED, SMTP_DSN_NONE},
		{S | F | D, SMTP_DSN_FAILED, SMTP_DSN_RELAYED, SMTP_DSN_DELAYED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t notify[] = {rows[i].notify, 0};
		struct message *message = make_message(notify);
		struct recipient *rcpt = &message->recipients[0];

		for (int state = RCPT_QUEUED; state <= RCPT_DELETED; state++) {
			struct outcome outcome = {.state = (enum recipient_state)state};
			enum smtp_dsn_action want =
				state == RCPT_BOUNCED     ? rows[i].of_bounced
				: state == RCPT_DELIVERED ? rows[i].of_delivered
							  : SMTP_DSN_NONE;

			cr_expect_eq(bounce_tells(&config, rcpt, &outcome), want,
				"row %zu, state %d", i, state);
			cr_expect_eq(bounce_tells(&silent, rcpt, &outcome), SMTP_DSN_NONE,
				"notify_sender = off");
			message->notification = true;
			cr_expect_eq(
				bounce_tells(&config, rcpt, &outcome), SMTP_DSN_NONE);
			message->notification = false;
			outcome.dsn_passed = outcome.is_report_owed = true;
			cr_expect_eq(bounce_tells(&config, rcpt, &outcome), SMTP_DSN_NONE,
				"somebody else reports");
			outcome.is_notice = true;
			cr_expect_eq(bounce_tells(&config, rcpt, &outcome),
				rows[i].of_delayed);
		}
		message_free(message);
	}
}

/* A notification about two recipients, and its text; the caller frees the text. */
static char *tell(const struct outcome outcomes[2], const uint8_t notify[2],
	const struct original *original, struct envelope *stored)
{
	struct spool spool = {.body = {0}};
	struct config config = {.notify_sender = true,
		.hostname = (char *)"mail.corp.example",
		.bounce_from = (char *)"postmaster@bounces.example"};
	struct relay relay = {.spool = &spool, .config = &config};
	struct message *message = make_message(notify);
	struct recipient *list[] = {&message->recipients[0], &message->recipients[1]};
	struct bounce about = {.message = message,
		.rcpts = list,
		.outcomes = outcomes,
		.count = 2,
		.original = original};
	const char **lists;
	int error = 0;

	message_free(bounce_write(&relay, NULL, &about, &error));
	cr_assert_eq(error, 0);
	cr_assert_eq(
		envelope_decode(spool.envelope.bytes, spool.envelope.len, stored, &lists),
		0);
	char *text = mem_strndup(spool.body.bytes, spool.body.len);

	free(lists);
	buf_fini(&spool.body);
	buf_fini(&spool.envelope);
	message_free(message);
	return text;
}

static struct original make_original(const char *text, bool is_whole)
{
	static const char *const orcpts[] = {"rfc822;bob+2Bx@dest.example", ""};
	struct original original = {.has_envelope = true,
		.is_whole = is_whole,
		.envelope = {.envid = "id+2B7", .orcpts = orcpts, .count = 2}};

	buf_append(&original.text, text, strlen(text));
	return original;
}

static const struct outcome relayed = {.state = RCPT_DELIVERED,
	.status = "2.0.0",
	.event = (char *)"delivered to mx.dest.example [198.51.100.7]:25: 250 ok",
	.reply = (char *)"250 ok",
	.remote = (char *)"mx.dest.example [198.51.100.7]:25"};
static const struct outcome failed = {
	.state = RCPT_BOUNCED, .status = "5.1.1", .event = (char *)"refused"};

Test(bounce, it_names_what_the_sender_gave)
{
	static const uint8_t notify[] = {SMTP_NOTIFY_SUCCESS, SMTP_NOTIFY_NEVER};
	struct original original = make_original("Subject: x\r\n\r\nbody\r\n", false);
	struct envelope stored;
	char *text =
		tell((struct outcome[]){relayed, failed}, notify, &original, &stored);

	cr_expect(strstr(text, "\r\nOriginal-Envelope-Id: id+7\r\n"), "%s", text);
	cr_expect(strstr(text, "\r\nOriginal-Recipient: rfc822;bob+x@dest.example\r\n"));
	cr_expect(strstr(text, "\r\nFinal-Recipient: rfc822; bob@dest.example\r\n"
			       "Action: relayed\r\nStatus: 2.0.0\r\n"
			       "Remote-MTA: dns; mx.dest.example\r\n"
			       "Diagnostic-Code: smtp; 250 ok\r\n"));
	cr_expect_null(strstr(text, "eve@"), "NOTIFY=NEVER");
	cr_expect_null(strstr(text, "body"));
	cr_expect_not(stored.utf8);
	free(text);
	original_fini(&original);
}

Test(bounce, all_of_the_original_is_returned_with_failures_only)
{
	static const uint8_t notify[] = {SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE,
		SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE};
	static const struct {
		struct outcome outcomes[2];
		bool is_whole, wanted;
	} rows[] = {
		{{failed, failed}, true, true},
		{{failed, relayed}, true, true},
		{{relayed, relayed}, true, false},
		{{failed, failed}, false, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct original original = make_original("Subject: x\r\n\r\nb\xc3\xb6"
							 "dy\r\n",
			rows[i].is_whole);
		struct envelope stored;
		char *text = tell(rows[i].outcomes, notify, &original, &stored);

		cr_expect(
			strstr(text,
				rows[i].wanted
					? "message/rfc822\r\nContent-Transfer-Encoding: "
					  "8bit\r\n\r\nSubject: x\r\n\r\nb\xc3"
					: "text/rfc822-headers\r\n\r\nSubject: "
					  "x\r\n--"),
			"row %zu: %s", i, text);
		cr_expect_eq(stored.eight_bit, rows[i].wanted);
		free(text);
		original_fini(&original);
	}
}
