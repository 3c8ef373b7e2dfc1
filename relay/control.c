/* SPDX-License-Identifier: ISC */
#include "relay/control.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/buf.h"
#include "relay/control_job.h"
#include "relay/mem.h"

enum {
	CLIENTS_MAX = 16,
	REQUEST_MAX = 65536,
	REQUEST_PATIENCE_MS = 10000,
	READ_STEP = 4096,
	BACKLOG = 16,
};

/*
 *   REQUEST ──line──> ANSWER ──written──> (next step of the job)
 *      │                 └──end of it written, or the client gone──> CLOSING ──> freed
 *      └── bad, late, gone ──────────────────────────────────────────^
 *
 * One write at a time: the job is not stepped before its last piece has left, so a client that
 * reads slowly holds up nobody and fills no memory.
 */
enum client_state {
	CLIENT_REQUEST,
	CLIENT_ANSWER,
	CLIENT_CLOSING,
};

struct client {
	enum client_state state;
	struct control *control;
	TAILQ_ENTRY(client) others;
	uv_pipe_t pipe;
	uv_timer_t timer; /* the patience with the request, then the next step */
	uv_write_t write;
	unsigned handles; /* not yet closed */
	unsigned uid;
	struct job *job;
	enum job_progress progress; /* of the last step */
	bool writing;
	struct buf in, out;
};

TAILQ_HEAD(client_list, client);

struct control {
	struct relay *relay;
	uv_pipe_t pipe;
	bool is_open; /* the listening handle is not yet closed */
	char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
	struct client_list clients;
	size_t client_count;
	bool someone_waits; /* for a place among CLIENTS_MAX */
	void (*closed)(void *owner);
	void *owner;
};

static void client_step(struct client *client);
static void accept_client(struct control *control);

static void check_closed(struct control *control)
{
	if (control->is_open || control->client_count)
		return;
	control->closed(control->owner);
	free(control);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct client *client = handle->data;
	struct control *control = client->control;

	if (--client->handles > 0)
		return;
	TAILQ_REMOVE(&control->clients, client, others);
	control->client_count--;
	buf_fini(&client->in);
	buf_fini(&client->out);
	free(client);
	if (control->closed)
		check_closed(control);
	else if (control->someone_waits)
		accept_client(control);
}

static void close_client(struct client *client)
{
	if (client->state == CLIENT_CLOSING)
		return;
	client->state = CLIENT_CLOSING;
	if (client->job)
		job_close(client->job);
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
	uv_close((uv_handle_t *)&client->timer, on_client_closed);
}

static void on_written(uv_write_t *request, int status)
{
	struct client *client = request->data;

	client->writing = false;
	client->out.len = 0;
	if (client->state == CLIENT_CLOSING)
		return;
	if (status || client->progress == JOB_DONE)
		close_client(client);
	else
		client_step(client);
}

static void write_out(struct client *client)
{
	uv_buf_t bytes = uv_buf_init(client->out.bytes, (unsigned)client->out.len);

	client->writing = true;
	client->write.data = client;
	if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &bytes, 1,
		    on_written)) {
		client->writing = false;
		close_client(client);
	}
}

static void on_step_due(uv_timer_t *timer)
{
	client_step(timer->data);
}

static void client_step(struct client *client)
{
	if (client->writing || client->progress == JOB_WAIT)
		return;
	if (client->progress == JOB_MORE)
		client->progress = job_step(client->job, &client->out);
	if (client->progress == JOB_LOST)
		close_client(client);
	else if (client->out.len)
		write_out(client);
	else if (client->progress == JOB_MORE)
		uv_timer_start(&client->timer, on_step_due, RELAY_TURN_MS, 0);
}

static void on_job_wakes(void *owner)
{
	struct client *client = owner;

	client->progress = JOB_MORE;
	client_step(client);
}

static void refuse(struct client *client, const char *error, int exit_code)
{
	job_print_error(&client->out, error, exit_code);
	client->state = CLIENT_ANSWER;
	client->progress = JOB_DONE;
	client_step(client);
}

static bool is_permitted(const struct client *client)
{
	return client->uid == 0 || client->uid == geteuid();
}

