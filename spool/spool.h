/* SPDX-License-Identifier: ISC */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

/*
 * spool/: what survives a power cut. An append-only log of transactions; one fdatasync
 * serves every transaction that was waiting. What an envelope or a recipient's state
 * means is the relay's business: here they are bytes.
 *
 * Legal states of a message, as recovery may find them:
 *
 *   | in the log                                  | it is                | recovery              |
 *   |---------------------------------------------|----------------------|-----------------------|
 *   | nothing, or a transaction cut short         | not accepted         | torn tail is dropped  |
 *   | message                                     | accepted             | given to spool_each   |
 *   | message, then states of its recipients      | accepted, worked on  | the last state of each recipient counts |
 *   | message, (states,) removal                  | done                 | not given any more    |
 *   | a whole transaction with a wrong CRC,       | damaged              | skipped, counted in   |
 *   |   known durable by a later one, or sectors  |                      | spool_stats           |
 *   |   that cannot be read                       |                      |                       |
 *
 * A transaction is there entirely or not at all: its items stand under one CRC.
 *
 * Legal states of a file in log/:
 *
 *   | file                                   | it is                        | recovery              |
 *   |----------------------------------------|------------------------------|-----------------------|
 *   | NUMBER.seg, the last one               | written to when we stopped   | read up to the torn tail; never written to again |
 *   | NUMBER.seg, with the number that a     | closed                       | read up to the end that the later one's head says |
 *   |   later head calls the previous        |                              |                       |
 *   | NUMBER.seg, between a later head's     | void: failed as it was made  | not read; unlinked    |
 *   |   and the previous it says             |                              |                       |
 *   | NUMBER.seg, the last, head not whole,  | void: cut as it was made     | the same, once the next head is durable |
 *   |   no room for a record                 |                              |                       |
 *   | NUMBER.seg, another with a bad head    | damaged                      | counted; moved to damaged/ when the log  |
 *   |                                        |                              |   goes on without it: a later head says  |
 *   |                                        |                              |   so, or the next one is to be retired   |
 *   | NUMBER.spare, whatever is in it        | free: a retired segment, one | never read; made ready, or unlinked when |
 *   |                                        |  half filled, or a new head  |   there are more than two |
 *   |                                        |  that was not renamed yet    |                       |
 *
 * A file comes to a new life by rename only: .seg to .spare when nothing in it is live,
 * .spare to .seg when its new head is durable. Its former records have another salt.
 *
 * All durable work is done in libuv's thread pool; callbacks come from the loop, never
 * from inside the call that asked. After a failed write or sync the file is never synced
 * again: a new segment fences the failed one off, the callbacks of the lost transactions
 * get the error.
 */

enum {
	SPOOL_ID_TEXT = 17,  /* a printed id, NUL included */
	SPOOL_BLOCK = 65536, /* a reader gives at most this many bytes at once */
	SPOOL_SEGMENT_MAX = 1 << 30,
};

struct spool;
struct spool_writer;
struct spool_transaction;
struct spool_reader;

struct spool_options {
	const char *dir;
	uint64_t segment_size; /* bytes; at most SPOOL_SEGMENT_MAX */
	uint64_t
		inline_max; /* bytes; a larger body goes to a file of its own; 0: 128 KiB */
	uint64_t reserve;   /* bytes of the file system to be kept free */
};

/* What could not be done, and where, in words for the administrator. */
struct spool_error {
	int code;       /* -errno; -EWOULDBLOCK: another instance holds the lock */
	char text[256]; /* "cannot open /var/spool/ptrelay/lock: Permission denied" */
};

struct spool_stats {
	uint64_t messages;   /* live */
	uint64_t live_bytes; /* of them and their last states, bodies in files included */
	uint64_t disk_bytes; /* all files of the spool */
	uint64_t syncs;      /* fdatasync calls so far */
	uint64_t bytes_written;
	uint64_t damaged;    /* places, by recovery and since */
	uint64_t torn_bytes; /* dropped from the tail by recovery */
	bool failed; /* the last durable call failed and no new segment could be made */
};

/* The state of a recipient: what is needed to work on, and the rest, which only
 * spool_load reads back. */
struct spool_state {
	uint32_t recipient;
	const void *summary;
	size_t summary_len;
	const void *detail;
	size_t detail_len; /* 0 as well when it is damaged: what counts is the summary */
};

/* A message as the log has it. Everything is borrowed for the time of the call. */
struct spool_entry {
	uint64_t id;
	uint64_t body_size;
	const void *envelope;
	size_t envelope_len;
	const struct spool_state
		*states; /* the last of each recipient that has one, by recipient */
	size_t state_count;
};

