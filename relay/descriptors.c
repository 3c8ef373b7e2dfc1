/* SPDX-License-Identifier: ISC */
#include "relay/descriptors.h"

#include <sys/resource.h>

uint64_t descriptors_reserve(uint64_t wanted, uint64_t spare)
{
	struct rlimit files;
	uint64_t all = wanted + spare;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return wanted;
	if (files.rlim_cur < all && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < all ? files.rlim_max : all;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= all)
		return wanted;
	return files.rlim_cur >= 2 * spare ? files.rlim_cur - spare : files.rlim_cur / 2;
}
