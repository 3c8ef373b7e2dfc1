/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/control.h"
#include "relay/control_client.h"
#include "relay/dispatch.h"
#include "relay/hold.h"
#include "relay/reload.h"

/* The control socket and a relay of which only the queue is real. */
static struct world {
	uv_loop_t loop;
	struct config config;
	struct relay relay;
	struct control *control;
	char path[64];
	enum queue_verb verb; /* of the last dispatch_act */
	size_t acts;          /* calls of it */
	int body_status;      /* what reading a body ends with */
	int verify_steps;     /* of a verification; then it is over */
	int verify_error;     /* it cannot be begun */
	int verify_status;    /* of each step */
	unsigned verifies;    /* open */
	int load_status;
	bool is_reload_bad;
	bool is_closed;
} world;

/* Calls back a turn of the loop later, as all that stands in for the others here does. */
struct later {
	uv_timer_t timer;
	void (*then)(struct later *later);
	uint64_t id;
	spool_done_cb done;
	spool_load_cb loaded;
	spool_block_cb block;
	spool_verify_cb verified;
	void *owner;
};

static void on_later_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
	struct later *later = timer->data;

	uv_close((uv_handle_t *)timer, on_later_closed);
	later->then(later);
}

static struct later *do_later(void (*then)(struct later *later), void *owner)
{
	struct later *later = calloc(1, sizeof *later);

	later->then = then;
	later->owner = owner;
	later->timer.data = later;
	uv_timer_init(&world.loop, &later->timer);
	uv_timer_start(&later->timer, on_later, 0, 0);
	return later;
}

static void acted(struct later *later)
{
	if (world.verb == VERB_DELETE)
		queue_remove(world.relay.queue, queue_find(world.relay.queue, later->id));
	later->done(later->owner, 0);
}

size_t dispatch_act(struct dispatch *dispatch, enum queue_verb verb,
	struct message *message, struct recipient *const *rcpts, size_t count,
	spool_done_cb done, void *owner)
{
	struct later *later = do_later(acted, owner);

	(void)dispatch;
	later->id = message->id;
	later->done = done;
	world.verb = verb;
	world.acts++;
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(rcpts[i]->message, message);
	return count;
}

static void loaded(struct later *later)
{
	struct recipient_record record = {.state = RCPT_HELD,
		.reason = REASON_PTR_MISSING,
		.origin = HOLD_PREFLIGHT,
		.subject = ""};
	static const char detail[] = "{\"reply\":\"450 4.7.25 no\"}";
	struct buf bytes = {0};

	recipient_record_encode(&record, &bytes);
	struct spool_state state = {.summary = bytes.bytes,
		.summary_len = bytes.len,
		.detail = detail,
		.detail_len = sizeof detail - 1};
	struct spool_entry entry = {.id = later->id, .states = &state, .state_count = 1};

	later->loaded(later->owner, world.load_status, world.load_status ? NULL : &entry);
	buf_fini(&bytes);
}

int spool_load(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner)
{
	struct later *later = do_later(loaded, owner);

	(void)spool;
	later->id = id;
	later->loaded = cb;
	uv_timer_start(&later->timer, on_later, id % 3, 0); /* in another order */
	return 0;
}

/* A body of three blocks of 70,000 bytes in all; then world.body_status. */
struct spool_reader {
	int blocks;
	struct later *reading;
};

struct spool_reader *spool_reader_open(struct spool *spool, uint64_t id, int *error)
{
	(void)spool;
	(void)id;
	*error = 0;
	return calloc(1, sizeof(struct spool_reader));
}

uint64_t spool_reader_size(const struct spool_reader *reader)
{
	(void)reader;
	return 70000;
}

static void read_block(struct later *later)
{
	static const size_t sizes[] = {30000, 30000, 10000};
	struct spool_reader *reader = later->owner;
	spool_block_cb cb = later->block;
	void *owner = (void *)(uintptr_t)later->id;
	char *bytes;

	reader->reading = NULL;
	if (reader->blocks == 3 || (reader->blocks == 2 && world.body_status)) {
		cb(owner, world.body_status, NULL, 0);
		return;
	}
	size_t size = sizes[reader->blocks++];

	bytes = malloc(size);
	memset(bytes, 'a' + reader->blocks, size);
	cb(owner, 0, bytes, size);
	free(bytes);
}

void spool_reader_next(struct spool_reader *reader, spool_block_cb cb, void *owner)
{
	reader->reading = do_later(read_block, reader);
	reader->reading->block = cb;
	reader->reading->id = (uintptr_t)owner;
}