/* len bytes of client->in are the request. */
static void answer(struct client *client, size_t len)
{
	uv_read_stop((uv_stream_t *)&client->pipe);
	uv_timer_stop(&client->timer);
	if (!is_permitted(client)) {
		refuse(client, "not permitted", EX_NOPERM);
		return;
	}
	json_t *request = json_loadb(client->in.bytes, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(request)) {
		json_decref(request);
		refuse(client, "the request is no JSON object", EX_USAGE);
		return;
	}
	client->state = CLIENT_ANSWER;
	client->job = job_start(
		client->control->relay, request, client->uid, on_job_wakes, client);
	json_decref(request);
	client->progress = JOB_MORE;
	client_step(client);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
	struct client *client = handle->data;

	(void)suggested;
	*room = uv_buf_init(buf_reserve(&client->in, READ_STEP), READ_STEP);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
	struct client *client = stream->data;
	const char *end;

	(void)room;
	if (len < 0) {
		close_client(client);
		return;
	}
	if (len == 0)
		return;
	client->in.len += (size_t)len;
	end = memchr(client->in.bytes, '\n', client->in.len);
	if (end) {
		answer(client, (size_t)(end - client->in.bytes));
	} else if (client->in.len > REQUEST_MAX) {
		uv_read_stop(stream);
		uv_timer_stop(&client->timer);
		refuse(client, "the request is too long", EX_USAGE);
	}
}

static void on_patience_over(uv_timer_t *timer)
{
	close_client(timer->data);
}

/* Who is at the other end (unix(7), SO_PEERCRED); nobody when that cannot be told. */
static unsigned peer_uid(const uv_pipe_t *pipe)
{
	struct ucred credentials;
	socklen_t len = sizeof credentials;
	int fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len))
		return (unsigned)-1;
	return credentials.uid;
}

static void accept_client(struct control *control)
{
	struct client *client;

	/* Not accepted, libuv keeps it and stops listening. */
	control->someone_waits = control->client_count == CLIENTS_MAX;
	if (control->someone_waits)
		return;
	client = mem_alloc(sizeof *client);
	client->control = control;
	client->pipe.data = client->timer.data = client;
	client->handles = 2;
	TAILQ_INSERT_TAIL(&control->clients, client, others);
	control->client_count++;
	uv_pipe_init(control->relay->loop, &client->pipe, 0);
	uv_timer_init(control->relay->loop, &client->timer);
	if (uv_accept((uv_stream_t *)&control->pipe, (uv_stream_t *)&client->pipe)) {
		close_client(client);
		return;
	}
	client->uid = peer_uid(&client->pipe);
	uv_timer_start(&client->timer, on_patience_over, REQUEST_PATIENCE_MS, 0);
	uv_read_start((uv_stream_t *)&client->pipe, on_room_wanted, on_read);
}

static void on_connection(uv_stream_t *stream, int status)
{
	if (status == 0)
		accept_client(stream->data);
}

/* True for a socket at which nobody answers: what a dead daemon left behind. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) || !S_ISSOCK(status.st_mode))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused =
		connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
		errno == ECONNREFUSED;

	close(fd);
	return refused;
}

/* Returns the bound socket, or -errno. */
static int bind_socket(const struct sockaddr_un *address)
{
	const struct sockaddr *generic = (const struct sockaddr *)address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	/* Before bind: the file never has other permissions (Linux takes them from here). */
	int error = fchmod(fd, S_IRUSR | S_IWUSR) ? errno : 0;

	if (!error && bind(fd, generic, sizeof *address))
		error = errno;
	if (error == EADDRINUSE && is_stale(address)) {
		unlink(address->sun_path);
		error = bind(fd, generic, sizeof *address) ? errno : 0;
	}
	if (!error)
		return fd;
	close(fd);
	return -error;
}

int control_open(struct control **control, struct relay *relay, char *error, size_t cap)
{
	const char *path = relay->config->control_socket;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct control *opened;
	int fd = -ENAMETOOLONG;

	if (strlen(path) < sizeof address.sun_path) {
		memcpy(address.sun_path, path, strlen(path) + 1);
		fd = bind_socket(&address);
	}
	if (fd < 0) {
		snprintf(error, cap, "cannot listen on %s: %s", path, strerror(-fd));
		return fd;
	}
	opened = mem_alloc(sizeof *opened);
	opened->relay = relay;
	opened->is_open = true;
	opened->pipe.data = opened;
	TAILQ_INIT(&opened->clients);
	memcpy(opened->path, address.sun_path, sizeof opened->path);
	uv_pipe_init(relay->loop, &opened->pipe, 0);
	uv_pipe_open(&opened->pipe, fd);
	int status = uv_listen((uv_stream_t *)&opened->pipe, BACKLOG, on_connection);

	assert(status ==
		0); /* the socket is bound, and a stream: nothing is left to fail */
	*control = opened;
	return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct control *control = handle->data;

	control->is_open = false;
	check_closed(control);
}

void control_close(struct control *control, void (*closed)(void *owner), void *owner)
{
	struct client *client;

	control->closed = closed;
	control->owner = owner;
	unlink(control->path);
	uv_close((uv_handle_t *)&control->pipe, on_listener_closed);
	TAILQ_FOREACH(client, &control->clients, others)
	close_client(client);
}
