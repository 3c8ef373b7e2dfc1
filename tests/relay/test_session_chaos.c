/* SPDX-License-Identifier: ISC */
#include "../support/fake_client.c"

/*
 * Anything may happen at any moment: the client says what it likes and goes when it likes, the disk, a
 * commit, a login or a handshake come back late, time runs out, we are told to stop. Under
 * ASan this also tells who touches what has gone.
 */

enum { SEEDS = 4000, STEPS = 60 };

static uint32_t draw(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 16) % below;
}

/* True while the session waits for what is ours. */
static bool is_waiting(void)
{
	return fake.spool.done || fake.login || fake.spool.drained;
}

static void say_something(uint32_t *chance)
{
	static const char *const words[] = {
		"EHLO client.example\r\n",
		"EHLO client.example\r\n",
		"MAIL FROM:<ann@corp.example>\r\nRCPT TO:<bob@dest.example>\r\n",
		"MAIL FROM:<ann@corp.example>\r\nRCPT TO:<bob@dest.example>\r\n",
		"DATA\r\n",
		"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@dest.example>\r\nDATA\r\n.\r\n",
		"\r\n.\r\n",
		"BDAT 3\r\nabc",
		"BDAT 2 LAST\r\nab",
		"BDAT 0 LAST\r\n",
		"BDAT 2000\r\n",
		"Subject: x\r\n\r\nbody\r\n.\r\n",
		"\r\n.\r\n",
		"RSET\r\n",
		"NOOP\r\n",
		"STARTTLS\r\n",
		"AUTH PLAIN AGV4Y2hhbmdlAHNlY3JldA==\r\n",
		"AUTH PLAIN AGV4Y2hhbmdlAHNlY3JlVA==\r\n",
		"AUTH LOGIN\r\nZXhjaGFuZ2U=\r\n",
		"c2VjcmV0\r\n",
		"*\r\n",
		"half a com",
		"QUIT\r\n",
	};
	enum { WORDS = sizeof words / sizeof words[0] };
	char block[4096] = "";
	unsigned count = 1 + draw(chance, 4);

	for (unsigned i = 0; i < count; i++)
		strcat(block, words[draw(chance, i + 1 < count ? WORDS - 1 : WORDS)]);
	fake_send(block, strlen(block));
	if (draw(chance, 8) == 0 && fake.conn.in.len < CONN_READ_MAX / 2) {
		memset(block, 'x', sizeof block);
		fake_send(block, sizeof block);
	}
}

/* What is waited for comes back, one of it. */
static void bring_back(void)
{
	void (*drained)(void *owner) = fake.spool.drained;

	if (fake.spool.done) {
		fake_commit();
	} else if (fake.login) {
		fake_log_in();
	} else if (drained) {
		fake.spool.drained = NULL;
		drained(fake.spool.drained_owner);
	} else if (fake.conn.is_securing) {
		fake_secure();
	}
}

static void go_on(uint32_t *chance, bool *is_stopped)
{
	static const enum conn_event ends[] = {CONN_EOF, CONN_ERROR};

	switch (draw(chance, 100)) {
	case 0:
		fake_emit(ends[draw(chance, 2)]);
		break;
	case 1:
		if (fake.conn.deadline) {
			fake.now = fake.conn.deadline;
			fake_emit(CONN_TIMEOUT);
		}
		break;
	case 2:
		if (!*is_stopped)
			session_stop(fake.session);
		*is_stopped = true;
		break;
	case 3:
	case 4:
		fake.spool.is_behind = !fake.spool.is_behind;
		break;
	case 5:
	case 6:
		fake_emit(CONN_DRAINED);
		break;
	default:
		if (draw(chance, 3) == 0)
			bring_back();
		else
			say_something(chance);
	}
}

Test(session_chaos, whatever_happens_when_it_ends_once_and_leaves_nothing)
{
	unsigned committed = 0, secured = 0;

	for (uint32_t seed = 0; seed < SEEDS; seed++) {
		uint32_t chance = seed;
		bool is_stopped = false;

		fake_init();
		fake.options.extensions |=
			SMTP_EXT_CHUNKING | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH;
		fake.options.is_tls_implicit = draw(&chance, 8) == 0;
		fake.conn.error = "connection reset";
		fake.spool.is_slow = true;
		fake_connect();
		fake_send("EHLO client.example\r\n", 21);
		for (int i = 0; i < STEPS && !fake.conn.closed; i++) {
			go_on(&chance, &is_stopped);
			if (!fake.conn.closed)
				cr_assert_eq(fake.conn.deadline == 0, is_waiting(),
					"seed %u, step %d: whose time is it?", seed, i);
		}
		secured += fake.conn.is_secured;
		if (!fake.conn.closed)
			fake_emit(CONN_EOF);
		while (is_waiting())
			bring_back();
		committed += fake.spool.committed;
		fake_fini();
	}
	cr_assert_gt(committed, SEEDS / 10, "%u", committed);
	cr_assert_gt(secured, SEEDS / 10, "%u", secured);
}
