/* SPDX-License-Identifier: ISC */
#include "relay/control_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "relay/mem.h"

/* Returns a socket, or -errno. */
static int open_connection(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int error = errno;

	if (fd >= 0)
		close(fd);
	return -error;
}

static int complain_of_connection(const char *path, int error)
{
	if (error == -ENOENT || error == -ECONNREFUSED || error == -ENOTDIR)
		return CONTROL_DOWN;
	fprintf(stderr, "ptrelay: cannot ask the relay at %s: %s\n", path,
		strerror(-error));
	return error == -EACCES || error == -EPERM ? EX_NOPERM : EX_IOERR;
}

static int send_request(FILE *stream, const json_t *request)
{
	char *text = mem_must(json_dumps(request, JSON_COMPACT));
	bool sent = fprintf(stream, "%s\n", text) > 0 && fflush(stream) == 0;

	free(text);
	return sent ? EX_OK : EX_IOERR;
}

static int take_bytes(FILE *stream, json_int_t size, const struct control_sink *sink)
{
	char block[65536];

	while (size > 0) {
		size_t wanted =
			size < (json_int_t)sizeof block ? (size_t)size : sizeof block;
		size_t len = fread(block, 1, wanted, stream);

		if (len == 0)
			return EX_IOERR;
		sink->bytes(sink->owner, block, len);
		size -= (json_int_t)len;
	}
	return EX_OK;
}

static int complain_of_answer(const json_t *object)
{
	const char *error = json_string_value(json_object_get(object, "error"));
	json_int_t code = json_integer_value(json_object_get(object, "exit"));

	fprintf(stderr, "ptrelay: %s\n", error ? error : "refused");
	return code > 0 && code < 256 ? (int)code : EX_SOFTWARE;
}

/*
 * One line of the answer. Returns EX_OK with *end set when it was the last, EX_IOERR when it is no
 * answer, or the exit code of an error.
 */
static int take_line(FILE *stream, const char *line, size_t len,
	const struct control_sink *sink, json_t **end)
{
	json_t *object = json_loadb(line, len, 0, NULL);
	const json_t *size = json_object_get(object, "size");
	int code = EX_OK;

	if (!object)
		return EX_IOERR;
	if (json_object_get(object, "error"))
		code = complain_of_answer(object);
	else if (json_is_true(json_object_get(object, "done")))
		*end = json_incref(object);
	else if (json_object_size(object) == 1 && json_is_integer(size))
		code = take_bytes(stream, json_integer_value(size), sink);
	else
		sink->object(sink->owner, object);
	json_decref(object);
	return code;
}

static int take_answer(FILE *stream, const struct control_sink *sink, json_t **end)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int code = EX_OK;

	*end = NULL;
	while (code == EX_OK && !*end) {
		len = getline(&line, &cap, stream);
		code = len > 0 ? take_line(stream, line, (size_t)len, sink, end)
		               : EX_IOERR;
	}
	if (code == EX_IOERR)
		fputs("ptrelay: the relay broke off its answer\n", stderr);
	free(line);
	return code;
}

int control_ask(const char *path, const json_t *request, const struct control_sink *sink,
	json_t **end)
{
	int fd = open_connection(path);
	FILE *stream;

	if (fd < 0)
		return complain_of_connection(path, fd);
	stream = mem_must(fdopen(fd, "r+"));
	int code = send_request(stream, request);

	if (code == EX_OK)
		code = take_answer(stream, sink, end);
	else
		fputs("ptrelay: the relay does not take the request\n", stderr);
	fclose(stream);
	return code;
}
