/* SPDX-License-Identifier: ISC */
#pragma once

#include "relay/link.h"

/*
 * The connections that wait for another message to the same server, for 5 s at most, and those that
 * say goodbye. Deliveries take them from here and give them back; a server that ends an idle one
 * does no harm.
 */

struct links;

struct links *links_new(void);

/* The one used last among those of key, for cb and owner; NULL: there is none. */
struct link *links_take(struct links *links, const char *key, link_cb cb, void *owner);

/* True when links_take would find one. */
bool links_has(const struct links *links, const char *key);

/*
 * Takes link, whatever its state: it waits here when it is ready for another transaction, else it is
 * ended, politely where that makes sense.
 */
void links_give(struct links *links, struct link *link);

/* Ends them all at once: says QUIT, but waits for nothing. */
void links_free(struct links *links);
