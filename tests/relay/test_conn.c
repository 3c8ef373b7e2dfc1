/* SPDX-License-Identifier: ISC */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/conn.h"

enum { PATIENCE_MS = 10000 };

/* One connection between a plain socket and a conn, and what the conn told. */
struct pair {
	uv_loop_t loop;
	uv_timer_t guard;
	int listening, socket;
	uint16_t port;
	struct conn *conn;
	unsigned heard[CONN_ERROR + 1];
	bool closes_on_event;
	bool timed_out;
};

static void on_event(void *owner, enum conn_event event)
{
	struct pair *pair = owner;

	pair->heard[event]++;
	uv_stop(&pair->loop);
	if (pair->closes_on_event) {
		conn_close(pair->conn);
		pair->conn = NULL;
	}
}

static void on_guard(uv_timer_t *guard)
{
	((struct pair *)guard->data)->timed_out = true;
	uv_stop(guard->loop);
}

static void run_until(struct pair *pair, enum conn_event event)
{
	uv_timer_start(&pair->guard, on_guard, PATIENCE_MS, 0);
	while (!pair->heard[event] && !pair->timed_out)
		uv_run(&pair->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&pair->guard);
	cr_assert_not(pair->timed_out, "event %d did not come", (int)event);
}

static int listen_on(int family, const char *ip, uint16_t *port)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	socklen_t len = family == AF_INET ? sizeof *v4 : sizeof *v6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0), off = 0;

	address.ss_family = (sa_family_t)family;
	if (family == AF_INET)
		inet_pton(family, ip, &v4->sin_addr);
	else
		inet_pton(family, ip, &v6->sin6_addr);
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&address, &len);
	*port = ntohs(family == AF_INET ? v4->sin_port : v6->sin6_port);
	return fd;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void pair_init(struct pair *pair)
{
	*pair = (struct pair){.socket = -1};
	uv_loop_init(&pair->loop);
	uv_timer_init(&pair->loop, &pair->guard);
	pair->guard.data = pair;
	pair->listening = listen_on(AF_INET, "127.0.0.1", &pair->port);
}

static void pair_accept(struct pair *pair)
{
	int error = 0;

	pair->socket = connect_to(pair->port);
	pair->conn = conn_accept(&pair->loop, pair->listening, &error);
	cr_assert_not_null(pair->conn, "accept: %s", strerror(-error));
	conn_start(pair->conn, on_event, pair);
}

static void pair_connect(struct pair *pair, const char *ip, const char *local)
{
	struct conn_address target = {.port = pair->port};

	snprintf(target.ip, sizeof target.ip, "%s", ip);
	pair->conn = conn_connect(&pair->loop, &target, local, on_event, pair);
	for (int event = 0; event <= CONN_ERROR; event++)
		cr_assert_eq(pair->heard[event], 0, "%s: told from inside", ip);
}

static void pair_fini(struct pair *pair)
{
	if (pair->socket >= 0)
		close(pair->socket);
	close(pair->listening);
	if (pair->conn)
		conn_close(pair->conn);
	uv_close((uv_handle_t *)&pair->guard, NULL);
	uv_run(&pair->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&pair->loop), 0);
}

Test(conn, what_is_sent_is_heard_both_ways)
{
	struct pair pair;
	const char *bytes;
	char reply[16] = "";

	pair_init(&pair);
	pair_accept(&pair);
	cr_assert_str_eq(conn_peer(pair.conn)->ip, "127.0.0.1");
	cr_assert_eq(conn_local(pair.conn)->port, pair.port);
	cr_assert_eq(send(pair.socket, "NOOP\r\n", 6, 0), 6);
	run_until(&pair, CONN_DATA);
	cr_assert_eq(conn_peek(pair.conn, &bytes), 6);
	conn_consume(pair.conn, 2);
	cr_assert_eq(conn_peek(pair.conn, &bytes), 4);
	cr_assert_arr_eq(bytes, "OP\r\n", 4);
	conn_consume(pair.conn, 4);
	conn_write(pair.conn, "250 ok\r\n", 8);
	cr_assert_eq(conn_unsent(pair.conn), 0, "there is room for it in the socket");
	cr_assert_eq(recv(pair.socket, reply, sizeof reply, 0), 8);
	cr_assert_str_eq(reply, "250 ok\r\n");
	pair_fini(&pair);
}

