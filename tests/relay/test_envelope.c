/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "relay/envelope.h"

Test(envelope, it_comes_back_as_it_was)
{
	const char *recipients[] = {"b@dest.example", "c@dest.example"};
	const char *signers[] = {"corp.example", "isp.example"};
	static const uint8_t notify[] = {
		SMTP_NOTIFY_NEVER, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY};
	const char *orcpts[] = {NULL, "rfc822;c+2Bd@dest.example"};
	struct envelope envelope = {.received = 1764000000123,
		.sender = "",
		.recipients = recipients,
		.count = 2,
		.eight_bit = true,
		.utf8 = true,
		.ret = SMTP_RET_FULL,
		.envid = "QQ+2B1",
		.notify = notify,
		.orcpts = orcpts,
		.client = "192.0.2.7",
		.author = "corp.example",
		.signers = signers,
		.signer_count = 2};
	struct envelope back;
	struct buf bytes = {0};
	const char **list;

	envelope_encode(&envelope, &bytes);
	cr_assert_eq(envelope_decode(bytes.bytes, bytes.len, &back, &list), 0);
	cr_assert_eq(back.received, envelope.received);
	cr_assert_str_eq(back.sender, "");
	cr_assert_str_eq(back.client, "192.0.2.7");
	cr_assert_eq(back.count, 2);
	cr_assert_str_eq(back.recipients[1], "c@dest.example");
	cr_assert_str_eq(back.author, "corp.example");
	cr_assert_eq(back.signer_count, 2);
	cr_assert_str_eq(back.signers[1], "isp.example");
	cr_assert(back.eight_bit && back.utf8 && !back.notification);
	cr_assert_eq(back.ret, SMTP_RET_FULL);
	cr_assert_str_eq(back.envid, "QQ+2B1");
	cr_assert_arr_eq(back.notify, notify, 2);
	cr_assert_str_eq(back.orcpts[0], "");
	cr_assert_str_eq(back.orcpts[1], orcpts[1]);
	free(list);
	for (size_t cut = 0; cut < bytes.len; cut++)
		cr_assert_neq(envelope_decode(bytes.bytes, cut, &back, &list), 0,
			"cut at %zu", cut);
	for (char version = 0; version < 9; version++) {
		bytes.bytes[0] = version;
		if (version != 3)
			cr_assert_neq(
				envelope_decode(bytes.bytes, bytes.len, &back, &list), 0,
				"version %d", version);
	}
	buf_fini(&bytes);
}

Test(envelope, what_is_to_be_returned_comes_back)
{
	const char *recipient = "b@dest.example";

	for (int ret = SMTP_RET_NOT_GIVEN; ret <= SMTP_RET_HDRS; ret++) {
		struct envelope back, envelope = {.sender = "",
					      .recipients = &recipient,
					      .count = 1,
					      .client = "",
					      .ret = (enum smtp_ret)ret};
		struct buf bytes = {0};
		const char **list;

		envelope_encode(&envelope, &bytes);
		cr_assert_eq(envelope_decode(bytes.bytes, bytes.len, &back, &list), 0);
		cr_assert_eq(back.ret, envelope.ret);
		cr_assert_eq(back.notify[0], 0);
		free(list);
		buf_fini(&bytes);
	}
}

Test(envelope, an_unknown_author_stays_unknown_and_too_many_signers_are_refused)
{
	const char *recipient = "b@dest.example";
	const char *signers[SMTP_SIGNERS_MAX + 1];
	struct envelope envelope = {.sender = "",
		.recipients = &recipient,
		.count = 1,
		.client = "",
		.signers = signers,
		.signer_count = SMTP_SIGNERS_MAX};
	struct envelope back;
	struct buf bytes = {0};
	const char **list;

	for (size_t i = 0; i <= SMTP_SIGNERS_MAX; i++)
		signers[i] = "corp.example";
	envelope_encode(&envelope, &bytes);
	cr_assert_eq(envelope_decode(bytes.bytes, bytes.len, &back, &list), 0);
	cr_assert_str_eq(back.author, "");
	cr_assert_eq(back.signer_count, SMTP_SIGNERS_MAX);
	free(list);
	bytes.len = 0;
	envelope.signer_count++;
	envelope_encode(&envelope, &bytes);
	cr_assert_neq(envelope_decode(bytes.bytes, bytes.len, &back, &list), 0);
	buf_fini(&bytes);
}

Test(envelope, a_recipient_comes_back_as_it_was)
{
	struct recipient_record record = {.state = RCPT_HELD,
		.reason = REASON_PTR_MISSING,
		.origin = HOLD_PREFLIGHT,
		.attempts = 3,
		.next_attempt = 5,
		.first_deferral = 6,
		.held_since = 7,
		.subject = "192.0.2.25"};
	struct recipient_record back;
	struct buf bytes = {0};

	recipient_record_encode(&record, &bytes);
	cr_assert_eq(recipient_record_decode(bytes.bytes, bytes.len, &back), 0);
	cr_assert_eq(back.state, RCPT_HELD);
	cr_assert_eq(back.reason, REASON_PTR_MISSING);
	cr_assert_eq(back.attempts, 3);
	cr_assert_eq(back.held_since, 7);
	cr_assert_str_eq(back.subject, "192.0.2.25");
	cr_assert(!back.is_delay_told && !back.is_report_owed);
	for (size_t cut = 0; cut < bytes.len; cut++)
		cr_assert_neq(recipient_record_decode(bytes.bytes, cut, &back), 0,
			"cut at %zu", cut);
	bytes.bytes[1] = RCPT_ACTIVE;
	cr_assert_neq(recipient_record_decode(bytes.bytes, bytes.len, &back), 0,
		"never written");
	buf_fini(&bytes);
}

Test(envelope, who_was_told_of_a_recipient_comes_back)
{
	for (int told = 0; told < 4; told++) {
		struct recipient_record back, record = {.state = RCPT_BOUNCED,
						      .is_delay_told = told & 1,
						      .is_report_owed = told & 2,
						      .subject = ""};
		struct buf bytes = {0};

		recipient_record_encode(&record, &bytes);
		cr_assert_eq(recipient_record_decode(bytes.bytes, bytes.len, &back), 0);
		cr_assert_eq(back.is_delay_told, record.is_delay_told);
		cr_assert_eq(back.is_report_owed, record.is_report_owed);
		buf_fini(&bytes);
	}
}

Test(envelope, states_are_named_and_read_back)
{
	enum recipient_state state;

	for (int i = RCPT_QUEUED; i <= RCPT_DELETED; i++) {
		cr_assert_eq(
			recipient_state_parse(
				recipient_state_name((enum recipient_state)i), &state),
			0);
		cr_assert_eq(state, (enum recipient_state)i);
	}
	cr_assert_neq(recipient_state_parse("lost", &state), 0);
}
