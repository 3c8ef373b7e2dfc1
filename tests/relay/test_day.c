/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../support/fake_clock.c"
#include "../support/fake_dns.c"
#include "relay/delivery.h"
#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/intake.h"
#include "relay/links.h"
#include "relay/mem.h"
#include "relay/notices.h"
#include "relay/summary.h"
#include "relay/relay.h"

/*
 * A day of the relay in a few seconds: the real resolver, inquiries, holds, dispatch, attempts and
 * spool under a clock that jumps, against a DNS server that fails 30 % of its answers. Only the
 * connections to receivers are played: they take everything.
 */
enum {
	MESSAGE_EVERY_MS = 30000,
	FEEDING_HOURS = 24,
	PATIENCE_HOURS = 12, /* for what still waits when the day is over */
	DELIVERY_MS = 800,
	FAILURES_PERCENT = 30,
};

static const struct fake_record zone[] = {
	{"25.2.0.192.in-addr.arpa", TYPE_PTR, "mail.corp.example"},
	{"mail.corp.example", TYPE_A, "192.0.2.25"},
	{"mail.corp.example", TYPE_TXT, "v=spf1 a -all"},
	{"corp.example", TYPE_MX, "10 mail.corp.example"},
	{"corp.example", TYPE_TXT, "v=spf1 ip4:192.0.2.25 -all"},
	{"_dmarc.corp.example", TYPE_TXT, "v=DMARC1; p=reject"},
	{"news.example", TYPE_MX, "10 mail.corp.example"},
	{"news.example", TYPE_TXT, "v=spf1 include:corp.example -all"},
	{"shop.example", TYPE_A, "192.0.2.25"},
	{"shop.example", TYPE_TXT, "v=spf1 mx ptr:corp.example -all"},
	{"one.example", TYPE_MX, "10 mx.one.example"},
	{"mx.one.example", TYPE_A, "198.51.100.1"},
	{"two.example", TYPE_MX, "10 mx1.two.example"},
	{"two.example", TYPE_MX, "20 mx2.two.example"},
	{"mx1.two.example", TYPE_A, "198.51.100.2"},
	{"mx2.two.example", TYPE_A, "198.51.100.3"},
	{"three.example", TYPE_A, "198.51.100.4"},
};

static const char *const senders[] = {"ann@corp.example", "bob@corp.example",
	"list@news.example", "orders@shop.example", ""};
static const char *const recipients[] = {
	"x@one.example", "y@two.example", "z@three.example", "w@one.example"};

/* What is wrong with the DNS on this day. */
struct scenario {
	const char *name;
	bool (*is_missing)(void *owner, const struct fake_record *record);
	bool (*is_dead)(double hours);
	const char *settings;
	uint32_t ttl;
};

static struct day {
	const struct scenario *scenario;
	uv_loop_t loop;
	struct relay relay;
	struct config *config;
	struct fake_dns dns;
	uint64_t chance;
	uv_timer_t feeder, watch;
	size_t fed;
	uint64_t delivered, delivered_in_outage;
	int64_t longest; /* from acceptance to delivery, milliseconds */
	uint64_t late;   /* after more than a minute */
	int log;
	char dir[64];
} day;

static unsigned next_chance(void)
{
	day.chance ^= day.chance << 13;
	day.chance ^= day.chance >> 7;
	day.chance ^= day.chance << 17;
	return (unsigned)(day.chance >> 33);
}

static enum fake_mood mood(void *owner, const char *name)
{
	(void)owner, (void)name;
	if (day.scenario->is_dead && day.scenario->is_dead(fake_clock_hours()))
		return FAKE_SILENT;
	if (next_chance() % 100 >= FAILURES_PERCENT)
		return FAKE_ANSWERS;
	return FAKE_SERVFAIL + next_chance() % (FAKE_MOODS - FAKE_SERVFAIL);
}

/* The receivers. */
struct delivery {
	uv_timer_t timer;
	uint64_t message_id;
	size_t count;
	delivery_cb cb;
	void *owner;
};