void spool_reader_close(struct spool_reader *reader)
{
	if (reader->reading)
		uv_close((uv_handle_t *)&reader->reading->timer, on_later_closed);
	free(reader);
}

/* world.verify_steps steps, a damage and a note in the first one. */
struct spool_verify {
	int steps;
	struct later *reading;
};

struct spool_verify *spool_verify_open(struct spool *spool, int *error)
{
	(void)spool;
	*error = world.verify_error;
	world.verifies += !*error;
	return *error ? NULL : calloc(1, sizeof(struct spool_verify));
}

static void verify_step(struct later *later)
{
	static const struct spool_finding findings[] = {
		{.kind = SPOOL_UNKNOWN_FILE, .damage = {.place = "a\x1B[2J"}},
		{.kind = SPOOL_DAMAGED_BODY,
			.is_damage = true,
			.is_live = true,
			.damage = {.id = 1 << 20,
				.len = 812,
				.place = "log/0000000000000001.seg:8280",
				.code = -EIO}},
	};
	struct spool_verify *verify = later->owner;
	struct spool_verified verified = {.findings = findings,
		.finding_count = verify->steps == 0 ? 2 : 0,
		.done = 1000 * (uint64_t)verify->steps,
		.total = 1000 * (uint64_t)world.verify_steps,
		.segments = 3};

	verify->reading = NULL;
	verified.is_over = ++verify->steps >= world.verify_steps;
	later->verified((void *)(uintptr_t)later->id, world.verify_status, &verified);
}

void spool_verify_next(struct spool_verify *verify, spool_verify_cb cb, void *owner)
{
	verify->reading = do_later(verify_step, verify);
	verify->reading->verified = cb;
	verify->reading->id = (uintptr_t)owner;
}

void spool_verify_close(struct spool_verify *verify)
{
	if (!verify)
		return;
	if (verify->reading)
		uv_close((uv_handle_t *)&verify->reading->timer, on_later_closed);
	world.verifies--;
	free(verify);
}

void spool_stats(const struct spool *spool, struct spool_stats *stats)
{
	(void)spool;
	*stats = (struct spool_stats){.messages = 5};
}

void resolver_stats(const struct resolver *resolver, struct resolver_stats *stats)
{
	(void)resolver;
	*stats = (struct resolver_stats){.asked = 7};
}

const char *resolver_server(const struct resolver *resolver)
{
	(void)resolver;
	return "127.0.0.1:53";
}

bool resolver_is_healthy(const struct resolver *resolver)
{
	(void)resolver;
	return true;
}

int64_t holds_next_check(const struct recipient *rcpt)
{
	(void)rcpt;
	return 1764000000000;
}

size_t holds_count(const struct holds *holds)
{
	(void)holds;
	return 1;
}

bool reload_configuration(struct relay *relay, struct buf *report)
{
	(void)relay;
	buf_printf(report, world.is_reload_bad ? "f\xfc:1: no '='\nf:2: no value\n" : "read\n");
	return !world.is_reload_bad;
}

static int open_control(void)
{
	char error[256];

	return control_open(&world.control, &world.relay, error, sizeof error);
}

static void set_up(void)
{
	char dir[] = "/tmp/test_control.XXXXXX";

	signal(SIGPIPE, SIG_IGN); /* as main does */
	cr_assert(mkdtemp(dir));
	snprintf(world.path, sizeof world.path, "%s/socket", dir);
	uv_loop_init(&world.loop);
	world.config.hostname = "mail.corp.example";
	world.config.control_socket = world.path;
	world.relay.loop = &world.loop;
	world.relay.config = &world.config;
	world.relay.log = (struct log){.level = LOG_ERROR, .fd = STDERR_FILENO};
	world.relay.queue = queue_new();
}

static void on_control_closed(void *owner)
{
	*(bool *)owner = true;
}

/* Every handle must have been closed, and nothing left in the directory. */
static void tear_down(void)
{
	if (world.control)
		control_close(world.control, on_control_closed, &world.is_closed);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	cr_expect(!world.control || world.is_closed);
	cr_expect_eq(uv_loop_close(&world.loop), 0);
	queue_free(world.relay.queue);
	unlink(world.path);
	*strrchr(world.path, '/') = '\0';
	cr_expect_eq(rmdir(world.path), 0);
}

TestSuite(control, .init = set_up, .fini = tear_down);

