/* SPDX-License-Identifier: ISC */
#include "../support/fake_client.c"

/* How long a session lasts with clients that keep it up; hours pass in no time. */

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const char greeting[] = "EHLO client.example\r\n";
static const char envelope[] = "EHLO client.example\r\nMAIL FROM:<ann@corp.example>\r\n"
			       "RCPT TO:<bob@dest.example>\r\nDATA\r\n";

static const char chunked[] = "EHLO client.example\r\nMAIL FROM:<ann@corp.example>\r\n"
			      "RCPT TO:<bob@dest.example>\r\nBDAT 1\r\nx";

static const char big_chunk[] = "EHLO client.example\r\nMAIL FROM:<ann@corp.example>\r\n"
				"RCPT TO:<bob@dest.example>\r\nBDAT 1000000000\r\n";

/* Sends bytes every so often until the session ends it; returns after how many milliseconds. */
static uint64_t dribble(const char *bytes, size_t len, uint64_t every)
{
	uint64_t start = fake.now, next = start + every;

	while (!fake.conn.closed) {
		cr_assert_neq(fake.conn.deadline, 0, "nothing ends it");
		cr_assert_lt(fake.now - start, 24 * HOUR, "it has no end");
		if (next < fake.conn.deadline) {
			fake.now = next;
			next += every;
			fake_send(bytes, len);
		} else {
			fake.now = fake.conn.deadline;
			fake_emit(CONN_TIMEOUT);
		}
	}
	return fake.now - start;
}

static bool has_heard(const char *text)
{
	return memmem(fake.conn.out.bytes, fake.conn.out.len, text, strlen(text));
}

Test(session_deadlines, whoever_keeps_a_session_for_nothing_is_sent_away)
{
	static char line[1002], window[SESSION_WINDOW];
	static const struct {
		const char *name, *first, *bytes;
		size_t len;
		uint64_t every;       /* milliseconds */
		unsigned sessions;    /* of others */
		uint64_t least, most; /* seconds it lasts */
	} rows[] = {
		{"silent from the start", "", "", 0, HOUR, 0, 300, 300},
		{"silent after EHLO", greeting, "", 0, HOUR, 0, 300, 300},
		{"half a command", "EHLO x\r\nMAIL FR", "", 0, HOUR, 0, 300, 300},
		{"a byte every 10 s", greeting, "x", 1, 10 * SECOND, 0, 300, 300},
		{"silent in a crowd", greeting, "", 0, HOUR, 750, 30, 30},
		{"nearly a crowd", greeting, "", 0, HOUR, 748, 300, 300},
		{"a command every 4 minutes", greeting, "EHLO x\r\n", 8, 240 * SECOND, 0,
			8 * 3600, 8 * 3600},
		{"silent in a body", envelope, "", 0, HOUR, 0, 300, 300},
		{"a byte a second", envelope, "x", 1, SECOND, 0, 300, 300},
		{"a line a second", envelope, "x\r\n", 3, SECOND, 0, 300, 300},
		{"400 bytes a second", envelope, line, 400, SECOND, 0, 300, 3000},
		{"490 bytes a second", envelope, line, 490, SECOND, 0, 300, 10000},
		{"510 bytes a second", envelope, line, 510, SECOND, 0, 4 * 3600,
			4 * 3600},
		{"a window every 2 minutes", envelope, window, sizeof window,
			120 * SECOND, 0, 4 * 3600, 4 * 3600},
		{"a window every 5 minutes", envelope, window, sizeof window,
			299 * SECOND, 0, 300, 1200},
		{"a chunk of a byte every second", chunked, "BDAT 1\r\nx", 9, SECOND, 0,
			300, 300},
		{"an empty chunk every 2 minutes", chunked, "BDAT 0\r\n", 8, 120 * SECOND,
			0, 300, 300},
		{"one chunk, 510 bytes a second, in a crowd", big_chunk, line, 510,
			SECOND, 750, 4 * 3600, 4 * 3600},
		{"a window every 20 s", envelope, window, sizeof window, 20 * SECOND, 0,
			4 * 3600, 4 * 3600},
	};

	memset(line, 'x', sizeof line);
	memset(window, 'x', sizeof window);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fake_init();
		fake.config.message_size_limit = UINT64_MAX / 2;
		fake.spool.forgets = true;
		fake.options.crowd = 750;
		fake.options.extensions |= SMTP_EXT_CHUNKING;
		fake_connect();
		fake.relay.stats.sessions += rows[i].sessions;
		fake_send(rows[i].first, strlen(rows[i].first));
		uint64_t seconds =
			dribble(rows[i].bytes, rows[i].len, rows[i].every) / SECOND;

		cr_expect(seconds >= rows[i].least && seconds <= rows[i].most, "%s: %d s",
			rows[i].name, (int)seconds);
		cr_assert(has_heard("\r\n421 4.4.2"), "%s", rows[i].name);
		fake.relay.stats.sessions -= rows[i].sessions;
		fake_fini();
	}
}

