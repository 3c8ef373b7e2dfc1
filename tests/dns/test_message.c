/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "dns/message.h"

/* Builds messages byte by byte. */
struct packet {
	uint8_t bytes[65536];
	size_t len;
};

static void put16(struct packet *p, unsigned value)
{
	p->bytes[p->len++] = (uint8_t)(value >> 8);
	p->bytes[p->len++] = (uint8_t)value;
}

static void put_name(struct packet *p, const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_to_wire(name, wire);

	cr_assert_gt(len, 0);
	memcpy(p->bytes + p->len, wire, (size_t)len);
	p->len += (size_t)len;
}

static struct packet start(unsigned flags, unsigned answers, unsigned authority,
	const char *name, enum record_type type)
{
	struct packet p = {.len = 0};

	put16(&p, 7);
	put16(&p, flags);
	put16(&p, 1);
	put16(&p, answers);
	put16(&p, authority);
	put16(&p, 0);
	put_name(&p, name);
	put16(&p, type);
	put16(&p, 1);
	return p;
}

static void put_record(struct packet *p, const char *owner, unsigned type, unsigned ttl,
	const void *data, size_t len)
{
	put_name(p, owner);
	put16(p, type);
	put16(p, 1);
	put16(p, ttl >> 16);
	put16(p, ttl & 0xFFFF);
	put16(p, (unsigned)len);
	memcpy(p->bytes + p->len, data, len);
	p->len += len;
}

static void put_name_record(struct packet *p, const char *owner, unsigned type,
	unsigned ttl, const char *target)
{
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_to_wire(target, wire);

	put_record(p, owner, type, ttl, wire, (size_t)len);
}

static void put_soa(struct packet *p, const char *zone, unsigned ttl, unsigned minimum)
{
	struct packet data = {.len = 0};

	put_name(&data, "ns.isp.example");
	put_name(&data, "hostmaster.isp.example");
	for (int i = 0; i < 4; i++) {
		put16(&data, 0);
		put16(&data, 1);
	}
	put16(&data, minimum >> 16);
	put16(&data, minimum & 0xFFFF);
	put_record(p, zone, TYPE_SOA, ttl, data.bytes, data.len);
}

static struct answer *read_packet(const struct packet *p, size_t len, const char *name,
	enum record_type type, struct message_reading *reading)
{
	struct answer_builder *builder = answer_builder_new(name, type);
	struct answer meta = {.server = "test"};

	message_read(p->bytes, len, name, type, builder, reading);
	meta.status = reading->status;
	return answer_builder_finish(builder, &meta);
}

static const uint8_t ip[4] = {192, 0, 2, 25};

Test(message, records_are_read_in_any_order_along_a_chain)
{
	struct message_reading reading;
	struct packet p = start(0x81A0, 3, 0, "A.example", TYPE_A);

	put_record(&p, "c.example", TYPE_A, 50, ip, 4);
	put_name_record(&p, "b.example", TYPE_CNAME, 20, "c.example");
	put_name_record(&p, "a.example", TYPE_CNAME, 900, "B.example");
	struct answer *answer = read_packet(&p, p.len, "a.example", TYPE_A, &reading);

	cr_assert_eq(reading.kind, MESSAGE_ANSWER);
	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert_eq(reading.ttl, 20, "the shortest of the chain");
	cr_assert(reading.authenticated);
	cr_assert_eq(answer->count, 1);
	cr_assert_eq(answer->chain_count, 2);
	cr_assert_str_eq(answer->chain[1], "c.example");
	answer_free(answer);
}

Test(message, a_no_has_its_ttl_and_its_zone)
{
	struct message_reading reading;
	struct packet p = start(0x8183, 0, 1, "x.example", TYPE_MX);

	put_soa(&p, "example", 500, 300);
	struct answer *answer = read_packet(&p, p.len, "x.example", TYPE_MX, &reading);

	cr_assert_eq(reading.status, ANSWER_NO_NAME);
	cr_assert_eq(reading.ttl, 300);
	cr_assert_str_eq(answer->zone, "example");
	cr_assert_str_eq(answer->zone_rname, "hostmaster.isp.example");
	answer_free(answer);
	p = start(0x8180, 1, 0, "example", TYPE_SOA);
	put_soa(&p, "example", 500, 300);
	answer = read_packet(&p, p.len, "example", TYPE_SOA, &reading);
	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert_str_eq(answer->records[0].rname, "hostmaster.isp.example");
	answer_free(answer);
	p = start(0x8180, 0, 0, "x.example", TYPE_MX);
	answer = read_packet(&p, p.len, "x.example", TYPE_MX, &reading);
	cr_assert_eq(reading.status, ANSWER_NO_DATA);
	cr_assert_eq(reading.ttl, MESSAGE_NEGATIVE_TTL);
	answer_free(answer);
}

