/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * A small file system in a file, on a loop device, mounted where only this process and its children see it.
 * When the process ends, all of it is gone by itself.
 */

struct disk {
	const char *type; /* "ext4", "xfs" */
	const char *options;
	char mount[64], device[32];
	int loop; /* keeps the device */
};

/* The name space and the memory (tmpfs) that the disk's file stands in. Once a process. 0 or -errno. */
int disk_enter(const char *place);

/* Makes and mounts one. options: for mkfs, "" none. Returns 0, or -errno with a line on stderr. */
int disk_make(struct disk *disk, const char *place, const char *type, unsigned mib,
	const char *options);

/* Unmounts and mounts it: what was not durable is gone once it was shut down. 0 or -errno. */
int disk_remount(struct disk *disk);

/*
 * Makes it anew when inodes run short: with each shutdown ext4 loses track of some that are free. What is on
 * it is gone then. 0 or -errno.
 */
int disk_renew(struct disk *disk);
