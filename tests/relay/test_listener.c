/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/conn_address.h"
#include "relay/listener.h"
#include "relay/preset.h"

enum { PATIENCE_MS = 10000, TICK_MS = 2, LISTENERS = 2 };

/* A listener on 127.0.0.1 and ::1, and clients made by hand. */
struct world {
	uv_loop_t loop;
	uv_timer_t tick; /* lets the test look at the clients' side */
	struct config_listener listeners[LISTENERS];
	struct config config;
	struct relay relay;
	struct listener *listener;
	unsigned closed;
};

static void on_tick(uv_timer_t *tick)
{
	(void)tick;
}

static void on_closed(void *owner, bool clean)
{
	cr_assert(clean);
	((struct world *)owner)->closed++;
}

static int socket_to(const char *ip, uint16_t port, bool listens)
{
	struct sockaddr_storage address;
	socklen_t len = conn_address_parse(ip, port, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (listens)
		error = bind(fd, (struct sockaddr *)&address, len) || listen(fd, 1);
	else
		error = connect(fd, (struct sockaddr *)&address, len);
	cr_assert_eq(error, 0, "%s: %s", ip, strerror(errno));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	struct conn_address end;
	socklen_t len = sizeof address;

	getsockname(fd, (struct sockaddr *)&address, &len);
	conn_address_print(&address, &end);
	return end.port;
}

/* A port that nobody has now. */
static uint16_t free_port(const char *ip)
{
	int fd = socket_to(ip, 0, true);
	uint16_t port = port_of(fd);

	close(fd);
	return port;
}

static void world_init(struct world *world)
{
	static char host[] = "mail.corp.example";

	*world = (struct world){
		.listeners = {{.ip = "127.0.0.1"}, {.ip = "::1"}},
		.config = {.hostname = host,
			.listener_count = LISTENERS,
			.message_size_limit = 1000,
			.recipient_limit = 10,
			.session_limit = 4,
			.client_session_limit = 3},
	};
	world->config.listeners = world->listeners;
	for (size_t i = 0; i < LISTENERS; i++) {
		world->listeners[i].port = free_port(world->listeners[i].ip);
		world->listeners[i].preset = preset_default();
	}
	uv_loop_init(&world->loop);
	uv_timer_init(&world->loop, &world->tick);
	uv_timer_start(&world->tick, on_tick, TICK_MS, TICK_MS);
	world->relay = (struct relay){.loop = &world->loop,
		.config = &world->config,
		.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};
}

static void world_open(struct world *world)
{
	char error[256] = "";

	cr_assert_eq(listener_open(&world->listener, &world->relay, error, sizeof error),
		0, "%s", error);
}

static int enter(struct world *world, int door)
{
	return socket_to(world->listeners[door].ip, world->listeners[door].port, false);
}

/* Runs until the client hears a line that starts so; "" : the end. */
static void expect(struct world *world, int client, const char *start)
{
	uint64_t begun = uv_hrtime();
	char heard[512] = "";
	ssize_t len;

	while ((len = recv(client, heard, sizeof heard - 1, 0)) < 0) {
		cr_assert_eq(errno, EAGAIN, "%s instead of %s", strerror(errno), start);
		cr_assert_lt(
			uv_hrtime() - begun, PATIENCE_MS * 1000000ull, "no %s", start);
		uv_run(&world->loop, UV_RUN_ONCE);
	}
	heard[len] = '\0';
	cr_assert_eq(strncmp(heard, start, strlen(start)), 0, "heard %s", heard);
	cr_assert_eq(len == 0, *start == '\0', "heard %s", heard);
}

static void world_close(struct world *world)
{
	unsigned sessions = world->relay.stats.sessions;

	listener_close(world->listener, on_closed, world);
	cr_assert_eq(world->closed, 0, "told from inside, with %u sessions", sessions);
	uv_close((uv_handle_t *)&world->tick, NULL);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	cr_assert_eq(world->closed, 1);
	cr_assert_eq(world->relay.stats.sessions, 0);
	cr_assert_eq(uv_loop_close(&world->loop), 0);
}

Test(listener, every_configured_address_is_served)
{
	struct world world;
	int clients[LISTENERS];

	world_init(&world);
	world_open(&world);
	for (int i = 0; i < LISTENERS; i++) {
		clients[i] = enter(&world, i);
		expect(&world, clients[i], "220 mail.corp.example");
	}
	cr_assert_eq(world.relay.stats.connections, 2);
	cr_assert_eq(world.relay.stats.sessions, 2);
	for (int i = 0; i < LISTENERS; i++)
		close(clients[i]);
	world_close(&world);
}

Test(listener, ipv4_and_ipv6_wildcards_share_a_port)
{
	struct world world;

	world_init(&world);
	snprintf(world.listeners[0].ip, sizeof world.listeners[0].ip, "0.0.0.0");
	snprintf(world.listeners[1].ip, sizeof world.listeners[1].ip, "::");
	world.listeners[1].port = world.listeners[0].port;
	world_open(&world);
	world_close(&world);
}

Test(listener, what_cannot_be_bound_is_named)
{
	struct world world;
	char error[256], expected[256];

	world_init(&world);
	int other = socket_to("::1", world.listeners[1].port, true);

	cr_assert_eq(listener_open(&world.listener, &world.relay, error, sizeof error),
		-EADDRINUSE);
	snprintf(expected, sizeof expected,
		"cannot listen on [::1]:%u: address already in use",
		world.listeners[1].port);
	cr_assert_str_eq(error, expected);
	close(other);
	close(socket_to(
		"127.0.0.1", world.listeners[0].port, true)); /* it was given back */
	uv_close((uv_handle_t *)&world.tick, NULL);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&world.loop), 0);
}

