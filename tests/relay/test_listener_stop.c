/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/fake_clock.c"
#include "relay/listener.h"
#include "relay/preset.h"
#include "relay/session.h"

/* The end of a listener whose sessions wait for a disk that hangs: a session does not stop
 * when it is told to. */
struct session {
	struct conn *conn;
	session_gone_cb gone;
	void *owner;
	unsigned stops;
};

static struct session committing;

struct session *session_start(struct relay *relay, const struct session_options *options,
	struct conn *conn, session_gone_cb gone, void *owner)
{
	(void)options;
	committing = (struct session){.conn = conn, .gone = gone, .owner = owner};
	uv_stop(relay->loop);
	return &committing;
}

void session_stop(struct session *session)
{
	session->stops++;
}

static void release(void)
{
	conn_close(committing.conn);
	committing.gone(committing.owner);
}

struct end {
	unsigned count;
	bool is_clean;
	uint64_t at;
	uv_loop_t *loop;
};

static void on_closed(void *owner, bool clean)
{
	struct end *end = owner;

	end->count++;
	end->is_clean = clean;
	end->at = uv_now(end->loop);
	uv_stop(end->loop);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	getsockname(fd, (struct sockaddr *)&address, &len);
	close(fd);
	return ntohs(address.sin_port);
}

static int enter(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* leave_after: milliseconds until the disk has answered; 0: not before we have given up. */
static struct end stop(uint64_t leave_after)
{
	static char host[] = "mail.corp.example";
	struct config_listener place = {
		.ip = "127.0.0.1", .port = free_port(), .preset = preset_default()};
	struct config config = {.hostname = host,
		.listeners = &place,
		.listener_count = 1,
		.session_limit = 4,
		.client_session_limit = 4};
	uv_loop_t loop;
	struct relay relay = {.loop = &loop,
		.config = &config,
		.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};
	struct listener *listener;
	struct end end = {.loop = &loop};
	char error[256] = "";

	uv_loop_init(&loop);
	cr_assert_eq(
		listener_open(&listener, &relay, error, sizeof error), 0, "%s", error);
	int client = enter(place.port);

	uv_run(&loop, UV_RUN_DEFAULT); /* until the session has begun */
	fake_clock_start(&loop);
	uv_update_time(&loop);
	uint64_t begun = uv_now(&loop);

	listener_close(listener, on_closed, &end);
	cr_assert_eq(committing.stops, 1);
	cr_assert_eq(end.count, 0);
	while (leave_after && uv_now(&loop) - begun < leave_after) {
		uv_run(&loop, UV_RUN_NOWAIT);
		fake_clock.ns += 1000000;
	}
	if (leave_after)
		release();
	uv_run(&loop, UV_RUN_DEFAULT); /* until we are told */
	end.at -= begun;
	if (!leave_after)
		release();
	close(client);
	uv_run(&loop, UV_RUN_DEFAULT);
	fake_clock_stop();
	cr_assert_eq(end.count, 1, "it is told once");
	cr_assert_eq(uv_loop_close(&loop), 0);
	return end;
}

Test(listener_stop, a_commit_is_waited_for)
{
	struct end end = stop(9000);

	cr_assert(end.is_clean);
	cr_assert(end.at >= 9000 && end.at < 9500, "after %d ms", (int)end.at);
}

Test(listener_stop, but_not_for_ever)
{
	struct end end = stop(0);

	cr_assert_not(end.is_clean);
	cr_assert(end.at >= 10000 && end.at < 10500, "after %d ms", (int)end.at);
}
