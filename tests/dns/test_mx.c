/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

/* The list for dest.example over these lines. */
static struct mx_list order(
	const char *const *lines, const struct mx_options *options, struct facts *facts)
{
	struct mx_list list;
	const char *error, *name;
	enum record_type type;

	for (const char *const *line = lines; *line; line++)
		if (!strstr(*line, "FAILED"))
			cr_assert_eq(facts_lay(facts, *line, &error), 0, "%s", error);
	for (;;) {
		mx_order(facts, "dest.example", options, &list);
		if (list.status != MX_PENDING)
			return list;
		while (facts_wanted(facts)) {
			facts_wanted_at(facts, 0, &name, &type);
			answer_wanted(facts, name, type, lines);
		}
	}
}

Test(mx, every_state_has_its_status)
{
	static const struct {
		const char *name, *lines[7];
		enum mx_status status;
		size_t count;
	} rows[] = {
		{"two exchanges",
			{"dest.example. MX 20 b.example.",
				"dest.example. MX 10 a.example.",
				"a.example. A 198.51.100.1", "b.example. A 198.51.100.2"},
			MX_FOUND, 2},
		{"no MX, an address", {"dest.example. A 198.51.100.1"}, MX_FOUND, 1},
		{"null MX", {"dest.example. MX 0 ."}, MX_NULL, 0},
		{"null MX beside others",
			{"dest.example. MX 0 .", "dest.example. MX 10 a.example.",
				"a.example. A 198.51.100.1"},
			MX_FOUND, 1},
		{"nothing", {NULL}, MX_NO_DOMAIN, 0},
		{"the name exists, nothing more", {"dest.example. TXT x"}, MX_NO_DOMAIN,
			0},
		{"exchanges without address", {"dest.example. MX 10 a.example."},
			MX_NO_ADDRESS, 0},
		{"private addresses", {"dest.example. A 10.0.0.1"}, MX_NO_ADDRESS, 0},
		{"MX failed: never the implicit one", {"dest.example. FAILED"},
			MX_UNKNOWN, 0},
		{"one of two failed",
			{"dest.example. MX 10 a.example.",
				"dest.example. MX 20 b.example.", "a.example. FAILED",
				"b.example. A 198.51.100.2"},
			MX_FOUND, 1},
		{"all failed", {"dest.example. MX 10 a.example.", "a.example. FAILED"},
			MX_UNKNOWN, 0},
		{"we are the best",
			{"dest.example. MX 10 mail.corp.example.",
				"dest.example. MX 20 b.example.",
				"b.example. A 198.51.100.2"},
			MX_LOOP, 0},
		{"we are the second",
			{"dest.example. MX 10 a.example.",
				"dest.example. MX 20 mail.corp.example.",
				"dest.example. MX 30 c.example.",
				"a.example. A 198.51.100.1", "c.example. A 198.51.100.3"},
			MX_FOUND, 1},
		{"we are the best, under another name",
			{"dest.example. MX 10 alias.example.",
				"dest.example. MX 20 b.example.",
				"alias.example. A 192.0.2.25",
				"b.example. A 198.51.100.2"},
			MX_LOOP, 0},
		{"by IPv6 only",
			{"dest.example. MX 10 alias.example.",
				"alias.example. A 198.51.100.9",
				"alias.example. AAAA 2001:db8::25"},
			MX_LOOP, 0},
		{"we are one of two equals, and there is a better one",
			{"dest.example. MX 10 a.example.",
				"dest.example. MX 20 b.example.",
				"dest.example. MX 20 c.example.",
				"a.example. A 198.51.100.1", "b.example. A 198.51.100.2",
				"c.example. A 192.0.2.25"},
			MX_FOUND, 1},
		{"no MX, and its address is ours", {"dest.example. A 192.0.2.25"},
			MX_LOOP, 0},
		{"an exchange that is an alias (M5)",
			{"dest.example. MX 10 a.example.", "a.example. CNAME b.example.",
				"b.example. A 198.51.100.2"},
			MX_FOUND, 1},
		{"an exchange that is no name (M5)", {"dest.example. MX 10 1.2.3.4."},
			MX_NO_ADDRESS, 0},
		{"IPv6 only (M7)", {"dest.example. AAAA 2001:db8::1"}, MX_FOUND, 1},
		{"half fail, half do not exist (M8)",
			{"dest.example. MX 10 a.example.",
				"dest.example. MX 20 b.example.", "a.example. FAILED"},
			MX_UNKNOWN, 0},
		{"one private, one not (M3)",
			{"dest.example. MX 10 a.example.",
				"dest.example. MX 20 b.example.",
				"a.example. A 127.0.0.1", "b.example. A 198.51.100.2"},
			MX_FOUND, 1},
	};
	struct mx_network own[2];
	struct mx_options options = {
		.host = "mail.corp.example", .own = own, .own_count = 2};

	mx_network_parse("192.0.2.25", &own[0]);
	mx_network_parse("2001:db8::25", &own[1]);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct facts *facts = facts_new();
		struct mx_list list = order(rows[i].lines, &options, facts);

		cr_assert_eq(
			list.status, rows[i].status, "%s: %d", rows[i].name, list.status);
		cr_assert_eq(list.count, rows[i].count, "%s", rows[i].name);
		facts_free(facts);
	}
}

