/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relay/public_ip.h"

static struct {
	struct log log;
	struct public_ips *ips;
} scene;

static void setup(void)
{
	scene.log = (struct log){.level = LOG_INFO, .fd = memfd_create("log", 0)};
	scene.ips = public_ips_new(&scene.log);
}

static void teardown(void)
{
	public_ips_free(scene.ips);
	close(scene.log.fd);
}

TestSuite(public_ip, .init = setup, .fini = teardown);

static const struct source unknown = {.origin = SOURCE_UNKNOWN};
static const struct source configured = {
	.public_ip = "192.0.2.25", .origin = SOURCE_CONFIGURED};

/* The host exchange at remote greets us as ip. */
static void greet(const struct source *source, const char *exchange, const char *remote,
	const char *ip)
{
	struct smtp_reply reply = {.code = 250};
	struct heard heard = {.source = source,
		.exchange = exchange,
		.seen = {.remote_ip = remote, .stage = SMTP_STAGE_EHLO, .reply = &reply}};

	snprintf(reply.text, sizeof reply.text, "%s Hello [%s]", exchange, ip);
	public_ips_hear(scene.ips, &heard);
}

/* Lines of the log with this word. */
static size_t count_logged(const char *word)
{
	char text[8192];
	ssize_t len = pread(scene.log.fd, text, sizeof text - 1, 0);
	size_t count = 0;

	text[len > 0 ? len : 0] = '\0';
	for (const char *at = text; (at = strstr(at, word)); at++)
		count++;
	return count;
}

Test(public_ip, two_unrelated_destinations_are_believed)
{
	static const struct {
		const char *exchange, *remote, *what;
	} related[] = {
		{"mx1.one.example", "198.51.100.1", "the first one alone"},
		{"mx1.one.example", "198.51.100.1", "the same again"},
		{"mx2.one.example", "203.0.113.2", "the same organisation elsewhere"},
		{"mx.two.example", "203.0.113.9", "another name in the same network"},
		{"localhost", "198.18.0.9", "no domain"},
	};

	for (size_t i = 0; i < sizeof related / sizeof related[0]; i++) {
		greet(&unknown, related[i].exchange, related[i].remote, "192.0.2.25");
		cr_expect_str_empty(
			public_ips_learned(scene.ips, false), "%s", related[i].what);
	}
	greet(&unknown, "mx.three.example", "198.18.5.1", "192.0.2.26");
	cr_expect_str_empty(public_ips_learned(scene.ips, false), "they disagree");
	cr_expect_eq(public_ips_lessons(scene.ips), 0);
	greet(&unknown, "mx.three.example", "198.18.5.1", "192.0.2.25");
	cr_expect_str_eq(public_ips_learned(scene.ips, false), "192.0.2.25");
	cr_expect_str_empty(public_ips_learned(scene.ips, true), "the other family");
	cr_expect_eq(public_ips_lessons(scene.ips), 1);
	cr_expect_eq(count_logged("public-ip-learned ip=192.0.2.25 by="), 1);
}

Test(public_ip, what_was_learned_changes_when_two_agree_anew)
{
	struct source learned = {.origin = SOURCE_LEARNED, .public_ip = "192.0.2.25"};

	greet(&unknown, "mx.one.example", "198.51.100.1", "192.0.2.25");
	greet(&unknown, "mx.two.example", "203.0.113.1", "192.0.2.25");
	greet(&learned, "mx.four.example", "198.18.6.1", "192.0.2.99");
	cr_expect_str_eq(public_ips_learned(scene.ips, false), "192.0.2.25");
	greet(&learned, "mx.five.example", "198.18.7.1", "192.0.2.99");
	cr_expect_str_eq(public_ips_learned(scene.ips, false), "192.0.2.99");
	cr_expect_eq(
		count_logged("public-ip-changed ip=192.0.2.99 before=192.0.2.25"), 1);
	learned = (struct source){.origin = SOURCE_LEARNED, .public_ip = "192.0.2.99"};
	greet(&learned, "mx.three.example", "198.18.5.1", "192.0.2.25");
	cr_expect_str_eq(public_ips_learned(scene.ips, false), "192.0.2.99",
		"what was said before the change is no witness");
}

