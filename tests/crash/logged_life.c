/* SPDX-License-Identifier: ISC */

/*
 * A life of the spool on a log disk, and the check of one that was cut off. What the journal says is told to the disk's mark
 * whenever a transaction is begun and whenever one is durable: a mark is the journal's bytes that have changed,
 * in front of everything the spool writes from then on. replay.py puts the journal together again as it was at
 * any write.
 *
 *   logged_life run DIRECTORY JOURNAL MARK SEED OPS    one life; with an odd seed it ends without a close
 *   logged_life check DIRECTORY JOURNAL                opens, checks, goes on, closes, opens and checks again
 *
 * JOURNAL is a file that holds struct journal; it is made if it is missing. Needs -Wl,--wrap=spool_commit.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/crash/workload.h"

enum {
	PATIENCE_S = 120, /* a life that takes longer hangs */
	BLOCK = 64,       /* the journal is compared in such pieces */
	OPS_ON = 12,      /* transactions of the life after a cut */
};

void __real_spool_commit(
	struct spool_transaction *transaction, spool_done_cb done, void *owner);
void __wrap_spool_commit(
	struct spool_transaction *transaction, spool_done_cb done, void *owner);

/* The wrapper has nobody to hand it to. */
static struct {
	struct journal *journal;
	unsigned char *told; /* as the marks have it so far */
	FILE *mark;          /* NULL: nobody wants them */
} witness;

struct waiting {
	spool_done_cb done;
	void *owner;
};

struct range {
	uint32_t offset, len;
};

static void fail(const char *what)
{
	perror(what);
	_exit(EX_IOERR);
}

static void put(const void *bytes, size_t len)
{
	if (fwrite(bytes, 1, len, witness.mark) != len)
		fail("mark");
}

/* The next piece of the journal from here on that is not as it was told, or one of length 0. */
static struct range next_change(size_t from)
{
	const unsigned char *now = (const void *)witness.journal;
	size_t start, end, size = sizeof(struct journal);

	for (start = from; start < size; start += BLOCK) {
		size_t len = size - start < BLOCK ? size - start : BLOCK;

		if (memcmp(now + start, witness.told + start, len) != 0)
			break;
	}
	if (start >= size)
		return (struct range){0};
	end = start + BLOCK < size ? start + BLOCK : size;
	return (struct range){(uint32_t)start, (uint32_t)(end - start)};
}

/* Ranges, then one of length 0: only a mark that has it counts. */
static void tell(void)
{
	const unsigned char *now = (const void *)witness.journal;
	struct range range;

	if (!witness.mark)
		return;
	range = next_change(0);
	if (range.len == 0)
		return;
	for (; range.len; range = next_change(range.offset + range.len)) {
		put(&range, sizeof range);
		put(now + range.offset, range.len);
		memcpy(witness.told + range.offset, now + range.offset, range.len);
	}
	put(&range, sizeof range);
	if (fflush(witness.mark))
		fail("mark");
}

static void on_done(void *owner, int status)
{
	struct waiting *waiting = owner;
	struct waiting copy = *waiting;

	free(waiting);
	copy.done(copy.owner, status);
	tell();
}

void __wrap_spool_commit(
	struct spool_transaction *transaction, spool_done_cb done, void *owner)
{
	struct waiting *waiting = malloc(sizeof *waiting);

	if (!waiting)
		abort();
	*waiting = (struct waiting){done, owner};
	tell();
	__real_spool_commit(transaction, on_done, waiting);
}

static struct journal *map_journal(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct journal)))
		fail(path);
	void *memory = mmap(
		NULL, sizeof(struct journal), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		fail(path);
	close(fd);
	return memory;
}

static void open_mark(const char *path)
{
	witness.told = malloc(sizeof(struct journal));
	witness.mark = fopen(path, "wb");
	if (!witness.told || !witness.mark)
		fail(path);
	/* One write a mark, as long as it is not very large. */
	setvbuf(witness.mark, NULL, _IOFBF, 1 << 20);
	memcpy(witness.told, witness.journal, sizeof(struct journal));
}

static void run(const struct workload *workload)
{
	int code = workload_run(workload, witness.journal);

	if (code)
		report(witness.journal, FOUND_OTHER, "the spool cannot be opened: %s",
			strerror(-code));
}

/* "LOST HALF TWICE BACK OTHER REPEATS: what", and whether all is well. */
static int conclude(void)
{
	const struct journal *journal = witness.journal;
	uint32_t findings = 0;

	for (int i = 0; i < FINDING_KINDS; i++) {
		findings += journal->findings[i];
		printf("%u ", journal->findings[i]);
	}
	printf("%u: %s\n", journal->repeats, journal->text);
	fflush(stdout);
	return findings ? 1 : 0;
}

int main(int count, char **arguments)
{
	bool is_run = count == 7 && strcmp(arguments[1], "run") == 0;

	if (!is_run && !(count == 4 && strcmp(arguments[1], "check") == 0)) {
		fprintf(stderr, "usage: logged_life run DIRECTORY JOURNAL MARK SEED OPS\n"
				"       logged_life check DIRECTORY JOURNAL\n");
		return EX_USAGE;
	}
	struct workload workload = {.dir = arguments[2], .seed = 1, .ops = OPS_ON};

	alarm(PATIENCE_S);
	witness.journal = map_journal(arguments[3]);
	if (is_run) {
		open_mark(arguments[4]);
		workload.seed = strtoull(arguments[5], NULL, 10);
		workload.ops = (uint32_t)strtoul(arguments[6], NULL, 10);
		workload.is_left_open = workload.seed % 2;
		run(&workload);
		tell();
	} else {
		run(&workload);
		workload.ops = 0;
		run(&workload);
	}
	_exit(conclude()); /* what was left open is not closed now */
}
