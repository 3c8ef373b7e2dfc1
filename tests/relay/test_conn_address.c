/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/conn_address.h"

Test(conn_address, what_is_parsed_is_printed_in_its_plainest_form)
{
	static const struct {
		const char *text, *printed; /* NULL: no address */
		int family;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", AF_INET},
		{"0.0.0.0", "0.0.0.0", AF_INET},
		{"2001:DB8:0:0::1", "2001:db8::1", AF_INET6},
		{"::", "::", AF_INET6},
		{"::1", "::1", AF_INET6},
		{"::ffff:192.0.2.1", "192.0.2.1", AF_INET6},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6},
		{"", NULL, 0},
		{"localhost", NULL, 0},
		{"192.0.2", NULL, 0},
		{"192.0.2.256", NULL, 0},
		{"[::1]", NULL, 0},
		{"fe80::1%lo", NULL, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sockaddr_storage address;
		struct conn_address printed;
		socklen_t len = conn_address_parse(cases[i].text, 2525, &address);

		cr_assert_eq(len > 0, cases[i].printed != NULL, "%s", cases[i].text);
		if (len == 0)
			continue;
		cr_assert_eq(address.ss_family, cases[i].family, "%s", cases[i].text);
		conn_address_print(&address, &printed);
		cr_assert_str_eq(printed.ip, cases[i].printed);
		cr_assert_eq(printed.port, 2525);
	}
}
