/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/target.h"

static const struct source v4 = {.is_v6 = false};

/* Every other address is IPv6; two of them a host. */
static struct mx_list list_of(size_t count)
{
	static const char *const names[] = {"mx0.dest.example", "mx1.dest.example",
		"mx2.dest.example", "mx3.dest.example", "mx4.dest.example",
		"mx5.dest.example", "mx6.dest.example", "mx7.dest.example",
		"mx8.dest.example", "mx9.dest.example"};
	struct mx_list list = {.status = MX_FOUND, .count = count};

	for (size_t i = 0; i < count; i++) {
		list.addresses[i].ip[0] = 198;
		list.addresses[i].ip[3] = (uint8_t)i;
		list.addresses[i].is_v6 = i % 2;
		list.addresses[i].exchange = names[i / 2];
		list.addresses[i].preference = 10;
	}
	return list;
}

static struct target_list make(const struct mx_list *mx, const struct config_route *route,
	const struct source *source)
{
	struct target_list list;
	struct target_way way = {.source = source, .route = route, .level = TLS_MAY};

	target_list_make(&list, NULL, mx, &way);
	return list;
}

Test(target, by_mx_only_the_family_of_the_source_counts)
{
	struct mx_list mx = list_of(20);
	struct target_list list = make(&mx, NULL, &v4);
	size_t count;
	struct target *targets = target_choose(&list, 7, &count);
	char text[320];

	cr_assert_eq(list.count, 10);
	cr_assert_eq(count, TARGETS_MAX, "M4");
	for (size_t i = 0; i < TARGETS_MAX; i++)
		cr_assert_null(strchr(targets[i].address.ip, ':'));
	target_format(&list.items[1], text, sizeof text);
	cr_assert_str_eq(text, "mx1.dest.example [198.0.0.2]:25");
	cr_assert_eq(list.items[1].level, TLS_MAY);
	free(targets);
	target_list_fini(&list);
}

Test(target, a_route_uses_every_family_and_its_own_port)
{
	struct mx_list mx = list_of(2);
	struct source bound = {.is_v6 = false, .bind_ip = "192.0.2.25"};
	struct config_route route = {.port = 2526};
	struct target_list list = make(&mx, &route, &v4);

	cr_assert_eq(list.count, 2);
	cr_assert_eq(list.items[1].address.port, 2526);
	target_list_fini(&list);
	list = make(&mx, &route, &bound);
	cr_assert_eq(list.count, 1, "but what is bound reaches its own family only");
	target_list_fini(&list);
}

/* RFC 5321 5.1: equals in any order, so that each has its share; the others in theirs. */
Test(target, equals_take_turns_and_the_better_go_first)
{
	struct mx_list mx = {.status = MX_FOUND, .count = 7};
	static const struct {
		const char *exchange;
		uint16_t preference;
	} hosts[] = {{"best.example", 5}, {"a.example", 10}, {"a.example", 10},
		{"a.example", 10}, {"b.example", 10}, {"c.example", 10},
		{"last.example", 65535}};
	unsigned first_of_equals[7] = {0};

	for (size_t i = 0; i < mx.count; i++) {
		mx.addresses[i].ip[0] = 198;
		mx.addresses[i].ip[3] = (uint8_t)i;
		mx.addresses[i].exchange =
			i == 2 || i == 3 ? mx.addresses[1].exchange : hosts[i].exchange;
		mx.addresses[i].preference = hosts[i].preference;
	}
	struct target_list list = make(&mx, NULL, &v4);

	for (uint32_t seed = 0; seed < 3000; seed++) {
		size_t count;
		struct target *targets = target_choose(&list, seed * 16, &count);

		cr_assert_eq(count, TARGETS_MAX);
		cr_assert_str_eq(targets[0].name, "best.example");
		for (size_t i = 1; i < TARGETS_MAX; i++)
			cr_assert_str_neq(targets[i].name, "last.example");
		first_of_equals[atoi(strrchr(targets[1].address.ip, '.') + 1)]++;
		for (size_t i = 2; i < 4; i++) /* addresses of a host stay together */
			if (strcmp(targets[1].name, "a.example") == 0)
				cr_assert_str_eq(targets[i].name, "a.example");
		free(targets);
	}
	for (size_t i = 1; i <= 3;
		i++) /* a third for the host, shared by its three addresses */
		cr_expect(first_of_equals[i] > 240 && first_of_equals[i] < 430, "%zu: %u",
			i, first_of_equals[i]);
	for (size_t i = 4; i <= 5; i++)
		cr_expect(first_of_equals[i] > 850 && first_of_equals[i] < 1150,
			"%zu: %u", i, first_of_equals[i]);
	target_list_fini(&list);
}

