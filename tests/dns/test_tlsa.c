/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

#include "dns/laid.h"

#define SHA256_DATA "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define RIGHT       "TLSA 3 1 1 " SHA256_DATA

/* A small DNS with DNSSEC: a line is signed unless it begins with '~'; "NAME FAILED" and "NAME TYPE FAILED" fail. */
struct zone {
	const char *const *lines;
	size_t count;
};

static const char *line_of(const struct zone *zone, size_t i, bool *is_signed)
{
	const char *line = zone->lines[i];

	*is_signed = line[0] != '~';
	return line + !*is_signed;
}

/* Adds what stands at (name, type), and says where a CNAME leads. */
static bool collect(const struct zone *zone, const char *name, enum record_type type,
	struct answer_builder *builder, struct answer *meta)
{
	struct laid_record laid;
	bool is_signed, is_found = false;

	for (size_t i = 0; i < zone->count && zone->lines[i]; i++) {
		const char *line = line_of(zone, i, &is_signed);

		if (strstr(line, "FAILED") || !line_is_about(line, name))
			continue;
		cr_assert_null(laid_parse(line, &laid), "%s", line);
		if (strcmp(laid.name, name) != 0)
			continue;
		meta->status = ANSWER_NO_DATA;
		if (laid.type == type) {
			answer_builder_add(builder, &laid.record);
			meta->authenticated = meta->authenticated && is_signed;
			is_found = true;
		} else if (laid.type == TYPE_CNAME) {
			answer_builder_chain(builder, laid.record.text);
			meta->authenticated = meta->authenticated && is_signed;
			return collect(zone, laid.text, type, builder, meta);
		}
	}
	return is_found;
}

static bool fails(const struct zone *zone, const char *name, enum record_type type)
{
	char of_type[ANSWER_NAME_MAX + 32], of_all[ANSWER_NAME_MAX + 32];

	snprintf(of_type, sizeof of_type, "%s. %s FAILED", name, record_type_name(type));
	snprintf(of_all, sizeof of_all, "%s. FAILED", name);
	for (size_t i = 0; i < zone->count && zone->lines[i]; i++)
		if (strcmp(zone->lines[i], of_type) == 0 ||
			strcmp(zone->lines[i], of_all) == 0)
			return true;
	return false;
}

static void tell(struct facts *facts, const struct zone *zone)
{
	char name[ANSWER_NAME_MAX];
	const char *wanted;
	enum record_type type;

	facts_wanted_at(facts, 0, &wanted, &type);
	snprintf(name, sizeof name, "%s", wanted);
	struct answer meta = {
		.status = ANSWER_NO_NAME, .ttl = 300, .authenticated = true};
	struct answer_builder *builder = answer_builder_new(name, type);

	if (collect(zone, name, type, builder, &meta))
		meta.status = ANSWER_FOUND;
	if (fails(zone, name, type)) {
		answer_builder_free(builder);
		builder = answer_builder_new(name, type);
		meta = (struct answer){.status = ANSWER_FAILED, .failure = "SERVFAIL"};
	}
	struct answer *answer = answer_builder_finish(builder, &meta);

	cr_assert_eq(facts_add(facts, answer), 0);
	answer_free(answer);
}

/* What is found for a host; the facts must outlive it. */
static struct mx_tlsa look(const struct zone *zone, struct facts *facts)
{
	struct mx_tlsa tlsa;

	for (mx_tlsa(facts, "mx.example", 25, &tlsa); tlsa.status == MX_TLSA_PENDING;
		mx_tlsa(facts, "mx.example", 25, &tlsa)) {
		cr_assert_gt(facts_wanted(facts), 0);
		while (facts_wanted(facts))
			tell(facts, zone);
	}
	return tlsa;
}

enum { LINES = 5 };

