/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/resume.h"
#include "relay/settle.h"
#include "relay/summary.h"
#include "relay/text.h"

enum { LIFETIME = 1000000, RETRY_MAX = 400000 };

/* What the other parts of the relay are told is written down. */
static struct {
	struct config config;
	struct relay relay;
	unsigned wakes, settled, owed;
	const struct recipient *held;
	char subject[64];
	struct buf envelope, record;
	struct spool_item items[4]; /* what the spool tells */
	size_t item_count;
} scene;

int spool_each(struct spool *spool,
	int (*each)(void *owner, const struct spool_item *item), void *owner)
{
	(void)spool;
	for (size_t i = 0; i < scene.item_count; i++)
		cr_assert_eq(each(owner, &scene.items[i]), 0);
	return 0;
}

void holds_add(struct holds *holds, struct recipient *rcpt, const char *subject,
	size_t source, uint32_t ttl)
{
	(void)holds, (void)source, (void)ttl;
	scene.held = rcpt;
	snprintf(scene.subject, sizeof scene.subject, "%s", subject);
}

void holds_remove(struct recipient *rcpt)
{
	if (scene.held == rcpt)
		scene.held = NULL;
}

void summaries_add(struct summaries *summaries, struct message *message, int64_t now)
{
	(void)summaries, (void)message, (void)now;
	scene.owed++;
}

void dispatch_wake(struct dispatch *dispatch)
{
	(void)dispatch;
	scene.wakes++;
}

void settle_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, struct outcome *outcomes, size_t count,
	settle_cb done, void *owner)
{
	(void)relay, (void)message, (void)rcpts, (void)outcomes, (void)done, (void)owner;
	cr_assert_eq(count, 0);
	scene.settled++;
}

static void setup(void)
{
	scene.config = (struct config){.queue_lifetime = LIFETIME,
		.hold_lifetime = 2 * LIFETIME,
		.refused_hold_lifetime = LIFETIME,
		.retry_first = RETRY_MAX,
		.retry_max = RETRY_MAX,
		.unknown_send_after = RETRY_MAX};
	scene.relay = (struct relay){.config = &scene.config,
		.log = {.level = LOG_ERROR, .fd = open("/dev/null", O_WRONLY)},
		.queue = queue_new()};
}

static void teardown(void)
{
	queue_free(scene.relay.queue);
	buf_fini(&scene.envelope);
	buf_fini(&scene.record);
	close(scene.relay.log.fd);
}

TestSuite(resume, .init = setup, .fini = teardown);

static struct spool_item message_item(uint64_t id)
{
	return (struct spool_item){
		.id = id, .bytes = scene.envelope.bytes, .len = scene.envelope.len};
}

static struct spool_item state_item(uint64_t id)
{
	return (struct spool_item){.id = id,
		.is_state = true,
		.bytes = scene.record.bytes,
		.len = scene.record.len};
}

/* The bytes of a message to one recipient, and of its state. */
static void store_record(const struct recipient_record *record, int64_t received)
{
	const char *address = "b@dest.example";
	struct envelope envelope = {.received = received,
		.sender = "a@corp.example",
		.recipients = &address,
		.count = 1,
		.client = "192.0.2.7"};

	scene.envelope.len = scene.record.len = 0;
	envelope_encode(&envelope, &scene.envelope);
	recipient_record_encode(record, &scene.record);
}

static void store(
	enum recipient_state state, enum hold_origin origin, int64_t next_attempt)
{
	struct recipient_record record = {.state = state,
		.origin = origin,
		.attempts = 1,
		.next_attempt = next_attempt,
		.held_since = state == RCPT_HELD ? text_now() : 0,
		.subject = "192.0.2.25"};

	store_record(&record, text_now());
}