static void on_delivery_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_delivered(uv_timer_t *timer)
{
	struct delivery *delivery = timer->data;
	const struct message *message = queue_find(day.relay.queue, delivery->message_id);
	struct smtp_reply reply;
	struct delivery_report report = {.event = DELIVERY_DONE,
		.stage = SMTP_STAGE_END,
		.reply = &reply};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	int64_t took = (int64_t)now.tv_sec * 1000 - message->received;

	day.longest = took > day.longest ? took : day.longest;
	day.late += took > 60000 ? delivery->count : 0;
	day.delivered += delivery->count;
	if (day.scenario->is_dead && day.scenario->is_dead(fake_clock_hours()))
		day.delivered_in_outage += delivery->count;
	smtp_reply_set(&reply, 250, "2.0.0", "thanks");
	delivery->cb(delivery->owner, &report);
}

struct delivery *delivery_start(struct relay *relay, const struct link_way *way,
	uint64_t message_id, const struct smtp_transaction *transaction, delivery_cb cb,
	void *owner)
{
	struct delivery *delivery = mem_alloc(sizeof *delivery);

	(void)way;
	*delivery = (struct delivery){.message_id = message_id,
		.count = transaction->count,
		.cb = cb,
		.owner = owner};
	uv_timer_init(relay->loop, &delivery->timer);
	delivery->timer.data = delivery;
	uv_timer_start(&delivery->timer, on_delivered, DELIVERY_MS, 0);
	return delivery;
}

bool delivery_has_begun(const struct delivery *delivery)
{
	(void)delivery;
	return true;
}

json_t *delivery_transcript(const struct delivery *delivery)
{
	(void)delivery;
	return json_array();
}

bool delivery_is_in_doubt(const struct delivery *delivery)
{
	(void)delivery;
	return false;
}

bool delivery_is_connecting(const struct delivery *delivery)
{
	(void)delivery;
	return false;
}

void delivery_close(struct delivery *delivery)
{
	uv_close((uv_handle_t *)&delivery->timer, on_delivery_closed);
}

/* The clients. */
static void on_taken(void *owner, int status)
{
	cr_assert_eq(status, 0);
	intake_free(owner);
}

static void feed(void)
{
	static const struct intake_client client = {
		.ip = "10.0.0.5", .helo = "exchange.corp.example", .extended = true};
	const char *sender = senders[day.fed % (sizeof senders / sizeof senders[0])];
	struct intake *intake = intake_new(&day.relay, sender, &(struct smtp_mail){.size = 0});
	char text[200];
	int len = snprintf(text, sizeof text,
		"From: <%s>\r\nSubject: day\r\n\r\nx\r\n",
		sender[0] ? sender : "postmaster@corp.example");
	size_t count = 1 + next_chance() % 3;

	for (size_t i = 0; i < count; i++) {
		size_t which = (day.fed + i) % (sizeof recipients / sizeof recipients[0]);

		intake_add_recipient(intake, mem_strdup(recipients[which]), &(struct smtp_rcpt){.notify = 0});
	}
	cr_assert_eq(intake_open(intake, &client), 0);
	intake_append(intake, text, (size_t)len);
	cr_assert_eq(intake_commit(intake, on_taken, intake), 0);
	day.fed++;
}

static void on_feed(uv_timer_t *timer)
{
	if (fake_clock_hours() < FEEDING_HOURS)
		feed();
	else
		uv_timer_stop(timer);
}

static void on_spool_closed(void *owner)
{
	(void)owner;
	holds_free(day.relay.holds);
	links_free(day.relay.links);
	notices_free(day.relay.notices);
	summaries_free(day.relay.summaries);
	dispatch_free(day.relay.dispatch);
	resolver_close(day.relay.resolver);
	fake_dns_stop(&day.dns);
	uv_close((uv_handle_t *)&day.feeder, NULL);
	uv_close((uv_handle_t *)&day.watch, NULL);
}

static void on_stopped(void *owner, bool clean)
{
	(void)owner;
	cr_assert(clean);
	spool_close(day.relay.spool, on_spool_closed, NULL);
}

/* Over when the day is, and everything has left. */
static void on_watch(uv_timer_t *timer)
{
	double hours = fake_clock_hours();

	if (hours < FEEDING_HOURS || (queue_count(day.relay.queue) > 0 &&
					     hours < FEEDING_HOURS + PATIENCE_HOURS))
		return;
	uv_timer_stop(timer);
	dispatch_stop(day.relay.dispatch, on_stopped, NULL);
}

