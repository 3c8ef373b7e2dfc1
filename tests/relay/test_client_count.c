/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>

#include "relay/client_count.h"

static const char *name(char ip[46], unsigned number)
{
	snprintf(ip, 46, "10.%u.%u.%u", number >> 16, number >> 8 & 255, number & 255);
	return ip;
}

Test(client_count, each_address_has_its_own)
{
	struct client_counts *counts = client_counts_new();

	client_counts_enter(counts, "192.0.2.1");
	client_counts_enter(counts, "192.0.2.1");
	client_counts_enter(counts, "2001:db8::1");
	cr_assert_eq(client_counts_get(counts, "192.0.2.1"), 2);
	cr_assert_eq(client_counts_get(counts, "2001:db8::1"), 1);
	cr_assert_eq(client_counts_get(counts, "192.0.2.2"), 0);
	client_counts_leave(counts, "192.0.2.1");
	cr_assert_eq(client_counts_get(counts, "192.0.2.1"), 1);
	client_counts_leave(counts, "192.0.2.1");
	cr_assert_eq(client_counts_get(counts, "192.0.2.1"), 0);
	client_counts_leave(counts, "2001:db8::1");
	client_counts_free(counts);
}

Test(client_count, far_more_clients_than_chains)
{
	enum { CLIENTS = 20000 };
	struct client_counts *counts = client_counts_new();
	char ip[46];

	for (unsigned i = 0; i < 2 * CLIENTS; i++)
		client_counts_enter(counts, name(ip, i % CLIENTS));
	for (unsigned i = 0; i < CLIENTS; i += 2) {
		client_counts_leave(counts, name(ip, i));
		client_counts_leave(counts, name(ip, i));
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		cr_assert_eq(client_counts_get(counts, name(ip, i)), i % 2 ? 2 : 0);
	for (unsigned i = 1; i < CLIENTS; i += 2) {
		client_counts_leave(counts, name(ip, i));
		client_counts_leave(counts, name(ip, i));
	}
	client_counts_free(counts); /* it asserts that nobody is left */
}