Test(mx, exchanges_go_by_preference)
{
	static const char *const lines[] = {"dest.example. MX 10 a.example.",
		"dest.example. MX 10 b.example.", "dest.example. MX 5 c.example.",
		"a.example. A 198.51.100.1", "b.example. A 198.51.100.2",
		"c.example. A 198.51.100.3", NULL};
	struct facts *facts = facts_new();
	struct mx_options options = {.host = NULL};
	struct mx_list list = order(lines, &options, facts);

	cr_assert_eq(list.count, 3);
	cr_assert_str_eq(list.addresses[0].exchange, "c.example");
	cr_assert_eq(list.addresses[0].preference, 5);
	facts_free(facts);
}

/* M4: as many as are looked at, with room for each. */
Test(mx, two_hundred_exchanges_are_bounded)
{
	struct facts *facts = facts_new();
	struct mx_options options = {.any = true};
	struct mx_list list;
	char line[100];
	const char *error;

	for (unsigned host = 0; host < 200; host++) {
		snprintf(line, sizeof line, "dest.example. MX 10 mx%03u.example.", host);
		cr_assert_eq(facts_lay(facts, line, &error), 0);
		for (unsigned i = 0; i < 20 && host < 30; i++) {
			snprintf(line, sizeof line, "mx%03u.example. A 198.51.%u.%u",
				host, host, i + 1);
			cr_assert_eq(facts_lay(facts, line, &error), 0);
		}
	}
	mx_order(facts, "dest.example", &options, &list);
	cr_assert_eq(list.status, MX_FOUND);
	cr_assert_eq(list.count, MX_ADDRESSES_MAX);
	cr_assert_str_eq(list.addresses[MX_HOST_ADDRESSES_MAX].exchange, "mx001.example");
	cr_assert_eq(facts_wanted(facts), 0, "it looks at %d only", MX_EXCHANGES_MAX);
	facts_free(facts);
}

/* RFC 5321 4.1.3: user@[192.0.2.1]. */
Test(mx, an_address_literal_is_the_server)
{
	static const struct {
		const char *domain;
		enum mx_status status;
		bool is_v6;
	} rows[] = {{"[198.51.100.1]", MX_FOUND, false},
		{"[IPv6:2001:db8::1]", MX_FOUND, true},
		{"[10.0.0.1]", MX_NO_ADDRESS, false},
		{"[127.0.0.1]", MX_NO_ADDRESS, false},
		{"[IPv6:::1]", MX_NO_ADDRESS, true}, {"[192.0.2.25]", MX_LOOP, false}};
	struct mx_network own;
	struct mx_options options = {.own = &own, .own_count = 1};

	mx_network_parse("192.0.2.25", &own);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct facts *facts = facts_new();
		struct mx_list list;

		mx_order(facts, rows[i].domain, &options, &list);
		cr_expect_eq(list.status, rows[i].status, "%s: %d", rows[i].domain,
			list.status);
		cr_expect_eq(list.has_private, rows[i].status == MX_NO_ADDRESS, "%s",
			rows[i].domain);
		if (list.status == MX_FOUND) {
			cr_expect_eq(list.addresses[0].is_v6, rows[i].is_v6);
			cr_expect_not(list.addresses[0].is_secure);
		}
		cr_expect_eq(facts_wanted(facts), 0);
		facts_free(facts);
	}
}

