/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/body.h"
#include "spool/index.h"
#include "spool/spare.h"
#include "spool/spool.h"

/*
 * What the parts of the spool share. Everything belongs to the loop thread, but for the active
 * segment and a lent spare, which belong to the commit job while it runs. Internal to spool/.
 */

TAILQ_HEAD(transaction_list, spool_transaction);
TAILQ_HEAD(damage_list, damage); /* damage.h */

/* compact.c: what it is at, and how much it may write. */
struct copy;
struct compaction {
	struct copy *ready;     /* read; waits for the next commit job */
	bool is_busy;           /* one is being read, waits, or is being written */
	bool goes_alone;        /* the last one could not be written */
	uint64_t traffic;       /* bytes that all others have written so far... */
	uint64_t traffic_time;  /* ...and when there were more (uv_now) */
	uint64_t spent;         /* of the traffic, when the last copy was begun */
	uint64_t copying;       /* bytes in the job now */
	uint64_t copied;        /* bytes so far... */
	uint64_t copied_before; /* ...and when there was more traffic */
	uint64_t retry_time;
};

struct spool {
	uv_loop_t *loop;
	char *path;
	int dir, log, bodies, lock;
	uint64_t segment_size, reserve;
	struct segment_list segments; /* the oldest first; the active one is the last */
	struct segment *active; /* NULL: none could be made, or opened for reading only */
	struct spare_list spares;
	uint64_t spare_pause; /* none is prepared before (uv_now) */
	/* Of a segment, good or void, or a spare; commit job and upkeep both take the
	 * next one. */
	_Atomic uint64_t last_number;
	uint64_t durable; /* sequence of the last record known to be durable */
	uint64_t next_id, id_end;
	struct index *index;
	struct transaction_list waiting;
	struct body_files body;     /* in the directory bodies */
	struct damage_list damages; /* met so far */
	bool is_read_only;
	bool committing;    /* a job is in the pool, or what waits is gathered for one */
	bool is_in_upkeep;  /* one work at a time: upkeep.h */
	bool cannot_retire; /* retire.c */
	struct compaction compaction;
	bool is_verifying; /* spool_verify_open */
	unsigned reads;    /* loads and blocks on their way */
	struct spool_stats stats;
	uint64_t room, room_time; /* for mail, and when that was counted (uv_now) */
	uint64_t room_written;    /* stats.bytes_written then */
	bool is_short;            /* spool_has_room said no */
	spool_damage_cb damaged;
	void *damaged_owner;
	uv_timer_t timer; /* for upkeep() */
	uv_timer_t
		gathering; /* of commits, until the loop has come round; closed last, and the spool with it */
	bool closing;
	void (*closed)(void *owner);
	void *closed_owner;
};

/* Reads the whole log into the index. Called once, by spool_open*. 0 or -errno. */
int recover(struct spool *spool, struct spool_error *error);

/* What the head of the next segment says, but for its number and salt. */
struct segment_head next_head(const struct spool *spool);
/*
 * Makes the segment that the next records go to, of the spare (which is no more then,
 * also on error), or of a new file if it is NULL or fails. Blocks. 0 or -errno.
 */
int start_segment(struct spool *spool, struct segment_head head,
	const struct spare *spare, struct segment **segment);
/* It is the active one from now on. */
void adopt_segment(struct spool *spool, struct segment *segment);

/* Starts a job, unless one runs or nothing waits. */
void commit_start(struct spool *spool);
/* What compaction has for the next job, checked against the index; or NULL. */
struct spool_transaction *compact_take(struct spool *spool);

/* Something ended: a spool that is being closed may be able to go now. */
void check_closing(struct spool *spool);

/*
 * Reads the envelope and the states of an entry from the log. The pointers in *result lead into
 * *bytes, which the caller frees. Blocks. 0, -ENOMEM, -EBADMSG or -errno.
 */
struct entry_places { /* a copy of what the index says, for another thread; pinned */
	struct index_entry entry;
	struct state_place states[];
};
struct entry_places *entry_places_new(const struct index_entry *entry);
void entry_places_free(struct entry_places *places); /* takes the pins off */
int read_entry(const struct entry_places *places, struct spool_entry *result,
	char **bytes, struct spool_state **states);
