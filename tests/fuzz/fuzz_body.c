/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtp/smtp.h"
#include "tests/smtp/automaton.h"

/*
 * What ends a body and what it is: smtp/body.c against the reference of the tests, behind DATA and in
 * chunks, the input cut as its first byte says. Then out and in again: what leaves has CRLF only, and
 * comes back as it was.
 */
struct decoded {
	char out[8192];
	size_t len, used;
	bool ended;
};

static void decode(struct decoded *d, struct smtp_unstuffer *u, const char *in,
	size_t len, size_t piece)
{
	memset(d, 0, sizeof *d);
	while (d->used < len && !d->ended) {
		size_t give = len - d->used < piece ? len - d->used : piece;
		size_t used, produced;

		/* a small buffer fills up, so its border is met too */
		d->ended = smtp_unstuff(u, in + d->used, give, &used, d->out + d->len,
				   8 + piece, &produced) == SMTP_BODY_END;
		assert(used || produced);
		assert(produced <= 8 + piece);
		d->used += used;
		d->len += produced;
	}
}

static void check_clean(const char *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		assert(out[i] != '\n' || (i > 0 && out[i - 1] == '\r'));
		assert(out[i] != '\r' || (i + 1 < len && out[i + 1] == '\n'));
	}
}

static void check_data(const char *in, size_t len, size_t piece)
{
	static struct decoded d;
	static struct reference r;
	struct smtp_unstuffer u;

	smtp_unstuffer_init(&u);
	decode(&d, &u, in, len, piece);
	refer(&r, in, len, false);
	assert(d.ended == r.ended && d.used == r.used);
	assert(memcmp(d.out, r.body, d.len) == 0);
	check_clean(d.out, d.len);
	if (r.ended) {
		assert(d.len == r.len && u.saw_bare_newline == r.bare);
	} else { /* a last CR waits for what follows */
		assert(d.len == r.len || d.len + 1 == r.len);
	}
}

static void check_chunk(const char *in, size_t len, size_t piece)
{
	static struct decoded d;
	static struct reference r;
	struct smtp_unstuffer u;

	smtp_unstuffer_init_chunked(&u);
	decode(&d, &u, in, len, piece);
	d.len += smtp_unstuff_end(&u, d.out + d.len);
	assert(smtp_unstuff_end(&u, d.out + d.len) == 0);
	refer(&r, in, len, true);
	assert(!d.ended && d.used == len && d.len == r.len);
	assert(memcmp(d.out, r.body, d.len) == 0);
	assert(u.saw_bare_newline == r.bare);
	check_clean(d.out, d.len);
}

static void check_round_trip(const char *in, size_t len, size_t piece)
{
	static char wire[16384];
	static struct decoded once, again;
	struct smtp_unstuffer u;
	struct smtp_stuffer s;
	size_t used = 0, wire_len = 0, consumed, produced;

	smtp_unstuffer_init_chunked(&u);
	decode(&once, &u, in, len, piece);
	once.len += smtp_unstuff_end(&u, once.out + once.len);
	smtp_stuffer_init(&s);
	while (used < once.len) {
		size_t give = once.len - used < piece ? once.len - used : piece;

		smtp_stuff(&s, once.out + used, give, &consumed, wire + wire_len,
			sizeof wire - wire_len, &produced);
		used += consumed;
		wire_len += produced;
	}
	wire_len += smtp_stuff_end(&s, wire + wire_len);
	check_clean(wire, wire_len);
	smtp_unstuffer_init(&u);
	decode(&again, &u, wire, wire_len, piece);
	assert(again.ended && again.used == wire_len && !u.saw_bare_newline);
	assert(again.len == once.len || again.len == once.len + 2); /* its last CRLF */
	assert(memcmp(again.out, once.out, once.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 2000)
		return 0;
	const char *in = (const char *)data + 1;
	size_t len = size - 1, piece = data[0] ? data[0] : len;

	check_data(in, len, piece);
	check_chunk(in, len, piece);
	check_round_trip(in, len, piece);
	return 0;
}
