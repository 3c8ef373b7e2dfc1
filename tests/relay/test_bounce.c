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

static struct message *make_message(void)
{
	static const char *const recipient = "bob@dest.example";
	struct envelope envelope = {.sender = "ann@corp.example",
		.recipients = &recipient,
		.count = 1,
		.client = "192.0.2.7",
		.author = "news.example"};

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
	struct config config = {.hostname = (char *)"mail.corp.example",
		.bounce_from = (char *)"postmaster@Bounces.example"};
	struct relay relay = {.spool = &spool, .config = &config};
	struct message *message = make_message();
	struct recipient *rcpt = &message->recipients[0];
	struct outcome outcome = {
		.state = RCPT_BOUNCED, .status = "5.1.1", .event = (char *)"refused"};
	struct buf header = {0};
	struct envelope stored;
	const char **lists;
	int error = 0;
	struct message *bounce =
		bounce_write(&relay, NULL, message, &rcpt, &outcome, 1, &header, &error);

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
