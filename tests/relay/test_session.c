/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/accepted_conn.c"

#include "dns/mx.h"
#include "relay/auth.h"
#include "relay/dispatch.h"
#include "relay/mem.h"
#include "relay/session.h"

/*
 * A session between a real socket and a spool that does what the test says: the seam is at link
 * time, these spool_ functions and dispatch_submit stand in for the product's.
 */

enum { PATIENCE_MS = 10000, TICK_MS = 2 };

struct spool {
	uv_timer_t committing; /* calls back, some time after spool_commit */
	bool is_full, has_failed;
	bool opens_nothing; /* append_status is told of the first bytes already */
	bool holds_commits; /* until release_commit */
	bool is_behind;     /* its writers are full until catch_up */
	void (*drained)(void *owner);
	void *drained_owner;
	int append_status, commit_status;
	unsigned created, abandoned, committed, discarded;
	spool_done_cb done;
	void *owner;
	struct buf body, envelope; /* of the last message committed */
};

struct spool_writer {
	struct spool *spool;
	struct buf body;
};

struct spool_transaction {
	struct spool *spool;
};

struct dispatch {
	struct message *submitted;
	unsigned count;
};

bool spool_has_room(struct spool *spool, uint64_t bytes)
{
	(void)bytes;
	return !spool->is_full && !spool->has_failed;
}

void spool_stats(const struct spool *spool, struct spool_stats *stats)
{
	*stats = (struct spool_stats){.failed = spool->has_failed};
}

struct spool_writer *spool_create(struct spool *spool)
{
	struct spool_writer *writer = mem_alloc(sizeof *writer);

	spool->created++;
	writer->spool = spool;
	return writer;
}

uint64_t spool_writer_id(const struct spool_writer *writer)
{
	return 1000 + writer->spool->created;
}

void spool_id_format(uint64_t id, char *text)
{
	snprintf(text, SPOOL_ID_TEXT, "%010llu", (unsigned long long)id);
}

int spool_append(struct spool_writer *writer, const void *bytes, size_t len)
{
	buf_append(&writer->body, bytes, len);
	return writer->body.len > 1000 || writer->spool->opens_nothing
	               ? writer->spool->append_status
	               : 0;
}

bool spool_writer_is_full(const struct spool_writer *writer)
{
	return writer->spool->is_behind && writer->body.len > 1000;
}

void spool_writer_wait(
	struct spool_writer *writer, void (*drained)(void *owner), void *owner)
{
	cr_assert_null(writer->spool->drained);
	writer->spool->drained = drained;
	writer->spool->drained_owner = owner;
}

static void catch_up(struct spool *spool)
{
	void (*drained)(void *owner) = spool->drained;

	spool->is_behind = false;
	spool->drained = NULL;
	drained(spool->drained_owner);
}

uint64_t spool_writer_size(const struct spool_writer *writer)
{
	return writer->body.len;
}

void spool_abandon(struct spool_writer *writer)
{
	writer->spool->abandoned++;
	writer->spool->drained = NULL;
	buf_fini(&writer->body);
	free(writer);
}

struct spool_transaction *spool_begin(struct spool *spool)
{
	struct spool_transaction *transaction = mem_alloc(sizeof *transaction);

	transaction->spool = spool;
	return transaction;
}

int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len)
{
	struct spool *spool = transaction->spool;

	buf_fini(&spool->body);
	spool->body = writer->body;
	free(writer);
	buf_fini(&spool->envelope);
	buf_append(&spool->envelope, envelope, len);
	return 0;
}

static void on_commit_over(uv_timer_t *timer)
{
	struct spool *spool = timer->data;

	spool->done(spool->owner, spool->commit_status);
}

static void release_commit(struct spool *spool)
{
	uv_timer_start(&spool->committing, on_commit_over, 0, 0);
}

void spool_commit(struct spool_transaction *transaction, spool_done_cb done, void *owner)
{
	struct spool *spool = transaction->spool;

	free(transaction);
	spool->committed++;
	spool->done = done;
	spool->owner = owner;
	if (!spool->holds_commits)
		release_commit(spool);
}

void spool_discard(struct spool_transaction *transaction)
{
	transaction->spool->discarded++;
	free(transaction);
}

void dispatch_submit(struct dispatch *dispatch, struct message *message)
{
	message_free(dispatch->submitted);
	dispatch->submitted = message;
	dispatch->count++;
}

/* One session, and the client at the other end. */
struct world {
	uv_loop_t loop;
	uv_timer_t tick; /* lets the test look at the client's side */
	unsigned ticks;
	struct spool spool;
	struct dispatch dispatch;
	struct mx_network allow;
	struct config config;
	struct relay relay;
	struct session_options options;
	struct session *session;
	unsigned gone;
	int client;
	bool ended; /* the client saw the end of the stream */
	struct buf heard;
	size_t taken; /* bytes of heard that were looked at */
};

static void on_tick(uv_timer_t *tick)
{
	((struct world *)tick->data)->ticks++;
}

static void on_gone(void *owner)
{
	((struct world *)owner)->gone++;
}

static struct world *world_new(void)
{
	struct world *world = mem_alloc(sizeof *world);

