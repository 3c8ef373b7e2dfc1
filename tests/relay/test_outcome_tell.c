/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <unistd.h>

#include "relay/outcome_tell.h"

/* What stands in the log about an outcome can be read by a program, whatever stands in addresses and replies. */
Test(outcome_tell, an_address_is_one_word_and_a_reply_ends_where_it_ends)
{
	static const char *const addresses[] = {"\"a b> to=<c\"@dest.example"};
	static struct config config = {.notify_sender = true};
	struct envelope envelope = {
		.sender = "a@corp.example", .recipients = addresses, .count = 1};
	struct message *message = message_new(7, 100, &envelope);
	struct outcome outcome = {.state = RCPT_DEFERRED,
		.event = (char *)"deferred by mx: 450 \"later\"\r\n reason=-"};
	char line[1000] = "", id[SPOOL_ID_TEXT], wanted[1000];
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	struct relay relay = {
		.config = &config, .log = {.level = LOG_INFO, .fd = ends[1]}};

	outcome_tell(&relay, &message->recipients[0], &outcome);
	close(ends[1]);
	cr_assert_gt(read(ends[0], line, sizeof line - 1), 0);
	close(ends[0]);
	spool_id_format(7, id);
	snprintf(wanted, sizeof wanted,
		"deferred id=%s to=<\"a\\x20b\\x3E\\x20to=\\x3Cc\"@dest.example> "
	        "reason=- "
		"what=\"deferred by mx: 450 'later'\\x0D\\n reason=-\"\n",
		id);
	cr_assert(strstr(line, wanted), "%s", line);
	cr_assert_eq(relay.stats.deferred, 1);
	message_free(message);
}