Test(tlsa, what_they_say_and_who_vouches_for_them)
{
	static const struct {
		const char *name, *lines[LINES];
		enum mx_tlsa_status status;
		const char *base;
	} rows[] = {
		{"signed, with a record",
			{"mx.example. A 198.51.100.1", "_25._tcp.mx.example. " RIGHT},
			MX_TLSA_FOUND, "mx.example"},
		{"IPv6 only",
			{"mx.example. AAAA 2001:db8::1", "_25._tcp.mx.example. " RIGHT},
			MX_TLSA_FOUND, "mx.example"},
		{"none", {"mx.example. A 198.51.100.1"}, MX_TLSA_NONE, NULL},
		{"of another port",
			{"mx.example. A 198.51.100.1", "_443._tcp.mx.example. " RIGHT},
			MX_TLSA_NONE, NULL},
		{"an unsigned address",
			{"~mx.example. A 198.51.100.1", "_25._tcp.mx.example. " RIGHT},
			MX_TLSA_NONE, NULL},
		{"one address of two unsigned",
			{"mx.example. A 198.51.100.1", "~mx.example. AAAA 2001:db8::1",
				"_25._tcp.mx.example. " RIGHT},
			MX_TLSA_NONE, NULL},
		{"an unsigned record",
			{"mx.example. A 198.51.100.1", "~_25._tcp.mx.example. " RIGHT},
			MX_TLSA_NONE, NULL},
		{"no address", {"_25._tcp.mx.example. " RIGHT}, MX_TLSA_NONE, NULL},
		{"the look-up fails",
			{"mx.example. A 198.51.100.1", "_25._tcp.mx.example. FAILED"},
			MX_TLSA_UNKNOWN, NULL},
		{"it fails where nothing is signed",
			{"~mx.example. A 198.51.100.1", "_25._tcp.mx.example. FAILED"},
			MX_TLSA_NONE, NULL},
		{"a signed alias, records where it leads",
			{"mx.example. CNAME a.example.", "a.example. A 198.51.100.1",
				"_25._tcp.a.example. " RIGHT,
				"_25._tcp.mx.example. " RIGHT},
			MX_TLSA_FOUND, "a.example"},
		{"a signed alias, records beside it",
			{"mx.example. CNAME a.example.", "a.example. A 198.51.100.1",
				"_25._tcp.mx.example. " RIGHT},
			MX_TLSA_FOUND, "mx.example"},
		{"a signed alias into an unsigned zone, records beside it",
			{"mx.example. CNAME a.example.", "~a.example. A 198.51.100.1",
				"_25._tcp.a.example. " RIGHT,
				"_25._tcp.mx.example. " RIGHT},
			MX_TLSA_FOUND, "mx.example"},
		{"an unsigned alias",
			{"~mx.example. CNAME a.example.", "a.example. A 198.51.100.1",
				"_25._tcp.a.example. " RIGHT,
				"_25._tcp.mx.example. " RIGHT},
			MX_TLSA_NONE, NULL},
		{"an alias of which nothing can be told",
			{"mx.example. CNAME a.example.", "~a.example. A 198.51.100.1",
				"mx.example. CNAME FAILED"},
			MX_TLSA_UNKNOWN, NULL},
		{"where the alias leads nothing can be told",
			{"mx.example. CNAME a.example.", "a.example. A 198.51.100.1",
				"_25._tcp.a.example. FAILED",
				"_25._tcp.mx.example. " RIGHT},
			MX_TLSA_UNKNOWN, NULL},
		{"the records are an alias themselves",
			{"mx.example. A 198.51.100.1",
				"_25._tcp.mx.example. CNAME t.example.",
				"t.example. " RIGHT},
			MX_TLSA_FOUND, "mx.example"},
		{"and that leads out of what is signed",
			{"mx.example. A 198.51.100.1",
				"~_25._tcp.mx.example. CNAME t.example.",
				"t.example. " RIGHT},
			MX_TLSA_NONE, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zone zone = {.lines = rows[i].lines, .count = LINES};
		struct facts *facts = facts_new();
		struct mx_tlsa tlsa = look(&zone, facts);

		cr_expect_eq(
			tlsa.status, rows[i].status, "%s: %d", rows[i].name, tlsa.status);
		if (rows[i].base)
			cr_expect_str_eq(tlsa.base, rows[i].base, "%s", rows[i].name);
		facts_free(facts);
	}
}

/* RFC 7672 3.1: what we can hold a server to. */
Test(tlsa, of_the_records_only_the_usable_ones_count)
{
	static const struct {
		const char *lines[LINES];
		enum mx_tlsa_status status;
		size_t count;
	} rows[] = {
		{{RIGHT}, MX_TLSA_FOUND, 1},
		{{"TLSA 2 0 1 " SHA256_DATA}, MX_TLSA_FOUND, 1},
		{{"TLSA 3 0 2 " SHA256_DATA " " SHA256_DATA}, MX_TLSA_FOUND, 1},
		{{"TLSA 3 1 0 3082"}, MX_TLSA_FOUND, 1},
		{{RIGHT, "TLSA 3 1 1 00", "TLSA 2 1 1 " SHA256_DATA}, MX_TLSA_FOUND, 2},
		{{"TLSA 0 1 1 " SHA256_DATA}, MX_TLSA_UNUSABLE, 0},
		{{"TLSA 1 1 1 " SHA256_DATA}, MX_TLSA_UNUSABLE, 0},
		{{"TLSA 4 1 1 " SHA256_DATA}, MX_TLSA_UNUSABLE, 0},
		{{"TLSA 3 2 1 " SHA256_DATA}, MX_TLSA_UNUSABLE, 0},
		{{"TLSA 3 1 3 " SHA256_DATA}, MX_TLSA_UNUSABLE, 0},
		{{"TLSA 3 1 1 " SHA256_DATA "00"}, MX_TLSA_UNUSABLE, 0},
		{{"TLSA 3 1 2 " SHA256_DATA}, MX_TLSA_UNUSABLE, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char texts[LINES][300];
		const char *lines[LINES + 1] = {"mx.example. A 198.51.100.1"};
		struct zone zone = {.lines = lines, .count = LINES + 1};
		struct facts *facts = facts_new();

		for (size_t l = 0; l < LINES && rows[i].lines[l]; l++) {
			snprintf(texts[l], sizeof texts[l], "_25._tcp.mx.example. %s",
				rows[i].lines[l]);
			lines[l + 1] = texts[l];
		}
		struct mx_tlsa tlsa = look(&zone, facts);

		cr_expect_eq(tlsa.status, rows[i].status, "%s: %d", rows[i].lines[0],
			tlsa.status);
		cr_expect_eq(tlsa.count, rows[i].count, "%s", rows[i].lines[0]);
		facts_free(facts);
	}
}

Test(tlsa, more_than_enough_are_cut)
{
	struct facts *facts = facts_new();
	struct mx_tlsa tlsa;
	const char *error;
	char line[200];

	cr_assert_eq(facts_lay(facts, "mx.example. A 198.51.100.1", &error), 0);
	cr_assert_eq(facts_lay(facts, "mx.example. AAAA 2001:db8::1", &error), 0);
	for (unsigned i = 0; i < 2 * MX_TLSA_MAX; i++) {
		snprintf(line, sizeof line, "_25._tcp.mx.example. TLSA 3 1 0 30%02x", i);
		cr_assert_eq(facts_lay(facts, line, &error), 0);
	}
	mx_tlsa(facts, "mx.example", 25, &tlsa);
	cr_assert_eq(tlsa.status, MX_TLSA_FOUND);
	cr_assert_eq(tlsa.count, MX_TLSA_MAX);
	facts_free(facts);
}

Test(tlsa, an_address_has_none_and_is_not_asked_about)
{
	struct facts *facts = facts_new();
	struct mx_tlsa tlsa;

	mx_tlsa(facts, "198.51.100.1", 25, &tlsa);
	cr_assert_eq(tlsa.status, MX_TLSA_NONE);
	cr_assert_eq(facts_wanted(facts), 0);
	facts_free(facts);
}

/* A "no" that is over may have been true: the records may be there since. */
Test(tlsa, a_stale_no_is_none)
{
	static const enum answer_status statuses[] = {ANSWER_NO_NAME, ANSWER_NO_DATA};

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct facts *facts = facts_new();
		struct answer meta = {.status = statuses[i], .stale = true};
		struct answer *answer =
			answer_new("_25._tcp.mx.example", TYPE_TLSA, &meta);
		struct mx_tlsa tlsa;
		const char *error;

		facts_lay(facts, "mx.example. A 198.51.100.1", &error);
		facts_lay(facts, "mx.example. AAAA 2001:db8::1", &error);
		facts_add(facts, answer);
		mx_tlsa(facts, "mx.example", 25, &tlsa);
		cr_assert_eq(tlsa.status, MX_TLSA_UNKNOWN);
		answer_free(answer);
		facts_free(facts);
	}
}

Test(tlsa, the_way_to_a_host_is_secure_when_its_mx_is)
{
	static const struct {
		const char *lines[LINES];
		bool is_secure;
	} rows[] = {
		{{"dest.example. MX 10 mx.example.", "mx.example. A 198.51.100.1"}, true},
		{{"~dest.example. MX 10 mx.example.", "mx.example. A 198.51.100.1"},
			false},
		{{"dest.example. A 198.51.100.1"}, true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct zone zone = {.lines = rows[i].lines, .count = LINES};
		struct facts *facts = facts_new();
		struct mx_options options = {.host = NULL};
		struct mx_list list;

		for (mx_order(facts, "dest.example", &options, &list);
			list.status == MX_PENDING;
			mx_order(facts, "dest.example", &options, &list))
			while (facts_wanted(facts))
				tell(facts, &zone);
		cr_assert_eq(list.count, 1);
		cr_expect_eq(list.addresses[0].is_secure, rows[i].is_secure, "%s",
			rows[i].lines[0]);
		facts_free(facts);
	}
}

Test(tlsa, it_reads_and_prints_as_in_a_zone_file)
{
	static const struct {
		const char *line, *printed; /* NULL: it is refused */
	} rows[] = {
		{"x. TLSA 3 1 1 00FF", "3 1 1 00ff"},
		{"x. TLSA 3 1 1 0 0 f f", "3 1 1 00ff"},
		{"x. 60 IN tlsa 255 0 0 ab", "255 0 0 ab"},
		{"x. TLSA 3 1 1", NULL},
		{"x. TLSA 3 1 1 0", NULL},
		{"x. TLSA 3 1 1 0g", NULL},
		{"x. TLSA 3 1", NULL},
		{"x. TLSA 256 1 1 00", NULL},
		{"x. TLSA -1 1 1 00", NULL},
		{"x. TLSA 3 1 1 (00)", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct laid_record laid;
		char text[64];
		const char *error = laid_parse(rows[i].line, &laid);

		cr_expect_eq(
			!error, rows[i].printed != NULL, "%s: %s", rows[i].line, error);
		if (error || !rows[i].printed)
			continue;
		record_format(laid.type, &laid.record, text, sizeof text);
		cr_expect_str_eq(text, rows[i].printed, "%s", rows[i].line);
	}
}

Test(tlsa, too_long_a_record_is_refused)
{
	char *line = malloc(3 * LAID_TEXT_MAX);
	struct laid_record laid;
	size_t len = (size_t)sprintf(line, "x. TLSA 3 1 0 ");

	memset(line + len, 'a', (size_t)2 * LAID_TEXT_MAX);
	line[len + (size_t)2 * LAID_TEXT_MAX] = '\0';
	cr_assert_not_null(laid_parse(line, &laid));
	free(line);
}