	buf_reserve(&world->heard, 1);
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->tick);
	world->tick.data = world;
	uv_timer_start(&world->tick, on_tick, TICK_MS, TICK_MS);
	uv_timer_init(&world->loop, &world->spool.committing);
	world->spool.committing.data = &world->spool;
	cr_assert_eq(mx_network_parse("127.0.0.0/8", &world->allow), 0);
	world->config = (struct config){
		.hostname = "mail.corp.example",
		.allow = &world->allow,
		.allow_count = 1,
		.message_size_limit = 200000,
		.recipient_limit = 10,
	};
	world->relay = (struct relay){
		.loop = &world->loop,
		.config = &world->config,
		.log = {.level = LOG_ERROR, .fd = STDERR_FILENO},
		.spool = &world->spool,
		.dispatch = &world->dispatch,
	};
	world->options = (struct session_options){
		.command_ms = PATIENCE_MS,
		.crowded_ms = PATIENCE_MS,
		.crowd = 1000,
		.message_ms = PATIENCE_MS,
		.session_ms = PATIENCE_MS,
		.body_rate = SESSION_WINDOW,
	};
	world->options.extensions = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE |
	                            SMTP_EXT_8BITMIME | SMTP_EXT_ENHANCEDSTATUSCODES;
	return world;
}

static void turn(struct world *world)
{
	struct buf *heard = &world->heard;
	ssize_t len = recv(world->client, buf_reserve(heard, 65536), 65536, 0);

	if (len > 0)
		heard->len += (size_t)len;
	else if (len == 0 || errno != EAGAIN)
		world->ended = true;
	uv_run(&world->loop, UV_RUN_ONCE);
}

static bool has_heard(const struct world *world)
{
	return world->heard.len > world->taken;
}

static void say(struct world *world, const char *bytes, size_t len)
{
	uint64_t start = uv_hrtime();

	while (len > 0) {
		ssize_t sent = send(world->client, bytes, len, MSG_NOSIGNAL);

		if (sent > 0) {
			bytes += sent;
			len -= (size_t)sent;
		}
		cr_assert_lt(uv_hrtime() - start, PATIENCE_MS * 1000000ull, "not read");
		turn(world);
	}
}

/* Takes one whole reply off what was heard; false when there is none yet. */
static bool take_reply(struct world *world, char *reply, size_t cap)
{
	struct buf *heard = &world->heard;
	size_t start = world->taken;
	const char *newline;

	while ((newline = memchr(heard->bytes + start, '\n', heard->len - start))) {
		size_t end = (size_t)(newline + 1 - heard->bytes);

		if (heard->bytes[start + 3] == ' ') {
			snprintf(reply, cap, "%.*s", (int)(end - 2 - world->taken),
				heard->bytes + world->taken);
			world->taken = end;
			return true;
		}
		start = end;
	}
	buf_consume(heard, world->taken);
	world->taken = 0;
	return false;
}

static void expect(struct world *world, const char *start)
{
	uint64_t begun = uv_hrtime();
	char reply[4096] = "(nothing)";

	while (!take_reply(world, reply, sizeof reply)) {
		cr_assert_not(world->ended, "end instead of %s", start);
		cr_assert_lt(uv_hrtime() - begun, PATIENCE_MS * 1000000ull,
			"no reply; expected %s", start);
		turn(world);
	}
	cr_assert_eq(strncmp(reply, start, strlen(start)), 0, "heard \"%s\", expected %s",
		reply, start);
}

static void expect_end(struct world *world)
{
	uint64_t begun = uv_hrtime();

	while (!world->ended || !world->gone) {
		cr_assert_lt(uv_hrtime() - begun, PATIENCE_MS * 1000000ull, "no end");
		turn(world);
	}
	cr_assert_not(has_heard(world), "surplus reply");
	cr_assert_eq(world->gone, 1);
}

/* Says a line and hears the reply. */
static void ask(struct world *world, const char *line, const char *reply)
{
	say(world, line, strlen(line));
	say(world, "\r\n", 2);
	expect(world, reply);
}

static void world_start(struct world *world)
{
	world->session = session_start(&world->relay, &world->options,
		accept_client(&world->loop, &world->client), on_gone, world);
	expect(world, "220 mail.corp.example ESMTP");
}

static void world_greet(struct world *world)
{
	world_start(world);
	ask(world, "EHLO client.example", "250-mail.corp.example");
}

static void world_envelope(struct world *world)
{
	world_greet(world);
	ask(world, "MAIL FROM:<a@corp.example>", "250 2.1.0");
	ask(world, "RCPT TO:<b@dest.example>", "250 2.1.5");
	ask(world, "DATA", "354");
}

static void run_some(struct world *world)
{
	for (int i = 0; i < 20; i++)
		turn(world);
}

static void world_free(struct world *world)
{
	close(world->client);
	uv_close((uv_handle_t *)&world->tick, NULL);
	uv_close((uv_handle_t *)&world->spool.committing, NULL);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&world->loop), 0);
	cr_assert_eq(world->gone, 1, "gone was called %u times", world->gone);
	cr_assert_eq(world->relay.stats.sessions, 0);
	cr_assert_eq(
		world->spool.created, world->spool.abandoned + world->spool.committed);
	buf_fini(&world->spool.body);
	buf_fini(&world->spool.envelope);
	buf_fini(&world->heard);
	message_free(world->dispatch.submitted);
	free(world);
}