Test(message, what_is_no_answer_is_told_apart)
{
	static const struct {
		const char *name;
		unsigned flags;
		enum message_kind kind;
	} rows[] = {
		{"an echo of the question", 0x0100, MESSAGE_STRAY},
		{"another opcode", 0x8980, MESSAGE_MALFORMED},
		{"truncated", 0x8380, MESSAGE_TRUNCATED},
		{"SERVFAIL", 0x8182, MESSAGE_FAILED},
		{"REFUSED", 0x8185, MESSAGE_FAILED},
		{"FORMERR", 0x8181, MESSAGE_REJECTED},
		{"NOTIMP", 0x8184, MESSAGE_REJECTED},
		{"a code nobody knows", 0x818F, MESSAGE_FAILED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message_reading reading;
		struct packet p = start(rows[i].flags, 0, 0, "x.example", TYPE_A);

		answer_free(read_packet(&p, p.len, "x.example", TYPE_A, &reading));
		cr_assert_eq(reading.kind, rows[i].kind, "%s", rows[i].name);
		cr_assert_eq(reading.status, ANSWER_FAILED, "%s", rows[i].name);
	}
}

Test(message, an_alias_alone_is_followed_by_a_new_question)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 1, 0, "a.example", TYPE_A);

	put_name_record(&p, "a.example", TYPE_CNAME, 9, "b.example");
	answer_free(read_packet(&p, p.len, "a.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_CONTINUE);
	cr_assert_str_eq(reading.target, "b.example");
	p = start(0x8180, 2, 0, "a.example", TYPE_A);
	put_name_record(&p, "a.example", TYPE_CNAME, 9, "b.example");
	put_name_record(&p, "b.example", TYPE_CNAME, 9, "a.example");
	answer_free(read_packet(&p, p.len, "a.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_ANSWER, "a loop");
	cr_assert_eq(reading.status, ANSWER_NO_DATA);
}

/* RFC 2308 2.2: a server that sends us on to others has not said that there is nothing. */
Test(message, a_referral_is_no_answer)
{
	static const struct {
		const char *name;
		unsigned flags, answers;
		bool has_soa;
		enum answer_status status;
	} rows[] = {
		{"upward, by a server that does not recurse", 0x8100, 0, false,
			ANSWER_FAILED},
		{"the zone's own server", 0x8500, 0, false, ANSWER_NO_DATA},
		{"with the SOA", 0x8180, 0, true, ANSWER_NO_DATA},
		{"no such name", 0x8183, 0, false, ANSWER_NO_NAME},
		{"beside an answer", 0x8180, 1, false, ANSWER_FOUND},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message_reading reading;
		struct packet p = start(rows[i].flags, rows[i].answers,
			rows[i].has_soa ? 2 : 1, "x.example", TYPE_A);

		if (rows[i].answers)
			put_record(&p, "x.example", TYPE_A, 9, ip, 4);
		put_name_record(&p, "example", TYPE_NS, 9, "ns.example");
		if (rows[i].has_soa)
			put_soa(&p, "example", 500, 300);
		answer_free(read_packet(&p, p.len, "x.example", TYPE_A, &reading));
		cr_assert_eq(reading.status, rows[i].status, "%s", rows[i].name);
	}
}

/* L15: a chain that goes on is not a loop, which is no data wherever one asks. */
Test(message, a_chain_too_long_is_a_failure)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 10, 0, "c0.example", TYPE_A);
	char from[32], to[32];

	for (unsigned i = 0; i < 9; i++) {
		snprintf(from, sizeof from, "c%u.example", i);
		snprintf(to, sizeof to, "c%u.example", i + 1);
		put_name_record(&p, from, TYPE_CNAME, 9, to);
	}
	put_record(&p, "c9.example", TYPE_A, 9, ip, 4);
	answer_free(read_packet(&p, p.len, "c0.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_FAILED);
	cr_assert_str_eq(reading.failure, "too many aliases");
}

Test(message, other_questions_other_owners_and_other_types_do_not_count)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 2, 0, "x.example", TYPE_A);

	put_record(&p, "evil.example", TYPE_A, 9, ip, 4);
	put_record(&p, "x.example", 99, 9, ip, 4);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_A, &reading));
	cr_assert_eq(reading.status, ANSWER_NO_DATA);
	answer_free(read_packet(&p, p.len, "y.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_STRAY);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_MX, &reading));
	cr_assert_eq(reading.kind, MESSAGE_STRAY);
}

static void expect_malformed(const struct packet *p, const char *what)
{
	struct message_reading reading;

	answer_free(read_packet(p, p->len, "x.example", TYPE_MX, &reading));
	cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "%s", what);
}

