/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>

#include "relay/destination.h"

enum { MESSAGES = 6 };

static struct message *make(const char *recipient)
{
	struct envelope envelope = {.sender = "", .recipients = &recipient, .count = 1};

	return message_new(1, 1, &envelope);
}

Test(destination, places_are_taken_in_turn_and_bounded)
{
	static const char *const addresses[MESSAGES] = {"1@busy.example",
		"2@BUSY.example", "3@busy.example", "4@busy.example", "5@quiet.example",
		"6@busy.example"};
	struct destinations *destinations = destinations_new(2);
	struct destination *busy, *quiet, *again;
	struct message *messages[MESSAGES];

	for (int i = 0; i < MESSAGES; i++) {
		messages[i] = make(addresses[i]);
		destination_wait(destinations, &messages[i]->recipients[0]);
	}
	cr_assert_eq(destination_take(destinations, &busy)->address[0], '1');
	cr_assert_eq(destination_take(destinations, &quiet)->address[0], '5',
		"a busy destination does not keep a quiet one waiting");
	cr_assert_eq(destination_take(destinations, &again)->address[0], '2');
	cr_assert_eq(busy, again, "domains are compared without case");
	cr_assert_null(destination_take(destinations, &again), "both places are taken");

	destination_leave(destinations, &messages[2]->recipients[0]);
	destination_leave(destinations, &messages[2]->recipients[0]);
	destination_vacate(destinations, busy);
	cr_assert_eq(destination_take(destinations, &busy)->address[0], '4',
		"3 has left the line");
	destination_vacate(destinations, quiet);
	destinations_free(destinations);
	for (int i = 0; i < MESSAGES; i++)
		message_free(messages[i]);
}
