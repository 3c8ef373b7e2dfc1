/* SPDX-License-Identifier: ISC */
/*
 * A file system in memory in place of spool/fs.c (included by the test that wants it, so that the
 * linker leaves the real one out). It knows what is durable: a file's content since its last sync, a
 * directory's entries since theirs. At call number fault_at it fails once, or the power goes: then
 * every call fails until memory_reboot(), which forgets what was not durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fs.h"

#ifndef MEMORY_FILE_CAP
#define MEMORY_FILE_CAP (1 << 20) /* bytes of the largest file */
#endif

enum {
	FILES_MAX = 64,
	FILE_CAP = MEMORY_FILE_CAP,
	DIR_ROOT = 1000, /* then the directories below it */
	FD_FILE = 2000
};

enum loss {
	LOSE_ALL_UNSYNCED,
	KEEP_NEWEST_ENTRY, /* of the unsynced changes of directories, only the last one: no order is promised */
	KEEP_ALL,
	KEEP_HALF_OF_LAST_WRITE
};

struct memory_file {
	int dir, durable_dir;
	char name[64], durable_name[64];
	bool exists, durable_entry;
	unsigned changed; /* since the directory's sync: the number of that change */
	uint8_t *now, *durable;
	size_t size, durable_size;
	size_t last_at, last_len; /* of the last write since the sync */
	size_t size_before;       /* it */
	bool is_sync_failed;      /* its sync failed: it must not be synced again */
};

static const char *const memory_dirs[] = {".", "log", "body", "damaged"};
enum { DIR_COUNT = sizeof memory_dirs / sizeof memory_dirs[0] };

static struct {
	pthread_mutex_t mutex;
	struct memory_file files[FILES_MAX];
	unsigned calls, fault_at;
	unsigned changes; /* of directories' entries */
	int fault; /* -errno, once; 0: the power goes */
	bool is_dark;
	unsigned resyncs; /* of files whose sync had failed */
	uint64_t bad_at, bad_end; /* these bytes of any file cannot be read */
	unsigned reuses;  /* of spares, as a segment */
	size_t capacity;  /* of the disk; 0: no end */
	bool is_locked;
} memory = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Counts a durable call. Returns 0 or what it is to fail with. */
static int tick(void)
{
	if (memory.is_dark)
		return -EIO;
	if (++memory.calls != memory.fault_at)
		return 0;
	if (memory.fault)
		return memory.fault;
	memory.is_dark = true;
	return -EIO;
}

static void memory_wipe(void)
{
	for (int i = 0; i < FILES_MAX; i++) {
		free(memory.files[i].now);
		free(memory.files[i].durable);
		memory.files[i] = (struct memory_file){0};
	}
	memory.calls = memory.fault_at = memory.resyncs = memory.reuses = 0;
	memory.capacity = memory.bad_at = memory.bad_end = 0;
	memory.is_dark = memory.is_locked = false;
}

/* The second half of the last write is as it was before; the rest has reached the disk. */
static void forget_half(struct memory_file *file)
{
	size_t kept = file->last_at + file->last_len / 2;
	size_t end = file->last_at + file->last_len;

	memcpy(file->now + kept, file->durable + kept, end - kept);
	file->size = kept > file->size_before ? kept : file->size_before;
}

static void forget(struct memory_file *file, enum loss loss)
{
	if (loss <= KEEP_NEWEST_ENTRY) {
		memcpy(file->now, file->durable, FILE_CAP);
		file->size = file->durable_size;
	} else if (loss == KEEP_HALF_OF_LAST_WRITE && file->last_len) {
		forget_half(file);
	}
	file->last_len = 0;
	file->is_sync_failed = false;
}

/* The power is back. */
__attribute__((unused)) static void memory_reboot(enum loss loss)
{
	for (int i = 0; i < FILES_MAX; i++) {
		struct memory_file *file = &memory.files[i];

		if (!file->now)
			continue;
		bool is_kept = loss == KEEP_NEWEST_ENTRY && file->changed > 0 &&
		               file->changed == memory.changes;

		file->changed = 0;
		if (loss <= KEEP_NEWEST_ENTRY && !is_kept) {
			file->exists = file->durable_entry;
			memcpy(file->name, file->durable_name, sizeof file->name);
			file->dir = file->durable_entry ? file->durable_dir : file->dir;
		}
		forget(file, loss);
	}
	memory.is_dark = memory.is_locked = false;
	memory.fault_at = 0;
}