Test(mx, an_allowed_private_network_is_used)
{
	static const char *const lines[] = {"dest.example. A 10.1.2.3", NULL};
	struct mx_network network;
	struct mx_options options = {.allowed = &network, .allowed_count = 1};
	struct facts *facts = facts_new();

	cr_assert_eq(mx_network_parse("10.1.0.0/16", &network), 0);
	cr_assert_eq(order(lines, &options, facts).status, MX_FOUND);
	facts_free(facts);
}

Test(mx, addresses_no_server_has_are_known)
{
	static const char *const private[] = {"0.0.0.0", "0.1.2.3", "10.0.0.0",
		"10.255.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1",
		"127.255.255.255", "169.254.1.1", "172.16.0.1", "172.31.255.255",
		"192.0.0.8", "192.168.1.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::192.0.2.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1",
		"64:ff9b:1::192.0.2.1", "100::1", "2002:a00:1::1", "fc00::1", "fdff::1",
		"fe80::1", "fec0::1", "ff02::1"};
	/* Their neighbours, and what documentation and tests are made of. */
	static const char *const public[] = {"1.0.0.1", "8.8.8.8", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"172.15.255.255", "172.32.0.1", "192.0.1.1", "192.0.2.1", "198.18.0.1",
		"198.51.100.1", "203.0.113.1", "223.255.255.255", "::ffff:192.0.2.1",
		"64:ff9b::192.0.2.1", "2002:c000:219::1", "2001:db8::1", "2a00::1"};
	struct mx_network address;

	for (size_t i = 0; i < sizeof private / sizeof private[0]; i++) {
		cr_assert_eq(mx_network_parse(private[i], &address), 0, "%s", private[i]);
		cr_expect(mx_address_is_private(address.ip, address.is_v6), "%s",
			private[i]);
	}
	for (size_t i = 0; i < sizeof public / sizeof public[0]; i++) {
		cr_assert_eq(mx_network_parse(public[i], &address), 0, "%s", public[i]);
		cr_expect_not(mx_address_is_private(address.ip, address.is_v6), "%s",
			public[i]);
	}
}

Test(mx, any_address_is_enough_to_know_that_there_is_one)
{
	static const char *const lines[] = {"dest.example. MX 10 a.example.",
		"dest.example. MX 20 b.example.", "b.example. A 198.51.100.2", NULL};
	static const char *const v6[] = {"dest.example. MX 10 a.example.",
		"a.example. A 10.0.0.1", "a.example. AAAA 2001:db8::1", NULL};
	struct mx_options options = {.any = true};
	struct facts *facts = facts_new();
	struct mx_list list = order(lines, &options, facts);

	cr_assert_eq(list.status, MX_FOUND);
	cr_assert_null(facts_lookup(facts, "b.example", TYPE_AAAA), "it was asked");
	facts_free(facts);
	facts = facts_new();
	list = order(v6, &options, facts);
	cr_assert_eq(list.count, 1);
	cr_assert(list.addresses[0].is_v6);
	facts_free(facts);
}

Test(mx, a_named_host_is_taken_as_it_is)
{
	struct facts *facts = facts_new();
	struct mx_list list;
	const char *error;

	mx_host(facts, "[10.0.0.1]", &list);
	cr_assert_eq(list.status, MX_PENDING);
	mx_host(facts, "10.0.0.1", &list);
	cr_assert_eq(list.status, MX_FOUND);
	cr_assert_eq(list.addresses[0].ip[0], 10);
	cr_assert_eq(facts_lay(facts, "hub.example. A 192.168.0.1", &error), 0);
	cr_assert_eq(facts_lay(facts, "hub.example. AAAA fd00::1", &error), 0);
	mx_host(facts, "hub.example", &list);
	cr_assert_eq(list.count, 2, "private addresses are an administrator's choice");
	facts_free(facts);
}

Test(mx, networks_are_read_strictly)
{
	static const char *const bad[] = {"", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4/",
		"1.2.3.4/-1", "1.2.3.4/8x", "::1/129", "1.2.3.4.5",
		"1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234"};
	struct mx_network network;
	struct mx_network inside;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_neq(mx_network_parse(bad[i], &network), 0, "%s", bad[i]);
	mx_network_parse("192.0.2.128/25", &network);
	mx_network_parse("192.0.2.129", &inside);
	cr_assert(mx_network_contains(&network, inside.ip, false));
	mx_network_parse("192.0.2.127", &inside);
	cr_assert(!mx_network_contains(&network, inside.ip, false));
	cr_assert(!mx_network_contains(&network, inside.ip, true));
}
