/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/queue.h"

static struct message *make(uint64_t id, size_t count)
{
	const char *recipients[] = {"a@one.example", "b@two.example", "c@one.example"};
	struct envelope envelope = {.received = 1000,
		.sender = "s@corp.example",
		.recipients = recipients,
		.count = count};

	return message_new(id, 77, &envelope);
}

Test(queue, a_message_keeps_its_envelope)
{
	struct message *message = make(5, 3);

	cr_assert_str_eq(message->sender, "s@corp.example");
	cr_assert_str_eq(message->author, "");
	cr_assert_eq(recipient_index(&message->recipients[2]), 2);
	cr_assert_str_eq(message->recipients[2].address, "c@one.example");
	cr_assert_str_eq(recipient_domain(&message->recipients[1]), "two.example");
	cr_assert_eq(message->open, 3);
	message_free(message);
}

Test(queue, the_author_is_kept_wherever_its_domain_stands)
{
	static const struct {
		const char *sender, *author, *signer;
	} rows[] = {
		{"s@corp.example", "corp.example", "corp.example"},
		{"s@corp.example", "Corp.example", "isp.example"},
		{"s@corp.example", "other.example", "isp.example"},
		{"s@corp.example", "", "isp.example"},
		{"", "corp.example", "isp.example"},
		{"", "", "isp.example"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *recipient = "a@one.example";
		const char *signers[SMTP_SIGNERS_MAX];
		struct envelope envelope = {.sender = rows[i].sender,
			.author = rows[i].author,
			.signers = &rows[i].signer,
			.signer_count = 1,
			.recipients = &recipient,
			.count = 1};
		struct message *message = message_new(1, 1, &envelope);

		cr_expect_str_eq(message->sender, rows[i].sender, "row %zu", i);
		cr_expect_str_eq(message->author, rows[i].author, "row %zu", i);
		cr_assert_eq(message_signers(message, signers), 1);
		cr_expect_str_eq(signers[0], rows[i].signer, "row %zu", i);
		cr_expect_str_eq(message->recipients[0].address, recipient, "row %zu", i);
		message_free(message);
	}
}

Test(queue, a_walk_goes_on_while_messages_come_and_go)
{
	struct queue *queue = queue_new();
	struct queue_walk walk, other;

	for (uint64_t id = 1; id <= 5; id++)
		queue_add(queue, make(id, 1));
	queue_walk_begin(&walk, queue);
	queue_walk_begin(&other, queue);
	cr_assert_eq(queue_walk_next(&walk)->id, 1);
	queue_remove(queue, queue_find(queue, 1)); /* where it stands */
	queue_remove(queue, queue_find(queue, 2)); /* where it would go */
	queue_remove(queue, queue_find(queue, 3));
	cr_assert_eq(queue_walk_next(&walk)->id, 4);
	queue_add(queue, make(6, 1));
	cr_assert_eq(queue_walk_next(&walk)->id, 5);
	queue_remove(queue, queue_find(queue, 6)); /* the last one */
	cr_assert_null(queue_walk_next(&walk));
	cr_assert_null(queue_walk_next(&walk));
	queue_walk_end(&walk);
	cr_assert_eq(queue_walk_next(&other)->id, 4);
	queue_walk_end(&other);
	queue_free(queue);
}

Test(queue, messages_are_found_by_id_and_listed_as_accepted)
{
	struct queue *queue = queue_new();
	uint64_t expected = 1000;

	for (uint64_t id = 1000; id < 3000; id++)
		queue_add(queue, make(id, 1));
	cr_assert_eq(queue_count(queue), 2000);
	for (struct message *message = queue_first(queue); message;
		message = queue_next(message))
		cr_assert_eq(message->id, expected++);
	for (uint64_t id = 1000; id < 3000; id += 2)
		queue_remove(queue, queue_find(queue, id));
	cr_assert_null(queue_find(queue, 1000));
	cr_assert_eq(queue_find(queue, 1001)->id, 1001);
	cr_assert_eq(queue_count(queue), 1000);
	queue_free(queue);
}

Test(queue, messages_are_sorted_by_id)
{
	struct queue *queue = queue_new();
	uint64_t expected = 0;

	queue_sort(queue);
	for (uint64_t i = 0; i < 1000; i++)
		queue_add(queue, make(i * 7 % 1000, 1));
	queue_sort(queue);
	for (struct message *message = queue_first(queue); message;
		message = queue_next(message))
		cr_assert_eq(message->id, expected++);
	cr_assert_eq(expected, 1000);
	queue_add(queue, make(expected, 1));
	cr_assert_eq(queue_find(queue, 1000)->id, 1000);
	queue_free(queue);
}

Test(queue, the_recipient_due_first_is_found_whatever_the_order_of_planning)
{
	struct queue *queue = queue_new();
	uint32_t chance = 12345;
	int64_t last = 0;

	for (uint64_t id = 0; id < 500; id++) {
		struct message *message = make(id, 3);

		queue_add(queue, message);
		for (int i = 0; i < 3; i++) {
			chance = chance * 1664525 + 1013904223;
			queue_plan(queue, &message->recipients[i], 1 + chance % 10000);
		}
	}
	for (uint64_t id = 0; id < 500; id += 3) /* plans change, and messages go */
		queue_plan(queue, &queue_find(queue, id)->recipients[1], 5000);
	for (uint64_t id = 1; id < 500; id += 3)
		queue_remove(queue, queue_find(queue, id));
	for (struct recipient *rcpt; (rcpt = queue_due(queue));) {
		cr_assert_geq(rcpt->next_attempt, last);
		last = rcpt->next_attempt;
		queue_plan(queue, rcpt, 0);
	}
	cr_assert_gt(last, 0);
	queue_free(queue);
}

Test(queue, the_state_of_a_message_is_the_first_of_active_held_deferred_queued)
{
	struct message *message = make(1, 3);

	cr_assert_eq(message_state(message), RCPT_QUEUED);
	message->recipients[0].state = RCPT_DEFERRED;
	cr_assert_eq(message_state(message), RCPT_DEFERRED);
	message->recipients[1].state = RCPT_HELD;
	cr_assert_eq(message_state(message), RCPT_HELD);
	message->recipients[2].state = RCPT_ACTIVE;
	cr_assert_eq(message_state(message), RCPT_ACTIVE);
	message_free(message);
}

Test(queue, an_endless_walk_meets_what_comes_behind_its_end)
{
	struct queue *queue = queue_new();
	struct queue_walk endless, other;

	queue_walk_begin(&endless, queue);
	endless.is_endless = true;
	queue_walk_begin(&other, queue);
	cr_assert_null(queue_walk_next(&endless));
	for (uint64_t id = 1; id <= 2; id++)
		queue_add(queue, make(id, 1));
	cr_assert_eq(queue_walk_next(&endless)->id, 1);
	cr_assert_eq(queue_walk_next(&endless)->id, 2);
	cr_assert_null(queue_walk_next(&endless));
	queue_add(queue, make(3, 1));
	cr_assert_eq(endless.next->id, 3);
	queue_remove(queue, endless.next);
	cr_assert_null(endless.next);
	cr_assert_null(queue_walk_next(&other), "it ended when it began");
	queue_walk_end(&endless);
	queue_walk_end(&other);
	queue_free(queue);
}

Test(queue, a_message_of_which_a_report_is_owed_has_bounced)
{
	struct message *message = make(1, 2);

	for (int i = 0; i < 2; i++)
		message->recipients[i].state = RCPT_DELIVERED;
	cr_assert_not(message_owes_report(message));
	cr_assert_eq(message_state(message), RCPT_DELIVERED);
	message->recipients[1].state = RCPT_BOUNCED;
	message->recipients[1].is_report_owed = true;
	cr_assert(message_owes_report(message));
	cr_assert_eq(message_state(message), RCPT_BOUNCED);
	cr_assert(recipient_record(&message->recipients[1]).is_report_owed);
	message->recipients[0].state = RCPT_DEFERRED;
	cr_assert_eq(message_state(message), RCPT_DEFERRED);
	message_free(message);
}
