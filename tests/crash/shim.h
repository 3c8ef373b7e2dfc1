/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Stands between the spool and spool/fs.c (the linker's --wrap), counts the durable calls, and at one of
 * them does what it was told to. Only one shim a process.
 */

enum tier {
	TIER_KILL = 1,  /* kill -9: the page cache survives */
	TIER_POWER = 2, /* the file system is shut down without flushing its log */
	TIER_FAULT = 3, /* calls fail */
};

enum moment {
	MOMENT_BEFORE,
	MOMENT_AFTER,
	MOMENT_TORN, /* a part of what is not yet synced reaches the disk */
	MOMENTS,
};

enum fault {
	FAULT_EIO,    /* once, as the next three */
	FAULT_ENOSPC,
	FAULT_SHORT,  /* a write of less than was asked for: to be gone on with */
	FAULT_EINTR,
	FAULT_OUTAGE, /* for a while, EIO */
	FAULT_DEAD,   /* for good */
	FAULTS,
};

struct shim_plan {
	enum tier tier;
	enum moment moment; /* of a cut */
	enum fault fault;   /* of TIER_FAULT */
	uint32_t at;        /* the call, from 1; 0: none */
	uint64_t seed;      /* of what is torn */
	bool is_told;       /* every call is printed */
	int mount;          /* a descriptor of the file system to shut down */
};

struct journal;

/* From now on. The counts go to the journal. */
void shim_arm(const struct shim_plan *plan, struct journal *journal);

/* Shuts the file system of the plan down and ends the process. */
void shim_cut_power(void) __attribute__((noreturn));

/* What a call is called, by its place in journal->calls_of; NULL behind the last. */
const char *shim_call_name(unsigned kind);

/* How a process ends that was cut off by TIER_POWER. */
enum { SHIM_CUT_EXIT = 77 };