Test(message, malformed_ones_are_survived)
{
	static const uint8_t self[] = {0, 10, 0xC0, 27 + 12 + 10},
			     forward[] = {0, 10, 0xC1, 0xFF}, header[] = {0, 10, 0xC0, 2},
			     reserved[] = {0, 10, 0x80, 1, 0};
	static const struct {
		const char *name;
		const uint8_t *data;
		size_t len;
	} rows[] = {
		{"a pointer to itself", self, sizeof self},
		{"a pointer forward", forward, sizeof forward},
		{"a pointer into the header", header, sizeof header},
		{"a reserved label type", reserved, sizeof reserved},
		{"an MX of one byte", self, 1},
		{"an MX without a name", self, 2},
		{"an empty MX", self, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct packet p = start(0x8180, 1, 0, "x.example", TYPE_MX);

		put_record(&p, "x.example", TYPE_MX, 9, rows[i].data, rows[i].len);
		expect_malformed(&p, rows[i].name);
	}
	struct packet lie = start(0x8180, 65535, 0, "x.example", TYPE_MX);

	expect_malformed(&lie, "a count that lies");
	lie = start(0x8180, 0, 0, "x.example", TYPE_MX);
	lie.bytes[5] = 2;
	expect_malformed(&lie, "two questions");
	lie = start(0x8180, 1, 0, "x.example", TYPE_MX);
	put_record(&lie, "x.example", TYPE_A, 9, ip, 4);
	lie.bytes[lie.len - 5] = 5;
	expect_malformed(&lie, "data that end behind the message");
}

/* L19: whatever an alias is called, it can be asked for. */
Test(message, odd_aliases_can_be_asked_for)
{
	uint8_t data[NAME_WIRE_MAX], wire[NAME_WIRE_MAX];
	static const uint8_t odd[] = {'.', '\\', 0, '\n', 27, 0xFF, '%', '<', '"', '@'};
	struct message_reading reading;
	struct packet p = start(0x8180, 1, 0, "x.example", TYPE_A);
	size_t used = 0;

	for (size_t label = 0; label < 4; label++) {
		data[used++] = label < 3 ? 63 : 61;
		for (size_t i = 0; i < (label < 3 ? 63 : 61); i++)
			data[used++] = odd[i % sizeof odd];
	}
	data[used++] = 0;
	cr_assert_eq(used, NAME_WIRE_MAX);
	put_record(&p, "x.example", TYPE_CNAME, 9, data, used);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_CONTINUE);
	cr_assert_eq(name_to_wire(reading.target, wire), NAME_WIRE_MAX);
	cr_assert_arr_eq(wire, data, NAME_WIRE_MAX);
}

/* L4, L12, L16: each type's data have their form; a name must end where the record does. */
Test(message, data_that_do_not_fit_their_type_are_malformed)
{
	static const struct {
		enum record_type type;
		size_t len;
		uint8_t data[24];
	} rows[] = {
		{TYPE_A, 3, {1, 2, 3}},
		{TYPE_A, 5, {1, 2, 3, 4, 5}},
		{TYPE_A, 0, {0}},
		{TYPE_AAAA, 4, {1, 2, 3, 4}},
		{TYPE_TXT, 0, {0}},
		{TYPE_TXT, 3, {3, 'a', 'b'}},
		{TYPE_PTR, 3, {1, 'a', 0x40}},
		{TYPE_PTR, 4, {1, 'a', 0, 0}},
		{TYPE_PTR, 2, {1, 'a'}},
		{TYPE_NS, 0, {0}},
		{TYPE_MX, 5, {0, 1, 1, 'a', 1}},
		{TYPE_SOA, 2, {0, 0}},
		{TYPE_SOA, 21, {0, 0}},
		{TYPE_CNAME, 1, {7}},
		{TYPE_TLSA, 0, {0}},
		{TYPE_TLSA, 2, {3, 1}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message_reading reading;
		struct packet p = start(0x8180, 1, 0, "x.example", rows[i].type);

		put_record(&p, "x.example", rows[i].type, 9, rows[i].data, rows[i].len);
		answer_free(read_packet(&p, p.len, "x.example", rows[i].type, &reading));
		cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "row %zu", i);
	}
	struct message_reading reading;
	struct packet p = start(0x8180, 1, 0, "x.example", TYPE_A);

	put_record(&p, "x.example", TYPE_CNAME, 9, "\x07", 1);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "an alias that cannot be read");
}