/* Resumes a message to one recipient in this state, and returns the recipient. */
static const struct recipient *resume(
	enum recipient_state state, enum hold_origin origin, int64_t next_attempt)
{
	store(state, origin, next_attempt);
	scene.items[0] = message_item(9);
	scene.items[1] = state_item(9);
	scene.item_count = 2;
	resume_queue(&scene.relay);
	cr_assert_eq(scene.wakes, 1);
	return &queue_find(scene.relay.queue, 9)->recipients[0];
}

Test(resume, what_waits_goes_on_waiting)
{
	int64_t later = text_now() + RETRY_MAX / 2;
	const struct recipient *rcpt = resume(RCPT_DEFERRED, HOLD_NONE, later);

	cr_assert_eq(rcpt->next_attempt, later);
	cr_assert_eq(queue_due(scene.relay.queue), rcpt);
	cr_assert_null(scene.held);
}

/* Times in the future: a clock was wrong when they were written. All relative to now. */
Test(resume, a_clock_that_was_wrong_makes_nobody_wait_for_ever)
{
	enum { FAR = 100 * LIFETIME };
	static const struct {
		const char *name;
		enum recipient_state state;
		enum hold_origin origin;
		enum reason reason;
		int64_t received, deferral, held, next; /* as stored */
		int64_t latest; /* for which it may be planned now; 0: not at all */
	} rows[] = {
		{"deferred", RCPT_DEFERRED, HOLD_NONE, REASON_NONE, FAR, 0, 0, FAR,
			RETRY_MAX + RETRY_MAX / 10},
		{"deferred, near its end", RCPT_DEFERRED, HOLD_NONE, REASON_NONE,
			10 - LIFETIME, 0, 0, FAR, 10},
		{"the DNS did not answer", RCPT_DEFERRED, HOLD_NONE, REASON_DNS_TEMPFAIL,
			FAR, FAR, 0, FAR, RETRY_MAX},
		{"held by our checks", RCPT_HELD, HOLD_PREFLIGHT, REASON_PTR_MISSING, FAR,
			0, FAR, FAR, 2 * LIFETIME},
		{"held since long", RCPT_HELD, HOLD_PREFLIGHT, REASON_PTR_MISSING,
			-LIFETIME, 0, -LIFETIME, FAR, LIFETIME},
		{"held by a 4xx", RCPT_HELD, HOLD_REPLY_4XX, REASON_PTR_MISSING, FAR, 0,
			FAR, FAR, RETRY_MAX},
		{"held by a 5xx", RCPT_HELD, HOLD_REPLY_5XX, REASON_DNSBL_IP, FAR, 0, FAR,
			FAR, LIFETIME},
		{"held by hand", RCPT_HELD, HOLD_MANUAL, REASON_MANUAL, FAR, 0, FAR, 0,
			0},
		{"released", RCPT_QUEUED, HOLD_NONE, REASON_NONE, FAR, 0, 0, FAR, 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t before = text_now();
		struct recipient_record record = {.state = rows[i].state,
			.reason = rows[i].reason,
			.origin = rows[i].origin,
			.attempts = 1,
			.next_attempt = rows[i].next ? before + rows[i].next : 0,
			.first_deferral =
				rows[i].deferral ? before + rows[i].deferral : 0,
			.held_since = rows[i].held ? before + rows[i].held : 0,
			.subject = "192.0.2.25"};

		store_record(&record, before + rows[i].received);
		scene.items[0] = message_item(i);
		scene.items[1] = state_item(i);
		scene.item_count = 2;
		resume_queue(&scene.relay);
		int64_t after = text_now();
		struct message *message = queue_find(scene.relay.queue, i);
		const struct recipient *rcpt = &message->recipients[0];

		cr_expect_leq(message->received, after, "%s", rows[i].name);
		cr_expect_leq(rcpt->first_deferral, after, "%s", rows[i].name);
		cr_expect_leq(rcpt->held_since, after, "%s", rows[i].name);
		if (rows[i].latest)
			cr_expect(rcpt->next_attempt > 0 &&
					  rcpt->next_attempt <= after + rows[i].latest,
				"%s: in %lld ms", rows[i].name,
				(long long)(rcpt->next_attempt - after));
		else
			cr_expect_eq(rcpt->next_attempt, 0, "%s", rows[i].name);
		queue_remove(scene.relay.queue, message);
	}
}

Test(resume, what_is_held_joins_its_cause)
{
	const struct recipient *rcpt = resume(RCPT_HELD, HOLD_PREFLIGHT, 5);

	cr_assert_eq(scene.held, rcpt);
	cr_assert_str_eq(scene.subject, "192.0.2.25");
}

Test(resume, what_an_administrator_holds_has_no_cause_and_no_plan)
{
	resume(RCPT_HELD, HOLD_MANUAL, 0);
	cr_assert_null(scene.held);
	cr_assert_null(queue_due(scene.relay.queue));
}

Test(resume, a_message_that_is_done_is_removed)
{
	resume(RCPT_DELIVERED, HOLD_NONE, 0);
	cr_assert_eq(scene.settled, 1);
	cr_assert_null(queue_due(scene.relay.queue));
}

Test(resume, a_message_stays_while_somebody_is_to_be_told_of_it)
{
	struct recipient_record record = {
		.state = RCPT_BOUNCED, .is_report_owed = true, .subject = ""};

	store_record(&record, text_now());
	scene.items[0] = message_item(9);
	scene.items[1] = state_item(9);
	scene.item_count = 2;
	resume_queue(&scene.relay);
	cr_expect_eq(scene.owed, 1);
	cr_expect_eq(scene.settled, 0);
}

Test(resume, what_has_no_state_is_due_now)
{
	int64_t before = text_now();

	store(RCPT_HELD, HOLD_MANUAL, 0);
	scene.items[0] = message_item(9);
	scene.item_count = 1;
	resume_queue(&scene.relay);
	cr_assert_geq(queue_due(scene.relay.queue)->next_attempt, before);
	cr_assert_leq(queue_due(scene.relay.queue)->next_attempt, text_now());
}

Test(resume, the_queue_has_the_order_of_the_ids_not_of_the_log)
{
	store(RCPT_HELD, HOLD_MANUAL, 0);
	scene.items[0] = message_item(9);
	scene.items[1] = message_item(7);
	scene.items[2] = state_item(7);
	scene.items[3] = message_item(8);
	scene.item_count = 4;
	resume_queue(&scene.relay);
	uint64_t id = 7;

	for (struct message *message = queue_first(scene.relay.queue); message;
		message = queue_next(message), id++) {
		cr_expect_eq(message->id, id);
		cr_expect_eq(message_state(message), id == 7 ? RCPT_HELD : RCPT_QUEUED);
	}
	cr_assert_eq(id, 10);
}

Test(resume, what_cannot_be_read_is_left_alone)
{
	store(RCPT_HELD, HOLD_PREFLIGHT, 5);
	scene.items[0] = (struct spool_item){.id = 8, .bytes = "", .len = 1};
	scene.items[1] = state_item(8);
	scene.item_count = 2;
	resume_queue(&scene.relay);
	cr_assert_eq(queue_count(scene.relay.queue), 0);
	cr_assert_null(scene.held);
}

Test(resume, a_message_with_a_state_that_cannot_be_read_goes_to_nobody)
{
	store(RCPT_HELD, HOLD_PREFLIGHT, 5);
	scene.items[0] = message_item(9);
	scene.items[1] = state_item(9);
	scene.items[2] = state_item(9);
	scene.items[2].len--;
	scene.items[3] = state_item(9); /* of the message that is not there any more */
	scene.item_count = 4;
	resume_queue(&scene.relay);
	cr_assert_eq(queue_count(scene.relay.queue), 0);
	cr_assert_null(scene.held);
	cr_assert_eq(scene.settled, 0);
}
