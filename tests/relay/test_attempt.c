/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/preflight.h"
#include "relay/attempt.h"
#include "relay/damage.h"
#include "relay/delivery.h"
#include "relay/links.h"
#include "relay/mem.h"
#include "relay/public_ip.h"
#include "relay/server_memory.h"
#include "relay/settle.h"
#include "relay/source.h"
#include "relay/wishes.h"

/*
 * The pre-flight, the connections and the spool are played by the test: it answers the inquiry that
 * was started, reports for the delivery that was started, and looks at what is settled.
 */
struct inquiry {
	inquiry_cb cb;
	void *owner;
	struct preflight_question question;
	enum resolver_freshness freshness;
};

struct delivery {
	delivery_cb cb;
	void *owner;
	struct conn_address target;
	char local[46];
	bool begun, is_silent, is_in_doubt;
};

static struct {
	struct config config;
	struct relay relay;
	struct message *message;
	struct recipient *rcpts[2];
	struct inquiry *open[SOURCES_MAX]; /* in the order in which they were started */
	struct delivery *delivery;
	const char *idle; /* in the key of a link that waits */
	uint64_t now;
	unsigned inquiries, deliveries, closed;
	struct outcome outcomes[2];
	unsigned settled, done, returned;
	enum attempt_result result;
	wishes_cb wishes_done;
	void *wishes_owner;
	unsigned wishes_freed;
	char envid[16]; /* of the transaction */
	bool is_resolver_ill;
	settle_cb settle_done;
	void *settle_owner;
} scene;

struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner)
{
	(void)loop, (void)resolver, (void)laid;
	struct inquiry *inquiry = mem_alloc(sizeof *inquiry);

	*inquiry = (struct inquiry){
		.cb = cb, .owner = owner, .question = *question, .freshness = freshness};
	scene.open[scene.inquiries++ % SOURCES_MAX] = inquiry;
	return inquiry;
}

void inquiry_cancel(struct inquiry *inquiry)
{
	for (size_t i = 0; i < SOURCES_MAX; i++)
		if (scene.open[i] == inquiry)
			scene.open[i] = NULL;
	free(inquiry);
}

uint64_t resolver_changes(const struct resolver *resolver)
{
	(void)resolver;
	return 0;
}

bool resolver_is_healthy(const struct resolver *resolver)
{
	(void)resolver;
	return !scene.is_resolver_ill;
}

uint64_t uv_now(const uv_loop_t *loop)
{
	(void)loop;
	return scene.now;
}

struct wishes *wishes_read(struct spool *spool, struct recipient *const *rcpts,
	size_t count, wishes_cb cb, void *owner)
{
	(void)spool, (void)rcpts;
	cr_assert_eq(count, 2);
	scene.wishes_done = cb;
	scene.wishes_owner = owner;
	return (struct wishes *)&scene;
}

void wishes_add(const struct wishes *wishes, struct smtp_transaction *transaction)
{
	(void)wishes;
	transaction->envid = "QQ314159";
}

void wishes_free(struct wishes *wishes)
{
	scene.wishes_freed += wishes != NULL;
}

/* The first inquiry that waits for its answer. */
static struct inquiry **first_open(void)
{
	size_t i = 0;

	while (i < SOURCES_MAX - 1 && !scene.open[i])
		i++;
	return &scene.open[i];
}

struct delivery *delivery_start(struct relay *relay, const struct link_way *way,
	uint64_t message_id, const struct smtp_transaction *transaction, delivery_cb cb,
	void *owner)
{
	(void)relay, (void)message_id;
	scene.deliveries++;
	snprintf(scene.envid, sizeof scene.envid, "%s",
		transaction->envid ? transaction->envid : "");
	scene.delivery = mem_alloc(sizeof *scene.delivery);
	*scene.delivery = (struct delivery){
		.cb = cb, .owner = owner, .target = way->target->address};
	snprintf(scene.delivery->local, sizeof scene.delivery->local, "%s", way->source);
	return scene.delivery;
}

bool delivery_is_connecting(const struct delivery *delivery)
{
	return delivery->is_silent;
}

bool delivery_has_begun(const struct delivery *delivery)
{
	return delivery->begun;
}

bool delivery_is_in_doubt(const struct delivery *delivery)
{
	return delivery->is_in_doubt;
}

json_t *delivery_transcript(const struct delivery *delivery)
{
	(void)delivery;
	return json_pack("[s]", "S: 220 hello");
}

void delivery_close(struct delivery *delivery)
{
	if (delivery == scene.delivery)
		scene.delivery = NULL;
	free(delivery);
	scene.closed++;
}

bool links_has(const struct links *links, const char *key)
{
	(void)links;
	return scene.idle && strstr(key, scene.idle);
}

void damage_return(struct relay *relay, struct message *message)
{
	(void)relay, (void)message;
	scene.returned++;
}