/* count messages with ids from 1, each with a held and a queued recipient. */
static void fill_queue(uint64_t count)
{
	static const char *const addresses[] = {"bob@dest.example", "eve@other.example"};
	struct envelope envelope = {.received = 1764000000000,
		.sender = "ann@corp.example",
		.recipients = addresses,
		.count = 2};

	for (uint64_t id = 1; id <= count; id++) {
		struct message *message = message_new(id, 812, &envelope);

		message->recipients[0].state = RCPT_HELD;
		message->recipients[0].reason = REASON_PTR_MISSING;
		queue_add(world.relay.queue, message);
	}
}

/* What a client in a thread of its own asks, and what it gets. */
struct question {
	const char *request;
	json_t *objects, *end;
	struct buf bytes;
	int code;
	uv_async_t answered;
};

static void on_object(void *owner, const json_t *object)
{
	json_array_append_new(
		((struct question *)owner)->objects, json_deep_copy(object));
}

static void on_bytes(void *owner, const char *bytes, size_t len)
{
	buf_append(&((struct question *)owner)->bytes, bytes, len);
}

static void ask(void *argument)
{
	struct question *question = argument;
	struct control_sink sink = {on_object, on_bytes, question};
	json_t *request = json_loads(question->request, 0, NULL);

	question->code = control_ask(world.path, request, &sink, &question->end);
	json_decref(request);
	uv_async_send(&question->answered);
}

static void on_answered(uv_async_t *async)
{
	uv_close((uv_handle_t *)async, NULL);
	uv_stop(&world.loop);
}

static void get_answer(struct question *question, const char *request)
{
	uv_thread_t thread;

	*question = (struct question){.request = request, .objects = json_array()};
	uv_async_init(&world.loop, &question->answered, on_answered);
	uv_thread_create(&thread, ask, question);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	uv_thread_join(&thread);
}

static json_int_t figure(const struct question *question, const char *key)
{
	return json_integer_value(json_object_get(question->end, key));
}

static void forget(struct question *question)
{
	json_decref(question->objects);
	json_decref(question->end);
	buf_fini(&question->bytes);
}

static const char *id_of(const struct question *question, size_t i)
{
	return json_string_value(
		json_object_get(json_array_get(question->objects, i), "id"));
}

Test(control, a_listing_is_whole_however_many_slices_it_takes)
{
	static const char *const requests[] = {
		"{\"verb\":\"list\"}", "{\"verb\":\"list\",\"detail\":true}"};

	fill_queue(450);
	cr_assert_eq(open_control(), 0);
	for (size_t i = 0; i < 2; i++) {
		struct question question;

		get_answer(&question, requests[i]);
		cr_expect_eq(question.code, EX_OK, "%s: %d", requests[i], question.code);
		cr_expect_eq(json_array_size(question.objects), 450, "%s", requests[i]);
		for (uint64_t id = 1; id <= 450; id++) {
			char text[SPOOL_ID_TEXT];

			spool_id_format(id, text);
			cr_expect_str_eq(id_of(&question, id - 1), text, "%s", requests[i]);
		}
		cr_expect_eq(figure(&question, "messages"), 450);
		cr_expect_eq(figure(&question, "recipients"), 900);
		forget(&question);
	}
}

Test(control, details_come_from_the_spool)
{
	struct question question;
	json_t *rcpts;

	fill_queue(1);
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"list\",\"detail\":true}");
	rcpts = json_object_get(json_array_get(question.objects, 0), "recipients");
	cr_expect_str_eq(json_string_value(
				 json_object_get(json_array_get(rcpts, 0), "last_reply")),
		"450 4.7.25 no");
	cr_expect_eq(json_object_size(json_array_get(rcpts, 0)), 7,
		"the fields of DESIGN section 6, no others");
	forget(&question);
	get_answer(&question, "{\"verb\":\"explain\",\"filter\":{\"to\":\"bob@*\"}}");
	rcpts = json_object_get(json_array_get(question.objects, 0), "recipients");
	cr_expect_eq(json_array_size(rcpts), 1, "the selected recipients only");
	cr_expect(json_object_get(json_array_get(rcpts, 0), "detail"));
	cr_expect_str_eq(json_string_value(
				 json_object_get(json_array_get(rcpts, 0), "next_check")),
		"2025-11-24T16:00:00Z");
	forget(&question);
}

Test(control, a_message_whose_details_are_lost_is_shown_all_the_same)
{
	struct question question;

	fill_queue(1);
	world.load_status = -EBADMSG;
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"list\",\"detail\":true}");
	cr_expect_eq(json_array_size(question.objects), 1);
	cr_expect_str_eq(id_of(&question, 0), "0000000001");
	forget(&question);
}