static void configure(const char *settings)
{
	char text[1024];
	struct buf problems = {0};
	int len = snprintf(text, sizeof text,
		"hostname = mail.corp.example\npublic_ip = 192.0.2.25\n"
		"listen = 127.0.0.1:2525\nresolver = %s\nspool_dir = %s\n"
		"spool_segment = 1M\nspool_reserve = 0\n%s",
		day.dns.address, day.dir, settings);

	day.config = config_parse("day", text, (size_t)len, &problems);
	cr_assert_not_null(day.config, "%.*s", (int)problems.len, problems.bytes);
}

static void open_relay(void)
{
	struct resolver_options resolver = {
		.servers = (const char *const *)day.config->resolvers,
		.server_count = day.config->resolver_count};
	struct spool_options spool = {.dir = day.config->spool_dir,
		.segment_size = day.config->spool_segment,
		.inline_max = day.config->spool_inline,
		.reserve = day.config->spool_reserve};
	struct spool_error error;
	size_t bad = 0;

	day.log = memfd_create("log", MFD_CLOEXEC);
	day.relay = (struct relay){.loop = &day.loop,
		.config = day.config,
		.log = {.level = LOG_INFO, .fd = day.log}};
	cr_assert_eq(spool_open(&day.relay.spool, &day.loop, &spool, &error), 0);
	cr_assert_eq(resolver_open(&day.relay.resolver, &day.loop, &resolver, &bad), 0);
	day.relay.queue = queue_new();
	day.relay.holds = holds_new(&day.relay);
	day.relay.links = links_new();
	day.relay.dispatch = dispatch_new(&day.relay);
	day.relay.summaries = summaries_new(&day.relay);
	day.relay.notices = notices_new(&day.relay);
}

static int remove_file(
	const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status, (void)flag, (void)walk;
	return remove(path);
}

/* How many lines of the log tell this event. */
static size_t count_events(const char *event)
{
	off_t size = lseek(day.log, 0, SEEK_END);
	char *text = mem_alloc((size_t)size + 1);
	size_t count = 0, len = strlen(event);

	cr_assert_eq(pread(day.log, text, (size_t)size, 0), size);
	for (char *at = text; (at = strstr(at, event)); at += len)
		count++;
	free(text);
	return count;
}

static void print_figures(void)
{
	fprintf(stderr,
		"%s: %zu messages, %llu of %llu questions failed\n"
		"    recipients: %llu delivered (%llu after more than a minute, the last "
		"after %lld min)\n"
		"    %llu deferrals, %llu holds, %llu bounces; %llu re-checks, "
		"%zu causes opened, %zu cleared\n",
		day.scenario->name, day.fed, (unsigned long long)day.dns.failed,
		(unsigned long long)day.dns.asked, (unsigned long long)day.delivered,
		(unsigned long long)day.late, (long long)day.longest / 60000,
		(unsigned long long)day.relay.stats.deferred,
		(unsigned long long)day.relay.stats.held,
		(unsigned long long)day.relay.stats.bounced,
		(unsigned long long)day.relay.stats.rechecks,
		count_events(" cause-opened "), count_events(" cause-cleared "));
}

static void live_through(const struct scenario *scenario)
{
	day.scenario = scenario;
	day.chance = 88172645463325252u;
	snprintf(day.dir, sizeof day.dir, "/dev/shm/ptrelay-day-XXXXXX");
	cr_assert_not_null(mkdtemp(day.dir));
	uv_loop_init(&day.loop);
	fake_clock_start(&day.loop);
	uv_update_time(&day.loop);
	day.dns = (struct fake_dns){.records = zone,
		.count = sizeof zone / sizeof zone[0],
		.ttl = scenario->ttl,
		.mood = mood,
		.is_missing = scenario->is_missing};
	cr_assert_eq(fake_dns_start(&day.dns, &day.loop), 0);
	configure(scenario->settings);
	open_relay();
	uv_timer_init(&day.loop, &day.feeder);
	uv_timer_init(&day.loop, &day.watch);
	uv_timer_start(&day.feeder, on_feed, 0, MESSAGE_EVERY_MS);
	uv_timer_start(&day.watch, on_watch, 60000, 60000);
	uv_run(&day.loop, UV_RUN_DEFAULT);
	fake_clock_stop();
	print_figures();
	cr_assert_eq(queue_count(day.relay.queue), 0, "everything has left");
	cr_assert_eq(day.relay.stats.delivered, day.delivered);
	cr_assert_eq(day.relay.stats.bounced, 0);
}