Test(session_deadlines, a_client_may_stall_for_five_minutes_after_a_good_while)
{
	static char window[SESSION_WINDOW];

	memset(window, 'x', sizeof window);
	fake_init();
	fake_connect();
	fake_send(envelope, strlen(envelope));
	for (int i = 0; i < 4; i++) {
		fake_send(window, sizeof window);
		fake.now += 299 * SECOND;
		cr_assert_gt(fake.conn.deadline, fake.now);
		fake_send(window, sizeof window);
		fake_send(window, sizeof window);
	}
	fake_send("\r\n.\r\n", 5);
	cr_assert(has_heard("250 2.0.0 queued"));
	cr_assert_eq(fake.conn.deadline, fake.now + 300 * SECOND);
	fake_fini();
}

Test(session_deadlines, the_time_of_our_disk_is_not_the_clients)
{
	static char block[2000];

	memset(block, 'x', sizeof block);
	fake_init();
	fake_connect();
	fake.spool.is_behind = true;
	fake_send(envelope, strlen(envelope));
	fake.now += 200 * SECOND;
	fake_send(block, sizeof block);
	cr_assert_not_null(fake.spool.drained);
	cr_assert_eq(fake.conn.deadline, 0);
	fake.now += 10 * HOUR;
	fake.spool.is_behind = false;
	fake.spool.drained(fake.spool.drained_owner);
	cr_assert_eq(fake.conn.deadline, fake.now + 100 * SECOND);
	fake_send("\r\n.\r\n", 5);
	cr_assert(has_heard("250 2.0.0 queued"));
	fake_fini();
}

/* Also when the question came with answers to what was sent in front of it. */
Test(session_deadlines, the_time_of_our_commit_and_check_is_not_the_clients)
{
	static const struct {
		const char *bytes, *answer;
	} rows[] = {
		{"DATA\r\nx\r\n.\r\n", "250 2.0.0 queued"},
		{"BDAT 1\r\nxBDAT 0 LAST\r\n", "250 2.0.0 queued"},
		{"RSET\r\nAUTH PLAIN AGV4Y2hhbmdlAHNlY3JldA==\r\n", "235 2.7.0"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fake_init();
		fake.options.extensions |= SMTP_EXT_CHUNKING | SMTP_EXT_AUTH;
		fake_connect();
		fake.spool.is_slow = true;
		fake_send(envelope, strlen(envelope) - strlen("DATA\r\n"));
		fake_send(rows[i].bytes, strlen(rows[i].bytes));
		cr_expect_eq(fake.conn.deadline, 0, "row %zu", i);
		cr_assert_not(has_heard(rows[i].answer));
		fake.now += HOUR;
		fake.spool.is_slow = false;
		fake_settle();
		cr_assert(has_heard(rows[i].answer), "row %zu", i);
		cr_assert_eq(fake.conn.deadline, fake.now + 300 * SECOND);
		fake_fini();
	}
}

Test(session_deadlines, a_handshake_has_its_own_time)
{
	for (int finishes = 0; finishes < 2; finishes++) {
		fake_init();
		fake.options.extensions |= SMTP_EXT_STARTTLS;
		fake_connect();
		fake_send("EHLO x\r\nSTARTTLS\r\n", 18);
		cr_assert(has_heard("\r\n220 "));
		if (finishes)
			fake_secure();
		cr_assert_eq(dribble("", 0, HOUR), (finishes ? 300 : 30) * SECOND);
		cr_assert_eq(has_heard("421"), finishes, "nobody could read it");
		fake_fini();
	}
}