/* What spool_each tells: a message, or the last state of one of its recipients. Borrowed
 * as well. */
struct spool_item {
	uint64_t id;
	uint64_t body_size; /* of the message */
	bool is_state;
	uint32_t recipient; /* of the state */
	const void *bytes;  /* the envelope, or the state's summary */
	size_t len;
};

/* What cannot be read any more, and where it is kept for somebody to look at. */
struct spool_damage {
	uint64_t id;    /* of the message, 0: not known, there may have been several */
	uint64_t len;   /* bytes */
	char place[64]; /* in the spool directory: "log/0000000000000003.seg:8192" */
	char kept[64];  /* the copy: "damaged/0000000000000003-8192"; "": none was made */
	int code; /* -errno: -EBADMSG when the bytes are wrong, -EIO... when they cannot be read */
};

/* Status 0: durable, and will be found by every recovery. Else -errno: it will not. */
typedef void (*spool_done_cb)(void *owner, int status);

/*
 * Opens the spool in options->dir (made if missing), takes its lock, recovers the log. Blocks:
 * call it before the loop runs. Returns 0 and the spool, or -errno and *error.
 */
int spool_open(struct spool **spool, uv_loop_t *loop, const struct spool_options *options,
	struct spool_error *error);

/*
 * Opens for reading only, under a shared lock, while no daemon runs: nothing is changed. Only
 * spool_each, spool_stats, spool_load_now, spool_body_now and spool_close_now may be called.
 */
int spool_open_readonly(struct spool **spool, const char *dir, struct spool_error *error);

/*
 * Ends a spool from spool_open: waits for what is in flight, then calls back; it is then
 * gone. Its readers, writers and verification are closed by their owners before.
 */
void spool_close(struct spool *spool, void (*closed)(void *owner), void *owner);
void spool_close_now(
	struct spool *spool); /* of spool_open_readonly, or one not yet used */

/*
 * Calls each for every live message, and after it for the last state of each of its
 * recipients, in the order of the log (not of the ids), until it returns non-zero;
 * returns that. Only right after the opening, before anything is committed. Bodies and
 * details are not read. Blocks.
 */
int spool_each(struct spool *spool,
	int (*each)(void *owner, const struct spool_item *item), void *owner);

/* Calls damaged for each damage that recovery found, from inside, and later, from the loop, for
 * each that is met. A damaged message stays until its owner removes it. */
typedef void (*spool_damage_cb)(void *owner, const struct spool_damage *damage);
void spool_watch_damage(struct spool *spool, spool_damage_cb damaged, void *owner);

void spool_stats(const struct spool *spool, struct spool_stats *stats);

/*
 * False when bytes more would eat into the reserve, or the spool has failed: answer 452 or 451.
 * Once it is false a tenth more than the reserve must be free before it is true again.
 */
bool spool_has_room(struct spool *spool, uint64_t bytes);

/* Prints an id: 10 to 13 of [0-9A-Z]. text holds SPOOL_ID_TEXT bytes. Ids are never reused. */
void spool_id_format(uint64_t id, char *text);
/* Reads one back. Returns 0, or -EINVAL. */
int spool_id_parse(const char *text, uint64_t *id);

/*
 * Taking a message in: create, append the body as it comes, then hand the writer to a
 * transaction with spool_add_message, or abandon it.
 */
struct spool_writer *spool_create(struct spool *spool); /* NULL: out of memory */
uint64_t spool_writer_id(const struct spool_writer *writer);
/* Never blocks: a large body is written by and by, and an error of that comes back later,
 * from here and from the commit. Returns 0 or -errno. */
int spool_append(struct spool_writer *writer, const void *bytes, size_t len);
/*
 * True when much of a large body waits for the disk: stop reading until drained is
 * called. It is called once, from the loop, and not any more once the writer is handed
 * over or abandoned.
 */
bool spool_writer_is_full(const struct spool_writer *writer);
void spool_writer_wait(
	struct spool_writer *writer, void (*drained)(void *owner), void *owner);
uint64_t spool_writer_size(const struct spool_writer *writer);
void spool_abandon(struct spool_writer *writer);

/*
 * Copies what is left of a message to damaged/ID in the spool directory, durably; done
 * then. The message stays: its owner tells the sender and removes it. Returns 0, -ENOENT
 * or -ENOMEM.
 */
int spool_quarantine(struct spool *spool, uint64_t id, spool_done_cb done, void *owner);

/*
 * A transaction: messages, states and removals that become durable together or not at all.
 * Items are copied. spool_commit takes the transaction; done is called once.
 * The add functions return 0 or -ENOMEM.
 */
