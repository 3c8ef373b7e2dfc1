/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay/mem.h"
#include "relay/original.h"

/* The spool is played by the test: one body, given out in blocks. */
struct spool {
	const char *body;
	size_t len, block;
	size_t bad_from; /* the block from there on cannot be read */
	unsigned readers;
};

struct spool_reader {
	struct spool *spool;
	size_t at;
	spool_block_cb cb; /* waits for serve() */
	void *owner;
};

static struct spool_reader *reader;

struct spool_reader *spool_reader_open(struct spool *spool, uint64_t id, int *error)
{
	*error = -ENOENT;
	if (id != 7)
		return NULL;
	reader = mem_alloc(sizeof *reader);
	reader->spool = spool;
	spool->readers++;
	return reader;
}

uint64_t spool_reader_size(const struct spool_reader *opened)
{
	return opened->spool->len;
}

void spool_reader_next(struct spool_reader *opened, spool_block_cb cb, void *owner)
{
	opened->cb = cb;
	opened->owner = owner;
}

void spool_reader_close(struct spool_reader *opened)
{
	opened->spool->readers--;
	free(opened);
	reader = NULL;
}

/* What the loop would do: one block after another, as long as they are asked for. */
static void serve(void)
{
	while (reader && reader->cb) {
		spool_block_cb cb = reader->cb;
		struct spool *spool = reader->spool;
		size_t at = reader->at, left = spool->len - at;
		size_t len = left < spool->block ? left : spool->block;

		reader->cb = NULL;
		reader->at += len;
		if (spool->bad_from && reader->at > spool->bad_from)
			cb(reader->owner, -EBADMSG, NULL, 0);
		else
			cb(reader->owner, 0, spool->body + at, len);
	}
}

static void on_done(void *owner)
{
	++*(unsigned *)owner;
}

/* Reads body for a sender that asked for ret. */
static struct original read_original(struct spool *spool, enum smtp_ret ret)
{
	const char *recipient = "b@dest.example";
	struct envelope envelope = {.sender = "a@corp.example",
		.recipients = &recipient,
		.count = 1,
		.client = "192.0.2.7",
		.ret = ret,
		.envid = "E1"};
	struct buf bytes = {0};
	struct original original = {.has_envelope = false};
	unsigned done = 0;

	envelope_encode(&envelope, &bytes);
	struct spool_entry entry = {.envelope = bytes.bytes, .envelope_len = bytes.len};

	original_take(&original, &entry);
	buf_fini(&bytes); /* what was taken is a copy */
	cr_assert(original_read(&original, spool, 7, on_done, &done));
	cr_assert_eq(done, 0, "never from inside");
	serve();
	cr_assert_eq(done, 1);
	cr_assert_eq(spool->readers, 0);
	return original;
}

Test(original, all_of_it_is_read_when_that_was_asked_for_and_it_is_small)
{
	static const struct {
		enum smtp_ret ret;
		size_t len;
		bool is_whole;
	} rows[] = {
		{SMTP_RET_NOT_GIVEN, 100, false},
		{SMTP_RET_HDRS, 100, false},
		{SMTP_RET_FULL, 100, true},
		{SMTP_RET_FULL, ORIGINAL_MAX, true},
		{SMTP_RET_FULL, ORIGINAL_MAX + 1, false},
	};
	char *body = mem_alloc(ORIGINAL_MAX + 2);

	memset(body, 'x', ORIGINAL_MAX + 1);
	memcpy(body, "A: b\r\n\r\n", 8);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct spool spool = {
			.body = body, .len = rows[i].len, .block = SPOOL_BLOCK};
		struct original original = read_original(&spool, rows[i].ret);

		cr_expect_eq(original.is_whole, rows[i].is_whole, "row %zu", i);
		if (rows[i].is_whole)
			cr_expect_eq(original.text.len, rows[i].len);
		cr_expect_eq(original_header_len(&original), 6);
		cr_expect_str_eq(original.envelope.envid, "E1");
		cr_expect_str_eq(original_orcpt(&original, 0), "");
		cr_expect_str_eq(original_orcpt(&original, 1), "", "no such recipient");
		original_fini(&original);
	}
	free(body);
}

Test(original, what_cannot_be_shown_whole_is_not)
{
	static const char with_nul[] = "A: b\r\n\r\nx\0y\r\n";
	struct spool spool = {.body = with_nul, .len = sizeof with_nul - 1, .block = 4};
	struct original original = read_original(&spool, SMTP_RET_FULL);

	cr_expect_not(original.is_whole);
	cr_expect_eq(original_header_len(&original), 6);
	original_fini(&original);
	spool.bad_from = 9; /* whatever came before it is not to be trusted */
	original = read_original(&spool, SMTP_RET_FULL);
	cr_expect_not(original.is_whole);
	cr_expect_eq(original.text.len, 0);
	cr_expect_eq(original_header_len(&original), 0);
	original_fini(&original);
}

Test(original, without_a_message_or_an_envelope_nothing_is_known)
{
	struct spool spool = {.body = "", .len = 0, .block = 1};
	struct spool_entry entry = {.envelope = "\11", .envelope_len = 1};
	struct original original = {.has_envelope = false};
	unsigned done = 0;

	original_take(&original, NULL);
	original_take(&original, &entry);
	cr_expect_not(original.has_envelope);
	cr_expect_str_eq(original_orcpt(&original, 0), "");
	cr_expect_not(original_read(&original, &spool, 8, on_done, &done));
	original_fini(&original);
	original = read_original(&spool, SMTP_RET_FULL);
	cr_expect_eq(original.text.len, 0);
	original_fini(&original);
}

Test(original, it_can_be_broken_off)
{
	struct spool spool = {.body = "A: b\r\n", .len = 6, .block = 1};
	struct original original = {.has_envelope = false};
	unsigned done = 0;

	cr_assert(original_read(&original, &spool, 7, on_done, &done));
	original_fini(&original);
	cr_expect_eq(spool.readers, 0);
	cr_expect_eq(done, 0);
}
