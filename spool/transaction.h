/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/store.h"

/* A transaction on its way into the log. Internal to spool/. */

struct spool_writer {
	struct spool *spool;
	uint64_t id;
	struct buffer body;     /* as long as it has no file */
	struct body_file *file; /* or NULL */
	uint64_t size;          /* of the body so far */
	uint32_t crc;
};

struct transaction_item {
	struct item item;       /* its bytes are owned */
	char *body;             /* owned; what is inline: a body, a detail */
	size_t counted;         /* of it, in the memory that bodies take */
	struct body_file *file; /* owned, or NULL: of a message that comes in with one */
	uint8_t head[ITEM_HEAD];
};

struct spool_transaction {
	struct spool *spool;
	struct transaction_item *items;
	size_t count, cap;
	size_t file_count, unready; /* body files, and those not durable yet */
	int error;                  /* the first of a file */
	uint64_t offset;            /* of its record, once written... */
	uint8_t head[RECORD_HEAD];  /* ...and what that begins with */
	bool is_alone;              /* no other shares its job, nor fails with it */
	spool_done_cb done;
	void *owner;
	TAILQ_ENTRY(spool_transaction) others;
};

uint64_t transaction_length(
	const struct spool_transaction *transaction); /* of its record */

/* Everything it refers to is durable: the next commit job may take it. */
void transaction_join(struct spool_transaction *transaction);

/* Its body files stay when it goes: they belong to messages now. */
void transaction_keep_files(struct spool_transaction *transaction);
/* Adds an item with copies of its bytes and of body, what is inline. 0 or -ENOMEM. */
int transaction_add_item(
	struct spool_transaction *transaction, struct item item, const void *body);
/* Takes the items off again from number first on. */
void transaction_cut(struct spool_transaction *transaction, size_t first);