Test(message, a_certificate_association_is_kept_as_it_is)
{
	static const uint8_t data[] = {3, 1, 1, 0, 0xFF, '"', 0};
	struct message_reading reading;
	struct packet p = start(0x81A0, 2, 0, "_25._tcp.x.example", TYPE_TLSA);
	char text[64];

	put_record(&p, "_25._tcp.x.example", TYPE_TLSA, 9, data, sizeof data);
	put_record(&p, "_25._tcp.x.example", TYPE_TLSA, 9, data, 3);
	struct answer *answer =
		read_packet(&p, p.len, "_25._tcp.x.example", TYPE_TLSA, &reading);

	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert(reading.authenticated);
	cr_assert_eq(answer->count, 2);
	cr_assert_eq(answer->records[0].len, 3,
		"without data it is useless, but no reason to fail");
	cr_assert_arr_eq(answer->records[1].text, data, sizeof data);
	record_format(TYPE_TLSA, &answer->records[1], text, sizeof text);
	cr_assert_str_eq(text, "3 1 1 00ff2200");
	answer_free(answer);
}

/* L1, L2, L3: names that hurt others. The question's own name is read the same way. */
Test(message, pointers_lead_back_and_not_for_ever)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 2, 0, "x.example", TYPE_PTR);
	uint8_t chain[400] = {1, 'a', 0}, past[] = {0xFF, 0xFF};
	size_t at = p.len + 11 + 10; /* where the data of the first record begin */

	for (size_t i = 0, to = at; i < 190; i++) {
		chain[3 + 2 * i] = (uint8_t)(0xC0 | to >> 8);
		chain[4 + 2 * i] = (uint8_t)to;
		to = at + 3 + 2 * i;
	}
	put_record(&p, "x.example", 99, 9, chain, 3 + 2 * 190);
	size_t few = at + 3 + 2 * 20, many = at + 3 + 2 * 189;
	struct packet short_chain = p;
	uint8_t pointer[2] = {(uint8_t)(0xC0 | few >> 8), (uint8_t)few};

	put_record(&short_chain, "x.example", TYPE_PTR, 9, pointer, 2);
	struct answer *answer = read_packet(
		&short_chain, short_chain.len, "x.example", TYPE_PTR, &reading);

	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert_str_eq(answer->records[0].text, "a");
	answer_free(answer);
	pointer[0] = (uint8_t)(0xC0 | many >> 8);
	pointer[1] = (uint8_t)many;
	put_record(&p, "x.example", TYPE_PTR, 9, pointer, 2);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_PTR, &reading));
	cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "190 jumps");
	p = start(0x8180, 1, 0, "x.example", TYPE_PTR);
	put_record(&p, "x.example", TYPE_PTR, 9, past, 2);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_PTR, &reading));
	cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "a pointer past the end");
	p = start(0x8180, 0, 0, "x.example", TYPE_PTR);
	p.bytes[12] = 0xC0;
	p.bytes[13] = 40;
	memset(p.bytes + p.len, 'a', 3000);
	answer_free(read_packet(&p, p.len + 3000, "x.example", TYPE_PTR, &reading));
	cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "the question is a pointer");
}

static void put_long_name(struct packet *p, const char *owner, size_t octets)
{
	uint8_t data[260];
	size_t used = 0;

	while (octets - used > 1) {
		size_t label = octets - used - 2 > 63 ? 63 : octets - used - 2;

		data[used++] = (uint8_t)label;
		memset(data + used, 'a', label);
		used += label;
	}
	data[used++] = 0;
	put_record(p, owner, TYPE_PTR, 9, data, used);
}

