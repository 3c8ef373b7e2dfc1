/* SPDX-License-Identifier: ISC */
#pragma once

#include "spool/store.h"

/* A transaction on its way into the log. Internal to spool/. */

struct spool_writer {
	struct spool *spool;
	uint64_t id;
	char *body;
	size_t len, cap;
	uint32_t crc;
};

struct transaction_item {
	struct item item; /* its bytes are owned */
	char *body;       /* owned; what is inline: a body, a detail */
	uint8_t head[ITEM_HEAD];
};

struct spool_transaction {
	struct spool *spool;
	struct transaction_item *items;
	size_t count, cap;
	uint64_t offset; /* of its record, once written */
	spool_done_cb done;
	void *owner;
	TAILQ_ENTRY(spool_transaction) others;
};

uint64_t transaction_length(
	const struct spool_transaction *transaction); /* of its record */
