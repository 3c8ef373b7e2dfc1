/* SPDX-License-Identifier: ISC */
#include "relay/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/mem.h"

enum { SIZE_MAX_BYTES = 1024 * 1024 };

/* Whoever can write the file logs in as anybody, or has our mail; whoever can read it has
 * passwords, or hashes to break at home. */
static bool is_trusted(
	const struct secret_file *file, const struct stat *status, struct buf *problems)
{
	const char *path = file->path;

	if (!S_ISREG(status->st_mode))
		buf_printf(problems, "%s: this is no %s\n", path, file->kind);
	else if (status->st_uid != 0 && status->st_uid != file->owner)
		buf_printf(problems,
			"%s: it belongs to user number %u, not to root or the relay's "
			"user; cure: chown root %s\n",
			path, (unsigned)status->st_uid, path);
	else if (status->st_mode & (S_IRWXG | S_IRWXO))
		buf_printf(problems,
			"%s: others than its owner may read or change it (mode %04o); "
			"cure: chmod 600 %s\n",
			path, (unsigned)(status->st_mode & 07777), path);
	else if (status->st_size > SIZE_MAX_BYTES)
		buf_printf(problems, "%s: more than 1 MiB: this is no %s\n", path,
			file->kind);
	else
		return true;
	return false;
}

char *secret_file_read(const struct secret_file *file, size_t *len, struct buf *problems)
{
	struct stat status;
	/* a FIFO must not stop us */
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &status)) {
		buf_printf(problems, "%s: cannot read it: %s\n", file->path,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (!is_trusted(file, &status, problems)) {
		close(fd);
		return NULL;
	}
	size_t size = (size_t)status.st_size;
	char *text = mem_alloc(size + 1);
	ssize_t got = read(fd, text, size + 1);

	*len = size;
	if (got < 0)
		buf_printf(problems, "%s: cannot read it: %s\n", file->path,
			strerror(errno));
	else if ((size_t)got != size)
		buf_printf(problems, "%s: it is being changed; try again\n", file->path);
	close(fd);
	if (got >= 0 && (size_t)got == size) {
		text[size] = '\0';
		return text;
	}
	explicit_bzero(text, size + 1);
	free(text);
	return NULL;
}