Test(listener, limits_hold_and_a_place_that_is_left_is_free_again)
{
	struct world world;
	int clients[4], refused;

	world_init(&world);
	world_open(&world);
	for (int i = 0; i < 3; i++) {
		clients[i] = enter(&world, 0);
		expect(&world, clients[i], "220");
	}
	refused = enter(&world, 0);
	expect(&world, refused, "421 4.7.0");
	expect(&world, refused, "");
	close(refused);
	clients[3] = enter(&world, 1); /* another address: the limit is per client */
	expect(&world, clients[3], "220");
	refused = enter(&world, 1);
	expect(&world, refused, "421 4.3.2");
	expect(&world, refused, "");
	close(refused);
	cr_assert_eq(world.relay.stats.refused_connections, 2);
	cr_assert_eq(send(clients[0], "QUIT\r\n", 6, 0), 6);
	expect(&world, clients[0], "221");
	expect(&world, clients[0], "");
	close(clients[0]);
	clients[0] = enter(&world, 0);
	expect(&world, clients[0], "220");
	for (int i = 0; i < 4; i++)
		close(clients[i]);
	world_close(&world);
}

Test(listener, closing_tells_every_session_and_then_its_owner)
{
	struct world world;
	int clients[3];

	world_init(&world);
	world_open(&world);
	for (int i = 0; i < 3; i++) {
		clients[i] = enter(&world, 0);
		expect(&world, clients[i], "220");
	}
	listener_close(world.listener, on_closed, &world);
	for (int i = 0; i < 3; i++) {
		expect(&world, clients[i], "421 4.3.2");
		expect(&world, clients[i], "");
		close(clients[i]);
	}
	cr_assert_eq(world.closed, 1);
	uv_close((uv_handle_t *)&world.tick, NULL);
	uv_run(&world.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&world.loop), 0);
}

Test(listener, without_descriptors_clients_wait_and_the_loop_does_not_spin)
{
	struct world world;
	struct rlimit limit, none = {0};
	unsigned turns = 0;

	world_init(&world);
	world_open(&world);
	uv_run(&world.loop, UV_RUN_NOWAIT); /* epoll and its kin have their descriptors */
	int client = enter(&world, 0);

	getrlimit(RLIMIT_NOFILE, &limit);
	none.rlim_max = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	for (uint64_t start = uv_hrtime(); uv_hrtime() - start < 250 * 1000000ull;
		turns++)
		uv_run(&world.loop, UV_RUN_ONCE);
	cr_assert_lt(turns, 400, "%u turns in 250 ms", turns); /* the tick makes 125 */
	cr_assert_eq(world.relay.stats.connections, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
	expect(&world, client, "220");
	close(client);
	world_close(&world);
}
