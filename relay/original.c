/* SPDX-License-Identifier: ISC */
#include "relay/original.h"

#include <stdlib.h>
#include <string.h>

void original_take(struct original *original, const struct spool_entry *entry)
{
	if (!entry)
		return;
	buf_append(&original->bytes, entry->envelope, entry->envelope_len);
	original->has_envelope =
		envelope_decode(original->bytes.bytes, original->bytes.len,
			&original->envelope, &original->lists) == 0;
}

static bool has_nul(const struct buf *text)
{
	return text->len && memchr(text->bytes, '\0', text->len);
}

static void on_block(void *owner, int status, const void *bytes, size_t len)
{
	struct original *original = owner;

	if (status) /* what came before may be damaged as well */
		original->text.len = 0;
	else
		buf_append(&original->text, bytes, len);
	if (status == 0 && len > 0 && original->is_whole) {
		spool_reader_next(original->reader, on_block, original);
		return;
	}
	spool_reader_close(original->reader);
	original->reader = NULL;
	if (status || has_nul(&original->text))
		original->is_whole = false;
	original->done(original->owner);
}

bool original_read(struct original *original, struct spool *spool, uint64_t id,
	void (*done)(void *owner), void *owner)
{
	int error;

	original->reader = spool_reader_open(spool, id, &error);
	if (!original->reader)
		return false;
	original->is_whole = original->has_envelope &&
	                     original->envelope.ret == SMTP_RET_FULL &&
	                     spool_reader_size(original->reader) <= ORIGINAL_MAX;
	original->done = done;
	original->owner = owner;
	spool_reader_next(original->reader, on_block, original);
	return true;
}

size_t original_header_len(const struct original *original)
{
	const struct buf *text = &original->text;
	const char *end =
		text->len ? memmem(text->bytes, text->len, "\r\n\r\n", 4) : NULL;

	return end ? (size_t)(end + 2 - text->bytes) : text->len;
}

const char *original_orcpt(const struct original *original, size_t index)
{
	const struct envelope *envelope = &original->envelope;

	return original->has_envelope && index < envelope->count ? envelope->orcpts[index]
	                                                         : "";
}

void original_fini(struct original *original)
{
	if (original->reader)
		spool_reader_close(original->reader);
	free(original->lists);
	buf_fini(&original->bytes);
	buf_fini(&original->text);
	*original = (struct original){0};
}