Test(session, a_message_is_stored_with_our_trace_in_front_and_queued)
{
	struct world *world = world_new();
	const char *trace = "Received: from client.example ([127.0.0.1])\r\n";
	const char *body = "From: Ann <ann@corp.example>\r\nDKIM-Signature: v=1; "
			   "d=isp.example\r\n\r\n.dot\r\n\xe4\r\n";
	struct envelope envelope;
	const char **lists;

	world_envelope(world);
	ask(world,
		"From: Ann <ann@corp.example>\r\nDKIM-Signature: v=1; d=isp.example"
		"\r\n\r\n..dot\r\n\xe4\r\n.",
		"250 2.0.0 queued as 0000001001");
	struct buf *stored = &world->spool.body;

	cr_assert_eq(strncmp(stored->bytes, trace, strlen(trace)), 0);
	cr_assert_not_null(
		memmem(stored->bytes, stored->len, "for <b@dest.example>", 20));
	cr_assert_not_null(memmem(stored->bytes, stored->len, "id 0000001001", 13));
	cr_assert_arr_eq(stored->bytes + stored->len - strlen(body), body, strlen(body));
	cr_assert_eq(envelope_decode(world->spool.envelope.bytes,
			     world->spool.envelope.len, &envelope, &lists),
		0);
	cr_assert_str_eq(envelope.sender, "a@corp.example");
	cr_assert_str_eq(envelope.client, "127.0.0.1");
	cr_assert_str_eq(envelope.recipients[0], "b@dest.example");
	cr_assert_str_eq(envelope.author, "corp.example");
	cr_assert_eq(envelope.signer_count, 1);
	cr_assert_str_eq(envelope.signers[0], "isp.example");
	cr_assert(envelope.eight_bit);
	free(lists);
	cr_assert_str_eq(world->dispatch.submitted->author, "corp.example");
	cr_assert_eq(world->dispatch.submitted->signer_count, 1);
	cr_assert_eq(world->dispatch.submitted->id, 1001);
	cr_assert_eq(world->dispatch.submitted->size, stored->len);
	cr_assert_eq(world->relay.stats.accepted, 1);
	ask(world, "QUIT", "221");
	expect_end(world);
	world_free(world);
}

Test(session, a_message_without_body_has_its_author)
{
	struct world *world = world_new();

	world_envelope(world);
	ask(world, "From: ann@corp.example\r\n.", "250 2.0.0 queued as");
	cr_assert_str_eq(world->dispatch.submitted->author, "corp.example");
	ask(world, "QUIT", "221");
	world_free(world);
}

static const char flood_line[] =
	"0123456789012345678901234567890123456789012345678901234567890\r\n";
enum { FLOOD_LINE = sizeof flood_line - 1 };

/* Sends lines until nothing more is taken. Returns how many bytes were. */
static size_t flood(struct world *world)
{
	size_t total = 0;

	for (int quiet = 0; quiet < 20; quiet++) {
		size_t at = total % FLOOD_LINE;
		ssize_t sent = send(
			world->client, flood_line + at, FLOOD_LINE - at, MSG_NOSIGNAL);

		cr_assert_lt(total, 100000000, "there is no end to it");
		if (sent > 0) {
			total += (size_t)sent;
			quiet = 0;
		} else {
			turn(world);
		}
	}
	return total;
}

Test(session, a_client_waits_while_the_disk_is_behind)
{
	struct world *world = world_new();

	world->config.message_size_limit = 200000000;
	world->options.command_ms = world->options.message_ms = 1500;
	world->spool.is_behind = true;
	world_envelope(world);
	size_t at = flood(world) % FLOOD_LINE;

	cr_assert_not_null(world->spool.drained);
	uint64_t start = uv_hrtime();

	while (uv_hrtime() - start < 2000000000ull)
		turn(world);
	cr_assert_not(world->ended, "our disk is not the client's fault");
	catch_up(&world->spool);
	say(world, flood_line + at, FLOOD_LINE - at);
	ask(world, ".", "250 2.0.0 queued as");
	cr_assert_gt(world->spool.body.len, 65536);
	ask(world, "QUIT", "221");
	expect_end(world);
	world_free(world);
}

/* The session waits for the disk, with part of a body unread. */
static void fall_behind(struct world *world)
{
	world->spool.is_behind = true;
	world_envelope(world);
	for (int i = 0; i < 20; i++)
		say(world, flood_line, FLOOD_LINE);
	run_some(world);
	cr_assert_not_null(world->spool.drained);
}

Test(session, a_client_that_goes_while_the_disk_is_behind_is_forgotten)
{
	struct world *world = world_new();

	fall_behind(world);
	shutdown(world->client, SHUT_WR);
	expect_end(world);
	cr_assert_eq(world->spool.abandoned, 1);
	world_free(world);
}

Test(session, stopping_while_the_disk_is_behind)
{
	struct world *world = world_new();

	fall_behind(world);
	session_stop(world->session);
	expect(world, "421 4.3.2");
	world_free(world);
}

Test(session, nothing_is_said_before_the_commit_is_over)
{
	struct world *world = world_new();

	world->spool.holds_commits = true;
	world->options.command_ms = 300; /* what takes longer is not the client's fault */
	world_envelope(world);
	say(world, "x\r\n.\r\nNOOP\r\n", 12);
	for (unsigned end = world->ticks + 400 / TICK_MS; world->ticks < end;)
		turn(world);
	cr_assert_eq(world->spool.committed, 1);
	cr_assert_not(has_heard(world), "said too early");
	cr_assert_eq(world->dispatch.count, 0);
	release_commit(&world->spool);
	expect(world, "250 2.0.0 queued as");
	expect(world, "250 2.0.0 ok");
	cr_assert_eq(world->dispatch.count, 1);
	ask(world, "QUIT", "221");
	world_free(world);
}