Test(conn, what_the_socket_does_not_take_is_sent_later_and_in_order)
{
	enum { PIECE = 65536, PIECES = 128 };
	static char piece[PIECE], heard[PIECE];
	struct pair pair;
	size_t got = 0;

	pair_init(&pair);
	pair_accept(&pair);
	for (size_t i = 0; i < PIECES; i++) {
		memset(piece, (int)i, sizeof piece);
		conn_write(pair.conn, piece, sizeof piece);
	}
	cr_assert_gt(conn_unsent(pair.conn), 0);
	cr_assert_lt(conn_unsent(pair.conn), PIECE * PIECES, "some went at once");
	while (got < PIECE * PIECES) {
		ssize_t len = recv(pair.socket, heard, sizeof heard, MSG_DONTWAIT);

		for (ssize_t i = 0; i < len; i++, got++)
			cr_assert_eq(heard[i], (char)(got / PIECE), "byte %zu", got);
		uv_run(&pair.loop, UV_RUN_NOWAIT);
	}
	run_until(&pair, CONN_DRAINED);
	cr_assert_eq(conn_unsent(pair.conn), 0);
	pair_fini(&pair);
}

Test(conn, what_cannot_be_sent_is_an_error_from_the_loop)
{
	struct pair pair;
	struct linger hard = {.l_onoff = 1};

	pair_init(&pair);
	signal(SIGPIPE, SIG_IGN);
	pair_accept(&pair);
	setsockopt(pair.socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(pair.socket);
	pair.socket = -1;
	conn_write(pair.conn, "x", 1);
	cr_assert_eq(pair.heard[CONN_ERROR], 0, "told from inside");
	cr_assert_eq(conn_unsent(pair.conn), 0);
	run_until(&pair, CONN_ERROR);
	cr_assert_str_eq(conn_error(pair.conn), "connection reset by peer");
	pair_fini(&pair);
}

Test(conn, without_a_waiting_connection_accept_says_so)
{
	struct pair pair;
	int error = 0;

	pair_init(&pair);
	cr_assert_null(conn_accept(&pair.loop, pair.listening, &error));
	cr_assert_eq(error, -EAGAIN);
	pair_fini(&pair);
}

Test(conn, a_mapped_address_is_told_as_ipv4)
{
	struct pair pair;

	pair_init(&pair);
	close(pair.listening);
	pair.listening = listen_on(AF_INET6, "::", &pair.port);
	pair_accept(&pair);
	cr_assert_str_eq(conn_peer(pair.conn)->ip, "127.0.0.1");
	cr_assert_str_eq(conn_local(pair.conn)->ip, "127.0.0.1");
	pair_fini(&pair);
}

Test(conn, a_reader_that_does_not_consume_stops_the_sender)
{
	static char flood[8 * CONN_READ_MAX];
	struct pair pair;
	const char *bytes;

	pair_init(&pair);
	pair_accept(&pair);
	ssize_t sent = send(pair.socket, flood, sizeof flood, MSG_DONTWAIT);

	cr_assert_gt(sent, CONN_READ_MAX);
	for (int turn = 0; turn < 50; turn++)
		uv_run(&pair.loop, UV_RUN_NOWAIT);
	cr_assert_eq(conn_peek(pair.conn, &bytes), CONN_READ_MAX);
	for (ssize_t left = sent; left > 0;) {
		size_t len = conn_peek(pair.conn, &bytes);

		conn_consume(pair.conn, len);
		left -= (ssize_t)len;
		pair.heard[CONN_DATA] = 0;
		if (left > 0)
			run_until(&pair, CONN_DATA);
	}
	pair_fini(&pair);
}

Test(conn, the_end_comes_after_the_data)
{
	struct pair pair;
	const char *bytes;

	pair_init(&pair);
	pair_accept(&pair);
	cr_assert_eq(send(pair.socket, "QUIT", 4, 0), 4);
	shutdown(pair.socket, SHUT_WR);
	run_until(&pair, CONN_EOF);
	cr_assert_eq(pair.heard[CONN_DATA], 1);
	cr_assert_eq(conn_peek(pair.conn, &bytes), 4);
	pair_fini(&pair);
}

Test(conn, a_reset_is_an_error_with_words)
{
	struct pair pair;
	struct linger hard = {.l_onoff = 1};

	pair_init(&pair);
	pair_accept(&pair);
	setsockopt(pair.socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(pair.socket);
	pair.socket = -1;
	run_until(&pair, CONN_ERROR);
	cr_assert_str_eq(conn_error(pair.conn), "connection reset by peer");
	conn_write(pair.conn, "x", 1); /* nothing happens */
	cr_assert_eq(conn_unsent(pair.conn), 0);
	pair_fini(&pair);
}

Test(conn, traffic_does_not_move_the_deadline)
{
	struct pair pair;

	pair_init(&pair);
	pair_accept(&pair);
	uint64_t start = uv_hrtime();

	conn_set_deadline(pair.conn, 60);
	while (!pair.heard[CONN_TIMEOUT]) {
		cr_assert_lt(uv_hrtime() - start, PATIENCE_MS * 1000000ull);
		cr_assert_eq(send(pair.socket, "x", 1, 0), 1);
		uv_run(&pair.loop, UV_RUN_ONCE);
	}
	cr_assert_geq(uv_hrtime() - start, 50 * 1000000ull);
	cr_assert_eq(pair.heard[CONN_TIMEOUT], 1);
	pair_fini(&pair);
}

Test(conn, what_was_written_is_sent_after_close_though_bytes_were_left_unread)
{
	static char answer[4 * CONN_WRITE_HIGH];
	struct pair pair;
	const char *bytes;
	size_t received = 0;
	ssize_t len = 1;
	int error = 0;

	pair_init(&pair);
	pair_accept(&pair);
	cr_assert_gt(send(pair.socket, answer, 3 * CONN_READ_MAX, MSG_DONTWAIT),
		CONN_READ_MAX);
	for (int turn = 0; turn < 50; turn++)
		uv_run(&pair.loop, UV_RUN_NOWAIT);
	cr_assert_eq(conn_peek(pair.conn, &bytes), CONN_READ_MAX);
	conn_write(pair.conn, answer, sizeof answer);
	memset(pair.heard, 0, sizeof pair.heard);
	conn_close(pair.conn);
	pair.conn = NULL;
	while (len != 0) {
		char some[65536];

		len = recv(pair.socket, some, sizeof some, MSG_DONTWAIT);
		cr_assert(len >= 0 || errno == EAGAIN, "cut at %zu", received);
		if (len > 0)
			received += (size_t)len;
		uv_run(&pair.loop, UV_RUN_NOWAIT);
	}
	cr_assert_eq(received, sizeof answer);
	for (int turn = 0; turn < 50; turn++)
		uv_run(&pair.loop, UV_RUN_NOWAIT);
	getsockopt(pair.socket, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
	cr_assert_eq(error, 0, "a reset came behind the end: %s", strerror(error));
	pair_fini(&pair);
	for (int event = 0; event <= CONN_ERROR; event++)
		cr_assert_eq(pair.heard[event], 0, "event %d after close", event);
}

Test(conn, of_those_that_are_closed_only_some_wait_for_their_peers)
{
	struct conn_linger linger = {.most = 2};
	struct pair pairs[3];

	for (int i = 0; i < 3; i++) {
		pair_init(&pairs[i]);
		pair_accept(&pairs[i]);
		conn_limit_linger(pairs[i].conn, &linger);
		conn_write(pairs[i].conn, "421\r\n", 5);
		conn_close(pairs[i].conn);
		pairs[i].conn = NULL;
		cr_assert_eq(linger.count, i < 2 ? (unsigned)i + 1 : 2);
	}
	/* the third is gone though its peer stays; all have had the last words */
	for (int i = 2; i >= 0; i--) {
		char heard[8];

		for (int turn = 0; turn < 50; turn++)
			uv_run(&pairs[i].loop, UV_RUN_NOWAIT);
		cr_assert_eq(uv_loop_alive(&pairs[i].loop), i < 2);
		cr_assert_eq(recv(pairs[i].socket, heard, sizeof heard, 0), 5);
		cr_assert_eq(recv(pairs[i].socket, heard, sizeof heard, 0), 0);
		pair_fini(&pairs[i]);
	}
	cr_assert_eq(linger.count, 0);
}

Test(conn, a_peer_that_takes_nothing_is_left_after_five_seconds)
{
	static char answer[32 * CONN_WRITE_HIGH];
	struct pair pair;

	pair_init(&pair);
	pair_accept(&pair);
	conn_write(pair.conn, answer, sizeof answer);
	conn_close(pair.conn);
	pair.conn = NULL;
	uv_close((uv_handle_t *)&pair.guard, NULL);
	uint64_t start = uv_hrtime();

	uv_run(&pair.loop, UV_RUN_DEFAULT);
	uint64_t took = (uv_hrtime() - start) / 1000000;

	cr_assert(took >= 4500 && took < 8000, "%d ms", (int)took);
	cr_assert_eq(uv_loop_close(&pair.loop), 0);
	close(pair.socket);
	close(pair.listening);
}

Test(conn, an_outgoing_connection_is_told_and_knows_its_ends)
{
	struct pair pair;

	pair_init(&pair);
	pair_connect(&pair, "127.0.0.1", "127.0.0.2");
	run_until(&pair, CONN_CONNECTED);
	cr_assert_str_eq(conn_local(pair.conn)->ip, "127.0.0.2");
	cr_assert_eq(conn_peer(pair.conn)->port, pair.port);
	pair.socket = accept(pair.listening, NULL, NULL);
	cr_assert_eq(send(pair.socket, "220 \r\n", 6, 0), 6);
	run_until(&pair, CONN_DATA);
	pair_fini(&pair);
}

Test(conn, what_cannot_be_connected_is_told_later_with_words)
{
	static const struct {
		const char *name, *ip, *local, *error;
	} cases[] = {
		{"nobody listens", "127.0.0.1", NULL, "connection refused"},
		{"a name", "localhost", "", "the target is not an IP address"},
		{"nothing", "", "", "the target is not an IP address"},
		{"bad source", "127.0.0.1", "::x", "the source is not an IP address"},
		{"families", "127.0.0.1", "::1",
			"source and target are of different address families"},
		{"foreign source", "127.0.0.1", "192.0.2.1", "address not available"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair pair;

		pair_init(&pair);
		close(pair.listening);
		pair_connect(&pair, cases[i].ip, cases[i].local);
		conn_set_deadline(pair.conn, PATIENCE_MS);
		run_until(&pair, CONN_ERROR);
		cr_assert_str_eq(conn_error(pair.conn), cases[i].error, "%s: %s",
			cases[i].name, conn_error(pair.conn));
		cr_assert_eq(pair.heard[CONN_TIMEOUT], 0, "%s", cases[i].name);
		pair.listening = -1;
		pair_fini(&pair);
	}
}

Test(conn, the_owner_may_close_in_any_event_and_hears_nothing_more)
{
	static const char *const targets[] = {"127.0.0.1", "nonsense"};

	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		struct pair pair;

		pair_init(&pair);
		pair.closes_on_event = true;
		pair_connect(&pair, targets[i], NULL);
		run_until(&pair, i ? CONN_ERROR : CONN_CONNECTED);
		cr_assert_null(pair.conn);
		pair_fini(&pair);
		cr_assert_eq(pair.heard[CONN_DATA] + pair.heard[CONN_EOF], 0);
	}
}

Test(conn, closing_while_it_connects_is_quiet)
{
	struct pair pair;

	pair_init(&pair);
	pair_connect(&pair, "127.0.0.1", NULL);
	conn_close(pair.conn);
	pair.conn = NULL;
	pair_fini(&pair);
	cr_assert_eq(pair.heard[CONN_CONNECTED] + pair.heard[CONN_ERROR], 0);
}
