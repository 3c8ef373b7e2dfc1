/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "relay/next_hop.h"

static const char routes[] = "route = one.example [10.0.0.1]:25\n"
			     "route = .inside.example mail.inside.example:2525\n"
			     "route = two.example [10.0.0.1]:25\n";
static const char smarthosts[] = "smarthost = [smart.example]:587\n"
				 "smarthost = [other.example]:587\n"
				 "preflight_for = strict.example all warn\n"
				 "preflight_for = .lax.example ptr-missing off\n";

static struct config *configure(const char *first, const char *second)
{
	char text[1000];
	struct buf problems = {0};
	int len = snprintf(text, sizeof text,
		"hostname = mail.corp.example\nlisten = 127.0.0.1:2525\n%s%s", first,
		second);
	struct config *config = config_parse("test", text, (size_t)len, &problems);

	cr_assert_not_null(config, "%.*s", (int)problems.len, problems.bytes);
	return config;
}

Test(next_hop, its_name_is_the_domain_or_the_machine)
{
	static const struct {
		const char *second, *domain, *name;
	} rows[] = {
		{"", "dest.example", "dest.example"},
		{"", "one.example", "[10.0.0.1]:25"},
		{"", "TWO.example", "[10.0.0.1]:25"},
		{"", "a.inside.example", "[mail.inside.example]:2525"},
		{"", "inside.example", "inside.example"},
		{"", "", ""},
		{smarthosts, "dest.example", "[smart.example]:587"},
		{smarthosts, "one.example", "[10.0.0.1]:25"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *config = configure(routes, rows[i].second);
		char name[NEXT_HOP_NAME];

		cr_expect_str_eq(next_hop_name(config, rows[i].domain, name),
			rows[i].name, "row %zu", i);
		config_free(config);
	}
}

Test(next_hop, who_travels_together)
{
	static const struct {
		const char *second, *domain, *other;
		bool is_shared;
	} rows[] = {
		{"", "dest.example", "DEST.example", true},
		{"", "dest.example", "other.example", false},
		{"", "a.inside.example", "b.inside.example", true},
		{"", "a.inside.example", "inside.example", false},
		{"", "one.example", "dest.example", false},
		{smarthosts, "dest.example", "other.example", true},
		{smarthosts, "dest.example", "strict.example", false},
		{smarthosts, "a.lax.example", "b.lax.example", true},
		{smarthosts, "a.lax.example", "dest.example", false},
		{smarthosts, "one.example", "dest.example", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config *config = configure(routes, rows[i].second);

		cr_expect_eq(next_hop_is_shared(config, rows[i].domain, rows[i].other),
			rows[i].is_shared, "row %zu", i);
		config_free(config);
	}
}