Test(session, what_cannot_be_stored_is_refused_for_now_and_not_queued)
{
	static const struct {
		const char *name;
		int append, commit;
		const char *answer;
	} cases[] = {
		{"append, no space", -ENOSPC, 0, "452 4.3.1"},
		{"append, quota", -EDQUOT, 0, "452 4.3.1"},
		{"append", -EIO, 0, "451 4.3.0"},
		{"commit", 0, -EIO, "451 4.3.0"},
		{"commit, no space", 0, -ENOSPC, "452 4.3.1"},
		{"commit, read-only", 0, -EROFS, "451 4.3.0"},
	};
	static char line[2000];

	memset(line, 'x', sizeof line - 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = world_new();

		world->spool.append_status = cases[i].append;
		world->spool.commit_status = cases[i].commit;
		world_envelope(world);
		say(world, line, strlen(line));
		ask(world, "\r\n.", cases[i].answer);
		cr_assert_eq(world->dispatch.count, 0, "%s", cases[i].name);
		cr_assert_eq(world->relay.stats.accepted, 0, "%s", cases[i].name);
		world->spool.append_status = world->spool.commit_status = 0;
		ask(world, "MAIL FROM:<a@corp.example>", "250");
		ask(world, "RCPT TO:<b@dest.example>", "250");
		ask(world, "DATA", "354");
		ask(world, ".", "250 2.0.0 queued");
		cr_assert_eq(world->dispatch.count, 1, "%s", cases[i].name);
		ask(world, "QUIT", "221");
		world_free(world);
	}
}

Test(session, a_full_spool_takes_no_message)
{
	struct world *world = world_new();

	world->spool.is_full = true;
	world_greet(world);
	ask(world, "MAIL FROM:<a@corp.example> SIZE=100", "452 4.3.1");
	world->spool.is_full = false;
	ask(world, "MAIL FROM:<a@corp.example> SIZE=100", "250");
	ask(world, "QUIT", "221");
	world_free(world);
}

Test(session, a_spool_that_has_failed_takes_no_message_for_now)
{
	struct world *world = world_new();

	world->spool.has_failed = true;
	world_greet(world);
	ask(world, "MAIL FROM:<a@corp.example> SIZE=100", "451 4.3.0");
	world->spool.has_failed = false;
	ask(world, "MAIL FROM:<a@corp.example> SIZE=100", "250");
	ask(world, "RCPT TO:<b@dest.example>", "250");
	world->spool.opens_nothing = true;
	world->spool.append_status = -EIO;
	ask(world, "DATA", "451 4.3.0");
	ask(world, "DATA", "451 4.3.0");
	world->spool.append_status = 0;
	ask(world, "DATA", "354");
	ask(world, ".", "250 2.0.0 queued");
	ask(world, "QUIT", "221");
	world_free(world);
}

Test(session, a_client_that_vanishes_during_the_commit_leaves_a_queued_message)
{
	struct world *world = world_new();

	world->spool.holds_commits = true;
	world_envelope(world);
	say(world, "x\r\n.\r\n", 6);
	run_some(world);
	shutdown(world->client, SHUT_RDWR);
	run_some(world);
	cr_assert_eq(world->spool.committed, 1);
	cr_assert_eq(world->gone, 0, "the session must wait for the commit");
	session_stop(world->session); /* a shutdown does not end it either */
	cr_assert_eq(world->gone, 0);
	release_commit(&world->spool);
	run_some(world);
	cr_assert_eq(world->dispatch.count, 1);
	cr_assert_not(has_heard(world));
	world_free(world);
}

/* As Exim does: BDAT LAST and QUIT in one packet, and its side of the connection is shut. */
Test(session, a_client_that_shuts_its_side_behind_quit_hears_all_answers)
{
	for (int is_behind = 0; is_behind < 2; is_behind++) {
		struct world *world = world_new();

		world->spool.holds_commits = true;
		world->spool.is_behind = is_behind;
		world_envelope(world);
		for (int i = 0; i < 20; i++)
			say(world, flood_line, FLOOD_LINE);
		run_some(world);
		say(world, ".\r\nNOOP\r\nQUIT\r\n", 15);
		shutdown(world->client, SHUT_WR);
		run_some(world);
		if (is_behind)
			catch_up(&world->spool);
		run_some(world);
		cr_assert_eq(world->spool.committed, 1);
		cr_assert_eq(world->gone, 0);
		release_commit(&world->spool);
		expect(world, "250 2.0.0 queued as");
		expect(world, "250 2.0.0 ok");
		expect(world, "221");
		expect_end(world);
		cr_assert_eq(world->dispatch.count, 1);
		world_free(world);
	}
}

Test(session, a_client_that_vanishes_in_a_body_leaves_nothing)
{
	struct world *world = world_new();

	world_envelope(world);
	say(world, "half a li", 9);
	shutdown(world->client, SHUT_WR);
	expect_end(world);
	cr_assert_eq(world->spool.abandoned, 1);
	cr_assert_eq(world->dispatch.count, 0);
	world_free(world);
}

Test(session, a_pipelined_group_is_answered_in_order)
{
	struct world *world = world_new();
	const char *group = "MAIL FROM:<>\r\nRCPT TO:<b@dest.example>\r\n"
			    "RCPT TO:<c@[192.0.2.1]>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n";
	const char *rest = "one\r\n.\r\nMAIL FROM:<a@corp.example>\r\nRSET\r\nQUIT\r\n";

	world_greet(world);
	say(world, group, strlen(group));
	expect(world, "250 2.1.0");
	expect(world, "250 2.1.5");
	expect(world, "550 5.1.3");
	expect(world, "250 2.1.5");
	expect(world, "354");
	say(world, rest, strlen(rest));
	expect(world, "250 2.0.0 queued as");
	expect(world, "250 2.1.0");
	expect(world, "250 2.0.0");
	expect(world, "221");
	expect_end(world);
	const struct message *message = world->dispatch.submitted;

	cr_assert_str_eq(message->sender, "");
	cr_assert_eq(message->count, 2);
	cr_assert_str_eq(message->recipients[1].address, "Postmaster@mail.corp.example");
	cr_assert_eq(world->relay.stats.refused, 1);
	world_free(world);
}

