/* SPDX-License-Identifier: ISC */
#include "tests/smtp/automaton.h"
#include "tests/smtp/dialogue.h"

/*
 * Rows A and B of the bad inputs. Not here: A16, B11 (the connection is lost) and B10 (TLS ends within
 * a chunk) are the session's: a machine that gets no more input asks no SMTP_ASK_END. A9's TLS records
 * are cuts like others: the dialogue is played whole and byte by byte. A11: octets that come before
 * our 354 are the body when we say 354, and commands when we refuse, as RFC 2920 has it: to judge by
 * what is in the buffer would make the outcome depend on packets. A14, A17: what leaves is
 * relay/'s; in and out again is in test_body and fuzz_body.
 */

#define BODY       TO_RCPT "DATA\r\n"
#define BODY_CODES TO_RCPT_CODES "354 "
#define BODY_ASKED TO_RCPT_ASKED "\nDATA "
#define SMUGGLED                                                                         \
	"MAIL FROM:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\nevil\r\n.\r\n"

/* Each is followed by SMUGGLED within the body: what is refused when strict is all of it. */
Test(server_body, nothing_but_crlf_dot_crlf_ends_a_body)
{
	static const struct {
		const char *name, *in, *out;
		bool is_bare;
	} rows[] = {
		{"A2", "a\n.\n", "a\r\n.\r\n", true},
		{"A3", "a\n.\r\n", "a\r\n.\r\n", true},
		{"A4", "a\r\n.\n", "a\r\n\r\n", true},
		{"A5", "a\r.\r", "a . ", true},
		{"A5", "a\r.\r\n", "a .\r\n", true},
		{"A5", "a\r\n.\r", "a\r\n ", true},
		{"A5", "a\r.\n", "a .\r\n", true},
		{"A6", "a\r\r\n.\r\r\n", "a \r\n \r\n", true},
		{"A6", "a\r\n.\r\r\n", "a\r\n \r\n", true},
		{"A7", "a\r\n. \r\n", "a\r\n \r\n", false},
		{"A7", "a\r\n.\t\r\n", "a\r\n\t\r\n", false},
		{"A7", "a\r\n..\r\n", "a\r\n.\r\n", false},
		{"A13", "Subject: a\rBcc: v@x.example\r\n",
			"Subject: a Bcc: v@x.example\r\n", true},
		{"A13", "Subject: a\r\n\rBcc: v@x.example\r\n",
			"Subject: a\r\n Bcc: v@x.example\r\n", true},
		{"A13", "Subject: a\r\rtext\r\r\n", "Subject: a  text \r\n", true},
		{"A14", "h: b\n\nbody\n", "h: b\r\n\r\nbody\r\n", true},
		{"A17", "\r\n..\r\n...\r\n....\r\n.....\r\n",
			"\r\n.\r\n..\r\n...\r\n....\r\n", false},
		{"A19", "a\v.\v\f.\f\x85.\x85\xe2\x80\xa8.\xe2\x80\xa8\x1a\x04\r\n",
			"a\v.\v\f.\f\x85.\x85\xe2\x80\xa8.\xe2\x80\xa8\x1a\x04\r\n",
			false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char in[1024], asked[1024];

		snprintf(in, sizeof in, BODY "%sMAIL FROM:<x@y.example>\r\n.\r\nNOOP\r\n",
			rows[i].in);
		struct dialogue *d = talk(in);

		snprintf(asked, sizeof asked,
			BODY_ASKED "%sMAIL FROM:<x@y.example>\r\n\nEND", rows[i].out);
		cr_assert_str_eq(codes(d), BODY_CODES "250 250", "%s", rows[i].name);
		cr_assert_str_eq(d->asked, asked, "%s: %s", rows[i].name, d->asked);
		free(d);
		d = talk_with(in, (struct setting){.strict = true});
		cr_assert_str_eq(codes(d),
			rows[i].is_bare ? BODY_CODES "550 421" : BODY_CODES "250 250",
			"%s", rows[i].name);
		cr_assert_eq(was_asked(d, "\nEND"), !rows[i].is_bare);
		cr_assert_eq(was_asked(d, "\nRESET"), rows[i].is_bare);
		free(d);
	}
}

Test(server_body, what_ends_a_body_ends_it)
{
	static const struct row rows[] = {
		{"A1", BODY "a\r\n.\r\nNOOP\r\n", BODY_CODES "250 250",
			BODY_ASKED "a\r\n\nEND"},
		{"A6: the exact five bytes", BODY "a\r\r\n.\r\nNOOP\r\n", NULL, NULL},
		{"A10", BODY ".\r\nNOOP\r\n", BODY_CODES "250 250", BODY_ASKED "\nEND"},
		{"A12", BODY "a\r\n.\r\n" SMUGGLED, BODY_CODES "250 250 250 354 250",
			BODY_ASKED "a\r\n\nEND\nMAIL x@y.example\nRCPT z@y.example"
				   "\nDATA evil\r\n\nEND"},
	};

	play(rows, 1, (struct setting){0});
	play(rows, 1, (struct setting){.strict = true});
	play(rows + 2, 2, (struct setting){0});
	play(rows + 2, 2, (struct setting){.strict = true});
	struct dialogue *d = talk(rows[1].in);

	cr_assert_str_eq(codes(d), BODY_CODES "250 250");
	cr_assert_str_eq(d->asked, BODY_ASKED "a \r\n\nEND");
	free(d);
}

/* A7: NUL is a byte of a body like others for us; what holds it is refused by nobody here. */
Test(server_body, a_nul_ends_nothing)
{
	static const char in[] = BODY "a\r\n.\0\r\n.\r\nNOOP\r\n";
	struct dialogue *d = talk_bytes(in, sizeof in - 1, (struct setting){0});

	cr_assert_str_eq(codes(d), BODY_CODES "250 250");
	free(d);
}

/* A18: the end straddles whatever buffer there is; nothing else of the body does either. */
Test(server_body, no_buffer_border_matters)
{
	static char in[8192], out[8192];
	struct smtp_server_options options = dialogue_options((struct setting){0});

	options.size_limit = sizeof in;
	for (size_t fill = sizeof((struct smtp_server *)0)->body - 12;
		fill < sizeof((struct smtp_server *)0)->body + 12; fill++) {
		struct dialogue *d = calloc(1, sizeof *d);
		int head = snprintf(in, sizeof in, "%s", BODY);

		memset(in + head, 'a', fill);
		snprintf(in + head + fill, 64, "\r\n..\r\n.\r\nNOOP\r\n");
		snprintf(out, sizeof out, "%s%.*s\r\n.\r\n\nEND", BODY_ASKED, (int)fill,
			in + head);
		smtp_server_init(&d->machine, &options);
		converse(d, in, strlen(in), strlen(in));
		cr_assert_str_eq(codes(d), BODY_CODES "250 250");
		cr_assert_str_eq(d->asked, out, "%zu", fill);
		free(d);
	}
}

/* A20: work is linear, and one refusal comes of it. */
Test(server_body, many_false_ends_cost_no_more_than_one)
{
	static char in[60000];
	size_t len = (size_t)snprintf(in, sizeof in, "%s", BODY);

	for (int i = 0; i < 10000; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, "\n.\n");
	len += (size_t)snprintf(in + len, sizeof in - len, "\r\n.\r\nNOOP\r\n");
	struct dialogue *d = talk_bytes(in, len, (struct setting){.strict = true});

	cr_assert_str_eq(codes(d), BODY_CODES "550 421");
	free(d);
}

/*
 * A8, A9: every string over {CR, LF, '.', 'a'} of up to 8 bytes as a body, a smuggled transaction
 * behind it, whole and byte by byte, strict or not. The reference says where the body ends, what it
 * is, and so what is left.
 */
struct start {
	struct smtp_server normalizing, strict; /* the next byte is the body's first */
};

static void make_start(struct start *start, const char *in)
{
	struct dialogue *d = talk(in);

	start->normalizing = d->machine;
	free(d);
	d = talk_with(in, (struct setting){.strict = true});
	start->strict = d->machine;
	free(d);
}

static struct dialogue *go_on(
	const struct smtp_server *machine, const char *in, size_t len, size_t piece)
{
	static struct dialogue d;

	d.machine = *machine;
	d.replies_len = d.asked_len = 0;
	d.closed = false;
	converse(&d, in, len, piece);
	d.asked[d.asked_len] = '\0';
	return &d;
}

/* What is left in front of the smuggled MAIL is whole lines, if rude ones; so MAIL is a command. */
static bool is_whole_lines(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
			return false;
	return len == 0 || text[len - 1] == '\n';
}

static void check_body(const struct start *start, const char *text, size_t len)
{
	char in[64], asked[128];
	struct reference r;
	size_t total = (size_t)snprintf(
		in, sizeof in, "%sMAIL FROM:<x@y.example>\r\n.\r\n", text);

	refer(&r, in, total, false);
	bool is_left = r.used <= len && is_whole_lines(in + r.used, len - r.used);

	cr_assert(r.ended);
	for (int strict = 0; strict < 2; strict++) {
		bool is_refused = strict && r.bare;
		const struct smtp_server *machine =
			strict ? &start->strict : &start->normalizing;

		snprintf(asked, sizeof asked, "%.*s%s%s", (int)r.len, r.body,
			is_refused ? "\nRESET" : "\nEND",
			is_left && !is_refused ? "\nMAIL x@y.example" : "");
		for (size_t piece = 1; piece <= total; piece += total - 1) {
			struct dialogue *d = go_on(machine, in, total, piece);

			cr_assert_str_eq(d->asked, asked, "%s: %s", text, d->asked);
			cr_assert_eq(strncmp(d->replies, "550 ", 4) == 0, is_refused);
			cr_assert(!is_refused || d->closed);
		}
	}
}

/* The same by BDAT, in one chunk and in chunks of one octet. */
static void check_chunks(const struct start *start, const char *text, size_t len)
{
	static const char tail[] = "MAIL FROM:<x@y.example>\r\n";
	char whole[128], octets[256], asked[128];
	struct reference r;
	size_t used = 0;

	refer(&r, text, len, true);
	size_t total = (size_t)snprintf(
		whole, sizeof whole, "BDAT %zu LAST\r\n%s%s", len, text, tail);
	for (size_t i = 0; i < len; i++)
		used += (size_t)snprintf(octets + used, sizeof octets - used,
			"BDAT 1%s\r\n%c", i + 1 == len ? " LAST" : "", text[i]);
	used += (size_t)snprintf(octets + used, sizeof octets - used, "%s", tail);
	for (int strict = 0; strict < 2; strict++) {
		const struct smtp_server *machine =
			strict ? &start->strict : &start->normalizing;

		snprintf(asked, sizeof asked, "\nBDAT %.*s%s", (int)r.len, r.body,
			strict && r.bare ? "\nRESET" : "\nEND\nMAIL x@y.example");
		struct dialogue *d = go_on(machine, whole, total, total);

		cr_assert_str_eq(d->asked, asked, "%s: %s", text, d->asked);
		d = go_on(machine, whole, total, 1);
		cr_assert_str_eq(d->asked, asked, "%s: %s", text, d->asked);
		d = go_on(machine, octets, used, used);
		cr_assert_str_eq(d->asked, asked, "%s: %s", text, d->asked);
	}
}

static size_t check_every_string(const struct start *start,
	void (*check)(const struct start *start, const char *text, size_t len))
{
	static const char alphabet[] = "\r\n.a";
	size_t count = 0;

	for (size_t len = 1; len <= 8; len++) {
		for (size_t number = 0; number < (size_t)1 << (2 * len); number++) {
			char text[9] = "";

			for (size_t i = 0; i < len; i++)
				text[i] = alphabet[number >> (2 * i) & 3];
			check(start, text, len);
			count++;
		}
	}
	return count;
}

Test(server_body, every_short_string_behind_data_is_what_the_reference_says)
{
	static struct start start;

	make_start(&start, BODY);
	cr_assert_eq(check_every_string(&start, check_body), 87380);
}

Test(server_body, every_short_string_in_chunks_is_what_the_reference_says)
{
	static struct start start;

	make_start(&start, TO_RCPT);
	cr_assert_eq(check_every_string(&start, check_chunks), 87380);
}

/* Rows B. */
static const struct row chunks[] = {
	{"one chunk", TO_RCPT "BDAT 3 LAST\r\nabcNOOP\r\n", TO_RCPT_CODES "250 250",
		TO_RCPT_ASKED "\nBDAT abc\nEND"},
	{"several chunks", TO_RCPT "BDAT 3\r\nabcBDAT 2\r\n\r\nBDAT 1 LAST\r\ndNOOP\r\n",
		TO_RCPT_CODES "250 250 250 250", TO_RCPT_ASKED "\nBDAT abc\r\nd\nEND"},
	{"case and spaces", TO_RCPT "bdat  3   last  \r\nabcNOOP\r\n",
		TO_RCPT_CODES "250 250", TO_RCPT_ASKED "\nBDAT abc\nEND"},
	{"leading zeros are digits (RFC 3030 2)", TO_RCPT "BDAT 003 LAST\r\nabcNOOP\r\n",
		TO_RCPT_CODES "250 250", TO_RCPT_ASKED "\nBDAT abc\nEND"},
	{"the next message",
		TO_RCPT "BDAT 1 LAST\r\naMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n"
			"BDAT 1 LAST\r\nbMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n"
			"DATA\r\n.\r\n",
		TO_RCPT_CODES "250 250 250 250 250 250 354 250", NULL},
	{"B4", TO_RCPT "BDAT 0 LAST\r\nNOOP\r\n", TO_RCPT_CODES "250 250",
		TO_RCPT_ASKED "\nBDAT \nEND"},
	{"B4: behind others", TO_RCPT "BDAT 0\r\nBDAT 1\r\naBDAT 0 LAST\r\nNOOP\r\n",
		TO_RCPT_CODES "250 250 250 250", TO_RCPT_ASKED "\nBDAT a\nEND"},
	{"B5: one chunk over the limit is swallowed exactly",
		TO_RCPT "BDAT 1001 LAST\r\n\x01NOOP\r\n", TO_RCPT_CODES "552 250",
		TO_RCPT_ASKED "\nRESET"},
	{"B5: the sum over the limit; what is left of the message is lost",
		TO_RCPT "BDAT 3\r\nabcBDAT 998\r\n\x02"
			"BDAT 3 LAST\r\nabcNOOP\r\n",
		TO_RCPT_CODES "250 552 503 250", TO_RCPT_ASKED "\nBDAT abc\nRESET"},
	{"B6: DATA after BDAT", TO_RCPT "BDAT 3\r\nabcDATA\r\nBDAT 0 LAST\r\n",
		TO_RCPT_CODES "250 503 250", TO_RCPT_ASKED "\nBDAT abc\nEND"},
	{"B6: MAIL and RCPT after BDAT",
		TO_RCPT
		"BDAT 1\r\naMAIL FROM:<>\r\nRCPT TO:<e@d.example>\r\nBDAT 0 LAST\r\n",
		TO_RCPT_CODES "250 503 503 250", TO_RCPT_ASKED "\nBDAT a\nEND"},
	{"B6: BDAT after DATA", TO_RCPT "DATA\r\n.\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		TO_RCPT_CODES "354 250 503 250", TO_RCPT_ASKED "\nDATA \nEND"},
	{"B6: BDAT before EHLO", "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "220 503 250", ""},
	{"B6: BDAT without MAIL", "EHLO x\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n",
		"220 250 503 250", "\nEHLO x"},
	{"B6: BDAT without RCPT",
		"EHLO x\r\nMAIL FROM:<a@b.example>\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n",
		"220 250 250 503 250", "\nEHLO x\nMAIL a@b.example\nRESET"},
	{"B6: all recipients refused",
		"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<refuse@b.example>\r\n"
		"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		"220 250 250 550 554 250", NULL},
	{"B7: what ends other bodies, and dots",
		TO_RCPT "BDAT 8\r\n.\r\n.\r\n..BDAT 5 LAST\r\n\r\n.\r\nNOOP\r\n",
		TO_RCPT_CODES "250 250 250",
		TO_RCPT_ASKED "\nBDAT .\r\n.\r\n..\r\n.\r\n\nEND"},
	{"B8: a line end between two chunks",
		TO_RCPT "BDAT 2\r\na\rBDAT 2 LAST\r\n\nbNOOP\r\n",
		TO_RCPT_CODES "250 250 250", TO_RCPT_ASKED "\nBDAT a\r\nb\nEND"},
	{"B9: RSET", TO_RCPT "BDAT 1\r\naRSET\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n",
		TO_RCPT_CODES "250 250 503 250", TO_RCPT_ASKED "\nBDAT a\nRESET"},
	{"B9: EHLO", TO_RCPT "BDAT 1\r\naEHLO y\r\nMAIL FROM:<>\r\n",
		TO_RCPT_CODES "250 250 250",
		TO_RCPT_ASKED "\nBDAT a\nRESET\nEHLO y\nMAIL "},
	{"B9: STARTTLS", TO_RCPT "BDAT 1\r\naSTARTTLS\r\nBDAT 0 LAST\r\n",
		TO_RCPT_CODES "250 503 250", TO_RCPT_ASKED "\nBDAT a\nEND"},
	{"B9: QUIT", TO_RCPT "BDAT 1\r\naQUIT\r\nBDAT 0 LAST\r\n",
		TO_RCPT_CODES "250 221", TO_RCPT_ASKED "\nBDAT a"},
	{"a refusal comes when the octets are swallowed, and ends the transaction",
		"EHLO x\r\nMAIL FROM:<full@b.example>\r\nRCPT TO:<c@d.example>\r\n"
		"BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		TO_RCPT_CODES "452 503 250",
		"\nEHLO x\nMAIL full@b.example\nRCPT c@d.example\nBDAT \nRESET"},
	{"the whole may be refused",
		"EHLO x\r\nMAIL FROM:<loop@b.example>\r\nRCPT TO:<c@d.example>\r\n"
		"BDAT 1 LAST\r\naBDAT 1 LAST\r\nbNOOP\r\n",
		TO_RCPT_CODES "554 503 250", NULL},
};

/* "\x01" in a row stands for 1,001 octets, "\x02" for 998. */
static size_t fill(char *out, const char *in)
{
	size_t len = 0;

	for (; *in; in++) {
		size_t count = *in == 1 ? 1001 : *in == 2 ? 998 : 1;

		memset(out + len, count == 1 ? *in : '\n', count);
		len += count;
	}
	return len;
}

Test(server_body, every_chunk_has_the_length_it_has)
{
	static char in[4096];

	for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
		size_t len = fill(in, chunks[i].in);
		struct dialogue *d = talk_bytes(in, len, (struct setting){0});

		cr_assert_str_eq(
			codes(d), chunks[i].codes, "%s: %s", chunks[i].name, d->replies);
		if (chunks[i].asked)
			cr_assert_str_eq(d->asked, chunks[i].asked, "%s: %s",
				chunks[i].name, d->asked);
		free(d);
	}
}

/* B8 by policy. */
Test(server_body, bare_line_ends_in_chunks_are_refused_by_the_strict)
{
	static const struct row rows[] = {
		{"a line end between two chunks",
			TO_RCPT "BDAT 2\r\na\rBDAT 2 LAST\r\n\nbNOOP\r\n",
			TO_RCPT_CODES "250 250 250", TO_RCPT_ASKED "\nBDAT a\r\nb\nEND"},
		{"LF", TO_RCPT "BDAT 2 LAST\r\na\nNOOP\r\n", TO_RCPT_CODES "550 421",
			TO_RCPT_ASKED "\nBDAT a\r\n\nRESET"},
		{"CR at the end", TO_RCPT "BDAT 2\r\na\rBDAT 0 LAST\r\nNOOP\r\n",
			TO_RCPT_CODES "250 550 421", TO_RCPT_ASKED "\nBDAT a \nRESET"},
	};

	PLAY(rows, .strict = true);
}

/* B1, B2: nobody knows what follows, so nothing is read. */
Test(server_body, a_chunk_whose_length_is_unknown_ends_the_session)
{
	static const char *const sizes[] = {"-1", "0x10", "1e3", "+5", "", " ", "5 5",
		"5 LAST LAST", "LAST", "18446744073709551616",
		"1000000000000000000000000000000000000000", "5,LAST", "5 LASTLY"};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char in[256];

		snprintf(in, sizeof in, TO_RCPT "BDAT %s\r\nQUIT\r\n", sizes[i]);
		struct dialogue *d = talk(in);

		cr_assert_str_eq(codes(d), TO_RCPT_CODES "501 421", "%s", sizes[i]);
		free(d);
	}
	static const struct row rows[] = {
		{"B1", TO_RCPT "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", TO_RCPT_CODES "502 421",
			TO_RCPT_ASKED},
	};

	PLAY(rows, .without = SMTP_EXT_CHUNKING);
}

/* B2: 4294967296 and more are numbers, but nobody waits for so much that is thrown away. */
Test(server_body, a_chunk_of_gigabytes_is_not_waited_for)
{
	static const struct row rows[] = {
		{"4 GiB", TO_RCPT "BDAT 4294967296 LAST\r\nQUIT\r\n",
			TO_RCPT_CODES "552 421", TO_RCPT_ASKED},
		{"all", TO_RCPT "BDAT 18446744073709551615\r\nQUIT\r\n",
			TO_RCPT_CODES "552 421", TO_RCPT_ASKED},
		{"without MAIL", "EHLO x\r\nBDAT 4294967296\r\nQUIT\r\n",
			"220 250 503 421", "\nEHLO x"},
	};

	PLAY(rows, .without = 0);
}

/* B3, B12 */
Test(server_body, small_chunks_cost_little)
{
	static char in[400000];
	size_t len = (size_t)snprintf(in, sizeof in, "%s", TO_RCPT);

	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, "BDAT 0\r\n");
	struct dialogue *d = talk_cut(in, len, 4096, (struct setting){0});

	cr_assert(d->closed);
	cr_assert(strstr(d->replies, "421 4.7.0 too many commands without mail\r\n"));
	free(d);
	len = (size_t)snprintf(in, sizeof in, "%s", TO_RCPT);
	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(in + len, sizeof in - len, "BDAT 1\r\nx");
	len += (size_t)snprintf(in + len, sizeof in - len, "BDAT 0 LAST\r\nNOOP\r\n");
	d = talk_bytes(in, len, (struct setting){0});
	cr_assert(was_asked(d, "\nEND"));
	cr_assert(!d->closed);
	free(d);
}
