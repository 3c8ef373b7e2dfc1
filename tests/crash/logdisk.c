/* SPDX-License-Identifier: ISC */

/*
 * A disk that remembers: a FUSE file system with two files, "disk" and "mark". Each write, discard and flush
 * of the disk is appended to a log before it is answered, and so is what is written to the mark: what a
 * program knew to be durable stands in the log in its place between the writes. replay.py then makes each disk that a power cut
 * could have left behind.
 *
 * Usage: logdisk DIRECTORY MIB LOG. Runs until DIRECTORY is unmounted. One thread: the log's order is the disk's.
 */

#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>

#include "tests/crash/logdisk.h"

static const char DISK[] = "/disk", MARK[] = "/mark";

struct logdisk {
	char *bytes;
	uint64_t size;
	FILE *log;
};

static struct logdisk *this_disk(void)
{
	return fuse_get_context()->private_data;
}

/* Returns 0, or -EIO: the whole run is worth nothing then, and mount and program hear of it. */
static int append(const struct logdisk_record *record, const char *bytes)
{
	FILE *log = this_disk()->log;
	size_t len = bytes ? record->len : 0;

	if (fwrite(record, sizeof *record, 1, log) != 1 ||
		fwrite(bytes, 1, len, log) != len)
		return -EIO;
	return 0;
}

static bool is_on_disk(off_t offset, uint64_t len)
{
	uint64_t size = this_disk()->size;

	return offset >= 0 && (uint64_t)offset <= size && len <= size - (uint64_t)offset;
}

static int get_attributes(
	const char *path, struct stat *attributes, struct fuse_file_info *file)
{
	(void)file;
	memset(attributes, 0, sizeof *attributes);
	attributes->st_mode = S_IFREG | 0600;
	attributes->st_nlink = 1;
	if (strcmp(path, "/") == 0)
		attributes->st_mode = S_IFDIR | 0700;
	else if (strcmp(path, DISK) == 0)
		attributes->st_size = (off_t)this_disk()->size;
	else if (strcmp(path, MARK) != 0)
		return -ENOENT;
	return 0;
}

/* Every write comes at once and as it is: nothing is kept in the page cache of this file system. */
static int open_file(const char *path, struct fuse_file_info *file)
{
	(void)path;
	file->direct_io = 1;
	return 0;
}

/* mkfs says how large the disk is, which it is. */
static int set_size(const char *path, off_t size, struct fuse_file_info *file)
{
	(void)file;
	if (strcmp(path, DISK) == 0 && (uint64_t)size != this_disk()->size)
		return -EFBIG;
	return 0;
}

static int read_disk(const char *path, char *bytes, size_t len, off_t offset,
	struct fuse_file_info *file)
{
	struct logdisk *disk = this_disk();

	(void)file;
	if (strcmp(path, DISK) != 0 || offset < 0 || (uint64_t)offset >= disk->size)
		return 0;
	if (len > disk->size - (uint64_t)offset)
		len = disk->size - (uint64_t)offset;
	memcpy(bytes, disk->bytes + offset, len);
	return (int)len;
}

static int write_file(const char *path, const char *bytes, size_t len, off_t offset,
	struct fuse_file_info *file)
{
	bool is_mark = strcmp(path, MARK) == 0;
	struct logdisk_record record = {.kind = is_mark ? LOGDISK_MARK : LOGDISK_WRITE,
		.len = (uint32_t)len,
		.offset = (uint64_t)offset};

	(void)file;
	if (!is_mark && !is_on_disk(offset, len))
		return -ENOSPC;
	if (append(&record, bytes))
		return -EIO;
	if (!is_mark)
		memcpy(this_disk()->bytes + offset, bytes, len);
	return (int)len;
}

static int flush_disk(const char *path, int data_only, struct fuse_file_info *file)
{
	struct logdisk_record record = {.kind = LOGDISK_FLUSH};

	(void)data_only;
	(void)file;
	return strcmp(path, DISK) == 0 ? append(&record, NULL) : 0;
}

static int zero_disk(
	const char *path, int mode, off_t offset, off_t len, struct fuse_file_info *file)
{
	struct logdisk_record record = {
		.kind = LOGDISK_ZERO, .len = (uint32_t)len, .offset = (uint64_t)offset};

	(void)file;
	if (strcmp(path, DISK) != 0 ||
		!(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		return -EOPNOTSUPP;
	if (len < 0 || !is_on_disk(offset, (uint64_t)len) || (uint64_t)len > UINT32_MAX)
		return -ENOSPC;
	if (append(&record, NULL))
		return -EIO;
	memset(this_disk()->bytes + offset, 0, (size_t)len);
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = get_attributes,
	.open = open_file,
	.truncate = set_size,
	.read = read_disk,
	.write = write_file,
	.fsync = flush_disk,
	.fallocate = zero_disk,
};

int main(int count, char **arguments)
{
	struct logdisk disk = {0};

	if (count != 4) {
		fprintf(stderr, "usage: logdisk DIRECTORY MIB LOG\n");
		return EX_USAGE;
	}
	disk.size = strtoull(arguments[2], NULL, 10) << 20;
	disk.bytes = mmap(NULL, disk.size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	disk.log = fopen(arguments[3], "wb");
	if (disk.bytes == MAP_FAILED || !disk.log) {
		perror("logdisk");
		return EX_OSERR;
	}
	char *options[] = {
		arguments[0], "-f", "-s", "-o", "fsname=logdisk", arguments[1]};
	int code = fuse_main(6, options, &operations, &disk);

	if (fclose(disk.log)) {
		perror("logdisk");
		code = EX_IOERR;
	}
	munmap(disk.bytes, disk.size);
	return code;
}