struct spool_transaction *spool_begin(struct spool *spool); /* NULL: out of memory */
int spool_add_message(struct spool_transaction *transaction, struct spool_writer *writer,
	const void *envelope, size_t len); /* takes the writer, also on error */
int spool_add_state(struct spool_transaction *transaction, uint64_t id,
	const struct spool_state *state);
int spool_add_removal(struct spool_transaction *transaction, uint64_t id);
void spool_commit(struct spool_transaction *transaction, spool_done_cb done, void *owner);
void spool_discard(struct spool_transaction *transaction); /* instead of spool_commit */

/*
 * Reads a message's body, block by block. While a reader is open its message stays
 * readable, even when it is removed. The CRC is checked before the last block is given
 * out: on damage the callback gets -EBADMSG instead of it.
 */
typedef void (*spool_block_cb)(void *owner, int status, const void *bytes, size_t len);

/* NULL with *error = -ENOENT (no such message) or -ENOMEM. */
struct spool_reader *spool_reader_open(struct spool *spool, uint64_t id, int *error);
uint64_t spool_reader_size(const struct spool_reader *reader);
/* Fetches the next block; len 0: the end. The bytes are borrowed until the next call. One
 * at a time. */
void spool_reader_next(struct spool_reader *reader, spool_block_cb cb, void *owner);
/*
 * The same at once, if the system has the block in memory. False: nothing has happened, and spool_reader_next
 * tells what is wrong, if anything is.
 */
bool spool_reader_take_cached(
	struct spool_reader *reader, const void **bytes, size_t *len);
void spool_reader_close(struct spool_reader *reader); /* cb is not called any more */

/*
 * Reads one message's envelope and states back from the log (they are not kept in memory).
 * entry is NULL when status is not 0; it is borrowed for the time of the callback.
 */
typedef void (*spool_load_cb)(void *owner, int status, const struct spool_entry *entry);
int spool_load(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner);

/* The same two, blocking, for spool_open_readonly. *body is malloced; the caller frees it. */
int spool_load_now(struct spool *spool, uint64_t id, spool_load_cb cb, void *owner);
int spool_body_now(struct spool *spool, uint64_t id, char **body, size_t *len);

/*
 * Reading everything to see whether it is as it was written: segments, bodies in files,
 * names. Nothing is changed. Step by step, each in the pool and of at most 8 MiB, so that
 * mail does not wait for it. What is written after the opening is not read. Works on
 * every spool: see spool_verify_next_now.
 */
enum spool_finding_kind {
	/* No damage. */
	SPOOL_TORN_TAIL,    /* never acknowledged: recovery drops it */
	SPOOL_ORPHAN_BODY,  /* a body file without a message: recovery unlinks it */
	SPOOL_UNKNOWN_FILE, /* not ours */
	/* Damage. */
	SPOOL_DAMAGED_HEAD,    /* one copy of a segment's head; the other one serves */
	SPOOL_DAMAGED_SEAL,    /* of a segment: a hint, its records are read instead */
	SPOOL_DAMAGED_SEGMENT, /* both copies: all that stands in it is lost */
	SPOOL_MISSING_SEGMENT,
	SPOOL_DAMAGED_RECORD, /* what a record says, or several of them: all that it says is lost */
	SPOOL_DAMAGED_BODY,   /* of a message, in the log or in a file */
	SPOOL_DAMAGED_DETAIL, /* of a state: what the last reply was */
	SPOOL_MISSING_BODY,   /* the file of a message that is there */
	SPOOL_UNREADABLE,     /* a directory, a file */
};

struct spool_finding {
	enum spool_finding_kind kind;
	bool is_damage;
	bool is_live;               /* damage.id is in the queue now */
	struct spool_damage damage; /* the place; no copy is made */
};

/* What a step tells; borrowed for the time of the call. */
struct spool_verified {
	const struct spool_finding *findings; /* of this step */
	size_t finding_count;
	uint64_t done, total; /* bytes so far */
	uint64_t segments, records, messages,
		bodies; /* read so far; messages: in the queue */
	bool is_over;
};

/* Status: 0, or -ENOMEM: it cannot go on. */
typedef void (*spool_verify_cb)(
	void *owner, int status, const struct spool_verified *verified);

struct spool_verify;

/* NULL with *error = -EBUSY (one at a time) or -ENOMEM. */
struct spool_verify *spool_verify_open(struct spool *spool, int *error);
/* The next step. One at a time, and none after the one that is over. */
void spool_verify_next(struct spool_verify *verify, spool_verify_cb cb, void *owner);
/* The same, blocking, for spool_open_readonly: cb is called from inside. */
void spool_verify_next_now(struct spool_verify *verify, spool_verify_cb cb, void *owner);
void spool_verify_close(struct spool_verify *verify); /* cb is not called any more */