Test(control, rows_are_what_is_still_to_be_done_and_objects_are_whole)
{
	static const struct {
		const char *request;
		size_t recipients;
	} cases[] = {
		{"{\"verb\":\"list\"}", 1},
		{"{\"verb\":\"list\",\"detail\":true}", 2},
		{"{\"verb\":\"explain\"}", 2},
		{"{\"verb\":\"list\",\"filter\":{\"state\":\"delivered\"}}", 1},
		{"{\"verb\":\"list\",\"detail\":true,\"filter\":{\"state\":\"held\"}}",
			1},
	};

	fill_queue(1);
	queue_first(world.relay.queue)->recipients[1].state = RCPT_DELIVERED;
	cr_assert_eq(open_control(), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct question question;

		get_answer(&question, cases[i].request);
		cr_expect_eq(json_array_size(json_object_get(
				     json_array_get(question.objects, 0), "recipients")),
			cases[i].recipients, "%s", cases[i].request);
		forget(&question);
	}
}

Test(control, an_id_that_is_no_message_is_named)
{
	struct question question;

	fill_queue(2);
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"list\",\"filter\":{\"ids\":[\"0000000002\","
			      "\"000000000X\"]}}");
	cr_expect_eq(json_array_size(question.objects), 1);
	cr_expect_str_eq(json_string_value(json_array_get(
				 json_object_get(question.end, "missing"), 0)),
		"000000000X");
	forget(&question);
}

Test(control, a_verb_acts_on_the_selected_recipients_and_waits_for_the_spool)
{
	static const struct {
		const char *name;
		enum queue_verb verb;
	} cases[] = {
		{"hold", VERB_HOLD},
		{"release", VERB_RELEASE},
		{"retry", VERB_RETRY},
		{"bounce", VERB_BOUNCE},
	};

	fill_queue(3);
	cr_assert_eq(open_control(), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct question question;
		char request[128];

		snprintf(request, sizeof request,
			"{\"verb\":\"%s\",\"filter\":{\"reason\":\"ptr-missing\"}}",
			cases[i].name);
		world.acts = 0;
		get_answer(&question, request);
		cr_expect_eq(world.verb, cases[i].verb, "%s", cases[i].name);
		cr_expect_eq(world.acts, 3);
		cr_expect_eq(figure(&question, "messages"), 3);
		cr_expect_eq(figure(&question, "recipients"), 3);
		forget(&question);
	}
}

Test(control, everything_is_deleted_though_messages_go_between_the_slices)
{
	struct question question;

	fill_queue(450);
	queue_find(world.relay.queue, 7)->recipients[0].state = RCPT_DELIVERED;
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"delete\",\"filter\":{\"all\":true}}");
	cr_expect_eq(figure(&question, "messages"), 450);
	cr_expect_eq(figure(&question, "recipients"), 899);
	cr_expect_eq(queue_count(world.relay.queue), 0);
	forget(&question);
}

Test(control, a_body_comes_as_it_is)
{
	struct question question;

	fill_queue(1);
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"cat\",\"filter\":{\"ids\":[\"0000000001\"]}}");
	cr_expect_eq(question.code, EX_OK);
	cr_assert_eq(question.bytes.len, 70000);
	cr_expect_eq(question.bytes.bytes[0], 'b');
	cr_expect_eq(question.bytes.bytes[69999], 'd');
	forget(&question);
}

Test(control, a_damaged_body_does_not_look_whole)
{
	struct question question;

	fill_queue(1);
	world.body_status = -EBADMSG;
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"cat\",\"filter\":{\"ids\":[\"0000000001\"]}}");
	cr_expect_eq(question.code, EX_IOERR);
	forget(&question);
}

Test(control, status_counts_the_queue)
{
	static struct config_source source = {.public_ip = "192.0.2.25"};
	struct question question;
	const json_t *object;

	fill_queue(3);
	world.config.sources = &source;
	world.config.source_count = 1;
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"status\"}");
	object = json_array_get(question.objects, 0);
	cr_expect_eq(json_integer_value(
			     json_object_get(json_object_get(object, "queue"), "held")),
		3);
	cr_expect_eq(json_integer_value(json_object_get(
			     json_object_get(object, "resolver"), "asked")),
		7);
	cr_expect_eq(json_integer_value(json_object_get(object, "pid")), getpid());
	object = json_array_get(json_object_get(object, "public_ips"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(object, "ip")), "192.0.2.25");
	cr_expect_str_eq(
		json_string_value(json_object_get(object, "origin")), "configured");
	cr_expect(json_is_null(json_object_get(object, "contradiction")));
	forget(&question);
}