Test(session, a_stranger_may_not_relay)
{
	struct world *world = world_new();

	cr_assert_eq(mx_network_parse("192.0.2.0/24", &world->allow), 0);
	world_greet(world);
	ask(world, "MAIL FROM:<a@corp.example>", "250");
	ask(world, "RCPT TO:<b@dest.example>", "554 5.7.1 relay access denied");
	ask(world, "RCPT TO:<postmaster>", "554 5.7.1 relay access denied");
	ask(world, "DATA", "554");
	ask(world, "QUIT", "221");
	cr_assert_eq(world->spool.created, 0);
	cr_assert_eq(world->relay.stats.refused, 2);
	world_free(world);
}

Test(session, a_message_that_has_gone_in_circles_is_refused)
{
	static const struct {
		int hops;
		const char *reply;
	} cases[] = {{SMTP_HOPS_MAX, "250"}, {SMTP_HOPS_MAX + 1, "554 5.4.6"}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = world_new();

		world_envelope(world);
		for (int hop = 0; hop < cases[i].hops; hop++)
			say(world, "Received: by x\r\n", 16);
		ask(world, "\r\nReceived: not in the header\r\n.", cases[i].reply);
		ask(world, "QUIT", "221");
		world_free(world);
	}
}

Test(session, a_message_beyond_the_limit_is_not_stored)
{
	static char block[1000];
	struct world *world = world_new();

	memset(block, 'x', sizeof block);
	memcpy(block + sizeof block - 2, "\r\n", 2);
	world_envelope(world);
	for (size_t sent = 0; sent <= world->config.message_size_limit;
		sent += sizeof block)
		say(world, block, sizeof block);
	ask(world, ".", "552 5.3.4");
	cr_assert_eq(world->spool.abandoned, 1);
	ask(world, "QUIT", "221");
	world_free(world);
}

Test(session, a_reset_drops_what_was_begun)
{
	struct world *world = world_new();

	world_greet(world);
	ask(world, "MAIL FROM:<a@corp.example>", "250");
	ask(world, "RCPT TO:<b@dest.example>", "250");
	ask(world, "RSET", "250");
	ask(world, "MAIL FROM:<c@corp.example>", "250");
	ask(world, "RCPT TO:<d@dest.example>", "250");
	ask(world, "EHLO again.example", "250-");
	ask(world, "DATA", "503");
	ask(world, "QUIT", "221");
	cr_assert_eq(world->spool.created, 0);
	world_free(world);
}