static void leave(void)
{
	cr_assert_eq(uv_loop_close(&day.loop), 0);
	queue_free(day.relay.queue);
	config_free(day.config);
	close(day.log);
	nftw(day.dir, remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(day, .fini = leave);

Test(day, a_resolver_that_fails_30_percent_holds_nothing_and_reports_nothing)
{
	static const struct scenario scenario = {
		.name = "30 % failures", .settings = "", .ttl = 120};

	live_through(&scenario);
	cr_assert_gt(day.dns.failed * 4, day.dns.asked, "many did fail");
	cr_assert_eq(day.relay.stats.held, 0);
	cr_assert_eq(count_events("cause-"), 0);
	cr_assert_lt(day.longest, 3 * 3600 * 1000);
}

static bool is_ptr_gone(void *owner, const struct fake_record *record)
{
	double hours = fake_clock_hours();

	(void)owner;
	return record->type == TYPE_PTR && hours >= 10 && hours < 12;
}

Test(day, a_ptr_that_is_gone_for_two_hours_is_one_report)
{
	static const struct scenario scenario = {.name = "PTR gone for 2 h",
		.settings = "",
		.is_missing = is_ptr_gone,
		.ttl = 120};

	live_through(&scenario);
	cr_assert_gt(day.relay.stats.held, 100);
	cr_assert_eq(count_events(" cause-opened reason=ptr-missing"), 1);
	cr_assert_eq(count_events(" cause-opened "), 1);
	cr_assert_eq(count_events(" cause-cleared "), 1);
	cr_assert_lt(day.longest, 4 * 3600 * 1000);
}

static bool is_ptr_blinking(void *owner, const struct fake_record *record)
{
	double hours = fake_clock_hours();

	(void)owner;
	return record->type == TYPE_PTR && hours < FEEDING_HOURS &&
	       (hours - (int)hours) * 3600 < 40;
}

Test(day, an_answer_that_is_wrong_for_seconds_is_no_report)
{
	static const struct scenario scenario = {.name = "PTR gone for 40 s each hour",
		.settings = "",
		.is_missing = is_ptr_blinking,
		.ttl = 120};

	live_through(&scenario);
	cr_assert_gt(day.relay.stats.held, 0);
	cr_assert_eq(count_events("cause-"), 0, "a suspicion is not told");
	cr_assert_lt(day.longest, 3 * 3600 * 1000);
}

static bool is_ptr_flapping(void *owner, const struct fake_record *record)
{
	(void)owner;
	return record->type == TYPE_PTR && fake_clock_hours() < FEEDING_HOURS &&
	       (int)(fake_clock_hours() * 60) % 2 == 1;
}

Test(day, a_ptr_that_flaps_every_minute_floods_nobody)
{
	static const struct scenario scenario = {.name = "PTR flaps every minute",
		.settings = "",
		.is_missing = is_ptr_flapping,
		.ttl = 30};

	live_through(&scenario);
	cr_assert_gt(day.relay.stats.held, 0);
	cr_assert_leq(count_events(" cause-opened "), 8);
	cr_assert_leq(count_events(" cause-cleared "), 8);
}

/* From the start: there are no old answers to go on with. */
static bool is_dead_in_the_morning(double hours)
{
	return hours < 6;
}

Test(day, a_dead_resolver_does_not_stop_mail_for_ever)
{
	static const struct scenario scenario = {.name = "resolver dead for 6 h, smarthost",
		.settings = "smarthost = 198.51.100.9:25\n",
		.is_dead = is_dead_in_the_morning,
		.ttl = 120};

	live_through(&scenario);
	cr_assert_eq(day.relay.stats.held, 0);
	cr_assert_eq(count_events("cause-"), 0);
	cr_assert_gt(day.delivered_in_outage, 500, "after unknown_send_after");
	cr_assert_lt(day.longest, 125 * 60 * 1000);
}

static bool is_dead_at_noon(double hours)
{
	return hours >= 10 && hours < 16;
}

Test(day, without_a_resolver_mail_to_exchangers_waits_and_nothing_is_lost)
{
	static const struct scenario scenario = {.name = "resolver dead for 6 h, by MX",
		.settings = "",
		.is_dead = is_dead_at_noon,
		.ttl = 120};

	live_through(&scenario);
	cr_assert_eq(day.relay.stats.held, 0);
	cr_assert_eq(count_events("cause-"), 0);
	cr_assert_lt(day.longest, 12 * 3600 * 1000);
}