/* Of all files, as the disk has them. */
static size_t memory_bytes(void)
{
	size_t bytes = 0;

	for (int i = 0; i < FILES_MAX; i++)
		bytes += memory.files[i].exists ? memory.files[i].size : 0;
	return bytes;
}

static struct memory_file *file_of(int fd)
{
	return &memory.files[fd - FD_FILE];
}

int fs_make_dir(int dir, const char *name)
{
	(void)dir, (void)name;
	return 0;
}

int fs_open_dir(int dir, const char *name)
{
	if (dir == AT_FDCWD)
		return DIR_ROOT;
	for (int i = 1; i < DIR_COUNT; i++)
		if (strcmp(memory_dirs[i], name) == 0)
			return DIR_ROOT + i;
	return strcmp(name, ".") == 0 ? dir : -ENOENT;
}

/* A name may lead into a directory below: "body/ID". */
static const char *walk(int *dir, const char *name)
{
	const char *slash = strchr(name, '/');

	for (int i = 1; slash && i < DIR_COUNT; i++)
		if (strncmp(memory_dirs[i], name, (size_t)(slash - name)) == 0)
			*dir = DIR_ROOT + i;
	return slash ? slash + 1 : name;
}

static int find_file(int dir, const char *name)
{
	name = walk(&dir, name);
	for (int i = 0; i < FILES_MAX; i++)
		if (memory.files[i].exists && memory.files[i].dir == dir &&
			strcmp(memory.files[i].name, name) == 0)
			return i;
	return -ENOENT;
}

static int make_file(int dir, const char *name)
{
	for (int i = 0; i < FILES_MAX; i++) {
		struct memory_file *file = &memory.files[i];

		if (file->exists || file->durable_entry)
			continue;
		free(file->now);
		free(file->durable);
		*file = (struct memory_file){
			.dir = dir, .exists = true, .changed = ++memory.changes};
		snprintf(file->name, sizeof file->name, "%s", name);
		file->now = calloc(1, FILE_CAP);
		file->durable = calloc(1, FILE_CAP);
		return i;
	}
	return -ENOSPC;
}

int fs_open(int dir, const char *name, int flags)
{
	pthread_mutex_lock(&memory.mutex);
	int number = flags & O_CREAT ? tick() : 0;

	if (number == 0) {
		number = find_file(dir, name);
		if (number == -ENOENT && flags & O_CREAT)
			number = make_file(dir, name);
		else if (number >= 0 && flags & O_EXCL)
			number = -EEXIST;
	}
	pthread_mutex_unlock(&memory.mutex);
	return number < 0 ? number : FD_FILE + number;
}

void fs_close(int fd)
{
	if (fd >= FD_FILE && strcmp(file_of(fd)->name, "lock") == 0)
		memory.is_locked = false;
}

int fs_lock(int fd, bool shared)
{
	(void)fd, (void)shared;
	if (memory.is_locked)
		return -EWOULDBLOCK;
	memory.is_locked = true;
	return 0;
}

int fs_size(int fd, uint64_t *size)
{
	*size = file_of(fd)->size;
	return 0;
}

int fs_size_of(int dir, const char *name, uint64_t *size)
{
	pthread_mutex_lock(&memory.mutex);
	int number = find_file(dir, name);

	if (number >= 0)
		*size = memory.files[number].size;
	pthread_mutex_unlock(&memory.mutex);
	return number < 0 ? number : 0;
}

int fs_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got)
{
	struct memory_file *file = file_of(fd);

	*got = 0;
	if (offset < memory.bad_end && offset + len > memory.bad_at)
		return -EIO;
	pthread_mutex_lock(&memory.mutex);
	*got = offset >= file->size ? 0 : file->size - (size_t)offset;
	*got = *got < len ? *got : len;
	memcpy(bytes, file->now + offset, *got);
	pthread_mutex_unlock(&memory.mutex);
	return 0;
}

/* Not everything is in memory: then fs_read is called. */
int fs_read_cached(int fd, void *bytes, size_t len, uint64_t offset)
{
	size_t got;

	if (offset / 4096 % 2)
		return -EAGAIN;
	return fs_read(fd, bytes, len, offset, &got) == 0 && got == len ? 0 : -EAGAIN;
}

/* A full disk takes what is written over. */
static bool is_full_for(
	const struct memory_file *file, const struct iovec *parts, size_t count, size_t at)
{
	for (size_t i = 0; i < count; i++)
		at += parts[i].iov_len;
	return memory.capacity > 0 && at > file->size &&
	       memory_bytes() + at - file->size > memory.capacity;
}

