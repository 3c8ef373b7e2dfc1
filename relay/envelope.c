/* SPDX-License-Identifier: ISC */
#include "relay/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"

/*
 * Little-endian integers; a text is its bytes and a NUL. First byte: the version.
 *
 *   envelope   version:u8 flags:u8 received:i64 count:u32 sender client
 *              author signers:u8 signer... envid (recipient notify:u8 orcpt)...
 *   recipient  version:u8 state:u8 reason:u8 origin:u8 told:u8 attempts:u32
 *              next:i64 deferral:i64 held:i64 subject
 */
enum {
	ENVELOPE_VERSION = 3,
	RECIPIENT_VERSION = 3,
	FLAG_EIGHT_BIT = 1,
	FLAG_NOTIFICATION = 2,
	FLAG_UTF8 = 4,
	FLAG_RET_FULL = 8,
	FLAG_RET_HDRS = 16,
	TOLD_DELAY = 1,
	TOLD_OWED = 2,
};

static void put_integer(struct buf *out, uint64_t value, size_t bytes)
{
	char *at = buf_reserve(out, bytes);

	for (size_t i = 0; i < bytes; i++)
		at[i] = (char)(value >> (8 * i));
	out->len += bytes;
}

static void put_text(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text) + 1);
}

bool envelope_has_wishes(const struct envelope *envelope)
{
	bool has = envelope->ret || (envelope->envid && envelope->envid[0]);

	for (size_t i = 0; i < envelope->count && !has; i++)
		has = (envelope->notify && envelope->notify[i]) ||
		      (envelope->orcpts && envelope->orcpts[i] && envelope->orcpts[i][0]);
	return has;
}

/* What is left to be read; bad is set for good by the first thing that does not fit. */
struct cursor {
	const char *at;
	size_t left;
	bool bad;
};

static uint64_t get_integer(struct cursor *cursor, size_t bytes)
{
	uint64_t value = 0;

	if (cursor->left < bytes) {
		cursor->bad = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)cursor->at[i] << (8 * i);
	cursor->at += bytes;
	cursor->left -= bytes;
	return value;
}

static const char *get_text(struct cursor *cursor)
{
	const char *text = cursor->at;
	const char *end = cursor->left ? memchr(text, '\0', cursor->left) : NULL;

	if (!end) {
		cursor->bad = true;
		return "";
	}
	cursor->left -= (size_t)(end + 1 - text);
	cursor->at = end + 1;
	return text;
}

static unsigned flags_of(const struct envelope *envelope)
{
	static const unsigned returns[] = {[SMTP_RET_NOT_GIVEN] = 0,
		[SMTP_RET_FULL] = FLAG_RET_FULL,
		[SMTP_RET_HDRS] = FLAG_RET_HDRS};

	return (envelope->eight_bit ? FLAG_EIGHT_BIT : 0) |
	       (envelope->notification ? FLAG_NOTIFICATION : 0) |
	       (envelope->utf8 ? FLAG_UTF8 : 0) | returns[envelope->ret];
}