Test(session, a_client_that_is_silent_or_dribbles_is_sent_away)
{
	static const struct {
		const char *name, *dribble;
		bool in_body;
	} cases[] = {
		{"silent", "", false},
		{"a letter at a time", "N", false},
		{"silent in the body", "", true},
		{"a line at a time in the body", "x\r\n", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = world_new();

		uint64_t start = uv_hrtime();

		world->options.command_ms = 80;
		if (cases[i].in_body)
			world_envelope(world);
		else
			world_greet(world);
		for (unsigned ticks = 0; !has_heard(world); turn(world)) {
			if (world->ticks == ticks)
				continue;
			ticks = world->ticks;
			send(world->client, cases[i].dribble, strlen(cases[i].dribble),
				MSG_NOSIGNAL);
		}
		expect(world, "421 4.4.2");
		expect_end(world);
		cr_assert_lt(uv_hrtime() - start, PATIENCE_MS / 2 * 1000000ull, "%s",
			cases[i].name);
		cr_assert_eq(world->dispatch.count, 0, "%s", cases[i].name);
		world_free(world);
	}
}

Test(session, a_body_that_comes_but_never_ends_is_cut_off)
{
	static char window[SESSION_WINDOW];
	struct world *world = world_new();

	memset(window, 'x', sizeof window);
	world->options.message_ms = 100;
	world->config.message_size_limit = UINT64_MAX;
	world_envelope(world);
	uint64_t start = uv_hrtime();

	for (unsigned ticks = 0; !has_heard(world); turn(world)) {
		if (world->ticks == ticks)
			continue;
		ticks = world->ticks;
		cr_assert_lt(uv_hrtime() - start, PATIENCE_MS / 2 * 1000000ull, "no end");
		send(world->client, window, sizeof window, MSG_NOSIGNAL);
	}
	uint64_t took = (uv_hrtime() - start) / 1000000;

	cr_assert(took >= 90 && took < PATIENCE_MS / 2, "%d ms", (int)took);
	expect(world, "421 4.4.2");
	expect_end(world);
	world_free(world);
}

Test(session, a_client_that_does_not_read_is_not_read)
{
	enum { FAR_TOO_MUCH = 4 << 20 }; /* what we and the kernel hold for both is less */
	static const char command[] = "EHLO x\r\n";
	static char block[8192];
	struct world *world = world_new();
	size_t sent = 0;

	for (size_t i = 0; i < sizeof block; i++)
		block[i] = command[i % (sizeof command - 1)];
	world_greet(world);
	/* idle: turns of the loop with nothing in them but the tick */
	for (int idle = 0; idle < 20 && sent < FAR_TOO_MUCH; idle++) {
		size_t at = sent % (sizeof command - 1);
		unsigned ticks = world->ticks;
		ssize_t len =
			send(world->client, block + at, sizeof block - 8, MSG_NOSIGNAL);

		sent += len > 0 ? (size_t)len : 0;
		uv_run(&world->loop, UV_RUN_ONCE);
		if (len > 0 || world->ticks == ticks)
			idle = 0;
	}
	cr_assert_lt(sent, FAR_TOO_MUCH, "all was read though no reply was");
	/* and one that reads again gets every reply */
	for (size_t replies = 0; replies < sent / (sizeof command - 1);) {
		char reply[4096];

		cr_assert_not(world->ended, "only %zu replies", replies);
		if (take_reply(world, reply, sizeof reply))
			replies++;
		else
			turn(world);
	}
	shutdown(world->client, SHUT_WR);
	expect_end(world);
	world_free(world);
}

Test(session, a_shutdown_is_told_at_once_but_a_commit_is_still_answered)
{
	struct world *world = world_new();

	world_greet(world);
	session_stop(world->session);
	expect(world, "421 4.3.2");
	expect_end(world);
	world_free(world);

	world = world_new();
	world->spool.holds_commits = true;
	world_envelope(world);
	say(world, "x\r\n.\r\n", 6);
	run_some(world);
	session_stop(world->session);
	run_some(world);
	cr_assert_not(has_heard(world));
	release_commit(&world->spool);
	expect(world, "250 2.0.0 queued as");
	expect(world, "421 4.3.2");
	expect_end(world);
	world_free(world);
}

/* Logins: these auth_ functions stand in for the product's. "right" is everybody's password. */
struct auth {
	struct world *world;
	uv_timer_t checking;
	uint64_t check_ms;
	enum auth_result late; /* instead of the truth, unless AUTH_YES */
	bool blocks;
	unsigned started, cancelled;
	auth_done_cb done;
	void *owner;
	char client[46], user[300], password[300];
};

static void on_checked(uv_timer_t *timer)
{
	struct auth *auth = timer->data;
	bool is_right = strcmp(auth->password, "right") == 0;

	auth->done(auth->owner,
		auth->late ? auth->late
		: is_right ? AUTH_YES
			   : AUTH_NO,
		auth->blocks);
}

struct auth_try *auth_start(struct auth *auth, const char *client, const char *user,
	const char *password, auth_done_cb done, void *owner)
{
	auth->started++;
	auth->done = done;
	auth->owner = owner;
	snprintf(auth->client, sizeof auth->client, "%s", client);
	snprintf(auth->user, sizeof auth->user, "%s", user);
	snprintf(auth->password, sizeof auth->password, "%s", password);
	uv_timer_start(&auth->checking, on_checked, auth->check_ms, 0);
	return (struct auth_try *)auth;
}

void auth_cancel(struct auth_try *attempt)
{
	struct auth *auth = (struct auth *)attempt;

	auth->cancelled++;
	uv_timer_stop(&auth->checking);
}

#define AUTH_RIGHT "AUTH PLAIN AGFubgByaWdodA==" /* NUL ann NUL right */
#define AUTH_WRONG "AUTH PLAIN AGFubgB3cm9uZw==" /* NUL ann NUL wrong */
#define AUTH_ODD   "AUTH PLAIN AGEiAHdyb25n"     /* NUL a" NUL wrong */

/* A world with users, whose log is kept. */
static struct auth *world_add_users(struct world *world)
{
	struct auth *auth = mem_alloc(sizeof *auth);

	auth->world = world;
	uv_timer_init(&world->loop, &auth->checking);
	auth->checking.data = auth;
	world->relay.auth = auth;
	world->relay.log.level = LOG_INFO;
	world->relay.log.fd = memfd_create("log", 0);
	world->options.extensions |= SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD;
	world->options.auth_needs_tls = true;
	return auth;
}

static void expect_log(const struct world *world, const char *text)
{
	char log[8192] = "";

	cr_assert_geq(pread(world->relay.log.fd, log, sizeof log - 1, 0), 0);
	cr_assert_not_null(strstr(log, text), "no %s in:\n%s", text, log);
}

static void world_free_users(struct world *world)
{
	uv_close((uv_handle_t *)&world->relay.auth->checking, NULL);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	close(world->relay.log.fd);
	free(world->relay.auth);
	world_free(world);
}

/* Says EHLO. Returns whether the answer has a line with text. */
static bool is_offered(struct world *world, const char *text)
{
	char reply[4096] = "";

	say(world, "EHLO client.example\r\n", 21);
	while (!take_reply(world, reply, sizeof reply))
		turn(world);
	return strstr(reply, text);
}

Test(session, a_login_is_offered_where_it_may_be_said)
{
	static const struct {
		const char *allow;
		bool has_users, has_option, is_offered;
		const char *reply;
	} cases[] = {
		{"127.0.0.0/8", true, true, true, "235 2.7.0"},
		{"127.0.0.0/8", false, true, false, "502 5.5.1"},
		{"127.0.0.0/8", true, false, false, "502 5.5.1"},
		{"192.0.2.0/24", true, true, false, "538 5.7.11"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = world_new();
		struct auth *auth = world_add_users(world);

		cr_assert_eq(mx_network_parse(cases[i].allow, &world->allow), 0);
		if (!cases[i].has_option)
			world->options.extensions &=
				~(unsigned)(SMTP_EXT_AUTH | SMTP_EXT_AUTH_OLD);
		if (!cases[i].has_users)
			world->relay.auth = NULL;
		world_start(world);
		cr_assert_eq(is_offered(world, "AUTH"), cases[i].is_offered, "%zu", i);
		ask(world, AUTH_RIGHT, cases[i].reply);
		cr_assert_eq(auth->started, cases[i].is_offered);
		ask(world, "QUIT", "221");
		expect_end(world);
		world->relay.auth = auth;
		world_free_users(world);
	}
}

Test(session, who_has_logged_in_may_relay_and_is_named_in_the_log_only)
{
	struct world *world = world_new();
	struct auth *auth = world_add_users(world);

	world_greet(world);
	ask(world, "AUTH LOGIN", "334 VXNlcm5hbWU6");
	ask(world, "YW5u", "334 UGFzc3dvcmQ6");
	ask(world, "cmlnaHQ=", "235 2.7.0");
	cr_assert_str_eq(auth->client, "127.0.0.1");
	cr_assert_str_eq(auth->user, "ann");
	/* from now on its address would be refused */
	cr_assert_eq(mx_network_parse("192.0.2.0/24", &world->allow), 0);
	ask(world, "MAIL FROM:<a@corp.example>", "250");
	ask(world, "RCPT TO:<b@dest.example>", "250 2.1.5");
	ask(world, "DATA", "354");
	ask(world, "x\r\n.", "250 2.0.0 queued as");
	struct buf *stored = &world->spool.body;

	cr_assert_not_null(memmem(stored->bytes, stored->len, "with ESMTPA id", 14));
	cr_assert_null(memmem(stored->bytes, stored->len, "ann", 3));
	expect_log(world, "auth-ok client=127.0.0.1 user=\"ann\"\n");
	expect_log(world, "client=127.0.0.1 user=\"ann\"\n");
	expect_log(world, "accepted id=0000001001 from=<a@corp.example> nrcpt=1");
	cr_assert_eq(world->relay.stats.logins, 1);
	ask(world, AUTH_RIGHT, "503");
	ask(world, "QUIT", "221");
	expect_end(world);
	world_free_users(world);
}

Test(session, who_has_not_may_not_and_is_sent_away_after_three_tries)
{
	struct world *world = world_new();
	struct auth *auth = world_add_users(world);

	world_greet(world);
	ask(world, AUTH_WRONG, "535 5.7.8");
	cr_assert_eq(mx_network_parse("192.0.2.0/24", &world->allow), 0);
	ask(world, "MAIL FROM:<a@corp.example>", "250");
	ask(world, "RCPT TO:<b@dest.example>", "554 5.7.1");
	ask(world, AUTH_WRONG, "503"); /* within a transaction: G6 */
	ask(world, "RSET", "250");
	ask(world, AUTH_ODD, "535 5.7.8");
	ask(world, AUTH_WRONG, "535 5.7.8");
	expect(world, "421 4.7.0");
	expect_end(world);
	cr_assert_eq(auth->started, 3);
	expect_log(world, "auth-failed client=127.0.0.1 user=\"ann\"\n");
	expect_log(world, "auth-failed client=127.0.0.1 user=\"a'\"\n");
	cr_assert_eq(world->relay.stats.failed_logins, 3);
	cr_assert_eq(world->relay.stats.logins, 0);
	world_free_users(world);
}

Test(session, a_login_may_be_put_off)
{
	struct world *world = world_new();
	struct auth *auth = world_add_users(world);

	world_greet(world);
	for (int i = 0; i < 3; i++) { /* which is no failure of the client's */
		auth->late = AUTH_BUSY;
		ask(world, AUTH_RIGHT, "454 4.7.0 too many logins at once");
		auth->late = AUTH_TOO_OFTEN;
		ask(world, AUTH_RIGHT, "454 4.7.0 too many failed logins");
	}
	auth->late = AUTH_NO;
	auth->blocks = true;
	ask(world, AUTH_RIGHT, "535 5.7.8");
	expect_log(world, "auth-blocked client=127.0.0.1");
	auth->late = AUTH_YES;
	auth->blocks = false;
	ask(world, AUTH_RIGHT, "235 2.7.0");
	cr_assert_eq(world->relay.stats.deferred_logins, 6);
	cr_assert_eq(world->relay.stats.failed_logins, 1);
	ask(world, "QUIT", "221");
	expect_end(world);
	world_free_users(world);
}

Test(session, while_a_password_is_checked_the_client_waits_and_its_time_stands_still)
{
	struct world *world = world_new();
	struct auth *auth = world_add_users(world);

	auth->check_ms = 400;
	world->options.command_ms = 150;
	world_greet(world);
	say(world, AUTH_RIGHT "\r\nNOOP\r\n", sizeof AUTH_RIGHT - 1 + 8);
	run_some(world);
	cr_assert_eq(auth->started, 1);
	cr_assert_not(has_heard(world), "said too early");
	expect(world, "235 2.7.0");
	expect(world, "250 2.0.0");
	expect(world, "421 4.4.2"); /* and now it runs again */
	expect_end(world);
	world_free_users(world);
}

Test(session, a_client_that_goes_or_is_told_to_go_while_its_password_is_checked)
{
	for (int is_stopped = 0; is_stopped < 2; is_stopped++) {
		struct world *world = world_new();
		struct auth *auth = world_add_users(world);

		auth->check_ms = PATIENCE_MS;
		world_greet(world);
		say(world, AUTH_RIGHT "\r\n", sizeof AUTH_RIGHT + 1);
		run_some(world);
		cr_assert_eq(auth->started, 1);
		if (is_stopped) {
			session_stop(world->session);
			expect(world, "421 4.3.2");
		} else {
			shutdown(world->client, SHUT_WR);
		}
		expect_end(world);
		cr_assert_eq(auth->cancelled, 1);
		world_free_users(world);
	}
}

Test(session, a_sender_is_mapped_before_it_is_stored_and_the_header_stays)
{
	static struct config_sender_map map = {
		.from = "corp.local", .to = "corp.example"};
	static const struct {
		const char *mail, *sender, *log;
	} cases[] = {
		{"MAIL FROM:<ann@CORP.local>", "ann@corp.example",
			"client=127.0.0.1 mapped_from=\"ann@CORP.local\"\n"},
		{"MAIL FROM:<ann@else.local>", "ann@else.local", "client=127.0.0.1\n"},
		{"MAIL FROM:<>", "", "client=127.0.0.1\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = world_new();
		struct buf *stored = &world->spool.body;
		const char *header = "\r\nFrom: ann@corp.local\r\n\r\nx\r\n";
		struct envelope envelope;
		const char **lists;

		world_add_users(world);
		world->config.sender_maps = &map;
		world->config.sender_map_count = 1;
		world_greet(world);
		ask(world, cases[i].mail, "250");
		ask(world, "RCPT TO:<b@corp.local>", "250");
		ask(world, "DATA", "354");
		ask(world, "From: ann@corp.local\r\n\r\nx\r\n.", "250");
		cr_assert_arr_eq(stored->bytes + stored->len - strlen(header), header,
			strlen(header));
		cr_assert_eq(envelope_decode(world->spool.envelope.bytes,
				     world->spool.envelope.len, &envelope, &lists),
			0);
		cr_assert_str_eq(envelope.sender, cases[i].sender);
		cr_assert_str_eq(envelope.recipients[0], "b@corp.local");
		free(lists);
		expect_log(world, cases[i].log);
		ask(world, "QUIT", "221");
		expect_end(world);
		world_free_users(world);
	}
}

/* Rows G of what is thrown at a server: nothing of it makes anybody out of a client. */
/* One line, however many are refused. */
Test(session, a_full_disk_is_told_to_the_administrator)
{
	struct world *world = world_new();

	world->relay.log = (struct log){LOG_INFO, memfd_create("log", 0)};
	world->spool.is_full = true;
	world_greet(world);
	for (int i = 0; i < 3; i++)
		ask(world, "MAIL FROM:<a@corp.example>", "452 4.3.1");
	ask(world, "QUIT", "221");
	expect_end(world);
	char log[4096] = "";

	cr_assert_gt(pread(world->relay.log.fd, log, sizeof log - 1, 0), 0);
	const char *told = strstr(log, " error spool-full what=");

	cr_assert_not_null(told);
	cr_assert_null(strstr(told + 8, "spool-full"));
	close(world->relay.log.fd);
	world_free(world);
}

Test(session, odd_logins_and_words_of_proxies_change_nothing)
{
	static char long_line[2400];
	static const struct {
		const char *line, *reply;
	} cases[] = {
		{"XCLIENT ADDR=127.0.0.9 LOGIN=ann", "50"},
		{"XFORWARD ADDR=127.0.0.9+0D+0ARCPT", "50"},
		{"AUTH", "501"},
		{"AUTH CRAM-MD5", "504"},
		{"AUTH PLAIN A", "501"},
		{"AUTH PLAIN ====", "501"},
		{"AUTH PLAIN AGFubgByaWdodA=", "501"},
		{"AUTH PLAIN AGFu!gByaWdodA==", "501"},
		{"AUTH PLAIN AGFubgByaWdodA== x", "501"},
		{"AUTH PLAIN =", "535 5.7.8"},
		{"AUTH PLAIN YW5u", "535 5.7.8"},                 /* no NUL */
		{"AUTH PLAIN AGFubg==", "535 5.7.8"},             /* one */
		{"AUTH PLAIN AGFubgByaQBnaHQ=", "535 5.7.8"},     /* three */
		{"AUTH PLAIN AGFubgA=", "535 5.7.8"},             /* no password */
		{"AUTH PLAIN AAByaWdodA==", "535 5.7.8"},         /* no user */
		{"AUTH PLAIN AGFuDQpuAHJpZ2h0", "535 5.7.8"},     /* CRLF in the user */
		{"AUTH PLAIN Ym9iAGFubgByaWdodA==", "535 5.7.8"}, /* bob as ann */
		{long_line, "500"},
	};

	memset(long_line, 'A', sizeof long_line - 1);
	memcpy(long_line, "AUTH PLAIN ", 11);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct world *world = world_new();
		struct auth *auth = world_add_users(world);

		world_greet(world);
		ask(world, cases[i].line, cases[i].reply);
		cr_assert_eq(auth->started, 0, "%s", cases[i].line);
		cr_assert_eq(mx_network_parse("192.0.2.0/24", &world->allow), 0);
		ask(world, "MAIL FROM:<a@corp.example>", "250");
		ask(world, "RCPT TO:<b@dest.example>", "554 5.7.1");
		ask(world, "QUIT", "221");
		expect_end(world);
		world_free_users(world);
	}
}

Test(session, a_login_may_change_its_mechanism_or_be_cancelled)
{
	struct world *world = world_new();
	struct auth *auth = world_add_users(world);

	world_greet(world);
	ask(world, "AUTH LOGIN YW5u", "334");
	ask(world, "d3Jvbmc=", "535 5.7.8");
	ask(world, "AUTH LOGIN", "334");
	ask(world, "*", "501");
	ask(world, "AUTH PLAIN", "334");
	ask(world, "AGFubgByaWdodA==", "235 2.7.0");
	cr_assert_eq(auth->started, 2);
	ask(world, "QUIT", "221");
	expect_end(world);
	world_free_users(world);
}

Test(session, nobody_speaks_for_a_proxy)
{
	static const char *const heads[] = {"PROXY TCP4 127.0.0.9 127.0.0.1 1024 25\r\n",
		"PROXY UNKNOWN\r\n", "\r\n\r\n\x01\r\nQUIT\n\x21\x11\xff\xff"};

	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct world *world = world_new();
		char reply[4096];

		world_start(world);
		say(world, heads[i], strlen(heads[i]));
		for (uint64_t start = uv_hrtime(); !world->ended; turn(world))
			cr_assert_lt(uv_hrtime() - start, PATIENCE_MS * 1000000ull,
				"%zu: no end", i);
		while (take_reply(world, reply, sizeof reply))
			cr_assert_neq(reply[0], '2', "%zu: %s", i, reply);
		cr_assert_eq(world->gone, 1);
		world_free(world);
	}
}
