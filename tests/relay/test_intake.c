/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/dispatch.h"
#include "relay/intake.h"
#include "relay/mem.h"

/* The spool and the queue are played by the test: they keep the one message that is taken. */
struct spool {
	struct buf body, envelope;
	spool_done_cb done;
	void *owner;
};

struct spool_writer {
	struct spool *spool;
};

struct spool_transaction {
	struct spool *spool;
};

struct dispatch {
	struct message *submitted;
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
	return 7;
}

void spool_id_format(uint64_t id, char *text)
{
	snprintf(text, SPOOL_ID_TEXT, "%010llu", (unsigned long long)id);
}

int spool_append(struct spool_writer *writer, const void *bytes, size_t len)
{
	buf_append(&writer->spool->body, bytes, len);
	return 0;
}

bool spool_writer_is_full(const struct spool_writer *writer)
{
	(void)writer;
	return false;
}

void spool_writer_wait(
	struct spool_writer *writer, void (*drained)(void *owner), void *owner)
{
	(void)writer;
	(void)drained;
	(void)owner;
}

uint64_t spool_writer_size(const struct spool_writer *writer)
{
	return writer->spool->body.len;
}

void spool_abandon(struct spool_writer *writer)
{
	free(writer);
}

struct spool_transaction *spool_begin(struct spool *spool)
{
	struct spool_transaction *transaction = mem_alloc(sizeof *transaction);

	transaction->spool = spool;
	return transaction;
}

int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len)
{
	buf_append(&transaction->spool->envelope, envelope, len);
	free(writer);
	return 0;
}

void spool_commit(struct spool_transaction *transaction, spool_done_cb done, void *owner)
{
	transaction->spool->done = done;
	transaction->spool->owner = owner;
	free(transaction);
}

void spool_discard(struct spool_transaction *transaction)
{
	free(transaction);
}

void dispatch_submit(struct dispatch *dispatch, struct message *message)
{
	dispatch->submitted = message;
}

static void on_done(void *owner, int status)
{
	cr_assert_eq(status, 0);
	++*(unsigned *)owner;
}

/* What is handed in, and what the spool and the queue have of it then. */
struct taken {
	struct spool spool;
	struct dispatch dispatch;
	struct envelope envelope;
	const char **lists;
};

struct handed_in {
	const char *sender, *recipient, *text;
	struct smtp_mail mail;
	struct smtp_rcpt wishes;
	struct intake_client client;
};

static void take(const struct handed_in *in, struct taken *taken)
{
	struct config config = {.hostname = (char *)"mail.corp.example"};
	struct relay relay = {.config = &config,
		.spool = &taken->spool,
		.dispatch = &taken->dispatch,
		.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};
	struct intake_client client = in->client;
	unsigned done = 0;

	client.ip = client.ip ? client.ip : "192.0.2.7";
	client.helo = "client.example";
	client.extended = true;
	struct intake *intake = intake_new(&relay, in->sender, &in->mail);

	intake_add_recipient(intake, mem_strdup(in->recipient), &in->wishes);
	cr_assert_eq(intake_open(intake, &client), 0);
	intake_append(intake, in->text, strlen(in->text));
	cr_assert_eq(intake_commit(intake, on_done, &done), 0);
	cr_assert_eq(done, 0, "not before it is durable");
	taken->spool.done(taken->spool.owner, 0);
	cr_assert_eq(done, 1);
	intake_free(intake);
	cr_assert_eq(envelope_decode(taken->spool.envelope.bytes,
			     taken->spool.envelope.len, &taken->envelope, &taken->lists),
		0);
	buf_append(&taken->spool.body, "", 1);
}

static void drop(struct taken *taken)
{
	free(taken->lists);
	message_free(taken->dispatch.submitted);
	buf_fini(&taken->spool.body);
	buf_fini(&taken->spool.envelope);
}

Test(intake, what_the_sender_wants_to_hear_is_kept)
{
	struct handed_in in = {.sender = "ann@corp.example",
		.recipient = "bob@dest.example",
		.text = "From: ann@corp.example\r\n\r\nx\r\n",
		.mail = {.ret = SMTP_RET_HDRS, .envid = "QQ+2B1"},
		.wishes = {.notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY,
			.orcpt = "rfc822;old@dest.example"}};
	struct taken taken = {.lists = NULL};

	take(&in, &taken);
	cr_expect_eq(taken.envelope.ret, SMTP_RET_HDRS);
	cr_expect_str_eq(taken.envelope.envid, "QQ+2B1");
	cr_expect_eq(taken.envelope.notify[0], in.wishes.notify);
	cr_expect_str_eq(taken.envelope.orcpts[0], "rfc822;old@dest.example");
	cr_expect_str_eq(taken.envelope.author, "corp.example");
	cr_expect_eq(taken.dispatch.submitted->recipients[0].notify, in.wishes.notify);
	cr_expect_not(taken.envelope.utf8 || taken.dispatch.submitted->utf8);
	cr_expect(strstr(taken.spool.body.bytes, "with ESMTP id 0000000007\r\n"
						 "\tfor <bob@dest.example>;"));
	drop(&taken);
}