Test(control, a_verification_tells_as_it_goes)
{
	struct question question;
	const json_t *damage, *note;

	world.verify_steps = 3;
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"verify\"}");
	cr_assert_eq(question.code, EX_OK);
	cr_assert_eq(json_array_size(question.objects), 5, "two findings, three steps");
	note = json_object_get(json_array_get(question.objects, 0), "note");
	cr_expect_str_eq(json_string_value(json_object_get(note, "place")), "a\\x1B[2J");
	cr_expect_str_eq(
		json_string_value(json_object_get(note, "kind")), "unknown-file");
	cr_expect(json_is_null(json_object_get(note, "id")));
	damage = json_object_get(json_array_get(question.objects, 1), "damage");
	cr_expect_str_eq(json_string_value(json_object_get(damage, "place")),
		"log/0000000000000001.seg:8280");
	cr_expect_eq(json_integer_value(json_object_get(damage, "length")), 812);
	cr_expect_str_eq(
		json_string_value(json_object_get(damage, "error")), strerror(EIO));
	cr_expect(json_is_true(json_object_get(damage, "queued")));
	cr_expect_eq(json_object_size(damage), 7);
	damage = json_object_get(json_array_get(question.objects, 4), "progress");
	cr_expect_eq(json_integer_value(json_object_get(damage, "done")), 2000);
	cr_expect_eq(json_integer_value(json_object_get(damage, "total")), 3000);
	cr_expect_eq(figure(&question, "damages"), 1);
	cr_expect_eq(figure(&question, "segments"), 3);
	cr_expect_eq(world.verifies, 0);
	forget(&question);
}

Test(control, a_verification_that_cannot_be)
{
	struct question question;

	world.verify_error = -EBUSY;
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"verify\"}");
	cr_expect_eq(question.code, EX_TEMPFAIL);
	forget(&question);
	world.verify_error = 0;
	world.verify_status = -ENOMEM;
	get_answer(&question, "{\"verb\":\"verify\"}");
	cr_expect_eq(question.code, EX_OSERR);
	forget(&question);
}

Test(control, a_reload_tells_what_it_did_or_why_not)
{
	struct question question;

	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"reload\"}");
	cr_expect_eq(question.code, EX_OK);
	cr_expect_str_eq(json_string_value(json_object_get(
				 json_array_get(question.objects, 0), "text")),
		"read");
	forget(&question);
	world.is_reload_bad = true;
	get_answer(&question, "{\"verb\":\"reload\"}");
	cr_expect_eq(question.code, EX_CONFIG);
	forget(&question);
}

Test(control, bad_requests_are_refused)
{
	static const char *const requests[] = {
		"[]",
		"{}",
		"{\"verb\":\"shoot\"}",
		"{\"verb\":\"list\",\"filter\":{\"state\":\"odd\"}}",
		"{\"verb\":\"delete\"}",
		"{\"verb\":\"bounce\",\"filter\":{}}",
	};

	fill_queue(1);
	cr_assert_eq(open_control(), 0);
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		struct question question;

		get_answer(&question, requests[i]);
		cr_expect_eq(
			question.code, EX_USAGE, "%s: %d", requests[i], question.code);
		forget(&question);
	}
	cr_expect_eq(world.acts, 0);
}

static int open_connection(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", world.path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void turn(int times)
{
	while (times-- > 0)
		uv_run(&world.loop, UV_RUN_NOWAIT);
}

Test(control, a_request_without_end_is_cut)
{
	char junk[8192], answer[256] = "";
	int fd;

	memset(junk, 'x', sizeof junk);
	cr_assert_eq(open_control(), 0);
	fd = open_connection();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 12; i++) {
		(void)!send(fd, junk, sizeof junk, MSG_NOSIGNAL);
		turn(4);
	}
	cr_expect_gt(read(fd, answer, sizeof answer - 1), 0);
	cr_expect(strstr(answer, "\"exit\":64"), "%s", answer);
	close(fd);
}