Test(public_ip, a_destination_that_confirms_takes_its_other_word_back)
{
	struct source learned = {.origin = SOURCE_LEARNED, .public_ip = "192.0.2.25"};

	greet(&unknown, "mx.one.example", "198.51.100.1", "192.0.2.25");
	greet(&unknown, "mx.two.example", "203.0.113.1", "192.0.2.25");
	greet(&learned, "mx.one.example", "198.51.100.1", "192.0.2.99");
	greet(&learned, "mx.one.example", "198.51.100.1", "192.0.2.25");
	greet(&learned, "mx.two.example", "203.0.113.1", "192.0.2.99");
	cr_expect_str_eq(public_ips_learned(scene.ips, false), "192.0.2.25");
}

Test(public_ip, the_configured_one_is_contradicted_but_never_replaced)
{
	greet(&configured, "mx.one.example", "198.51.100.1", "192.0.2.99");
	cr_expect_null(public_ips_contradiction(scene.ips, "192.0.2.25"), "one alone");
	greet(&configured, "mx.two.example", "203.0.113.1", "192.0.2.99");
	greet(&configured, "mx.three.example", "198.18.5.1", "192.0.2.99");
	cr_expect_str_eq(public_ips_contradiction(scene.ips, "192.0.2.25"), "192.0.2.99");
	cr_expect_null(
		public_ips_contradiction(scene.ips, "192.0.2.26"), "of another one");
	cr_expect_str_empty(public_ips_learned(scene.ips, false));
	cr_expect_eq(
		count_logged(
			"public-ip-contradiction configured=192.0.2.25 seen=192.0.2.99 "
			"by=\"one.example, two.example\""),
		1, "once");
	greet(&configured, "mx.four.example", "198.18.9.1", "192.0.2.25");
	cr_expect_null(public_ips_contradiction(scene.ips, "192.0.2.25"), "it is over");
	cr_expect_eq(count_logged("public-ip-"), 1);
}

Test(public_ip, ipv6_networks_are_of_48_bits)
{
	static const struct source v6 = {.is_v6 = true};

	greet(&v6, "mx.one.example", "2001:db8:1::1", "2001:db8:25::25");
	greet(&v6, "mx.two.example", "2001:db8:1:9::1", "2001:db8:25::25");
	cr_expect_str_empty(public_ips_learned(scene.ips, true));
	greet(&v6, "mx.three.example", "2001:db8:2::1", "2001:db8:25::25");
	cr_expect_str_eq(public_ips_learned(scene.ips, true), "2001:db8:25::25");
}

Test(public_ip, many_liars_do_not_push_the_memory_over)
{
	char exchange[64], remote[32], ip[32];

	for (unsigned i = 0; i < 200; i++) {
		snprintf(exchange, sizeof exchange, "mx.d%u.example", i);
		snprintf(remote, sizeof remote, "198.18.%u.1", i);
		snprintf(ip, sizeof ip, "192.0.2.%u", i);
		greet(&unknown, exchange, remote, ip);
	}
	cr_expect_str_empty(public_ips_learned(scene.ips, false));
	greet(&unknown, "mx.one.example", "203.0.113.1", "192.0.2.199");
	cr_expect_str_eq(public_ips_learned(scene.ips, false), "192.0.2.199");
}

Test(public_ip, a_source_behind_a_nat_takes_what_was_learned)
{
	static const struct config config = {0};
	struct source sources[SOURCES_MAX];

	greet(&unknown, "mx.one.example", "198.51.100.1", "192.0.2.25");
	greet(&unknown, "mx.two.example", "203.0.113.1", "192.0.2.25");
	size_t count = source_list(&config, scene.ips, sources);

	for (size_t i = 0; i < count; i++) {
		/* what this machine's own interfaces have is not for the test to say */
		if (sources[i].is_v6 || sources[i].origin == SOURCE_INTERFACE)
			continue;
		cr_expect_eq(sources[i].origin, SOURCE_LEARNED);
		cr_expect_str_eq(sources[i].public_ip, "192.0.2.25");
		cr_expect_str_empty(sources[i].bind_ip);
	}
}

Test(public_ip, without_a_learner_nothing_is_known)
{
	struct heard heard = {.source = &unknown};

	public_ips_hear(NULL, &heard);
	cr_expect_str_empty(public_ips_learned(NULL, false));
	cr_expect_null(public_ips_contradiction(NULL, "192.0.2.25"));
}
