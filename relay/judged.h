/* SPDX-License-Identifier: ISC */
#pragma once

#include <sys/queue.h>

#include <jansson.h>
#include <uv.h>

#include "dns/preflight.h"
#include "relay/public_ip.h"
#include "relay/source.h"
#include "relay/target.h"

/*
 * What fitness.c has found lately, remembered for mail that is like it: most messages are judged without a
 * look-up and without a check. Only ways that are free are remembered, until the first fact they rest on
 * may be another; whatever stops mail is judged anew. All of it is forgotten when the resolver
 * learns, asked past its cache, that something has changed, when our own addresses are others, and by
 * a reload. Bounded: what was remembered first goes first. Owned by the daemon (cli_serve.c).
 */

enum {
	JUDGED_MAX = 4096,     /* kinds of mail */
	JUDGED_KEY_MAX = 1024, /* bytes; what needs more is not remembered */
	JUDGED_SOURCES_MS =
		1000, /* for so long our addresses are taken to be what they were */
};

struct judged;

/* resolver is borrowed. */
struct judged *judged_open(uv_loop_t *loop, const struct resolver *resolver);
/* Nobody who waits is told any more; the memory goes when the loop has closed the handle. */
void judged_close(struct judged *judged);

/* All that a judgement depends on and that is not the same for all mail, text by text. */
struct judged_key {
	uint64_t generation; /* set by judged_find, for judged_keep */
	size_t len;          /* JUDGED_KEY_MAX: too long */
	char bytes[JUDGED_KEY_MAX];
};
void judged_key_add(struct judged_key *key, const char *text);
void judged_key_add_number(struct judged_key *key, uint16_t number);

/* What was found about one source. */
struct judged_way {
	struct source source;
	enum action action;
	/* The one that decides, as in struct candidate; NULL: all is clear. */
	struct finding *finding;
	json_t *described; /* of it */
	uint32_t ttl;      /* of its evidence */
	struct target_list list;
};

struct judged_ways {
	size_t count;
	struct judged_way items[];
};

struct judged_ways *judged_ways_new(size_t count);
void judged_ways_free(struct judged_ways *ways); /* NULL is fine */

/* Borrowed until the loop is back, or NULL: it is to be judged. */
const struct judged_ways *judged_find(struct judged *judged, struct judged_key *key);
/*
 * Takes ways, for as long as until (answer_now) is not past; not at all when everything was forgotten
 * since judged_find: they rest on what was true before that.
 */
void judged_keep(struct judged *judged, const struct judged_key *key,
	struct judged_ways *ways, int64_t until);
void judged_forget(struct judged *judged);
size_t judged_count(const struct judged *judged);

/* source_list, not asked of the system each time. */
size_t judged_sources(struct judged *judged, const struct config *config,
	const struct public_ips *ips, struct source sources[SOURCES_MAX]);

/* Somebody who is to be called from the loop; a part of the caller's. */
struct judged_call {
	void (*cb)(void *owner);
	void *owner;
	bool is_waiting;
	TAILQ_ENTRY(judged_call) others;
};
void judged_call_soon(struct judged *judged, struct judged_call *call);
void judged_call_cancel(struct judged *judged, struct judged_call *call);