int fs_write(int fd, const struct iovec *parts, size_t count, uint64_t offset)
{
	struct memory_file *file = file_of(fd);

	pthread_mutex_lock(&memory.mutex);
	int error = tick();
	size_t at = (size_t)offset;

	if (!error && is_full_for(file, parts, count, at)) {
		pthread_mutex_unlock(&memory.mutex);
		return -ENOSPC;
	}
	for (size_t i = 0; i < count && (!error || memory.is_dark || error == -ENOSPC);
		i++) {
		/* A failing write, and one that the power cuts, may still leave something behind. */
		memcpy(file->now + at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	if (at > (size_t)offset) {
		file->size_before = file->size;
		file->last_at = (size_t)offset;
		file->last_len = at - (size_t)offset;
		file->size = at > file->size ? at : file->size;
	}
	pthread_mutex_unlock(&memory.mutex);
	return error;
}

int fs_sync_data(int fd)
{
	struct memory_file *file = file_of(fd);

	pthread_mutex_lock(&memory.mutex);
	memory.resyncs += file->is_sync_failed;
	int error = tick();

	if (error) {
		file->is_sync_failed = true;
	} else {
		size_t len = file->size > file->durable_size ? file->size
		                                             : file->durable_size;

		memcpy(file->durable, file->now, len);
		file->durable_size = file->size;
		file->last_len = 0;
	}
	pthread_mutex_unlock(&memory.mutex);
	return error;
}

int fs_sync_dir(int fd)
{
	pthread_mutex_lock(&memory.mutex);
	int error = tick();

	for (int i = 0; i < FILES_MAX && !error; i++) {
		struct memory_file *file = &memory.files[i];

		if (file->dir != fd)
			continue;
		file->changed = 0;
		file->durable_entry = file->exists;
		file->durable_dir = fd;
		memcpy(file->durable_name, file->name, sizeof file->name);
	}
	pthread_mutex_unlock(&memory.mutex);
	return error;
}

int fs_truncate(int fd, uint64_t size)
{
	struct memory_file *file = file_of(fd);

	pthread_mutex_lock(&memory.mutex);
	int error = tick();

	if (!error) {
		if (size < file->size)
			memset(file->now + size, 0, file->size - (size_t)size);
		file->size = (size_t)size;
	}
	pthread_mutex_unlock(&memory.mutex);
	return error;
}

int fs_rename(int dir, const char *from, const char *to)
{
	pthread_mutex_lock(&memory.mutex);
	int error = tick();

	if (!error) {
		int number = find_file(dir, from), replaced = find_file(dir, to);

		error = number < 0 ? number : 0;
		if (number >= 0 && replaced >= 0)
			memory.files[replaced].exists = false;
		if (number >= 0) {
			memory.files[number].changed = ++memory.changes;
			snprintf(memory.files[number].name,
				sizeof memory.files[number].name, "%s", walk(&dir, to));
			memory.files[number].dir = dir;
		}
		memory.reuses += strstr(from, ".spare") != NULL;
	}
	pthread_mutex_unlock(&memory.mutex);
	return error;
}

int fs_unlink(int dir, const char *name)
{
	pthread_mutex_lock(&memory.mutex);
	int number = tick();

	if (number == 0) {
		number = find_file(dir, name);
		if (number >= 0) {
			memory.files[number].changed = ++memory.changes;
			memory.files[number].exists = false;
		}
	}
	pthread_mutex_unlock(&memory.mutex);
	return number < 0 ? number : 0;
}

int fs_list(int dir, int (*each)(void *owner, const char *name), void *owner)
{
	int result = 0;

	for (int i = 0; i < FILES_MAX && result == 0; i++)
		if (memory.files[i].exists && memory.files[i].dir == dir)
			result = each(owner, memory.files[i].name);
	return result;
}

int fs_room(int dir, struct fs_room *room)
{
	(void)dir;
	*room = (struct fs_room){.bytes = 1 << 30, .files = 1000};
	if (memory.capacity > 0) {
		size_t used = memory_bytes();

		room->bytes = memory.capacity > used ? memory.capacity - used : 0;
	}
	return 0;
}

int fs_random(void *bytes, size_t len)
{
	static uint64_t last = 88172645463325252u;

	for (size_t i = 0; i < len; i++) {
		last = last * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)bytes)[i] = (uint8_t)(last >> 56);
	}
	return 0;
}
