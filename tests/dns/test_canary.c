/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "dns/canary.h"
#include "dns/message.h"

/* A reply to the canary: its rcode, and an address unless that is 0. */
static size_t write_reply(const char *name, unsigned rcode, const uint8_t address[4],
	uint8_t out[MESSAGE_QUERY_MAX + 16])
{
	uint8_t record[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 0, 0, 0, 0};
	size_t len = (size_t)message_query(7, name, TYPE_A, out);

	out[2] = 0x81;
	out[3] = (uint8_t)(0x80 | rcode);
	if (!address)
		return len;
	out[7] = 1;
	memcpy(record + 12, address, 4);
	memcpy(out + len, record, sizeof record);
	return len + sizeof record;
}

static struct answer *make(enum record_type type, const char *addresses)
{
	struct answer_builder *builder = answer_builder_new("corp.example", type);
	struct answer meta = {
		.status = *addresses ? ANSWER_FOUND : ANSWER_NO_DATA, .ttl = 60};

	for (; *addresses; addresses++) {
		struct record record = {.address = {192, 0, 2, (uint8_t)*addresses}};

		answer_builder_add(builder, &record);
	}
	return answer_builder_finish(builder, &meta);
}

/* M15: only the very lie is a lie, and "no data", which a portal says of all but addresses. */
Test(canary, answers_equal_to_the_lie_are_exposed)
{
	static const struct {
		const char *what;
		unsigned rcode;
		uint8_t lie[4];
		enum record_type type;
		const char *addresses; /* 192.0.2.<letter>; none: no data */
		bool is_exposed;
	} rows[] = {
		{"the portal's address", 0, {192, 0, 2, 'p'}, TYPE_A, "p", true},
		{"another address", 0, {192, 0, 2, 'p'}, TYPE_A, "q", false},
		{"the portal's and another", 0, {192, 0, 2, 'p'}, TYPE_A, "pq", false},
		{"another type", 0, {192, 0, 2, 'p'}, TYPE_TXT, "p", false},
		{"no data, from a liar", 0, {192, 0, 2, 'p'}, TYPE_PTR, "", true},
		{"no data, from an honest one", 3, {0}, TYPE_PTR, "", false},
		{"no data, in a laboratory", 0, {127, 0, 0, 1}, TYPE_PTR, "", false},
		{"a laboratory", 0, {127, 0, 0, 1}, TYPE_A, "p", false},
		{"an honest one", 3, {0}, TYPE_A, "p", false},
		{"one that refuses", 5, {0}, TYPE_A, "p", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct canary canary = {0};
		uint8_t reply[MESSAGE_QUERY_MAX + 16];
		size_t len = write_reply(canary_name(&canary, i), rows[i].rcode,
			rows[i].lie[0] ? rows[i].lie : NULL, reply);
		struct answer *answer = make(rows[i].type, rows[i].addresses);

		canary_learn(&canary, reply, len);
		cr_assert(canary.is_known);
		cr_assert_eq(canary_exposes(&canary, answer), rows[i].is_exposed, "%s",
			rows[i].what);
		canary_fini(&canary);
		answer_free(answer);
	}
}

Test(canary, silence_and_nonsense_accuse_nobody_and_the_truth_clears)
{
	static const uint8_t portal[4] = {192, 0, 2, 'p'};
	struct canary canary = {0};
	uint8_t reply[MESSAGE_QUERY_MAX + 16];

	canary_name(&canary, 1);
	canary_learn(&canary, NULL, 0);
	cr_assert_null(canary.lie);
	canary_learn(&canary, (const uint8_t *)"nonsense", 8);
	cr_assert_null(canary.lie);
	canary_learn(&canary, reply, write_reply(canary.name, 0, portal, reply));
	cr_assert_not_null(canary.lie);
	canary_learn(&canary, NULL, 0);
	cr_assert_not_null(canary.lie, "silence clears nobody");
	canary_learn(&canary, reply, write_reply(canary.name, 3, NULL, reply));
	cr_assert_null(canary.lie);
}
