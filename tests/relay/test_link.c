/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include "../support/fake_server.c"
#include "relay/link.h"
#include "relay/server_memory.h"

/*
 * A link and the server it talks to. Its user hands over a message when it is ready, and notes what
 * it hears as a line of words.
 */
static struct {
	uv_loop_t loop;
	struct config config;
	struct relay relay;
	struct target target;
	struct config_route route;
	struct link_way way;
	struct smtp_transaction transaction;
	struct link *link;
	const char *body; /* NULL: the user stops at 354 */
	bool is_shy;      /* sends nothing when it is ready */
	bool closes;      /* at the end, from within the event */
	char heard[1000];
} scene;

static const char *const rcpts[] = {"b@dest.example", "c@dest.example"};

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	size_t len = strlen(scene.heard);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(scene.heard + len, sizeof scene.heard - len, format, arguments);
	va_end(arguments);
}

static void on_event(void *owner, const struct link_report *report)
{
	static const char *const names[] = {
		"ready", "rcpt", "body", "drained", "done", "refused", "failed", "idle"};

	(void)owner;
	note("%s", names[report->event]);
	if (report->reply)
		note(" %u %s", report->reply->code, smtp_stage_name(report->stage));
	if (report->event == LINK_RCPT)
		note(" %zu", report->index);
	if (report->failure)
		note(" %s", report->failure);
	if (report->status)
		note(" %s", report->status);
	note("%s%s%s|", report->begun ? " begun" : "", report->in_doubt ? " doubt" : "",
		report->is_stale ? " stale" : "");
	if (report->event == LINK_READY && !scene.is_shy)
		link_send(scene.link, &scene.transaction);
	if (report->event == LINK_BODY && scene.body)
		link_write(scene.link, scene.body, strlen(scene.body), true);
	if (scene.closes && report->event >= LINK_DONE) {
		link_close(scene.link);
		scene.link = NULL;
	}
}

static void setup(void)
{
	scene.config = (struct config){.hostname = (char *)"relay.example"};
	scene.relay = (struct relay){.loop = &scene.loop,
		.config = &scene.config,
		.log = {.level = LOG_ERROR, .fd = 2}};
	scene.target = (struct target){.address = {.ip = "198.51.100.1", .port = 25},
		.name = "mx.dest.example",
		.level = TLS_MAY};
	scene.way = (struct link_way){.target = &scene.target,
		.source = "192.0.2.25",
		.domain = "dest.example"};
	scene.transaction = (struct smtp_transaction){
		.sender = "a@corp.example", .recipients = rcpts, .count = 2, .size = 10};
	scene.body = "hello\r\n.\r\n";
}

static void teardown(void)
{
	link_close(scene.link);
	server_memory_free(scene.relay.servers);
	fake_fini();
}

TestSuite(link, .init = setup, .fini = teardown);

static void open_link(void)
{
	scene.link = link_open(&scene.relay, &scene.way, on_event, NULL);
	fake_connect();
}

#define GREETING   "220 mx.dest.example\r\n"
#define PLAIN_EHLO "250-mx.dest.example\r\n250 PIPELINING\r\n"
#define TLS_EHLO   "250-mx.dest.example\r\n250-STARTTLS\r\n250 PIPELINING\r\n"

static void open_ready(void)
{
	scene.is_shy = true;
	open_link();
	fake_say(GREETING);
	fake_say(PLAIN_EHLO);
	cr_assert_str_eq(scene.heard, "ready 250 EHLO|");
	cr_assert(fake_has_heard("EHLO relay.example\r\n"));
	scene.heard[0] = '\0';
}

Test(link, one_message_after_another_in_few_writes)
{
	open_ready();
	for (int i = 0; i < 3; i++) {
		size_t before = fake_conn()->writes;

		scene.heard[0] = '\0';
		link_send(scene.link, &scene.transaction);
		cr_assert(fake_has_heard("MAIL FROM:<a@corp.example>\r\n"
					 "RCPT TO:<b@dest.example>\r\n"
					 "RCPT TO:<c@dest.example>\r\nDATA\r\n"));
		fake_say("250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n");
		cr_assert(fake_has_heard("hello\r\n..\r\n.\r\n"));
		cr_assert_eq(fake_conn()->writes - before, 2);
		fake_say("250 2.0.0 taken\r\n");
		cr_assert_str_eq(scene.heard,
			"rcpt 550 RCPT TO 0|body 354 DATA|done 250 the end of data|");
		cr_assert(link_is_ready(scene.link));
	}
	link_quit(scene.link);
	cr_assert(fake_has_heard("QUIT\r\n"));
	fake_say("221 bye\r\n");
	cr_assert(strstr(scene.heard, "failed connection lost|"), "%s", scene.heard);
}

