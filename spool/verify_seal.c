/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "spool/crc32c.h"
#include "spool/verify.h"

void verify_seal_start(
	struct verify_seal *check, const struct segment *segment, uint64_t end)
{
	verify_seal_fini(check);
	check->state = SEAL_BLOCK;
	check->segment = segment;
	check->end = end;
	window_init(&check->index, segment->fd);
	window_init(&check->log, segment->fd);
}

void verify_seal_fini(struct verify_seal *check)
{
	window_fini(&check->index);
	window_fini(&check->log);
}

/* That is the end of it. */
static void tell(struct verify_seal *check, uint64_t at, uint64_t len, int error)
{
	struct spool_finding *finding =
		findings_add(check->findings, SPOOL_DAMAGED_SEAL, len);

	check->state = SEAL_OVER;
	if (error == -ENOMEM)
		check->findings->lacks_memory = true;
	if (!finding)
		return;
	snprintf(finding->damage.place, sizeof finding->damage.place,
		"log/%016llx.seg:%llu", (unsigned long long)check->segment->head.number,
		(unsigned long long)at);
	if (check->index.unreadable)
		finding->damage.code = check->index.unreadable;
}

static void tell_index(struct verify_seal *check, int error)
{
	tell(check, check->seal.index, check->seal.index_len, error);
}

/* A place without the magic and the salt has no seal: it was never written, or is of a
 * former life. */
static bool has_seal(const uint8_t *in, uint64_t salt)
{
	struct seal seal = {.salt = salt};
	uint8_t expected[SEAL_SIZE];

	seal_encode(&seal, expected);
	return memcmp(in + 4, expected + 4, 12) == 0;
}

static void check_block(struct verify_seal *check)
{
	uint64_t salt = check->segment->head.salt;
	struct seal *seal = &check->seal;
	const uint8_t *in;
	int error = window_at(&check->index, SEGMENT_SEAL, SEAL_SIZE, &in);

	check->state = SEAL_OVER;
	if (error == -ENODATA || (!error && !has_seal(in, salt)))
		return;
	if (error || !seal_decode(in, salt, seal) || seal->end != check->end ||
		seal->index < seal->end || seal->index_len > SPOOL_SEGMENT_MAX) {
		tell(check, SEGMENT_SEAL, SEAL_SIZE, error);
		return;
	}
	check->state = SEAL_SUM;
	check->at = seal->index;
	check->sum = 0;
}

static size_t sum_index(struct verify_seal *check)
{
	uint64_t left = check->seal.index + check->seal.index_len - check->at;
	const uint8_t *in;
	int error = left ? window_at(&check->index, check->at, 1, &in) : 0;

	if (error || (!left && check->sum != check->seal.index_crc)) {
		tell_index(check, error);
		return 0;
	}
	if (!left) {
		check->state = check->is_log_sound ? SEAL_ENTRIES : SEAL_OVER;
		check->at = check->seal.index;
		return 0;
	}
	size_t len = check->index.len - (size_t)(check->at - check->index.start);

	if (len > left)
		len = (size_t)left;
	check->sum = crc32c(check->sum, in, len);
	check->at += len;
	return len;
}

/* Is this entry of the index, of at most left bytes, an item of the log? *len is its length. */
static bool is_in_log(
	struct verify_seal *check, uint64_t left, struct item *item, size_t *len)
{
	const uint8_t *in, *there;

	if (left < INDEX_ENTRY || window_at(&check->index, check->at, INDEX_ENTRY, &in))
		return false;
	uint64_t offset = index_entry_decode(in, item);

	*len = INDEX_ENTRY + item->len;
	if (*len > left || offset > check->end - ITEM_HEAD ||
		window_at(&check->index, check->at, *len, &in) ||
		window_at(&check->log, offset, ITEM_HEAD, &there))
		return false;
	item->bytes = in + INDEX_ENTRY;
	return memcmp(in + INDEX_ENTRY - ITEM_HEAD, there, ITEM_HEAD) == 0 &&
	       item_is_sound(item, there);
}

static size_t check_entry(struct verify_seal *check)
{
	uint64_t left = check->seal.index + check->seal.index_len - check->at;
	struct item item;
	size_t len = 0;

	if (left == 0) {
		check->state = SEAL_OVER;
		if (check->removals)
			tell_index(check, 0);
		return 0;
	}
	if (!is_in_log(check, left, &item, &len)) {
		tell_index(check, 0);
		return 0;
	}
	check->removals -= item.kind == ITEM_KIND_REMOVAL;
	check->at += len;
	return 2 * len;
}

size_t verify_seal_step(struct verify_seal *check)
{
	switch (check->state) {
	case SEAL_BLOCK:
		check_block(check);
		return SEAL_SIZE;
	case SEAL_SUM:
		return sum_index(check);
	case SEAL_ENTRIES:
		return check_entry(check);
	case SEAL_OVER:
		break;
	}
	return 0;
}