void settle_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, struct outcome *outcomes, size_t count,
	settle_cb done, void *owner)
{
	(void)relay, (void)message, (void)rcpts;
	for (size_t i = 0; i < count; i++) {
		scene.outcomes[i] = outcomes[i];
		outcomes[i] = (struct outcome){.state = RCPT_ACTIVE};
	}
	scene.settled++;
	scene.settle_done = done;
	scene.settle_owner = owner;
}

static void on_done(void *owner, struct attempt *attempt, enum attempt_result result)
{
	(void)owner, (void)attempt;
	scene.result = result;
	scene.done++;
}

static struct config_source sources[] = {
	{.public_ip = "192.0.2.25", .local_ip = "127.0.0.1"},
	{.public_ip = "192.0.2.26", .local_ip = "127.0.0.2"},
};

static struct config_source both_families[] = {
	{.public_ip = "192.0.2.25", .local_ip = "127.0.0.1"},
	{.public_ip = "2001:db8::25", .local_ip = "::1"},
};

static void setup(void)
{
	static const char *const addresses[] = {"b@dest.example", "c@dest.example"};
	struct envelope envelope = {
		.sender = "a@corp.example", .recipients = addresses, .count = 2};

	scene.config = (struct config){.hostname = (char *)"mail.corp.example",
		.sources = sources,
		.source_count = 1,
		.preflight = ACTION_HOLD,
		.unknown_send_after = 3600 * 1000};
	preflight_defaults(scene.config.actions);
	scene.relay = (struct relay){
		.config = &scene.config, .log = {.level = LOG_ERROR, .fd = 2}};
	scene.message = message_new(7, 100, &envelope);
	scene.rcpts[0] = &scene.message->recipients[0];
	scene.rcpts[1] = &scene.message->recipients[1];
}

static void teardown(void)
{
	if (scene.settle_done)
		scene.settle_done(scene.settle_owner);
	outcome_fini(&scene.outcomes[0]);
	outcome_fini(&scene.outcomes[1]);
	message_free(scene.message);
	server_memory_free(scene.relay.servers);
}

TestSuite(attempt, .init = setup, .fini = teardown);

static struct attempt *begin(void)
{
	return attempt_start(&scene.relay, scene.message, scene.rcpts, 2, on_done, NULL);
}

/* What was settled is durable. */
static void end(void)
{
	scene.settle_done(scene.settle_owner);
	scene.settle_done = NULL;
	for (int i = 0; i < 2; i++)
		outcome_fini(&scene.outcomes[i]);
}

/* The same recipients, when the attempt before is settled. */
static void begin_again(void)
{
	end();
	begin();
}

/* Answers the first open inquiry: what the checks found (or NULL: all clear), over these records. */
static void answer(const struct finding *finding, const char *const *records)
{
	struct inquiry *inquiry = *first_open();
	struct facts *facts = facts_new();
	struct verdict verdict = {0};
	const char *error;

	for (; *records; records++)
		cr_assert_eq(facts_lay(facts, *records, &error), 0, "%s", *records);
	if (finding) {
		verdict.findings[0] = *finding;
		verdict.count = 1;
		verdict.action = finding->action;
		verdict.reason = finding->reason;
	}
	*first_open() = NULL;
	inquiry->cb(inquiry->owner, &verdict, facts);
	facts_free(facts);
	free(inquiry);
}

static void report(struct delivery_report said, unsigned code, const char *text)
{
	struct delivery *delivery = scene.delivery;
	struct smtp_reply reply;

	if (code) {
		smtp_reply_set(&reply, code, "", "%s", text);
		said.reply = &reply;
	}
	delivery->cb(delivery->owner, &said);
}

static const char *const two_exchanges[] = {"dest.example. 60 MX 10 mx1.dest.example.",
	"dest.example. 60 MX 20 mx2.dest.example.", "mx1.dest.example. 60 A 198.51.100.1",
	"mx2.dest.example. 60 A 198.51.100.2", "mx1.dest.example. 60 AAAA 2001:db8::1",
	NULL};

static const char *const one_exchange[] = {"dest.example. 60 MX 10 mx1.dest.example.",
	"mx1.dest.example. 60 A 198.51.100.1", NULL};

static const struct finding no_ptr = {.check = CHECK_PTR,
	.result = RESULT_FAIL,
	.reason = REASON_PTR_MISSING,
	.action = ACTION_HOLD,
	.summary = "192.0.2.25 has no PTR record",
	.subject = "192.0.2.25"};

static const struct finding generic_ptr = {.check = CHECK_PTR_NAME,
	.result = RESULT_FAIL,
	.reason = REASON_PTR_GENERIC,
	.action = ACTION_WARN,
	.summary = "192.0.2.25 has a generic name"};