#define OE "\xc3\xb6"

/* SMTPUTF8 is asked of the next hop where an address or the header needs it (RFC 6531 3.2). */
Test(intake, smtputf8_is_needed_for_what_is_not_ascii)
{
	static const struct {
		const char *sender, *recipient, *text;
		bool says, needs;
	} rows[] = {
		{"a@corp.example", "b@dest.example", "A: b\r\n\r\nx\r\n", true, false},
		{"a@corp.example", "b@dest.example", "A: b\r\n\r\n" OE "\r\n", true,
			false},
		{"a@corp.example", "b@dest.example", "A: " OE "\r\n\r\nx\r\n", true,
			true},
		{"a@corp.example", "b@dest.example", "A: " OE "\r\n\r\nx\r\n", false,
			false},
		{"j" OE "@corp.example", "b@dest.example", "A: b\r\n\r\nx\r\n", true,
			true},
		{"a@corp.example", "b" OE "@dest.example", "A: b\r\n\r\nx\r\n", true,
			true},
		{"a@c" OE "rp.example", "b@d" OE "st.example", "A: b\r\n\r\nx\r\n", true,
			false},
		{"a@corp.example", "b@\xe2\x80\xae.example", "A: b\r\n\r\nx\r\n", true,
			true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct handed_in in = {.sender = rows[i].sender,
			.recipient = rows[i].recipient,
			.text = rows[i].text,
			.mail = {.utf8 = rows[i].says}};
		struct taken taken = {.lists = NULL};

		take(&in, &taken);
		cr_expect_eq(taken.envelope.utf8, rows[i].needs, "row %zu", i);
		cr_expect_eq(taken.dispatch.submitted->utf8, rows[i].needs, "row %zu", i);
		cr_expect_eq(!!strstr(taken.spool.body.bytes, "with UTF8SMTP id"),
			rows[i].says, "row %zu", i);
		drop(&taken);
	}
}

Test(intake, domains_get_the_form_that_the_dns_knows)
{
	struct handed_in in = {.sender = "ann@c" OE "rp.example",
		.recipient = "b" OE "b@d" OE "st.example",
		.text = "From: <ann@k" OE "ln.example>\r\n\r\nx\r\n",
		.mail = {.utf8 = true}};
	struct taken taken = {.lists = NULL};

	take(&in, &taken);
	cr_expect_str_eq(taken.envelope.sender, "ann@xn--crp-sna.example");
	cr_expect_str_eq(taken.envelope.recipients[0], "b" OE "b@xn--dst-sna.example");
	cr_expect_str_eq(taken.envelope.author, "xn--kln-sna.example");
	cr_expect_null(
		strstr(taken.spool.body.bytes, "\tfor <"), "it has bytes above 127");
	drop(&taken);
}

Test(intake, our_line_tells_how_it_came)
{
	static const struct {
		struct intake_client client;
		const char *word;
	} rows[] = {
		{{.tls = NULL}, "with ESMTP id"},
		{{.tls = "TLSv1.3 X"}, "with ESMTPS (TLSv1.3 X) id"},
		{{.authenticated = true}, "with ESMTPA id"},
		{{.tls = "TLSv1.3 X", .authenticated = true}, "with ESMTPSA (TLSv1.3 X) id"},
		{{.ip = "2001:db8::7"}, "([IPv6:2001:db8::7])"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct handed_in in = {.sender = "",
			.recipient = "b@dest.example",
			.text = "\r\n",
			.client = rows[i].client};
		struct taken taken = {.lists = NULL};

		take(&in, &taken);
		cr_expect(strstr(taken.spool.body.bytes, rows[i].word), "%s: %s",
			rows[i].word, taken.spool.body.bytes);
		drop(&taken);
	}
}

Test(intake, what_was_begun_can_be_dropped_at_any_time)
{
	struct config config = {.hostname = (char *)"mail.corp.example"};
	struct spool spool = {.done = NULL};
	struct relay relay = {.config = &config, .spool = &spool};
	struct intake_client client = {.ip = "192.0.2.7", .helo = "x"};
	struct smtp_mail mail = {.envid = "x"};
	struct smtp_rcpt wishes = {.orcpt = "rfc822;x@y"};

	for (int steps = 0; steps < 3; steps++) {
		struct intake *intake = intake_new(&relay, "a@corp.example", &mail);

		for (int i = 0; steps > 0 && i < 10; i++)
			intake_add_recipient(
				intake, mem_strdup("b@dest.example"), &wishes);
		if (steps > 1)
			cr_assert_eq(intake_open(intake, &client), 0);
		intake_free(intake);
	}
	intake_free(NULL);
	buf_fini(&spool.body);
}