Test(control, a_client_that_vanishes_disturbs_nobody)
{
	static const char *const requests[] = {"", "{\"verb\":\"li",
		"{\"verb\":\"list\",\"detail\":true}\n",
		"{\"verb\":\"hold\",\"filter\":{\"all\":true}}\n",
		"{\"verb\":\"cat\",\"filter\":{\"ids\":[\"0000000001\"]}}\n",
		"{\"verb\":\"verify\"}\n"};

	fill_queue(450);
	world.verify_steps = 1 << 30;
	cr_assert_eq(open_control(), 0);
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		for (int turns = 0; turns < 6; turns++) {
			int fd = open_connection();

			(void)!send(fd, requests[i], strlen(requests[i]), MSG_NOSIGNAL);
			turn(turns);
			close(fd);
		}
	}
	struct question question;

	get_answer(&question, "{\"verb\":\"list\"}");
	cr_expect_eq(json_array_size(question.objects), 450);
	cr_expect_eq(world.verifies, 0, "it ends with its client");
	forget(&question);
}

Test(control, a_client_beyond_the_limit_waits_for_a_place)
{
	int idle[16];
	static const char request[] = "{\"verb\":\"status\"}\n";
	char answer[4096];

	cr_assert_eq(open_control(), 0);
	for (size_t i = 0; i < 16; i++)
		idle[i] = open_connection();
	turn(20);
	int late = open_connection();

	fcntl(late, F_SETFL, O_NONBLOCK);
	cr_assert_eq(write(late, request, strlen(request)), (ssize_t)strlen(request));
	turn(20);
	cr_expect_eq(read(late, answer, sizeof answer), -1, "there is no place yet");
	close(idle[0]);
	turn(20);
	cr_expect_gt(read(late, answer, sizeof answer), 0);
	close(late);
	for (size_t i = 1; i < 16; i++)
		close(idle[i]);
}

Test(control, what_was_begun_goes_on_after_the_end)
{
	static const char request[] = "{\"verb\":\"hold\",\"filter\":{\"all\":true}}\n";
	int fd;

	fill_queue(3);
	cr_assert_eq(open_control(), 0);
	fd = open_connection();
	cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while (world.acts == 0)
		turn(1);
	close(fd); /* tear_down closes the control while three callbacks are due */
	cr_expect_eq(world.acts, 3);
}

Test(control, the_socket_is_for_its_owner)
{
	struct stat status;

	cr_assert_eq(open_control(), 0);
	cr_assert_eq(stat(world.path, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
}

Test(control, others_are_not_permitted)
{
	struct control_sink sink = {.object = on_object};
	json_t *end, *request;
	int status;

	if (geteuid() != 0)
		cr_skip_test("needs root to be somebody else");
	cr_assert_eq(open_control(), 0);
	chmod(world.path, 0666);
	*strrchr(world.path, '/') = '\0';
	chmod(world.path, 0755);
	world.path[strlen(world.path)] = '/';
	pid_t child = fork();

	if (child == 0) {
		request = json_loads("{\"verb\":\"list\"}", 0, NULL);
		_exit(setuid(65534) ? 99 : control_ask(world.path, request, &sink, &end));
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		turn(1);
	cr_expect_eq(WEXITSTATUS(status), EX_NOPERM, "%d", WEXITSTATUS(status));
}

Test(control, a_dead_daemons_socket_is_replaced)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct question question;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", world.path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(fd);
	cr_assert_eq(open_control(), 0);
	get_answer(&question, "{\"verb\":\"list\"}");
	cr_expect_eq(question.code, EX_OK);
	forget(&question);
}

Test(control, a_living_daemons_socket_is_left_alone)
{
	struct control *second;
	char error[256] = "";

	cr_assert_eq(open_control(), 0);
	cr_expect_eq(
		control_open(&second, &world.relay, error, sizeof error), -EADDRINUSE);
	cr_expect(strstr(error, world.path), "%s", error);
}

Test(control, a_file_in_the_place_of_the_socket_is_left_alone)
{
	struct stat status;
	int fd = open(world.path, O_CREAT | O_WRONLY, 0600);

	close(fd);
	cr_expect_eq(open_control(), -EADDRINUSE);
	cr_expect_eq(stat(world.path, &status), 0);
	cr_expect(S_ISREG(status.st_mode));
}

Test(control, a_path_that_no_socket_can_have_is_refused)
{
	char path[200];

	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	world.config.control_socket = path;
	cr_expect_eq(open_control(), -ENAMETOOLONG);
}

Test(control, nobody_at_the_socket_is_told_apart)
{
	struct control_sink sink = {.object = on_object};
	json_t *end, *request = json_object();

	cr_expect_eq(control_ask(world.path, request, &sink, &end), CONTROL_DOWN);
	json_decref(request);
}
