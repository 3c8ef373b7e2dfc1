/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/cause.h"

/*
 * All causes, present and past, by what they are about: (reason, origin, subject, sender domain).
 * There may be as many as there are sender domains; finding, adding and removing one costs the same
 * however many there are. Owns no cause.
 */

struct cause_table;

struct cause_key {
	enum reason reason;
	enum hold_origin origin;
	const char *subject;       /* in any case */
	const char *sender_domain; /* in any case; "" when it does not matter */
};

struct cause_table *cause_table_new(void);

/* end is called for each cause that is still in it, and may free it. */
void cause_table_free(struct cause_table *table, void (*end)(struct cause *cause));

struct cause *cause_table_find(
	const struct cause_table *table, const struct cause_key *key); /* or NULL */
void cause_table_add(struct cause_table *table, struct cause *cause);
void cause_table_remove(struct cause_table *table, struct cause *cause);