static const struct finding no_telling = {.check = CHECK_PTR,
	.result = RESULT_UNKNOWN,
	.reason = REASON_DNS_TEMPFAIL,
	.action = ACTION_DEFER,
	.summary = "the DNS could not tell",
	.subject = "192.0.2.25"};

Test(attempt, what_is_clear_is_delivered_from_the_source_that_was_judged)
{
	begin();
	cr_assert_str_eq((*first_open())->question.ip, "192.0.2.25");
	cr_assert_str_eq((*first_open())->question.ehlo, "mail.corp.example");
	cr_assert_str_eq((*first_open())->question.sender, "a@corp.example");
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1");
	cr_assert_eq(scene.delivery->target.port, 25);
	cr_assert_str_eq(scene.delivery->local, "127.0.0.1");
	report(
		(struct delivery_report){
			.event = DELIVERY_RCPT, .stage = SMTP_STAGE_RCPT, .index = 1},
		550, "no such user");
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		250, "ok");
	cr_assert_eq(scene.outcomes[0].state, RCPT_DELIVERED);
	cr_assert_eq(scene.outcomes[1].state, RCPT_BOUNCED);
	cr_assert_eq(scene.deliveries, 1);
	cr_assert_eq(scene.done, 0, "not before it is durable");
	cr_assert_eq(scene.closed, 0, "nor does its link carry another message");
	end();
	cr_assert_eq(scene.closed, 1);
	cr_assert_eq(scene.result, ATTEMPT_SERVED);
}

Test(attempt, how_it_went_is_told)
{
	static const struct {
		struct delivery_report report;
		unsigned code;
		enum attempt_result result;
	} rows[] = {
		{{.event = DELIVERY_FAILED, .failure = "no route"}, 0, ATTEMPT_SILENT},
		{{.event = DELIVERY_REFUSED, .failure = "no TLS", .status = "4.7.4"}, 0,
			ATTEMPT_REFUSED},
		{{.event = DELIVERY_FAILED, .failure = "lost", .begun = true}, 0,
			ATTEMPT_REFUSED},
		{{.event = DELIVERY_REFUSED, .stage = SMTP_STAGE_BANNER}, 450,
			ATTEMPT_REFUSED},
		{{.event = DELIVERY_REFUSED, .stage = SMTP_STAGE_EHLO}, 554,
			ATTEMPT_SERVED},
		{{.event = DELIVERY_DONE, .stage = SMTP_STAGE_MAIL}, 451,
			ATTEMPT_REFUSED},
		{{.event = DELIVERY_DONE, .stage = SMTP_STAGE_RCPT}, 450, ATTEMPT_SERVED},
		{{.event = DELIVERY_DONE, .stage = SMTP_STAGE_END}, 421, ATTEMPT_REFUSED},
		{{.event = DELIVERY_DONE, .stage = SMTP_STAGE_END}, 250, ATTEMPT_SERVED},
		{{.event = DELIVERY_UNREADABLE, .failure = "i/o error", .begun = true}, 0,
			ATTEMPT_OTHER},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct attempt *attempt = begin();

		cr_assert(attempt_is_connecting(attempt), "its name servers may be dead");
		answer(NULL, one_exchange);
		scene.delivery->is_silent = true;
		cr_assert(attempt_is_connecting(attempt));
		scene.delivery->is_silent = false;
		cr_assert_not(attempt_is_connecting(attempt));
		report(rows[i].report, rows[i].code, "said");
		end();
		cr_assert_eq(scene.result, rows[i].result, "row %zu", i);
	}
}

Test(attempt, what_would_be_refused_is_held_without_a_connection)
{
	begin();
	answer(&no_ptr, two_exchanges);
	cr_assert_eq(scene.deliveries, 0);
	cr_assert_eq(scene.outcomes[0].state, RCPT_HELD);
	cr_assert_eq(scene.outcomes[0].reason, REASON_PTR_MISSING);
	cr_assert_str_eq(scene.outcomes[1].subject, "192.0.2.25");
	end();
	cr_assert_eq(scene.result, ATTEMPT_OTHER);
}

Test(attempt, that_a_domain_does_not_exist_is_believed_of_a_healthy_resolver_only)
{
	static const char *const nothing[] = {NULL};
	static const struct finding no_domain = {.check = CHECK_RECIPIENT,
		.result = RESULT_FAIL,
		.reason = REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
		.action = ACTION_BOUNCE,
		.summary = "dest.example does not exist"};

	scene.rcpts[1]->reason = REASON_RECIPIENT_DOMAIN_UNRESOLVABLE;
	scene.rcpts[1]->first_deferral = 1; /* it was said before, and long ago */
	scene.is_resolver_ill = true;
	begin();
	cr_assert_eq((*first_open())->freshness, RESOLVER_FRESH);
	answer(&no_domain, nothing);
	cr_assert_eq(scene.outcomes[1].state, RCPT_DEFERRED);
	cr_assert_eq(scene.outcomes[1].reason, REASON_RECIPIENT_DOMAIN_UNRESOLVABLE,
		"it keeps its place in the wait");
	begin_again();
	scene.is_resolver_ill = false;
	answer(&no_domain, nothing);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED, "the first time");
	cr_assert_eq(scene.outcomes[1].state, RCPT_BOUNCED);
}

