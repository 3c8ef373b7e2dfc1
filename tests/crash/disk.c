/* SPDX-License-Identifier: ISC */
#include "tests/crash/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

int disk_enter(const char *place)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (mkdir(place, 0700) && errno != EEXIST)
		return -errno;
	return mount("tmpfs", place, "tmpfs", 0, "mode=0700") ? -errno : 0;
}

/* Takes a free loop device; another process may be quicker. */
static int take_device(struct disk *disk, int file)
{
	struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	if (control < 0)
		return -errno;
	for (int tries = 0; tries < 50; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		snprintf(disk->device, sizeof disk->device, "/dev/loop%d", number);
		disk->loop = number < 0 ? -1 : open(disk->device, O_RDWR | O_CLOEXEC);
		if (disk->loop >= 0 && ioctl(disk->loop, LOOP_SET_FD, file) == 0) {
			close(control);
			return ioctl(disk->loop, LOOP_SET_STATUS64, &info) ? -errno : 0;
		}
		if (disk->loop >= 0)
			close(disk->loop);
	}
	close(control);
	return -EBUSY;
}

static int make_file_system(const char *type, const char *options, const char *where)
{
	char command[512];

	const char *force = strcmp(type, "xfs") == 0 ? "-f" : "-F";

	snprintf(command, sizeof command, "mkfs.%s -q %s %s %s >&2", type, force, options,
		where);
	if (system(command) == 0)
		return 0;
	fprintf(stderr, "%s failed\n", command);
	return -EIO;
}

int disk_make(struct disk *disk, const char *place, const char *type, unsigned mib,
	const char *options)
{
	char image[128];
	int error;

	disk->type = type;
	disk->options = options;
	snprintf(disk->mount, sizeof disk->mount, "%s/%s", place, type);
	snprintf(image, sizeof image, "%s/%s.image", place, type);
	int file = open(image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (file < 0 || ftruncate(file, (off_t)mib << 20) || mkdir(disk->mount, 0700))
		return -errno;
	error = make_file_system(type, options, image);
	if (!error)
		error = take_device(disk, file);
	close(file);
	if (error)
		return error;
	return mount(disk->device, disk->mount, type, 0, NULL) ? -errno : 0;
}

static int unmount(struct disk *disk)
{
	/* The last descriptors of a killed process may be closed a moment after its end. */
	for (int tries = 0; umount(disk->mount); tries++) {
		if (errno != EBUSY || tries == 2000)
			return -errno;
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
	return 0;
}

int disk_remount(struct disk *disk)
{
	int error = unmount(disk);

	if (error)
		return error;
	return mount(disk->device, disk->mount, disk->type, 0, NULL) ? -errno : 0;
}

int disk_renew(struct disk *disk)
{
	struct statvfs status;

	if (statvfs(disk->mount, &status))
		return -errno;
	if (status.f_ffree > status.f_files / 2)
		return 0;
	int error = unmount(disk);

	if (!error)
		error = make_file_system(disk->type, disk->options, disk->device);
	if (error)
		return error;
	return mount(disk->device, disk->mount, disk->type, 0, NULL) ? -errno : 0;
}