#define DATA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* Issue 6: what TLS_DANE comes to for one server. */
Test(target, dane_is_what_the_dns_says_of_each_server)
{
	static const struct {
		const char *tlsa;
		enum mx_status failed;
		size_t count;
		enum tls_level level;
	} rows[] = {
		{"TLSA 3 1 1 " DATA, 0, 1, TLS_DANE},
		{"TLSA 0 0 1 " DATA, 0, 1, TLS_ENCRYPT},
		{NULL, 0, 1, TLS_MAY},
		{"FAILED", 0, 0, TLS_DANE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct facts *facts = facts_new();
		struct mx_list mx = list_of(1);
		struct target_list list;
		struct target_way way = {.source = &v4, .level = TLS_DANE};
		struct answer none = {.status = ANSWER_NO_DATA, .ttl = 60};
		struct answer *answer =
			rows[i].tlsa ? answer_new_failed("_25._tcp.mx0.dest.example",
					       TYPE_TLSA, "SERVFAIL", NULL)
				     : answer_new("_25._tcp.mx0.dest.example", TYPE_TLSA,
					       &none);
		const char *error;
		char line[200];

		mx.addresses[0].is_secure = true;
		facts_lay(facts, "mx0.dest.example. A 198.0.0.0", &error);
		facts_lay(facts, "mx0.dest.example. AAAA 2001:db8::1", &error);
		snprintf(line, sizeof line, "_25._tcp.mx0.dest.example. %s",
			rows[i].tlsa ? rows[i].tlsa : "");
		if (!rows[i].tlsa || facts_lay(facts, line, &error))
			cr_assert_eq(facts_add(facts, answer), 0);
		target_list_make(&list, facts, &mx, &way);
		cr_expect_eq(list.count, rows[i].count, "row %zu", i);
		cr_expect_eq(list.lacks_tlsa, rows[i].count == 0, "row %zu", i);
		if (list.count)
			cr_expect_eq(list.items[0].level, rows[i].level, "row %zu", i);
		size_t count;
		struct target *chosen = target_choose(&list, 1, &count);

		target_list_fini(&list);
		facts_free(facts);
		answer_free(answer);
		if (count && chosen[0].tlsa) { /* it outlives both */
			cr_expect_str_eq(chosen[0].tlsa->base, "mx0.dest.example");
			cr_expect_eq(chosen[0].tlsa->count, 1);
			cr_expect_eq(chosen[0].tlsa->records[0].usage, 3);
			cr_expect_eq(chosen[0].tlsa->records[0].len, 32);
			cr_expect_eq(chosen[0].tlsa->records[0].data[1], 0x11);
		}
		for (size_t t = 0; t < count; t++)
			target_fini(&chosen[t]);
		free(chosen);
	}
}

Test(target, without_dnssec_dane_is_not_asked_for)
{
	struct mx_list mx = list_of(1);
	struct target_list list;
	struct target_way way = {.source = &v4, .level = TLS_DANE};

	target_list_make(&list, NULL, &mx, &way);
	cr_assert_eq(list.count, 1);
	cr_assert_eq(list.items[0].level, TLS_MAY);
	cr_assert_null(list.items[0].tlsa);
	target_list_fini(&list);
}

Test(target, having_none_is_explained)
{
	cr_assert(strstr(
		target_none_words(MX_NO_ADDRESS, true, false), "allow_private_mx"));
	cr_assert_null(strstr(target_none_words(MX_NO_ADDRESS, false, false), "private"));
	cr_assert(strstr(target_none_words(MX_FOUND, false, true), "TLSA"));
	for (int status = MX_PENDING; status <= MX_LOOP; status++)
		cr_assert_gt(
			strlen(target_none_words((enum mx_status)status, false, false)),
			10);
}