Test(message, a_name_has_255_octets_at_most)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 1, 0, "x.example", TYPE_PTR);

	put_long_name(&p, "x.example", 255);
	struct answer *answer = read_packet(&p, p.len, "x.example", TYPE_PTR, &reading);

	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert_eq(answer->records[0].len, 253);
	answer_free(answer);
	p = start(0x8180, 1, 0, "x.example", TYPE_PTR);
	put_long_name(&p, "x.example", 256);
	answer_free(read_packet(&p, p.len, "x.example", TYPE_PTR, &reading));
	cr_assert_eq(reading.kind, MESSAGE_MALFORMED);
}

/* L16 */
Test(message, what_is_not_asked_for_is_skipped)
{
	static const uint8_t other_ip[4] = {203, 0, 113, 9};
	struct message_reading reading;
	struct packet p = start(0x8180, 6, 1, "x.sub.example", TYPE_A);

	put_name_record(&p, "sub.example", 39, 9, "real.example"); /* DNAME */
	put_name_record(&p, "x.sub.example", TYPE_CNAME, 9, "x.real.example");
	put_record(&p, "x.real.example", 46, 9, "garbage", 7); /* RRSIG */
	put_record(&p, "x.real.example", 65280, 1, "", 0);
	put_record(&p, "x.real.example", TYPE_A, 9, other_ip, 4);
	p.bytes[p.len - 11] = 3; /* class CHAOS */
	put_record(&p, "x.real.example", TYPE_A, 9, ip, 4);
	put_record(&p, "x.real.example", TYPE_A, 9, other_ip,
		4); /* in the authority section */
	struct answer *answer = read_packet(&p, p.len, "x.sub.example", TYPE_A, &reading);

	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert_eq(reading.ttl, 9);
	cr_assert_eq(answer->count, 1);
	cr_assert_arr_eq(answer->records[0].address, ip, 4);
	answer_free(answer);
}

/* L17: what nobody needs is left out, and is no error. */
Test(message, of_two_thousand_addresses_enough_are_kept)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 2000, 0, "x.example", TYPE_A);

	for (unsigned i = 0; i < 2000; i++) {
		uint8_t address[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};

		put_record(&p, "x.example", TYPE_A, 9, address, 4);
	}
	struct answer *answer = read_packet(&p, p.len, "x.example", TYPE_A, &reading);

	cr_assert_eq(reading.status, ANSWER_FOUND);
	cr_assert_eq(answer->count, ANSWER_RECORDS_MAX);
	answer_free(answer);
}