Test(attempt, the_second_source_is_used_when_the_first_is_not_fit)
{
	scene.config.source_count = 2;
	begin();
	cr_assert_eq(scene.inquiries, 2, "side by side");
	answer(&no_ptr, two_exchanges);
	cr_assert_eq(scene.settled, 0);
	cr_assert_str_eq((*first_open())->question.ip, "192.0.2.26");
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->local, "127.0.0.2");
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		450, "later");
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_str_eq(
		scene.outcomes[1].left_out, "IPv4 192.0.2.25 left out: ptr-missing");
}

Test(attempt, a_clear_family_is_used_before_one_with_a_warning)
{
	scene.config.sources = both_families;
	scene.config.source_count = 2;
	begin();
	answer(&generic_ptr, two_exchanges);
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "2001:db8::1");
	cr_assert_str_eq(scene.delivery->local, "::1");
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no route"},
		0, NULL);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1",
		"nobody answered: the next best source");
	cr_assert_str_eq(scene.delivery->local, "127.0.0.1");
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no route"},
		0, NULL);
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no route"},
		0, NULL);
	cr_assert_eq(scene.deliveries, 3);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_str_eq(
		scene.outcomes[0].left_out, "IPv4 192.0.2.25 left out: ptr-generic");
}

Test(attempt, who_has_answered_is_not_asked_again_from_another_source)
{
	scene.config.sources = both_families;
	scene.config.source_count = 2;
	begin();
	answer(NULL, two_exchanges);
	answer(NULL, two_exchanges);
	report((struct delivery_report){.event = DELIVERY_REFUSED,
		       .stage = SMTP_STAGE_BANNER},
		554, "no");
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no route"},
		0, NULL);
	cr_assert_eq(scene.deliveries, 2, "not over IPv6");
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED, "the other may take it");
	cr_assert_str_eq(scene.outcomes[0].status, "4.3.2");
	cr_assert_null(scene.outcomes[0].left_out, "both are clear");
}

Test(attempt, a_family_that_the_recipient_lacks_is_no_way_out)
{
	static const char *const v4_only[] = {"dest.example. 60 MX 10 mx1.dest.example.",
		"mx1.dest.example. 60 A 198.51.100.1", NULL};

	scene.config.sources = both_families;
	scene.config.source_count = 2;
	begin();
	answer(&no_ptr, v4_only);
	answer(NULL, v4_only);
	cr_assert_eq(scene.deliveries, 0);
	cr_assert_eq(scene.outcomes[0].state, RCPT_HELD);
	cr_assert_eq(scene.outcomes[0].source, 0);
}

Test(attempt, of_two_unfit_sources_the_softer_verdict_counts)
{
	scene.config.source_count = 2;
	begin();
	answer(&no_ptr, two_exchanges);
	answer(&no_telling, two_exchanges);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_eq(scene.outcomes[0].reason, REASON_DNS_TEMPFAIL);
	cr_assert_eq(scene.outcomes[0].source, 1);
	cr_assert_str_eq(
		scene.outcomes[0].left_out, "IPv4 192.0.2.25 left out: ptr-missing");
	cr_assert_not_null(scene.outcomes[0].finding, "with its evidence");
}

Test(attempt, a_dns_that_cannot_tell_defers_but_not_for_ever)
{
	begin();
	answer(&no_telling, two_exchanges);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_eq(scene.deliveries, 0);
	teardown();
	memset(&scene, 0, sizeof scene);
	setup();
	scene.rcpts[0]->first_deferral = 1; /* long ago */
	begin();
	answer(&no_telling, two_exchanges);
	cr_assert_eq(
		scene.deliveries, 1, "after unknown_send_after it is tried all the same");
	report(
		(struct delivery_report){
			.event = DELIVERY_FAILED, .failure = "gone", .begun = true},
		0, NULL);
}

Test(attempt, the_next_server_is_tried_only_before_the_transaction)
{
	begin();
	answer(NULL, two_exchanges);
	report((struct delivery_report){.event = DELIVERY_FAILED,
		       .failure = "connection refused"},
		0, NULL);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.2");
	report(
		(struct delivery_report){
			.event = DELIVERY_FAILED, .failure = "lost", .begun = true},
		0, NULL);
	cr_assert_eq(scene.deliveries, 2);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_str_eq(scene.outcomes[0].status, "4.4.2");
}

