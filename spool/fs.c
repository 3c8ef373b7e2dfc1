/* SPDX-License-Identifier: ISC */
#include "spool/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	PARTS_AT_ONCE = 64, /* of a write; well below IOV_MAX */
};

int fs_make_dir(int dir, const char *name)
{
	return mkdirat(dir, name, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

int fs_open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int fs_open(int dir, const char *name, int flags)
{
	int fd;
	do
		fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	while (fd < 0 && errno == EINTR);
	return fd >= 0 ? fd : -errno;
}

void fs_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* A lock of the open file description: unlike fcntl's old ones, another close() keeps it. */
int fs_lock(int fd, bool shared)
{
	struct flock lock = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES ? -EWOULDBLOCK : -errno;
}

int fs_size(int fd, uint64_t *size)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return -errno;
	*size = (uint64_t)status.st_size;
	return S_ISREG(status.st_mode) ? 0 : -EMEDIUMTYPE;
}

int fs_size_of(int dir, const char *name, uint64_t *size)
{
	struct stat status;
	if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	*size = (uint64_t)status.st_size;
	return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

int fs_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got)
{
	*got = 0;
	while (*got < len) {
		ssize_t n = pread(
			fd, (char *)bytes + *got, len - *got, (off_t)(offset + *got));
		if (n == 0)
			break;
		if (n > 0)
			*got += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* A file system that does not know RWF_NOWAIT says so (EOPNOTSUPP): the disk is asked then. */
int fs_read_cached(int fd, void *bytes, size_t len, uint64_t offset)
{
	struct iovec part = {bytes, len};
	ssize_t n = preadv2(fd, &part, 1, (off_t)offset, RWF_NOWAIT);

	return n >= 0 && (size_t)n == len ? 0 : -EAGAIN;
}

/* The next parts to write, the first skip bytes of the first one left out. */
static int next_parts(
	struct iovec *next, const struct iovec *parts, size_t count, size_t skip)
{
	size_t n = count < PARTS_AT_ONCE ? count : PARTS_AT_ONCE;
	for (size_t i = 0; i < n; i++)
		next[i] = parts[i];
	next[0].iov_base = (char *)next[0].iov_base + skip;
	next[0].iov_len -= skip;
	return (int)n;
}

int fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset)
{
	size_t skip = 0;
	while (count > 0) {
		struct iovec next[PARTS_AT_ONCE];
		int n = next_parts(next, parts, count, skip);
		ssize_t written = pwritev(fd, next, n, (off_t)offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		offset += (uint64_t)written;
		skip += (size_t)written;
		while (count > 0 && skip >= parts->iov_len) {
			skip -= parts->iov_len;
			parts++;
			count--;
		}
	}
	return 0;
}

/* Never tried again, not even on EINTR: after a failure the kernel may have dropped the
 * pages. */
int fs_sync_data(int fd)
{
	return fdatasync(fd) == 0 ? 0 : -errno;
}

int fs_sync_dir(int fd)
{
	return fsync(fd) == 0 ? 0 : -errno;
}

int fs_truncate(int fd, uint64_t size)
{
	int result;
	do
		result = ftruncate(fd, (off_t)size);
	while (result != 0 && errno == EINTR);
	return result == 0 ? 0 : -errno;
}

int fs_rename(int dir, const char *from, const char *to)
{
	return renameat(dir, from, dir, to) == 0 ? 0 : -errno;
}

int fs_unlink(int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 ? 0 : -errno;
}

int fs_list(int dir, int (*each)(void *owner, const char *name), void *owner)
{
	int fd = fs_open_dir(dir, ".");
	if (fd < 0)
		return fd;
	DIR *stream = fdopendir(fd);
	if (!stream) {
		int error = -errno;
		fs_close(fd);
		return error;
	}
	int result = 0;
	while (result == 0) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry) {
			result = -errno;
			break;
		}
		result = each(owner, entry->d_name);
	}
	closedir(stream);
	return result;
}

int fs_room(int dir, struct fs_room *room)
{
	struct statvfs status;
	if (fstatvfs(dir, &status) != 0)
		return -errno;
	room->bytes = (uint64_t)status.f_bavail * status.f_frsize;
	room->files = status.f_files == 0 ? UINT64_MAX : status.f_favail;
	return 0;
}

int fs_random(void *bytes, size_t len)
{
	ssize_t n;
	do
		n = getrandom(bytes, len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}
