/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>

#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/resume.h"
#include "relay/settle.h"
#include "relay/text.h"

enum { LIFETIME = 1000000 };

/* What the other parts of the relay are told is written down. */
static struct {
	struct config config;
	struct relay relay;
	unsigned wakes, settled;
	const struct recipient *held;
	char subject[64];
	struct buf envelope, record;
	struct spool_state state;
	struct spool_entry entry;
} scene;

void holds_add(struct holds *holds, struct recipient *rcpt, const char *subject,
	size_t source, uint32_t ttl)
{
	(void)holds, (void)source, (void)ttl;
	scene.held = rcpt;
	snprintf(scene.subject, sizeof scene.subject, "%s", subject);
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
	scene.config = (struct config){.queue_lifetime = LIFETIME};
	scene.relay = (struct relay){.config = &scene.config, .queue = queue_new()};
}

static void teardown(void)
{
	queue_free(scene.relay.queue);
	buf_fini(&scene.envelope);
	buf_fini(&scene.record);
}

TestSuite(resume, .init = setup, .fini = teardown);

/* Stores a message to one recipient in this state, resumes it, and returns the recipient. */
static const struct recipient *resume(
	enum recipient_state state, enum hold_origin origin, int64_t next_attempt)
{
	const char *address = "b@dest.example";
	struct envelope envelope = {.sender = "a@corp.example",
		.recipients = &address,
		.count = 1,
		.client = "192.0.2.7"};
	struct recipient_record record = {.state = state,
		.origin = origin,
		.next_attempt = next_attempt,
		.subject = "192.0.2.25",
		.detail = ""};

	envelope_encode(&envelope, &scene.envelope);
	recipient_record_encode(&record, &scene.record);
	scene.state = (struct spool_state){
		.bytes = scene.record.bytes, .len = scene.record.len};
	scene.entry = (struct spool_entry){.id = 9,
		.envelope = scene.envelope.bytes,
		.envelope_len = scene.envelope.len,
		.states = &scene.state,
		.state_count = 1};
	cr_assert_eq(resume_message(&scene.relay, &scene.entry), 0);
	cr_assert_eq(scene.wakes, 1);
	return &queue_find(scene.relay.queue, 9)->recipients[0];
}

Test(resume, what_waits_goes_on_waiting)
{
	int64_t later = text_now() + LIFETIME / 2;
	const struct recipient *rcpt = resume(RCPT_DEFERRED, HOLD_NONE, later);

	cr_assert_eq(rcpt->next_attempt, later);
	cr_assert_eq(queue_due(scene.relay.queue), rcpt);
	cr_assert_null(scene.held);
}

Test(resume, a_clock_that_was_wrong_makes_nobody_wait_for_ever)
{
	const struct recipient *rcpt = resume(RCPT_DEFERRED, HOLD_NONE, INT64_MAX);

	cr_assert_leq(rcpt->next_attempt, text_now() + LIFETIME);
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

Test(resume, what_cannot_be_read_is_left_alone)
{
	scene.entry = (struct spool_entry){.id = 9, .envelope = "", .envelope_len = 1};
	cr_assert_eq(resume_message(&scene.relay, &scene.entry), -EINVAL);
	cr_assert_eq(queue_count(scene.relay.queue), 0);
}