/* RFC 1047: only the receiver knows whether it took the message. */
Test(attempt, what_is_lost_behind_the_final_dot_is_in_doubt_and_tried_again)
{
	char log[400] = "";
	int pipe_fds[2];

	cr_assert_eq(pipe(pipe_fds), 0);
	scene.relay.log = (struct log){.level = LOG_WARNING, .fd = pipe_fds[1]};
	begin();
	answer(NULL, two_exchanges);
	report((struct delivery_report){.event = DELIVERY_RCPT,
		       .index = 1,
		       .stage = SMTP_STAGE_RCPT},
		550, "no such user");
	report((struct delivery_report){.event = DELIVERY_FAILED,
		       .failure = "connection lost after the final dot",
		       .begun = true,
		       .in_doubt = true},
		0, NULL);
	cr_expect_eq(scene.deliveries, 1, "no other server: it may have it already");
	cr_assert_eq(scene.settled, 1);
	cr_expect_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_expect(scene.outcomes[0].tried, "it counts as an attempt");
	cr_expect_eq(scene.outcomes[1].state, RCPT_BOUNCED, "that was an answer");
	cr_expect_gt(read(pipe_fds[0], log, sizeof log - 1), 0);
	cr_expect_not_null(strstr(log, "in-doubt id=0000000007 remote=\"mx1.dest.example"),
		"%s", log);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

Test(attempt, a_damaged_message_is_returned_but_for_who_was_refused)
{
	begin();
	answer(NULL, two_exchanges);
	report(
		(struct delivery_report){
			.event = DELIVERY_RCPT, .stage = SMTP_STAGE_RCPT, .index = 0},
		550, "No such user");
	report((struct delivery_report){.event = DELIVERY_DAMAGED,
		       .failure = "bad message",
		       .begun = true},
		0, NULL);
	cr_assert_eq(scene.deliveries, 1);
	cr_assert_eq(scene.returned, 1, "the other domains' recipients too");
	cr_assert_eq(scene.outcomes[0].state, RCPT_BOUNCED);
	cr_assert_str_eq(scene.outcomes[0].reply, "550 No such user");
	cr_assert_eq(scene.outcomes[1].state, RCPT_BOUNCED);
	cr_assert_str_eq(scene.outcomes[1].status, "5.3.0");
	cr_assert(scene.outcomes[1].is_damaged);
}

static void fail_to_read(void)
{
	begin();
	answer(NULL, two_exchanges);
	report((struct delivery_report){.event = DELIVERY_UNREADABLE,
		       .failure = "i/o error",
		       .begun = true},
		0, NULL);
	scene.settle_done(scene.settle_owner);
	scene.settle_done = NULL;
}

Test(attempt, a_message_that_cannot_be_read_has_three_tries)
{
	for (int i = 1; i < FAILED_READS_MAX; i++) {
		fail_to_read();
		for (int rcpt = 0; rcpt < 2; rcpt++) {
			cr_assert_eq(scene.outcomes[rcpt].state, RCPT_DEFERRED);
			cr_assert_str_eq(scene.outcomes[rcpt].status, "4.3.0");
			outcome_fini(&scene.outcomes[rcpt]);
		}
	}
	cr_assert_eq(scene.returned, 0);
	fail_to_read();
	cr_assert_eq(scene.outcomes[0].state, RCPT_BOUNCED);
	cr_assert(scene.outcomes[0].is_damaged);
	cr_assert_eq(scene.returned, 1);
}

Test(attempt, a_refusal_at_the_door_outlives_a_dead_neighbour)
{
	begin();
	answer(NULL, two_exchanges);
	report((struct delivery_report){.event = DELIVERY_REFUSED,
		       .stage = SMTP_STAGE_BANNER},
		421, "SERVICE NOT AVAILABLE, TEMPORARY DNS FAILURE");
	report((struct delivery_report){.event = DELIVERY_FAILED,
		       .failure = "connection refused"},
		0, NULL);
	cr_assert_eq(scene.closed, 2);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_eq(scene.outcomes[0].reason, REASON_DNS_TEMPFAIL);
	cr_assert_str_eq(scene.outcomes[0].remote, "mx1.dest.example [198.51.100.1]:25");
	cr_assert_eq(json_array_size(scene.outcomes[0].transcript), 1);
	end();
	cr_assert_eq(scene.result, ATTEMPT_REFUSED);
}

/* What the first and the second exchange say at the door, and what comes of it. */
Test(attempt, a_final_no_at_the_door_counts_when_all_say_it)
{
	static const struct {
		unsigned codes[2]; /* 0: no answer */
		const char *text;
		enum recipient_state state;
	} rows[] = {
		{{554, 554}, "No SMTP service here", RCPT_BOUNCED},
		{{554, 0}, "No SMTP service here", RCPT_DEFERRED},
		{{0, 554}, "No SMTP service here", RCPT_DEFERRED},
		{{421, 554}, "No SMTP service here", RCPT_DEFERRED},
		{{554, 421}, "No SMTP service here", RCPT_DEFERRED},
		{{554, 0},
			"5.7.25 Client host rejected: cannot find your reverse hostname",
			RCPT_HELD},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin();
		answer(NULL, two_exchanges);
		for (int exchange = 0; exchange < 2; exchange++) {
			unsigned code = rows[i].codes[exchange];
			struct delivery_report refused = {
				.event = DELIVERY_REFUSED, .stage = SMTP_STAGE_BANNER};
			struct delivery_report failed = {.event = DELIVERY_FAILED,
				.failure = "connection refused"};

			report(code ? refused : failed, code, rows[i].text);
		}
		cr_assert_eq(scene.outcomes[0].state, rows[i].state, "row %zu", i);
		end();
	}
}

static const char *const equals[] = {"dest.example. 60 MX 10 mx.dest.example.",
	"mx.dest.example. 60 A 198.51.100.1", "mx.dest.example. 60 A 198.51.100.2",
	"mx.dest.example. 60 A 198.51.100.3", "mx.dest.example. 60 A 198.51.100.4", NULL};

Test(attempt, of_equals_the_one_with_an_idle_link_comes_first)
{
	scene.idle = "198.51.100.3";
	begin();
	answer(NULL, equals);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.3");
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no"}, 0,
		NULL);
	cr_assert_str_neq(scene.delivery->target.ip, "198.51.100.3");
	attempt_cancel(scene.delivery->owner);
	scene.idle = "198.51.100.2";
	begin();
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1", "not a worse one");
	attempt_cancel(scene.delivery->owner);
}

