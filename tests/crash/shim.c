/* SPDX-License-Identifier: ISC */
#include "tests/crash/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "spool/fs.h"
#include "tests/crash/journal.h"

enum { UNSYNCED_MAX = 256, PAGE = 4096, OUTAGE = 20 /* calls */, NOT_FLUSHING_THE_LOG = 2 };
#define SHUTDOWN_IOCTL _IOR('X', 125, uint32_t) /* ext4 and XFS: "go down" */

enum call { MAKE_DIR, CREATE, WRITE, SYNC_DATA, SYNC_DIR, TRUNCATE, RENAME, UNLINK, PWRITEV };

static const char *const call_names[] = {"make_dir", "create", "write", "sync_data",
	"sync_dir", "truncate", "rename", "unlink", "pwritev", NULL};

/* Pages that were written and not yet synced: some of them may reach the disk all the same. */
struct unsynced {
	int fd;
	uint64_t offset, len;
};

static struct {
	pthread_mutex_t mutex;
	struct shim_plan plan;
	struct journal *journal;
	struct unsynced unsynced[UNSYNCED_MAX];
	unsigned unsynced_count;
} shim = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int __real_fs_make_dir(int dir, const char *name);
int __real_fs_open(int dir, const char *name, int flags);
int __real_fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset);
int __real_fs_sync_data(int fd);
int __real_fs_sync_dir(int fd);
int __real_fs_truncate(int fd, uint64_t size);
int __real_fs_rename(int dir, const char *from, const char *to);
int __real_fs_unlink(int dir, const char *name);
ssize_t __real_pwritev(int fd, const struct iovec *parts, int count, off_t offset);

int __wrap_fs_make_dir(int dir, const char *name);
int __wrap_fs_open(int dir, const char *name, int flags);
int __wrap_fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset);
int __wrap_fs_sync_data(int fd);
int __wrap_fs_sync_dir(int fd);
int __wrap_fs_truncate(int fd, uint64_t size);
int __wrap_fs_rename(int dir, const char *from, const char *to);
int __wrap_fs_unlink(int dir, const char *name);
ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset);

void shim_arm(const struct shim_plan *plan, struct journal *journal)
{
	shim.plan = *plan;
	shim.journal = journal;
	shim.unsynced_count = 0;
	journal->calls = 0;
}

const char *shim_call_name(unsigned kind)
{
	return call_names[kind];
}

static void remember_write(int fd, uint64_t offset, uint64_t len)
{
	if (shim.unsynced_count < UNSYNCED_MAX)
		shim.unsynced[shim.unsynced_count++] = (struct unsynced){fd, offset, len};
}

static void forget_writes(int fd)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < shim.unsynced_count; i++)
		if (shim.unsynced[i].fd != fd)
			shim.unsynced[kept++] = shim.unsynced[i];
	shim.unsynced_count = kept;
}

static unsigned count_unsynced_pages(void)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < shim.unsynced_count; i++)
		count += shim.unsynced[i].len / PAGE + 1;
	return (unsigned)count;
}

/*
 * As the kernel does it at any time: any of the pages, in any order. Of odd calls all but one, of even ones
 * every other on average.
 */
static void write_some_pages_back(void)
{
	enum { HOW = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		     SYNC_FILE_RANGE_WAIT_AFTER };
	uint64_t chance = shim.plan.seed;
	unsigned number = 0, lost = chance_below(&chance, count_unsynced_pages() + 1);

	for (unsigned i = 0; i < shim.unsynced_count; i++) {
		const struct unsynced *range = &shim.unsynced[i];
		uint64_t page = range->offset / PAGE * PAGE;

		for (; page < range->offset + range->len; page += PAGE) {
			bool is_lost = shim.plan.at % 2 ? number++ == lost
			                                : chance_below(&chance, 2);

			if (!is_lost)
				sync_file_range(range->fd, (off64_t)page, PAGE, HOW);
		}
	}
}

void shim_cut_power(void)
{
	uint32_t how = NOT_FLUSHING_THE_LOG;

	shim.journal->is_dark = true;
	if (ioctl(shim.plan.mount, SHUTDOWN_IOCTL, &how)) {
		perror("the file system cannot be shut down");
		abort();
	}
	_exit(SHIM_CUT_EXIT);
}

static void cut_if(bool is_due)
{
	if (!is_due)
		return;
	if (shim.plan.tier == TIER_KILL)
		kill(getpid(), SIGKILL);
	if (shim.plan.moment == MOMENT_TORN)
		write_some_pages_back();
	shim_cut_power();
}

static int fault_of(enum call call)
{
	switch (shim.plan.fault) {
	case FAULT_ENOSPC:
		return call == SYNC_DIR || call == UNLINK ? 0 : -ENOSPC;
	case FAULT_SHORT:
	case FAULT_EINTR:
		return 0; /* see pwritev */
	default:
		return -EIO;
	}
}

/* The first call that works again. */
static uint32_t end_of_fault(void)
{
	if (shim.plan.fault == FAULT_DEAD)
		return UINT32_MAX;
	return shim.plan.at + (shim.plan.fault == FAULT_OUTAGE ? OUTAGE : 1);
}