static void take_flags(struct envelope *envelope, uint64_t flags)
{
	envelope->eight_bit = flags & FLAG_EIGHT_BIT;
	envelope->notification = flags & FLAG_NOTIFICATION;
	envelope->utf8 = flags & FLAG_UTF8;
	envelope->ret = flags & FLAG_RET_FULL   ? SMTP_RET_FULL
	                : flags & FLAG_RET_HDRS ? SMTP_RET_HDRS
	                                        : SMTP_RET_NOT_GIVEN;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

void envelope_encode(const struct envelope *envelope, struct buf *out)
{
	put_integer(out, ENVELOPE_VERSION, 1);
	put_integer(out, flags_of(envelope), 1);
	put_integer(out, (uint64_t)envelope->received, 8);
	put_integer(out, envelope->count, 4);
	put_text(out, envelope->sender);
	put_text(out, envelope->client);
	put_text(out, or_empty(envelope->author));
	put_integer(out, envelope->signer_count, 1);
	for (size_t i = 0; i < envelope->signer_count; i++)
		put_text(out, envelope->signers[i]);
	put_text(out, or_empty(envelope->envid));
	for (size_t i = 0; i < envelope->count; i++) {
		put_text(out, envelope->recipients[i]);
		put_integer(out, envelope->notify ? envelope->notify[i] : 0, 1);
		put_text(out, envelope->orcpts ? or_empty(envelope->orcpts[i]) : "");
	}
}

/* All before the lists. Returns false when this is no envelope. */
static bool decode_head(struct cursor *cursor, struct envelope *envelope)
{
	uint64_t version = get_integer(cursor, 1);

	take_flags(envelope, get_integer(cursor, 1));
	envelope->received = (int64_t)get_integer(cursor, 8);
	envelope->count = get_integer(cursor, 4);
	envelope->sender = get_text(cursor);
	envelope->client = get_text(cursor);
	envelope->author = get_text(cursor);
	envelope->signer_count = get_integer(cursor, 1);
	bool has_room =
		envelope->count > 0 &&
		envelope->count <= cursor->left && /* each takes a byte at least */
		envelope->signer_count <= SMTP_SIGNERS_MAX;

	return version == ENVELOPE_VERSION && has_room && !cursor->bad;
}

/* The lists of an envelope: one block, which begins with the recipients. */
struct lists {
	const char **recipients, **orcpts, **signers;
	uint8_t *notify;
};

static struct lists make_lists(const struct envelope *envelope)
{
	size_t texts = 2 * envelope->count + envelope->signer_count;
	const char **block = mem_alloc(texts * sizeof(char *) + envelope->count);

	return (struct lists){.recipients = block,
		.orcpts = block + envelope->count,
		.signers = block + 2 * envelope->count,
		.notify = (uint8_t *)(block + texts)};
}

static void get_lists(
	struct cursor *cursor, struct envelope *envelope, const struct lists *lists)
{
	for (size_t i = 0; i < envelope->signer_count; i++)
		lists->signers[i] = get_text(cursor);
	envelope->envid = get_text(cursor);
	for (size_t i = 0; i < envelope->count; i++) {
		lists->recipients[i] = get_text(cursor);
		lists->notify[i] = (uint8_t)get_integer(cursor, 1);
		lists->orcpts[i] = get_text(cursor);
	}
}

int envelope_decode(
	const void *bytes, size_t len, struct envelope *envelope, const char ***block)
{
	struct cursor cursor = {.at = bytes, .left = len};

	if (!decode_head(&cursor, envelope))
		return -EINVAL;
	struct lists lists = make_lists(envelope);

	get_lists(&cursor, envelope, &lists);
	if (cursor.bad || cursor.left) {
		free(lists.recipients);
		return -EINVAL;
	}
	envelope->signers = lists.signers;
	envelope->recipients = lists.recipients;
	envelope->notify = lists.notify;
	envelope->orcpts = lists.orcpts;
	*block = lists.recipients;
	return 0;
}

void recipient_record_encode(const struct recipient_record *record, struct buf *out)
{
	put_integer(out, RECIPIENT_VERSION, 1);
	put_integer(out, record->state, 1);
	put_integer(out, record->reason, 1);
	put_integer(out, record->origin, 1);
	put_integer(out,
		(record->is_delay_told ? TOLD_DELAY : 0) |
			(record->is_report_owed ? TOLD_OWED : 0),
		1);
	put_integer(out, record->attempts, 4);
	put_integer(out, (uint64_t)record->next_attempt, 8);
	put_integer(out, (uint64_t)record->first_deferral, 8);
	put_integer(out, (uint64_t)record->held_since, 8);
	put_text(out, record->subject);
}

int recipient_record_decode(
	const void *bytes, size_t len, struct recipient_record *record)
{
	struct cursor cursor = {.at = bytes, .left = len};
	uint64_t version = get_integer(&cursor, 1);
	uint64_t state = get_integer(&cursor, 1);
	uint64_t reason = get_integer(&cursor, 1);
	uint64_t origin = get_integer(&cursor, 1);
	uint64_t told = get_integer(&cursor, 1);

	record->attempts = (uint32_t)get_integer(&cursor, 4);
	record->next_attempt = (int64_t)get_integer(&cursor, 8);
	record->first_deferral = (int64_t)get_integer(&cursor, 8);
	record->held_since = (int64_t)get_integer(&cursor, 8);
	record->subject = get_text(&cursor);
	if (cursor.bad || cursor.left || version != RECIPIENT_VERSION ||
		state > RCPT_DELETED || state == RCPT_ACTIVE || reason >= REASON_COUNT ||
		origin > HOLD_MANUAL)
		return -EINVAL;
	record->state = (enum recipient_state)state;
	record->reason = (enum reason)reason;
	record->origin = (enum hold_origin)origin;
	record->is_delay_told = told & TOLD_DELAY;
	record->is_report_owed = told & TOLD_OWED;
	return 0;
}

static const char *const state_names[] = {
	[RCPT_QUEUED] = "queued",
	[RCPT_ACTIVE] = "active",
	[RCPT_DEFERRED] = "deferred",
	[RCPT_HELD] = "held",
	[RCPT_DELIVERED] = "delivered",
	[RCPT_BOUNCED] = "bounced",
	[RCPT_DELETED] = "deleted",
};

const char *recipient_state_name(enum recipient_state state)
{
	return state_names[state];
}

int recipient_state_parse(const char *name, enum recipient_state *state)
{
	for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*state = (enum recipient_state)i;
			return 0;
		}
	}
	return -EINVAL;
}