Test(attempt, what_its_sender_wants_to_hear_is_read_first)
{
	scene.message->has_wishes = true;
	begin();
	answer(NULL, two_exchanges);
	cr_assert_eq(scene.deliveries, 0);
	scene.wishes_done(scene.wishes_owner);
	cr_assert_eq(scene.deliveries, 1);
	cr_assert_str_eq(scene.envid, "QQ314159");
	report((struct delivery_report){.event = DELIVERY_RCPT,
		       .stage = SMTP_STAGE_RCPT,
		       .index = 0,
		       .dsn_passed = true},
		550, "no");
	report((struct delivery_report){.event = DELIVERY_DONE,
		       .stage = SMTP_STAGE_END,
		       .dsn_passed = true},
		250, "ok");
	cr_assert_not(scene.outcomes[0].dsn_passed, "only who has it reports");
	cr_assert(scene.outcomes[1].dsn_passed);
	end();
	cr_assert_eq(scene.wishes_freed, 1);
}

Test(attempt, two_refusals_at_the_door_are_enough)
{
	begin();
	answer(NULL, equals);
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no"}, 0,
		NULL);
	for (int i = 0; i < 2; i++)
		report((struct delivery_report){.event = DELIVERY_REFUSED,
			       .failure = "the server offers no TLS",
			       .status = "4.7.4"},
			0, NULL);
	cr_assert_eq(scene.deliveries, 3);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_str_eq(scene.outcomes[0].status, "4.7.4");
	end();
	cr_assert_eq(scene.result, ATTEMPT_REFUSED);
}

Test(attempt, connecting_ends_some_time)
{
	begin();
	answer(NULL, equals);
	scene.now = 10 * 60 * 1000 + 1;
	report((struct delivery_report){.event = DELIVERY_FAILED, .failure = "no"}, 0,
		NULL);
	cr_assert_eq(scene.deliveries, 1);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
}

Test(attempt, a_route_is_looked_up_but_never_judged)
{
	static struct config_route route = {.domain = (char *)"dest.example",
		.host = (char *)"127.0.0.2",
		.port = 2526};
	static const char *const nothing[] = {NULL};

	scene.config.routes = &route;
	scene.config.route_count = 1;
	begin();
	cr_assert_null((*first_open())->question.ip);
	cr_assert_null((*first_open())->question.sender);
	cr_assert_str_eq((*first_open())->question.host, "127.0.0.2");
	answer(NULL, nothing);
	cr_assert_str_eq(scene.delivery->target.ip, "127.0.0.2");
	cr_assert_eq(scene.delivery->target.port, 2526);
	cr_assert_str_eq(scene.delivery->local, "");
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		250, "ok");
}

Test(attempt, released_by_hand_it_goes_without_pre_flight)
{
	scene.rcpts[0]->skip_preflight = scene.rcpts[1]->skip_preflight = true;
	begin();
	cr_assert_null((*first_open())->question.ip);
	cr_assert_null((*first_open())->question.sender);
	cr_assert_str_eq((*first_open())->question.recipient, "dest.example");
	answer(NULL, two_exchanges);
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		250, "ok");
}