/* Counts a call. True: it is the one. *error: what it is to fail with instead of being done. */
static bool enter(enum call call, const char *name, int *error)
{
	if (!shim.journal)
		return false;
	uint32_t number = ++shim.journal->calls;
	bool is_it = shim.plan.at && number == shim.plan.at;
	bool is_off = shim.plan.at && number >= shim.plan.at && number < end_of_fault();

	shim.journal->calls_of[call]++;
	if (is_it && !shim.journal->was_cut) {
		shim.journal->was_cut = number;
		snprintf(shim.journal->cut_at, sizeof shim.journal->cut_at, "%s %s",
			call_names[call], name);
	}
	if (shim.plan.is_told)
		fprintf(stderr, "%4u %s %s%s\n", number, call_names[call], name,
			is_off ? " <- here" : "");
	if (is_off && shim.plan.tier == TIER_FAULT)
		*error = fault_of(call);
	is_it = is_it && shim.plan.tier != TIER_FAULT;
	cut_if(is_it && shim.plan.moment == MOMENT_BEFORE);
	return is_it;
}

/* The two halves of every wrapper; the mutex keeps the count and the deed together. */
static bool begin(enum call call, const char *name, int *error)
{
	pthread_mutex_lock(&shim.mutex);
	bool is_it = enter(call, name, error);

	if (!is_it) /* else nobody else does anything more */
		pthread_mutex_unlock(&shim.mutex);
	return is_it;
}

int __wrap_fs_make_dir(int dir, const char *name)
{
	int error = 0;
	bool is_it = begin(MAKE_DIR, name, &error);
	int result = error ? error : __real_fs_make_dir(dir, name);

	cut_if(is_it);
	return result;
}

int __wrap_fs_open(int dir, const char *name, int flags)
{
	int error = 0;

	if (!(flags & (O_CREAT | O_TRUNC)))
		return __real_fs_open(dir, name, flags);
	bool is_it = begin(CREATE, name, &error);
	int result = error ? error : __real_fs_open(dir, name, flags);

	cut_if(is_it);
	return result;
}

/* A kill in the middle leaves the first half; a fault as well: the disk was full, say. */
static int write_half(int fd, const struct iovec *parts, size_t count, uint64_t offset)
{
	for (size_t i = 0; i < (count + 1) / 2; i++) {
		struct iovec part = parts[i];

		if (i + 1 == (count + 1) / 2)
			part.iov_len /= 2;
		if (part.iov_len)
			__real_fs_write(fd, &part, 1, offset);
		offset += part.iov_len;
	}
	return 0;
}

int __wrap_fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset)
{
	char what[64];
	uint64_t len = 0;
	int error = 0;

	for (size_t i = 0; i < count; i++)
		len += parts[i].iov_len;
	snprintf(what, sizeof what, "%llu bytes at %llu", (unsigned long long)len,
		(unsigned long long)offset);
	bool is_it = begin(WRITE, what, &error);

	if (error || (is_it && shim.plan.tier == TIER_KILL &&
			     shim.plan.moment == MOMENT_TORN))
		write_half(fd, parts, count, offset);
	int result = error ? error : 0;

	if (!error && !(is_it && shim.plan.tier == TIER_KILL &&
			      shim.plan.moment == MOMENT_TORN))
		result = __real_fs_write(fd, parts, count, offset);
	if (!is_it)
		pthread_mutex_lock(&shim.mutex);
	remember_write(fd, offset, len);
	cut_if(is_it);
	pthread_mutex_unlock(&shim.mutex);
	return result;
}

int __wrap_fs_sync_data(int fd)
{
	int error = 0;
	bool is_it = begin(SYNC_DATA, "", &error);

	cut_if(is_it && shim.plan.moment == MOMENT_TORN); /* in the middle of it */
	int result = error ? error : __real_fs_sync_data(fd);

	cut_if(is_it);
	pthread_mutex_lock(&shim.mutex);
	forget_writes(fd);
	pthread_mutex_unlock(&shim.mutex);
	return result;
}

int __wrap_fs_sync_dir(int fd)
{
	int error = 0;
	bool is_it = begin(SYNC_DIR, "", &error);

	cut_if(is_it && shim.plan.moment == MOMENT_TORN);
	int result = error ? error : __real_fs_sync_dir(fd);

	cut_if(is_it);
	return result;
}

int __wrap_fs_truncate(int fd, uint64_t size)
{
	int error = 0;
	bool is_it = begin(TRUNCATE, "", &error);
	int result = error ? error : __real_fs_truncate(fd, size);

	cut_if(is_it);
	return result;
}

int __wrap_fs_rename(int dir, const char *from, const char *to)
{
	char what[80];
	int error = 0;

	snprintf(what, sizeof what, "%.36s to %.36s", from, to);
	bool is_it = begin(RENAME, what, &error);
	int result = error ? error : __real_fs_rename(dir, from, to);

	cut_if(is_it);
	return result;
}

int __wrap_fs_unlink(int dir, const char *name)
{
	int error = 0;
	bool is_it = begin(UNLINK, name, &error);
	int result = error ? error : __real_fs_unlink(dir, name);

	cut_if(is_it);
	return result;
}

/* Below spool/fs.c: it must go on after a short write and after a signal. */
ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	struct iovec first = parts[0];
	bool is_it = shim.journal && shim.plan.tier == TIER_FAULT && shim.plan.at &&
	             shim.journal->calls >= shim.plan.at && !shim.journal->calls_of[PWRITEV] &&
	             (shim.plan.fault == FAULT_SHORT || shim.plan.fault == FAULT_EINTR);

	if (!is_it)
		return __real_pwritev(fd, parts, count, offset);
	shim.journal->calls_of[PWRITEV]++;
	if (shim.plan.fault == FAULT_EINTR) {
		errno = EINTR;
		return -1;
	}
	first.iov_len = (first.iov_len + 1) / 2;
	return __real_pwritev(fd, &first, 1, offset);
}
