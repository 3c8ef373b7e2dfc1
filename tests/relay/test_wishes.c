/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>

#include "relay/wishes.h"

/* The spool is played: it gives an envelope when the test says so. */
static struct {
	spool_load_cb cb;
	void *owner;
	unsigned heard;
	struct message *message;
	struct recipient *rcpts[2];
} scene;

int spool_load(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner)
{
	(void)spool;
	cr_assert_eq(id, 7);
	scene.cb = cb;
	scene.owner = owner;
	return 0;
}

static const char *const rcpts[] = {"b@one.example", "c@two.example", "d@two.example"};
static const char *const orcpts[] = {"rfc822;b@old.example", "", "rfc822;d@old.example"};
static const uint8_t notify[] = {0, SMTP_NOTIFY_NEVER, SMTP_NOTIFY_SUCCESS};
static const struct envelope wishing = {.sender = "a@corp.example",
	.recipients = rcpts,
	.count = 3,
	.client = "10.0.0.5",
	.ret = SMTP_RET_HDRS,
	.envid = "QQ314159",
	.notify = notify,
	.orcpts = orcpts};

static void setup(void)
{
	scene.message = message_new(7, 100, &wishing);
	scene.rcpts[0] = &scene.message->recipients[2];
	scene.rcpts[1] = &scene.message->recipients[1];
}

static void teardown(void)
{
	message_free(scene.message);
}

TestSuite(wishes, .init = setup, .fini = teardown);

static void on_read(void *owner)
{
	(void)owner;
	scene.heard++;
}

static struct wishes *begin(void)
{
	return wishes_read(NULL, scene.rcpts, 2, on_read, NULL);
}

static void give(int status)
{
	struct buf bytes = {0};

	envelope_encode(&wishing, &bytes);
	struct spool_entry entry = {.envelope = bytes.bytes, .envelope_len = bytes.len};

	scene.cb(scene.owner, status, status ? NULL : &entry);
	buf_fini(&bytes);
}

Test(wishes, each_recipient_gets_its_own)
{
	struct smtp_transaction transaction = {0};
	struct wishes *wishes = begin();

	cr_assert_eq(scene.heard, 0);
	give(0);
	cr_assert_eq(scene.heard, 1);
	wishes_add(wishes, &transaction);
	cr_assert_eq(transaction.ret, SMTP_RET_HDRS);
	cr_assert_str_eq(transaction.envid, "QQ314159");
	cr_assert_eq(transaction.notify[0], SMTP_NOTIFY_SUCCESS);
	cr_assert_eq(transaction.notify[1], SMTP_NOTIFY_NEVER);
	cr_assert_str_eq(transaction.orcpts[0], "rfc822;d@old.example");
	cr_assert_str_eq(transaction.orcpts[1], "");
	wishes_free(wishes);
}

Test(wishes, what_cannot_be_read_is_not_wished)
{
	struct smtp_transaction transaction = {0};
	struct wishes *wishes = begin();

	give(-EBADMSG);
	wishes_add(wishes, &transaction);
	cr_assert_eq(transaction.ret, SMTP_RET_NOT_GIVEN);
	cr_assert_null(transaction.envid);
	cr_assert_eq(transaction.notify[0], SMTP_NOTIFY_SUCCESS, "the queue knows that");
	cr_assert_str_eq(transaction.orcpts[0], "");
	wishes_free(wishes);
}

Test(wishes, nobody_waits_any_more)
{
	wishes_free(begin());
	give(0);
	cr_assert_eq(scene.heard, 0);
	wishes_free(NULL);
}

Test(wishes, a_message_knows_whether_it_has_any)
{
	struct envelope envelopes[] = {wishing, wishing, wishing, wishing, wishing};

	for (size_t i = 0; i < 5; i++) {
		struct envelope *envelope = &envelopes[i];

		if (i != 0)
			envelope->ret = SMTP_RET_NOT_GIVEN;
		if (i != 1)
			envelope->envid = "";
		if (i != 2)
			envelope->notify = NULL;
		if (i != 3)
			envelope->orcpts = NULL;
		struct message *message = message_new(7, 100, envelope);

		cr_assert_eq(message->has_wishes, i < 4, "%zu", i);
		message_free(message);
	}
}

/* As intake.c describes a message of a client that speaks no DSN: with lists, in which nothing stands. */
Test(wishes, what_nobody_gave_is_not_read_back)
{
	static const uint8_t none[3];
	static const char *const empty[] = {"", NULL, ""};
	struct envelope envelope = wishing;

	envelope.ret = SMTP_RET_NOT_GIVEN;
	envelope.envid = NULL;
	envelope.notify = none;
	envelope.orcpts = empty;
	struct message *message = message_new(7, 100, &envelope);

	cr_assert_not(message->has_wishes);
	message_free(message);
}