Test(attempt, the_second_smarthost_is_used_when_the_first_is_dead)
{
	static struct config_route smarthosts[] = {
		{.domain = (char *)"", .host = (char *)"198.51.100.8", .port = 587},
		{.domain = (char *)"", .host = (char *)"198.51.100.9", .port = 25}};
	static const char *const nothing[] = {NULL};

	scene.config.smarthosts = smarthosts;
	scene.config.smarthost_count = 2;
	scene.config.source_count = 0;
	begin();
	cr_assert_null(
		(*first_open())->question.ip, "its receivers do not see our address");
	cr_assert_str_eq((*first_open())->question.sender, "a@corp.example");
	answer(NULL, nothing);
	report((struct delivery_report){.event = DELIVERY_FAILED,
		       .failure = "connection refused"},
		0, NULL);
	answer(NULL, nothing);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.9");
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		250, "ok");
	cr_assert_eq(scene.outcomes[0].state, RCPT_DELIVERED);
}

/* The server that was connected to says nothing, for so long. */
static void stay_silent(uint64_t ms)
{
	scene.delivery->is_silent = true;
	scene.now += ms;
	report((struct delivery_report){.event = DELIVERY_FAILED,
		       .failure = "connection timed out"},
		0, NULL);
}

static void take_it(void)
{
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		250, "ok");
}

Test(attempt, a_server_that_did_not_answer_comes_last_for_a_while)
{
	scene.relay.servers = server_memory_new();
	begin();
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1");
	stay_silent(30000);
	take_it();
	begin_again();
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.2", "the worse one");
	stay_silent(30000);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1", "but not never");
	stay_silent(30000);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	begin_again();
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1",
		"of two silent ones the better");
	take_it();
	begin_again();
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1", "it is back");
	stay_silent(10);
	take_it();
	begin_again();
	answer(NULL, two_exchanges);
	cr_assert_str_eq(scene.delivery->target.ip, "198.51.100.1",
		"who refuses at once keeps nobody waiting");
	take_it();
}

Test(attempt, a_family_where_nobody_answers_comes_last)
{
	static const char *const both[] = {"dest.example. 60 MX 10 mx.dest.example.",
		"mx.dest.example. 60 A 198.51.100.1",
		"mx.dest.example. 60 AAAA 2001:db8::1", NULL};

	scene.relay.servers = server_memory_new();
	scene.config.sources = both_families;
	scene.config.source_count = 2;
	for (int i = 0; i < 2; i++) {
		static const char *const firsts[] = {"198.51.100.1", "2001:db8::1"};

		begin();
		answer(NULL, both);
		answer(NULL, both);
		cr_assert_str_eq(scene.delivery->target.ip, firsts[i]);
		cr_assert_str_eq(scene.delivery->local, both_families[i].local_ip);
		stay_silent(30000);
		cr_assert_str_eq(scene.delivery->target.ip, firsts[!i]);
		cr_assert_str_eq(scene.delivery->local, both_families[!i].local_ip);
		take_it();
		end();
	}
}

static struct config_route three_smarthosts[] = {
	{.domain = (char *)"", .host = (char *)"198.51.100.7", .port = 587},
	{.domain = (char *)"", .host = (char *)"198.51.100.8", .port = 587},
	{.domain = (char *)"", .host = (char *)"198.51.100.9", .port = 25}};

static void expect_smarthost(const char *ip)
{
	static const char *const nothing[] = {NULL};

	while (!scene.delivery && *first_open())
		answer(NULL, nothing);
	cr_assert_str_eq(scene.delivery->target.ip, ip);
}

Test(attempt, a_silent_smarthost_comes_last_and_is_asked_again_when_all_are)
{
	scene.relay.servers = server_memory_new();
	scene.config.smarthosts = three_smarthosts;
	scene.config.smarthost_count = 3;
	scene.config.source_count = 0;
	begin();
	expect_smarthost("198.51.100.7");
	stay_silent(30000);
	expect_smarthost("198.51.100.8");
	take_it();
	begin_again();
	expect_smarthost("198.51.100.8");
	stay_silent(30000);
	expect_smarthost("198.51.100.9");
	stay_silent(30000);
	expect_smarthost("198.51.100.7");
	stay_silent(10000);
	cr_assert_eq(scene.settled, 2, "each was asked once");
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	begin_again();
	for (size_t i = 0; i < 3; i++) {
		expect_smarthost(three_smarthosts[i].host);
		stay_silent(5000);
	}
	cr_assert_eq(scene.settled, 3);
	end();
	cr_assert_eq(scene.result, ATTEMPT_SILENT);
}

Test(attempt, a_smarthost_that_refused_is_not_silent_whatever_the_next_one_is)
{
	scene.config.smarthosts = three_smarthosts;
	scene.config.smarthost_count = 2;
	scene.config.source_count = 0;
	begin();
	expect_smarthost("198.51.100.7");
	report((struct delivery_report){.event = DELIVERY_REFUSED,
		       .stage = SMTP_STAGE_BANNER},
		421, "busy");
	expect_smarthost("198.51.100.8");
	stay_silent(30000);
	end();
	cr_assert_eq(scene.result, ATTEMPT_REFUSED);
}

