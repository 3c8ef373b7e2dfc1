/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/target.h"

static struct mx_list list_of(size_t count)
{
	struct mx_list list = {.status = MX_FOUND, .count = count};

	for (size_t i = 0; i < count; i++) {
		list.addresses[i].ip[0] = 198;
		list.addresses[i].ip[3] = (uint8_t)i;
		list.addresses[i].is_v6 = i % 2;
		list.addresses[i].exchange = "mx.dest.example";
	}
	return list;
}

Test(target, by_mx_only_the_family_of_the_source_counts)
{
	struct mx_list list = list_of(20);
	struct source source = {.is_v6 = false};
	struct target targets[TARGETS_MAX];
	char text[320];

	cr_assert_eq(target_choose(&list, NULL, &source, targets), TARGETS_MAX);
	for (size_t i = 0; i < TARGETS_MAX; i++)
		cr_assert_null(strchr(targets[i].address.ip, ':'));
	target_format(&targets[1], text, sizeof text);
	cr_assert_str_eq(text, "mx.dest.example [198.0.0.2]:25");
}

Test(target, a_route_uses_every_family_and_its_own_port)
{
	struct mx_list list = list_of(2);
	struct source source = {.is_v6 = false};
	struct config_route route = {.port = 2526};
	struct target targets[TARGETS_MAX];

	cr_assert_eq(target_choose(&list, &route, &source, targets), 2);
	cr_assert_eq(targets[1].address.port, 2526);
	strcpy(source.bind_ip, "192.0.2.25");
	cr_assert_eq(target_choose(&list, &route, &source, targets), 1,
		"but what is bound reaches its own family only");
}

Test(target, having_none_is_explained)
{
	cr_assert(strstr(target_none_words(MX_NO_ADDRESS, true), "allow_private_mx"));
	cr_assert_null(strstr(target_none_words(MX_NO_ADDRESS, false), "private"));
	for (int status = MX_PENDING; status <= MX_LOOP; status++)
		cr_assert_gt(
			strlen(target_none_words((enum mx_status)status, false)), 10);
}