/* Rows of section J and K of what remote servers may do: what is said, how it ends, what is heard. */
Test(link, whatever_a_server_does)
{
	static const struct {
		const char *row;
		const char *says[6];
		int end; /* conn_event, or -1 */
		const char *heard;
	} rows[] = {
		{"J1", {NULL}, CONN_TIMEOUT, "failed no greeting in time|"},
		{"J1", {"220"}, CONN_TIMEOUT, "failed no greeting in time|"},
		{"J1", {"220-a\r\n"}, CONN_EOF,
			"failed connection lost before the greeting was over|"},
		{"J3", {"2x0 hello\r\n"}, -1,
			"failed what the server says is no SMTP reply|"},
		{"J4", {GREETING, "250-a\r\n550 b\r\n"}, -1,
			"failed what the server says is no SMTP reply|"},
		{"J7", {GREETING "250 more\r\n"}, -1,
			"failed the server answered what was not asked|"},
		{"J8", {GREETING, PLAIN_EHLO, "250 ok\r\n250 ok\r\n250 ok\r\n"},
			CONN_TIMEOUT, "ready 250 EHLO|failed no reply in time begun|"},
		{"J9", {GREETING, PLAIN_EHLO, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"},
			-1,
			"ready 250 EHLO|failed the server's answer does not fit the "
			"question "
			"begun|"},
		{"J11",
			{GREETING, PLAIN_EHLO,
				"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
			CONN_TIMEOUT,
			"ready 250 EHLO|body 354 DATA|failed no reply to the final dot "
			"in time: "
			"may be delivered twice begun doubt|"},
		{"J11",
			{GREETING, PLAIN_EHLO,
				"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"},
			CONN_EOF,
			"ready 250 EHLO|body 354 DATA|failed connection lost after the "
			"final dot: "
			"may be delivered twice begun doubt|"},
		{"J12", {"554 go away\r\n"}, -1, "refused 554 the banner|"},
		{"J12", {"421 later\r\n"}, -1, "refused 421 the banner|"},
		{"J12", {GREETING, "550 no\r\n"}, -1, "refused 550 EHLO|"},
		{"J12", {GREETING, "421 no\r\n"}, -1, "refused 421 EHLO|"},
		{"J12", {GREETING, "502 what?\r\n", "250 mx\r\n"}, -1, "ready 250 EHLO|"},
		{"J12", {GREETING, PLAIN_EHLO, "421 no\r\n"}, -1,
			"ready 250 EHLO|done 421 MAIL FROM|"},
		{"J12", {GREETING, PLAIN_EHLO, "250 ok\r\n421 no\r\n"}, -1,
			"ready 250 EHLO|done 421 RCPT TO|"},
		{"J14", {GREETING, "250-mx\r\n250 SIZE 5\r\n"}, -1,
			"ready 250 EHLO|done 552 MAIL FROM|"},
		{"J21", {"220 RELAY.example hello\r\n"}, -1, "refused 554 the banner|"},
		{"J21", {GREETING, "250 relay.example\r\n"}, -1, "refused 554 EHLO|"},
		{"J22", {GREETING, PLAIN_EHLO}, CONN_EOF,
			"ready 250 EHLO|failed connection lost begun|"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fake.count = 0;
		scene.heard[0] = '\0';
		open_link();
		for (size_t j = 0; j < 6 && rows[i].says[j]; j++)
			fake_say(rows[i].says[j]);
		if (rows[i].end == CONN_TIMEOUT)
			fake_wait();
		else if (rows[i].end >= 0)
			fake_emit(fake_conn(), (enum conn_event)rows[i].end);
		cr_assert_str_eq(
			scene.heard, rows[i].heard, "%s: %s", rows[i].row, scene.heard);
		cr_assert_eq(fake.count, 1);
		link_close(scene.link);
		scene.link = NULL;
		fake_fini();
	}
}

Test(link, a_user_may_close_it_from_within_any_end)
{
	static const char *const ends[] = {"554 no\r\n", "2x0\r\n"};

	scene.closes = true;
	for (size_t i = 0; i < 2; i++) {
		open_link();
		fake_say(ends[i]);
		cr_assert_null(scene.link);
	}
	open_link();
	fake_say(GREETING);
	fake_say(PLAIN_EHLO);
	fake_say("550 no\r\n503 no\r\n503 no\r\n503 no\r\n");
	fake_say("250 reset\r\n");
	cr_assert_null(scene.link);
}

static uint64_t patience(void)
{
	return fake_conn()->deadline - fake.now;
}

Test(link, each_step_has_its_deadline)
{
	scene.link = link_open(&scene.relay, &scene.way, on_event, NULL);
	cr_assert_eq(patience(), 30000);
	fake_connect();
	cr_assert_eq(patience(), 300000);
	fake.now += 100000;
	fake_say("220-mx\r\n");
	cr_assert_eq(patience(), 200000, "lines of a banner that dribbles are no reply");
	fake_say("220 mx\r\n");
	cr_assert_eq(patience(), 300000);
	fake_say(PLAIN_EHLO);
	cr_assert_eq(patience(), 300000, "the envelope");
	fake.now += 100000;
	fake_say("250-o");
	fake_say("k\r\n");
	cr_assert_eq(patience(), 200000);
	fake_say("250 ok\r\n");
	cr_assert_eq(patience(), 300000);
}

Test(link, an_envelope_has_an_end)
{
	open_ready();
	scene.transaction.count = 2;
	link_send(scene.link, &scene.transaction);
	fake.now += 29 * 60000;
	fake_say("250 ok\r\n");
	cr_assert_eq(patience(), 60000);
}

Test(link, a_receiver_that_does_not_read_ends)
{
	scene.body = NULL;
	open_link();
	fake_say(GREETING);
	fake_say(PLAIN_EHLO);
	fake_say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	link_write(scene.link, "some", 4, false);
	fake_conn()->unsent = CONN_WRITE_HIGH + 1;
	cr_assert_not(link_has_room(scene.link));
	cr_assert_eq(patience(), 180000);
	fake_wait();
	cr_assert_str_eq(scene.heard, "ready 250 EHLO|body 354 DATA|failed the body was "
				      "not taken in time begun|");
}

Test(link, a_refusal_while_the_body_is_on_its_way_is_an_answer)
{
	scene.body = NULL;
	open_link();
	fake_say(GREETING);
	fake_say(PLAIN_EHLO);
	fake_say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	link_write(scene.link, "some", 4, false);
	fake_say("552 too much\r\n");
	cr_assert_str_eq(
		scene.heard, "ready 250 EHLO|body 354 DATA|done 552 the end of data|");
	cr_assert_not(link_is_ready(scene.link));
	cr_assert_not(link_can_quit(scene.link));
}

Test(link, what_ends_while_it_was_idle_is_stale)
{
	static const char *const ends[] = {"", "421 you were silent\r\n"};

	for (size_t i = 0; i < 2; i++) {
		scene.heard[0] = '\0';
		open_ready();
		link_send(scene.link, &scene.transaction);
		fake_say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
		fake_say("250 taken\r\n");
		scene.heard[0] = '\0';
		link_send(scene.link, &scene.transaction);
		if (ends[i][0])
			fake_say(ends[i]);
		else
			fake_emit(fake_conn(), CONN_EOF);
		cr_assert(strstr(scene.heard, " begun stale|"), "%s", scene.heard);
		link_close(scene.link);
		scene.link = NULL;
	}
}

Test(link, surplus_behind_the_answer_does_not_take_it_back)
{
	open_ready();
	link_send(scene.link, &scene.transaction);
	fake_say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	fake_say("250 taken\r\n250 and more\r\n");
	cr_assert(strstr(scene.heard, "done 250 the end of data|"), "%s", scene.heard);
	cr_assert_not(link_is_ready(scene.link));
}

Test(link, what_follows_quit_is_not_read)
{
	open_ready();
	link_quit(scene.link);
	cr_assert_eq(patience(), 5000);
	fake_wait();
	cr_assert_str_eq(scene.heard, "failed no reply to QUIT|");
	fake_say("junk, and more of it\r\n");
	cr_assert_eq(fake_conn()->taken + 22, fake_conn()->in.len);
	link_close(scene.link);
	scene.link = NULL;
	cr_assert(fake_conn()->is_dropped);
}

Test(link, tls_comes_before_the_envelope)
{
	open_link();
	fake_say(GREETING);
	fake_say(TLS_EHLO);
	cr_assert(fake_has_heard("EHLO relay.example\r\nSTARTTLS\r\n"));
	fake_say("220 go\r\n");
	cr_assert_eq(patience(), 60000);
	cr_assert_eq(fake_conn()->wanted, TLS_MAY);
	cr_assert_str_eq(fake_conn()->session, link_key(scene.link));
	fake_secure(false);
	cr_assert(fake_has_heard("EHLO relay.example\r\n"));
	fake_say(TLS_EHLO);
	cr_assert(fake_has_heard("MAIL FROM:<a@corp.example>\r\n"
				 "RCPT TO:<b@dest.example>\r\n"
				 "RCPT TO:<c@dest.example>\r\nDATA\r\n"));
	cr_assert_str_eq(scene.heard, "ready 250 EHLO|");
	json_t *lines = link_transcript(scene.link);

	cr_assert_str_eq(json_string_value(json_array_get(lines, 7)),
		"-- TLSv1.3 TLS_AES_256_GCM_SHA384, not verified");
	json_decref(lines);
}

/* How TLS can fail, and what that means where it was an offer, and where it was wanted. */
Test(link, tls_that_fails)
{
	static const struct {
		const char *ehlo, *starttls; /* NULL: nothing is said */
		int end;                     /* conn_event, or -1 */
		unsigned conns;              /* made with TLS_MAY */
		const char *refused;         /* with TLS_ENCRYPT */
	} rows[] = {
		{PLAIN_EHLO, NULL, -1, 1,
			"refused TLS is wanted, and the server does not offer it 4.7.4|"},
		{TLS_EHLO, "454 not now\r\n", -1, 2,
			"refused 454 STARTTLS STARTTLS was refused 4.7.4|"},
		{TLS_EHLO, "501 what\r\n", -1, 2,
			"refused 501 STARTTLS STARTTLS was refused 4.7.4|"},
		{TLS_EHLO, "junk\r\n", -1, 2,
			"refused what the server says is no SMTP reply 4.7.5|"},
		{TLS_EHLO, "220 go\r\n250 mx\r\n", -1, 2,
			"refused the server spoke on where TLS begins 4.7.5|"},
		{TLS_EHLO, NULL, CONN_TIMEOUT, 2,
			"refused no reply to STARTTLS in time 4.7.5|"},
		{TLS_EHLO, NULL, CONN_EOF, 2,
			"refused connection lost where TLS begins 4.7.5|"},
		{TLS_EHLO, "220 go\r\n", CONN_TIMEOUT, 2,
			"refused the TLS handshake took too long 4.7.5|"},
		{TLS_EHLO, "220 go\r\n", CONN_ERROR, 2,
			"refused its certificate is no good 4.7.5|"},
		{TLS_EHLO, "421 bye\r\n", -1, 1, "refused 421 STARTTLS|"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0] * 2; i++) {
		size_t row = i / 2;

		scene.target.level = i % 2 ? TLS_ENCRYPT : TLS_MAY;
		scene.heard[0] = '\0';
		fake.count = 0;
		open_link();
		fake_say(GREETING);
		fake_say(rows[row].ehlo);
		if (rows[row].starttls)
			fake_say(rows[row].starttls);
		if (rows[row].end == CONN_TIMEOUT)
			fake_wait();
		else if (rows[row].end == CONN_ERROR)
			fake_fail("its certificate is no good");
		else if (rows[row].end >= 0)
			fake_emit(fake_conn(), (enum conn_event)rows[row].end);
		if (scene.target.level == TLS_ENCRYPT ||
			rows[row].starttls == rows[9].starttls) {
			cr_assert_str_eq(scene.heard, rows[row].refused);
			cr_assert_eq(fake.count, 1);
		} else {
			cr_assert_eq(fake.count, rows[row].conns, "row %zu", row);
			if (fake.count == 2) {
				cr_assert(fake.conns[0].is_closed);
				fake_connect();
				fake_say(GREETING);
				fake_say(TLS_EHLO); /* not again */
			}
			cr_assert_str_eq(scene.heard, "ready 250 EHLO|");
		}
		link_close(scene.link);
		scene.link = NULL;
		fake_fini();
	}
}

static void open_again(void)
{
	link_close(scene.link);
	scene.heard[0] = '\0';
	open_link();
	fake_say(GREETING);
	fake_say(TLS_EHLO);
}

Test(link, where_tls_failed_it_is_left_alone_for_an_hour)
{
	scene.relay.servers = server_memory_new();
	scene.is_shy = true;
	open_again();
	fake_say("220 go\r\n");
	fake_fail("no cipher in common");
	cr_assert_eq(fake.count, 2, "in the clear at once");
	open_again();
	cr_assert_eq(fake.count, 3);
	cr_assert_str_eq(scene.heard, "ready 250 EHLO|");
	cr_assert(fake_has_heard("EHLO relay.example\r\n"));
	scene.target.level = TLS_ENCRYPT;
	open_again();
	cr_assert(fake_has_heard("EHLO relay.example\r\nSTARTTLS\r\n"), "it must be");
	scene.target.level = TLS_MAY;
	fake.now += SERVER_NO_TLS_MS;
	open_again();
	cr_assert(fake_has_heard("EHLO relay.example\r\nSTARTTLS\r\n"));
	fake_say("454 not now\r\n");
	open_again();
	cr_assert(
		fake_has_heard("EHLO relay.example\r\nSTARTTLS\r\n"), "it only said no");
}

Test(link, a_no_behind_the_handshake_is_one_to_tls_too)
{
	scene.is_shy = true;
	open_again();
	fake_say("220 go\r\n");
	fake_secure(false);
	fake_fail("it wants a certificate of ours");
	cr_assert_eq(fake.count, 2);
	fake_connect();
	fake_say(GREETING);
	fake_say(TLS_EHLO);
	cr_assert_str_eq(scene.heard, "ready 250 EHLO|");
	scene.target.level = TLS_ENCRYPT;
	open_again();
	fake_say("220 go\r\n");
	fake_secure(false);
	fake_fail("it wants a certificate of ours");
	cr_assert_str_eq(scene.heard, "failed it wants a certificate of ours|");
}

Test(link, who_takes_nothing_without_tls_returns_nothing)
{
	scene.relay.servers = server_memory_new();
	server_memory_note_no_tls(scene.relay.servers, &scene.target.address, 0);
	open_again();
	cr_assert_str_eq(scene.heard, "ready 250 EHLO|");
	scene.heard[0] = '\0';
	fake_say("530 5.7.0 Must issue a STARTTLS command first\r\n");
	fake_say("503 no\r\n503 no\r\n503 no\r\n");
	fake_say("250 reset\r\n");
	cr_assert_str_eq(scene.heard,
		"refused 530 MAIL FROM TLS has failed, and without it the server takes "
		"no mail 4.7.5|");
	cr_assert(link_can_quit(scene.link));
	cr_assert(!link_is_ready(scene.link));
	open_again();
	cr_assert(fake_has_heard("EHLO relay.example\r\nSTARTTLS\r\n"));
}

/* K3: somebody in between may strip it. */
Test(link, an_offer_of_tls_that_is_gone_is_logged_once)
{
	char lines[1000] = "";
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	scene.relay.log = (struct log){.level = LOG_WARNING, .fd = ends[1]};
	scene.relay.servers = server_memory_new();
	scene.is_shy = true;
	open_again();
	for (int i = 0; i < 3; i++) {
		link_close(scene.link);
		open_link();
		fake_say(GREETING);
		fake_say(PLAIN_EHLO);
	}
	close(ends[1]);
	cr_assert_gt(read(ends[0], lines, sizeof lines - 1), 0);
	close(ends[0]);
	cr_assert(strstr(lines,
			  "tls-downgrade to=\"mx.dest.example [198.51.100.1]:25\" what="),
		"%s", lines);
	cr_assert_eq(strchr(lines, '\n'), strrchr(lines, '\n'), "%s", lines);
}

static void want_login(enum tls_level level)
{
	scene.route = (struct config_route){.domain = (char *)"",
		.tls = level,
		.is_tls_given = true,
		.login = {.user = (char *)"me", .password = (char *)"secret"}};
	scene.way.route = &scene.route;
	scene.target.level = level;
	scene.is_shy = true;
}

#define LOGIN_EHLO "250-mx.dest.example\r\n250 AUTH PLAIN\r\n"

static void expect_no_secret(void)
{
	json_t *lines = link_transcript(scene.link);
	char *text = json_dumps(lines, 0);

	cr_assert(strstr(text, "(a secret)"), "%s", text);
	cr_assert_null(strstr(text, "AG1lAHNlY3JldA=="), "%s", text);
	free(text);
	json_decref(lines);
}

Test(link, tls_from_the_first_byte_and_a_login)
{
	want_login(TLS_VERIFY);
	scene.route.has_implicit_tls = true;
	open_link();
	cr_assert_eq(fake_conn()->wanted, TLS_VERIFY);
	fake_secure(true);
	fake_say(GREETING);
	fake_say(LOGIN_EHLO);
	cr_assert(
		fake_has_heard("EHLO relay.example\r\nAUTH PLAIN AG1lAHNlY3JldA==\r\n"));
	fake_say("235 welcome\r\n");
	cr_assert_str_eq(scene.heard, "ready 235 AUTH|");
	cr_assert(link_is_ready(scene.link));
	expect_no_secret();
}

Test(link, a_login_that_is_refused_bounces_nothing)
{
	want_login(TLS_NONE);
	open_link();
	fake_say(GREETING);
	fake_say(LOGIN_EHLO);
	fake_say("535 5.7.8 no\r\n");
	cr_assert_str_eq(scene.heard,
		"refused 535 AUTH the server does not accept our login 4.7.8|");
	cr_assert(link_can_quit(scene.link));
	expect_no_secret();
}

Test(link, a_password_goes_under_tls_only)
{
	want_login(TLS_MAY);
	open_link();
	fake_say(GREETING);
	fake_say(LOGIN_EHLO);
	cr_assert_str_eq(scene.heard,
		"refused no TLS, and a password is not sent in the clear 4.7.4|");
	cr_assert(fake_has_heard("EHLO relay.example\r\n"));
}

Test(link, a_login_does_not_remember_that_tls_failed)
{
	scene.relay.servers = server_memory_new();
	server_memory_note_no_tls(scene.relay.servers, &scene.target.address, 0);
	want_login(TLS_MAY);
	open_again();
	cr_assert(fake_has_heard("EHLO relay.example\r\nSTARTTLS\r\n"));
}

Test(link, equal_keys_are_for_equal_ways)
{
	static struct target other_name, other_port, other_level, other_records;
	static struct target_tlsa none = {.base = "mx.dest.example"};
	static struct config_route implicit = {.has_implicit_tls = true},
				   user = {.login = {.user = (char *)"me"}};
	struct link_way ways[8];
	char *key = link_way_key(&scene.way);

	for (size_t i = 0; i < 8; i++)
		ways[i] = scene.way;
	other_name = other_port = other_level = other_records = scene.target;
	other_name.name[0] = 'y';
	other_port.address.port = 26;
	ways[1].target = &other_name;
	ways[2].target = &other_port;
	ways[3].source = "192.0.2.26";
	other_level.level = TLS_ENCRYPT;
	ways[4].target = &other_level;
	ways[5].route = &implicit;
	ways[6].route = &user;
	other_records.tlsa = &none;
	ways[7].target = &other_records;
	for (size_t i = 0; i < 8; i++) {
		char *other = link_way_key(&ways[i]);

		cr_assert_eq(strcmp(key, other) == 0, i == 0, "way %zu", i);
		free(other);
	}
	free(key);
}

Test(link, it_wears_out)
{
	open_ready();
	cr_assert_not(link_is_worn(scene.link));
	fake.now += 5 * 60000 + 1;
	cr_assert(link_is_worn(scene.link));
}