/* They would be judged again and again for nothing. */
Test(attempt, what_is_not_fit_asks_each_smarthost_once)
{
	static const char *const nothing[] = {NULL};

	scene.relay.servers = server_memory_new();
	scene.config.smarthosts = three_smarthosts;
	scene.config.smarthost_count = 3;
	begin();
	for (int i = 0; i < 3; i++)
		answer(&no_ptr, nothing);
	cr_assert_eq(scene.inquiries, 3);
	cr_assert_eq(scene.outcomes[0].state, RCPT_HELD);
}

Test(attempt, mail_that_would_loop_is_returned)
{
	static const char *const ourselves[] = {
		"dest.example. 60 MX 10 mail.corp.example.",
		"mail.corp.example. 60 A 192.0.2.25", NULL};

	begin();
	answer(NULL, ourselves);
	cr_assert_eq(scene.outcomes[0].state, RCPT_BOUNCED);
	cr_assert_str_eq(scene.outcomes[0].status, "5.4.6");
}

/* Receivers at two places greet or refuse us as 192.0.2.99. */
static void meet_two_receivers(void)
{
	static const char *const elsewhere[] = {
		"dest.example. 60 MX 10 mx.other.example.",
		"mx.other.example. 60 A 203.0.113.1", NULL};
	struct delivery_report greeted = {
		.event = DELIVERY_GREETED, .stage = SMTP_STAGE_EHLO};

	scene.relay.public_ips = public_ips_new(&scene.relay.log);
	begin();
	answer(NULL, two_exchanges);
	report(greeted, 250, "mx1.dest.example at your service, [192.0.2.99]");
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_END},
		450, "later");
	scene.settle_done(scene.settle_owner);
	outcome_fini(&scene.outcomes[0]);
	outcome_fini(&scene.outcomes[1]);
	begin();
	answer(NULL, elsewhere);
	report(greeted, 250, "mx.other.example");
	report((struct delivery_report){.event = DELIVERY_DONE, .stage = SMTP_STAGE_RCPT},
		550, "Client host [192.0.2.99] rejected: cannot find your hostname");
}

Test(attempt, what_receivers_say_about_our_address_is_heard)
{
	meet_two_receivers();
	cr_assert_str_eq(public_ips_contradiction(scene.relay.public_ips, "192.0.2.25"),
		"192.0.2.99");
	public_ips_free(scene.relay.public_ips);
}

Test(attempt, it_can_be_broken_off_until_the_transaction_has_begun)
{
	struct attempt *attempt = begin();

	cr_assert(attempt_can_cancel(attempt, false));
	answer(NULL, two_exchanges);
	cr_assert(attempt_can_cancel(attempt, false));
	scene.delivery->begun = true;
	cr_assert(!attempt_can_cancel(attempt, false));
	cr_assert(attempt_can_cancel(attempt, true));
	attempt_cancel(attempt);
	cr_assert_null(scene.delivery);
}

Test(attempt, broken_off_behind_the_final_dot_it_says_so)
{
	char line[400] = "";
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	scene.relay.log = (struct log){.level = LOG_INFO, .fd = ends[1]};
	for (int i = 0; i < 2; i++) {
		struct attempt *attempt = begin();

		answer(NULL, two_exchanges);
		scene.delivery->is_in_doubt = i == 1;
		attempt_cancel(attempt);
	}
	close(ends[1]);
	cr_assert_gt(read(ends[0], line, sizeof line - 1), 0);
	close(ends[0]);
	cr_assert(strstr(line, "in-doubt id="), "%s", line);
	cr_assert_eq(strchr(line, '\n'), strrchr(line, '\n'), "once");
	cr_assert(strstr(line, "remote=\"mx1.dest.example [198.51.100.1]:25\""), "%s",
		line);
}

Test(attempt, a_server_of_a_family_that_we_lack_waits_for_us)
{
	static struct config_route v6_only = {
		.domain = (char *)"", .host = (char *)"2001:db8::9", .port = 25};
	static const char *const nothing[] = {NULL};

	scene.config.smarthosts = &v6_only;
	scene.config.smarthost_count = 1;
	begin();
	answer(NULL, nothing);
	cr_assert_eq(scene.deliveries, 0);
	cr_assert_eq(scene.outcomes[0].state, RCPT_DEFERRED);
	cr_assert_str_eq(scene.outcomes[0].status, "4.4.3");
	cr_assert(strstr(scene.outcomes[0].event, "family"), "%s", scene.outcomes[0].event);
}

Test(attempt, broken_off_while_it_is_judged_it_asks_no_more)
{
	scene.config.source_count = 2;
	struct attempt *attempt = begin();

	answer(NULL, two_exchanges);
	attempt_cancel(attempt);
	cr_assert_null(*first_open());
	cr_assert_eq(scene.deliveries, 0);
}
