/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

static void lay(struct facts *facts, const char *record)
{
	const char *error;

	cr_assert_eq(facts_lay(facts, record, &error), 0, "%s: %s", record, error);
}

static struct answer *alias(const char *name, const char *target, const char *address)
{
	struct answer meta = {.status = ANSWER_FOUND, .ttl = 60};
	struct answer_builder *builder = answer_builder_new(name, TYPE_A);
	struct record record = {0};

	answer_builder_chain(builder, target);
	record.address[3] = (uint8_t)atoi(address);
	answer_builder_add(builder, &record);
	return answer_builder_finish(builder, &meta);
}

Test(facts, what_is_missing_is_wanted_once)
{
	struct facts *facts = facts_new();
	const char *name;
	enum record_type type;

	cr_assert_null(facts_lookup(facts, "X.example.", TYPE_A));
	cr_assert_null(facts_lookup(facts, "x.example", TYPE_A));
	cr_assert_eq(facts_wanted(facts), 1);
	facts_wanted_at(facts, 0, &name, &type);
	cr_assert_str_eq(name, "x.example");
	struct answer *answer = make_negative("x.example", TYPE_A, ANSWER_NO_NAME);

	facts_add(facts, answer);
	answer_free(answer);
	cr_assert_eq(facts_wanted(facts), 0);
	cr_assert_eq(facts_lookup(facts, "x.example", TYPE_A)->status, ANSWER_NO_NAME);
	facts_free(facts);
}

Test(facts, laid_records_replace_the_set_the_alias_and_the_no)
{
	struct facts *facts = facts_new();
	struct answer *real = alias("www.example", "old.example", "1");

	facts_add(facts, real);
	answer_free(real);
	lay(facts, "new.example. A 192.0.2.7");
	cr_assert_str_eq(
		facts_lookup(facts, "www.example", TYPE_A)->chain[0], "old.example");
	lay(facts, "old.example. 5 IN A 192.0.2.8");
	const struct answer *answer = facts_lookup(facts, "www.example", TYPE_A);

	cr_assert_eq(answer->records[0].address[3], 8, "at the hop of a chain");
	cr_assert(answer->laid);
	lay(facts, "www.example. CNAME new.example.");
	answer = facts_lookup(facts, "www.example", TYPE_A);
	cr_assert_eq(answer->records[0].address[3], 7, "a laid alias leads on");
	lay(facts, "www.example. A 192.0.2.9");
	lay(facts, "www.example. A 192.0.2.10");
	cr_assert_eq(facts_lookup(facts, "www.example", TYPE_A)->count, 2,
		"records of a set add up");
	facts_free(facts);
}

Test(facts, a_name_with_a_laid_record_exists)
{
	struct facts *facts = facts_new();
	struct answer *answer = make_negative("x.example", TYPE_MX, ANSWER_NO_NAME);

	facts_add(facts, answer);
	answer_free(answer);
	lay(facts, "x.example. TXT \"two words\" three");
	cr_assert_eq(facts_lookup(facts, "x.example", TYPE_MX)->status, ANSWER_NO_DATA);
	cr_assert_str_eq(facts_lookup(facts, "x.example", TYPE_TXT)->records[0].text,
		"two wordsthree");
	facts_free(facts);
}

/* As record_format prints them. */
Test(facts, a_text_may_have_escapes)
{
	struct facts *facts = facts_new();
	char printed[64];

	lay(facts, "x.example. TXT \"a\\\"b\\\\c\\009\\255\\d\"");
	const struct record *record = facts_lookup(facts, "x.example", TYPE_TXT)->records;

	cr_assert_str_eq(record->text, "a\"b\\c\t\xff" "d");
	record_format(TYPE_TXT, record, printed, sizeof printed);
	cr_assert_str_eq(printed, "\"a\\\"b\\\\c\\009\\255d\"");
	facts_free(facts);
}

Test(facts, a_laid_record_takes_the_place_of_an_alias_for_every_type)
{
	struct facts *facts = facts_new();
	struct answer *first = alias("www.example", "old.example", "1");
	struct answer *second = alias("far.example", "www.example", "1");

	facts_add(facts, first);
	facts_add(facts, second);
	answer_free(first);
	answer_free(second);
	lay(facts, "www.example. TXT here");
	cr_assert_eq(facts_lookup(facts, "www.example", TYPE_A)->status, ANSWER_NO_DATA);
	cr_assert_eq(facts_lookup(facts, "far.example", TYPE_A)->count, 1,
		"its chain ends at the laid name, not beyond");
	facts_free(facts);
}

Test(facts, a_laid_loop_is_no_data)
{
	struct facts *facts = facts_new();

	lay(facts, "a.example. CNAME b.example.");
	lay(facts, "b.example. CNAME a.example.");
	cr_assert_eq(facts_lookup(facts, "a.example", TYPE_A)->status, ANSWER_NO_DATA);
	facts_free(facts);
}

Test(facts, bad_records_are_refused_with_words)
{
	static const char *const bad[] = {"", "x.example.", "x.example. A",
		"x.example. A 1.2.3", "x.example. A 192.0.2.1 more",
		"x.example. AAAA 192.0.2.1", "x.example. MX mail.example.",
		"x.example. MX 70000 m.example.", "x.example. PTR", "x.example. PTR a..b",
		"x.example. TXT \"open", "x.example. TXT \\256", "x.example. WHAT 1", "a..b A 192.0.2.1",
		"x.example. 99999999 A 192.0.2.1", "x.example. SOA a b 1 2 3 4 5"};
	struct facts *facts = facts_new();
	const char *error;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		error = NULL;
		cr_assert_neq(facts_lay(facts, bad[i], &error), 0, "%s", bad[i]);
		cr_assert(error && strlen(error) > 10, "%s", bad[i]);
	}
	facts_free(facts);
}

Test(answer, a_copy_stands_on_its_own_and_records_are_sorted_without_doubles)
{
	struct answer meta = {.status = ANSWER_FOUND, .server = "127.0.0.1:53"};
	struct answer_builder *builder = answer_builder_new("x.example", TYPE_MX);
	char text[64];

	for (int i = 0; i < 4; i++) {
		struct record record = {.preference = (uint16_t)(20 - 10 * (i % 2)),
			.text = i % 2 ? "a.example" : "b.example",
			.len = 9};

		cr_assert_eq(answer_builder_add(builder, &record), 0);
	}
	struct answer *answer = answer_builder_finish(builder, &meta);
	struct answer *copy = answer_copy(answer);

	answer_free(answer);
	cr_assert_eq(copy->count, 2);
	record_format(TYPE_MX, &copy->records[0], text, sizeof text);
	cr_assert_str_eq(text, "10 a.example.");
	cr_assert_str_eq(copy->name, "x.example");
	cr_assert_str_eq(copy->server, "127.0.0.1:53");
	answer_free(copy);
}

Test(answer, types_are_named_and_read_back)
{
	static const enum record_type types[] = {TYPE_A, TYPE_NS, TYPE_CNAME, TYPE_SOA,
		TYPE_PTR, TYPE_MX, TYPE_TXT, TYPE_AAAA};
	enum record_type type;

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		cr_assert_eq(record_type_parse(record_type_name(types[i]), &type), 0);
		cr_assert_eq(type, types[i]);
	}
	cr_assert_neq(record_type_parse("HINFO", &type), 0);
}
