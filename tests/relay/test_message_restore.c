/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>

#include "relay/message_restore.h"

/* A message to two and the stored state of one of them. */
struct stored {
	struct buf envelope, record;
	struct spool_item message, state;
};

static void store(struct stored *stored, enum recipient_state state, uint32_t recipient)
{
	static const char *const addresses[] = {"bob@dest.example", "eve@dest.example"};
	static const char *const signers[] = {"corp.example", "isp.example"};
	struct envelope envelope = {.received = 5,
		.sender = "ann@corp.example",
		.recipients = addresses,
		.count = 2,
		.eight_bit = true,
		.client = "192.0.2.7",
		.author = "news.corp.example",
		.signers = signers,
		.signer_count = 2};
	struct recipient_record record = {.state = state,
		.reason = REASON_PTR_MISSING,
		.origin = HOLD_PREFLIGHT,
		.attempts = 3,
		.next_attempt = 11,
		.first_deferral = 12,
		.held_since = 13,
		.subject = "192.0.2.25"};

	*stored = (struct stored){0};
	envelope_encode(&envelope, &stored->envelope);
	recipient_record_encode(&record, &stored->record);
	stored->message = (struct spool_item){.id = 9,
		.body_size = 100,
		.bytes = stored->envelope.bytes,
		.len = stored->envelope.len};
	stored->state = (struct spool_item){.id = 9,
		.is_state = true,
		.recipient = recipient,
		.bytes = stored->record.bytes,
		.len = stored->record.len};
}

static void fini(struct stored *stored)
{
	buf_fini(&stored->envelope);
	buf_fini(&stored->record);
}

Test(message_restore, brings_back_envelope_and_states)
{
	struct stored stored;
	struct message *message;
	const char *signers[SMTP_SIGNERS_MAX];
	struct recipient_record record;

	store(&stored, RCPT_HELD, 1);
	cr_assert_eq(message_restore(&stored.message, &message), 0);
	cr_assert_eq(message->id, 9);
	cr_assert_eq(message->size, 100);
	cr_assert_eq(message->received, 5);
	cr_assert_eq(message->count, 2);
	cr_assert_eq(message->open, 2);
	cr_assert(message->eight_bit);
	cr_assert_str_eq(message->sender, "ann@corp.example");
	cr_assert_str_eq(message->author, "news.corp.example");
	cr_assert_eq(message_signers(message, signers), 2);
	cr_assert_str_eq(signers[0], "corp.example");
	cr_assert_str_eq(signers[1], "isp.example");
	cr_assert_eq(message->recipients[1].state, RCPT_QUEUED);
	const struct recipient *held =
		message_restore_state(message, &stored.state, &record);

	cr_assert_eq(held, &message->recipients[1]);
	cr_assert_str_eq(record.subject, "192.0.2.25");
	cr_assert_eq(message->open, 2);
	cr_assert_eq(message->recipients[0].state, RCPT_QUEUED);
	cr_assert_eq(message->recipients[0].attempts, 0);
	cr_assert_str_eq(held->address, "eve@dest.example");
	cr_assert_eq(held->state, RCPT_HELD);
	cr_assert_eq(held->reason, REASON_PTR_MISSING);
	cr_assert_eq(held->origin, HOLD_PREFLIGHT);
	cr_assert_eq(held->attempts, 3);
	cr_assert_eq(held->next_attempt, 11);
	cr_assert_eq(held->first_deferral, 12);
	cr_assert_eq(held->held_since, 13);
	message_free(message);
	fini(&stored);
}

Test(message_restore, counts_only_what_is_still_to_be_done)
{
	static const enum recipient_state closed[] = {
		RCPT_DELIVERED, RCPT_BOUNCED, RCPT_DELETED};

	for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
		struct stored stored;
		struct message *message;
		struct recipient_record record;

		store(&stored, closed[i], 0);
		cr_assert_eq(message_restore(&stored.message, &message), 0);
		for (int again = 0; again < 2; again++) {
			cr_assert_not_null(message_restore_state(
				message, &stored.state, &record));
			cr_expect_eq(message->open, 1, "%s",
				recipient_state_name(closed[i]));
		}
		message_free(message);
		fini(&stored);
	}
}

Test(message_restore, refuses_bytes_that_are_not_ours)
{
	struct stored stored;
	struct message *message;
	struct recipient_record record;

	store(&stored, RCPT_HELD, 2); /* there is no third recipient */
	cr_assert_eq(message_restore(&stored.message, &message), 0);
	cr_expect_null(message_restore_state(message, &stored.state, &record));
	stored.state.recipient = 0;
	stored.state.len--;
	cr_expect_null(message_restore_state(message, &stored.state, &record));
	cr_expect_eq(message->recipients[0].state, RCPT_QUEUED);
	message_free(message);
	stored.message.len--;
	cr_expect_eq(message_restore(&stored.message, &message), -EINVAL);
	fini(&stored);
}