/* L12, L11 */
Test(message, extended_codes_and_old_servers_are_understood)
{
	static const uint8_t opt[] = {0, 0, 41, 16, 0, 1, 0, 0, 0, 0, 0};
	struct message_reading reading;
	struct packet p = start(0x8180, 0, 0, "x.example", TYPE_A);

	p.bytes[11] = 1;
	memcpy(p.bytes + p.len, opt, sizeof opt);
	p.len += sizeof opt;
	answer_free(read_packet(&p, p.len, "x.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_FAILED, "BADVERS is no NODATA");
	p = start(0x8181, 0, 0, "x.example", TYPE_A);
	p.bytes[5] = 0;
	answer_free(read_packet(&p, MESSAGE_HEADER, "x.example", TYPE_A, &reading));
	cr_assert_eq(reading.kind, MESSAGE_REJECTED);
	cr_assert_str_eq(reading.failure, "FORMERR");
}

/* L18: for a "no", its SOA, the SOA's minimum and the chain before it all count. */
Test(message, lives_are_cut)
{
	static const struct {
		unsigned alias, soa, minimum, expected;
	} rows[] = {
		{900, 300, 100, 100},
		{900, 100, 300, 100},
		{50, 300, 100, 50},
		{900000, 900000, 900000, ANSWER_TTL_MAX},
		{900, 0xFFFFFFFF, 300, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct message_reading reading;
		struct packet p = start(0x8183, 1, 1, "x.example", TYPE_A);

		put_name_record(&p, "x.example", TYPE_CNAME, rows[i].alias, "y.example");
		put_soa(&p, "example", rows[i].soa, rows[i].minimum);
		struct answer *answer =
			read_packet(&p, p.len, "x.example", TYPE_A, &reading);

		cr_assert_eq(reading.status, ANSWER_NO_NAME, "row %zu", i);
		cr_assert_eq(
			reading.ttl, rows[i].expected, "row %zu: %u", i, reading.ttl);
		cr_assert_eq(answer->chain_count, 1);
		answer_free(answer);
	}
}

Test(message, a_query_is_what_it_should_be)
{
	uint8_t query[MESSAGE_QUERY_MAX];
	static const uint8_t expected[] = {
		0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0, 16, 0, 1};

	cr_assert_eq(message_query(0x1234, "x", TYPE_TXT, query), sizeof expected);
	cr_assert_arr_eq(query, expected, sizeof expected);
	cr_assert_eq(message_query(1, "a..b", TYPE_TXT, query), -1);
}

Test(message, every_truncation_is_survived)
{
	struct message_reading reading;
	struct packet p = start(0x8180, 2, 1, "x.example", TYPE_MX);
	uint8_t mx[NAME_WIRE_MAX + 2] = {0, 10};
	int len = name_to_wire("mx.x.example", mx + 2);

	put_record(&p, "x.example", TYPE_MX, 9, mx, (size_t)len + 2);
	put_record(&p, "mx.x.example", TYPE_A, 9, ip, 4);
	put_soa(&p, "example", 5, 5);
	for (size_t cut = 0; cut < p.len; cut++) {
		answer_free(read_packet(&p, cut, "x.example", TYPE_MX, &reading));
		cr_assert_eq(reading.kind, MESSAGE_MALFORMED, "cut at %zu", cut);
	}
	struct answer *answer = read_packet(&p, p.len, "x.example", TYPE_MX, &reading);

	cr_assert_str_eq(answer->records[0].text, "mx.x.example");
	cr_assert_eq(answer->records[0].preference, 10);
	answer_free(answer);
}

Test(message, texts_are_joined_and_odd_bytes_escaped)
{
	static const uint8_t txt[] = {3, 'v', '=', 's', 0, 2, 'p', 'f'};
	struct message_reading reading;
	struct packet p = start(0x8180, 1, 0, "x.example", TYPE_TXT);

	put_record(&p, "x.example", TYPE_TXT, 0x80000000u, txt, sizeof txt);
	struct answer *answer = read_packet(&p, p.len, "x.example", TYPE_TXT, &reading);

	cr_assert_str_eq(answer->records[0].text, "v=spf");
	cr_assert_eq(reading.ttl, 0, "RFC 2181 8");
	answer_free(answer);
	p = start(0x8180, 1, 0, "x.example", TYPE_PTR);
	put_name_record(&p, "x.example", TYPE_PTR, 9, "a\\046b\\027\\010.example");
	answer = read_packet(&p, p.len, "x.example", TYPE_PTR, &reading);
	cr_assert_str_eq(answer->records[0].text, "a\\046b\\027\\010.example");
	answer_free(answer);
}

Test(message, names_that_no_packet_can_carry_are_known)
{
	char label[80], name[300] = "";
	uint8_t wire[NAME_WIRE_MAX];

	memset(label, 'a', 64);
	label[63] = '\0';
	cr_assert_eq(name_to_wire(label, wire), 65);
	label[63] = 'a';
	label[64] = '\0';
	cr_assert_eq(name_to_wire(label, wire), -1);
	for (int i = 0; i < 127; i++)
		strcat(name, "a.");
	cr_assert_eq(name_to_wire(name, wire), 255);
	strcat(name, "a");
	cr_assert_eq(name_to_wire(name, wire), -1);
	cr_assert_eq(name_to_wire("a..b", wire), -1);
	cr_assert_eq(name_to_wire(".a", wire), -1);
	cr_assert_eq(name_to_wire("", wire), 1, "the root");
}

Test(message, a_name_has_one_form)
{
	static const char *const rows[][2] = {{"A+b.Example.", "a\\043b.example"},
		{"\\065\\097.x", "aa.x"}, {"a\\046b", "a\\046b"},
		{"caf\xC3\xA9", "caf\\195\\169"}, {"a\\b", "a\\092b"}, {"\\999", "\\999"},
		{"_dmarc.x-1/2", "_dmarc.x-1/2"}};
	char name[ANSWER_NAME_MAX];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		name_normalize(rows[i][0], name, sizeof name);
		cr_assert_str_eq(name, rows[i][1]);
	}
}

Test(message, normalizing_twice_is_normalizing_once)
{
	static const char *const names[] = {"", ".", "..", "A.B.", "a..", "a.",
		"a name that is cut where a dot would be at its new end.:.......7.",
		"a+b.example", "\\043.x", "\\999.x", "\\", "\\1", "x\\046",
		"caf\xC3\xA9.example", "++++++++++++++++++++++++"};
	char once[58], twice[58];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		name_normalize(names[i], once, sizeof once);
		name_normalize(once, twice, sizeof twice);
		cr_assert_str_eq(once, twice, "%s", names[i]);
	}
}
