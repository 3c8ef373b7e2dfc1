/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dns/mx.h"
#include "relay/policy.h"

enum { NETWORKS = 3 };

/* A relay for 192.0.2.0/28, 2001:db8:1::/48 and ::1. */
static struct config configure(struct mx_network networks[NETWORKS])
{
	static char host[] = "mail.corp.example";
	static const char *const texts[NETWORKS] = {
		"192.0.2.0/28", "2001:db8:1::/48", "::1"};

	for (size_t i = 0; i < NETWORKS; i++)
		cr_assert_eq(mx_network_parse(texts[i], &networks[i]), 0);
	return (struct config){
		.hostname = host, .allow = networks, .allow_count = NETWORKS};
}

Test(policy, only_the_addresses_of_allow_may_relay)
{
	static const struct {
		const char *client;
		bool may;
	} cases[] = {
		{"192.0.2.0", true},
		{"192.0.2.15", true},
		{"192.0.2.16", false},
		{"198.51.100.1", false},
		{"2001:db8:1::25", true},
		{"2001:db8:1:ffff::25", true},
		{"2001:db8:2::25", false},
		{"::1", true},
		{"::2", false},
		{"127.0.0.1", false},
		{"", false},
		{"nonsense", false},
	};
	struct mx_network networks[NETWORKS];
	struct config config = configure(networks);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_assert_eq(policy_may_relay(&config, cases[i].client), cases[i].may,
			"\"%s\"", cases[i].client);
	config.allow_count = 0;
	cr_assert_not(policy_may_relay(&config, "192.0.2.1"), "nobody is listed");
}

Test(policy, recipients_are_taken_or_refused_with_words)
{
	static const struct {
		bool may;
		const char *rcpt, *mailbox, *enhanced;
		unsigned code;
	} cases[] = {
		{true, "<b@dest.example>", "b@dest.example", "", 0},
		{true, "<b@nowhere.invalid>", "b@nowhere.invalid", "", 0},
		{true, "<\"a b\"@dest.example>", "\"a b\"@dest.example", "", 0},
		{true, "<postmaster>", "postmaster@mail.corp.example", "", 0},
		{true, "<PostMaster>", "PostMaster@mail.corp.example", "", 0},
		{true, "<b@[192.0.2.9]>", NULL, "5.1.3", 550},
		{true, "<b@[IPv6:2001:db8::9]>", NULL, "5.1.3", 550},
		{true, "<>", NULL, "5.1.3", 550},
		{false, "<b@dest.example>", NULL, "5.7.1", 554},
		{false, "<postmaster>", NULL, "5.7.1", 554},
		{false, "<b@[192.0.2.9]>", NULL, "5.7.1", 554},
	};
	struct mx_network networks[NETWORKS];
	struct config config = configure(networks);

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *rcpt = cases[i].rcpt;
		struct smtp_address address;
		struct smtp_reply refusal = {0};

		cr_assert_gt(
			smtp_path_parse(&address, rcpt, strlen(rcpt)), 0, "%s", rcpt);
		char *mailbox = policy_take_recipient(
			&config, cases[i].may, &address, &refusal);

		cr_assert_eq(refusal.code, cases[i].code, "%s: %s", rcpt, refusal.text);
		cr_assert_str_eq(refusal.enhanced, cases[i].enhanced, "%s", rcpt);
		if (cases[i].mailbox)
			cr_assert_str_eq(mailbox, cases[i].mailbox);
		else
			cr_assert_null(mailbox, "%s was taken as %s", rcpt, mailbox);
		free(mailbox);
	}
}
