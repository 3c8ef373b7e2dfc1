/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dns/refusal.h"
#include "dns/refusal_rules.h"
#include "dns/refusal_words.h"

/* What each family of rules, and each trap, is there for. */
static const struct {
	unsigned code;
	const char *enhanced, *text;
	enum reason reason;
} rows[] = {
	{451, "", "<name@domain.com>... Sender domain must resolve",
		REASON_SENDER_DOMAIN_UNRESOLVABLE},
	{421, "", "SERVICE NOT AVAILABLE, TEMPORARY DNS FAILURE", REASON_DNS_TEMPFAIL},
	/* The code says it when the words say nothing. */
	{550, "5.7.20", "no", REASON_DKIM_FAIL},
	{550, "5.7.23", "no", REASON_SPF_FAIL},
	{451, "4.7.24", "no", REASON_SPF_TEMPERROR},
	{550, "5.7.24", "no", REASON_SPF_PERMERROR},
	{550, "5.7.25", "no", REASON_PTR_MISSING},
	{550, "5.7.26", "no", REASON_AUTH_REQUIRED},
	{550, "5.7.27", "no", REASON_SENDER_NULL_MX},
	{550, "5.1.8", "no", REASON_NONE},
	{550, "5.1.8", "no such domain", REASON_SENDER_DOMAIN_UNRESOLVABLE},
	{550, "5.7.1", "no", REASON_NONE},
	{550, "5", "no", REASON_NONE},
	{550, "5.", "no", REASON_NONE},
	{550, "5.7.2", "a shorter code is another code", REASON_NONE},
	/* Inside the text, as qmail writes it; the one in its own field wins. */
	{553, "", "not from there (#5.7.25)", REASON_PTR_MISSING},
	{553, "5.7.1", "not from there (#5.7.25)", REASON_NONE},
	{550, "", "5.7.23 no", REASON_SPF_FAIL},
	{550, "", "version 5.7.23.1 is an address", REASON_NONE},
	/* The class decides between failing for now and for ever. */
	{451, "", "SPF error", REASON_SPF_TEMPERROR},
	{550, "4.7.24", "SPF error", REASON_SPF_TEMPERROR},
	{550, "", "SPF error", REASON_SPF_FAIL},
	{450, "", "DNS failure", REASON_DNS_TEMPFAIL},
	{550, "", "DNS failure", REASON_DNS_OTHER},
	/* The cause may stand in any line. */
	{550, "", "Rejected.\nSee below.\nYour address has no PTR record.",
		REASON_PTR_MISSING},
	{550, "", "Rejected.\\nNo PTR record.\\nSorry.", REASON_PTR_MISSING},
	/* Words in another role: host names, URLs, mailboxes. */
	{550, "", "dkim.dest.example refuses mail from spf@ptr.example", REASON_NONE},
	{550, "", "see https://dest.example/dmarc?spf=fail&ptr=none", REASON_NONE},
	{550, "", "see www.dest.example/rdns", REASON_NONE},
	{421, "4.7.28", "unusual rate from your SPF domain", REASON_NONE},
	/* Who is meant: the recipient, or we behind the recipient's name. */
	{450, "4.1.2", "<b@d.example>: Recipient address rejected: Domain not found",
		REASON_NONE},
	{450, "4.1.8", "<a@c.example>: Sender address rejected: Domain not found",
		REASON_SENDER_DOMAIN_UNRESOLVABLE},
	{550, "", "<b@d.example>: Recipient address rejected: SPF fail", REASON_SPF_FAIL},
	{550, "5.1.10", "recipient has a null MX", REASON_RECIPIENT_NULL_MX},
	{550, "5.7.27", "sender has a null MX", REASON_SENDER_NULL_MX},
	/* Whose list it is. */
	{554, "", "blocked using zen.spamhaus.org", REASON_DNSBL_IP},
	{554, "", "sender domain is in dbl.spamhaus.org", REASON_DNSBL_DOMAIN},
	{554, "", "the message contains a URL that is in dbl.spamhaus.org", REASON_NONE},
	{554, "", "blacklisted here", REASON_NONE},
	{554, "", "client host blocked using our blocklist", REASON_NONE},
	{421, "", "blocked using grey.rbl.example", REASON_NONE},
	{554, "", "blocked using ee.countries.nerd.dk", REASON_NONE},
	/* Forged is an aside of relaying. */
	{550, "", "Relaying denied. IP name possibly forged [192.0.2.7]", REASON_NONE},
	{451, "", "Possibly forged hostname for 192.0.2.7", REASON_FCRDNS_MISMATCH},
	/* Accents, apostrophes and capitals make no difference. */
	{550, "", "L’EXPÉDITEUR: le domaine n’existe pas",
		REASON_SENDER_DOMAIN_UNRESOLVABLE},
	{550, "", "Brak zapisu PTR dla ŁÓDŹ", REASON_PTR_MISSING},
	{550, "", "ОТСУТСТВУЕТ ОБРАТНАЯ ЗОНА", REASON_PTR_MISSING},
	{550, "", "PTR\302\240missing", REASON_PTR_MISSING},
	{550, "", "your PTR doesn't match", REASON_FCRDNS_MISMATCH},
	/* IPv6 is an address and not many words. */
	{550, "", "2001:db8::7 listed at some.zone.example", REASON_DNSBL_IP},
	{550, "", "[2001:db8::7]: no reverse DNS", REASON_PTR_MISSING},
	{250, "", "", REASON_NONE},
};

Test(refusal, replies_are_read_as_what_they_say)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct refusal refusal =
			refusal_classify(rows[i].code, rows[i].enhanced, rows[i].text);

		cr_expect_eq(refusal.reason, rows[i].reason, "%s: %s by '%s'",
			rows[i].text, reason_name(refusal.reason), refusal.rule);
		cr_assert_gt(strlen(refusal.rule), 2);
	}
}

/* Cuts one field of a line off, in place. */
static char *cut(char **line)
{
	char *field = strsep(line, "\t\n");

	cr_assert(field, "a row of refusals.tsv has too few fields");
	return field;
}

Test(refusal, wordings_of_many_servers)
{
	FILE *file = fopen(TESTS_DIR "/dns/refusals.tsv", "r");
	char line[1024];
	size_t count = 0;

	cr_assert(file);
	while (fgets(line, sizeof line, file)) {
		char *rest = line;
		unsigned code;

		if (line[0] == '#')
			continue;
		cr_assert_eq(sscanf(cut(&rest), "%u", &code), 1);
		const char *enhanced = cut(&rest), *text = cut(&rest),
			   *label = cut(&rest);
		struct refusal refusal = refusal_classify(code, enhanced, text);
		const char *said = refusal.reason ? reason_name(refusal.reason) : "other";

		cr_expect_str_eq(said, label, "%u %s %s: %s by '%s', not %s", code,
			enhanced, text, said, refusal.rule, label);
		count++;
	}
	fclose(file);
	cr_assert_gt(count, 400);
}

/* A phrase that is read as other words than its own ("cannot" becomes "not") never matches. */
static void check_is_read_as_it_stands(const char *rule, const char *phrase, size_t len)
{
	char plain[200] = "", again[200] = "";
	struct refusal_words read;

	cr_assert_lt(len, sizeof plain);
	for (size_t i = 0; i < len; i++)
		if (phrase[i] != '*' && strncmp(phrase + i, " ..", 3) != 0)
			strncat(plain, phrase + i, 1);
		else if (phrase[i] == ' ')
			i += 2;
	if (memchr(phrase, '#', len))
		return; /* a mark */
	refusal_words_read(&read, plain);
	for (size_t i = 0; i < read.count; i++) {
		strcat(again, i ? " " : "");
		strncat(again, read.letters + read.word[i].at, read.word[i].len);
	}
	cr_expect_str_eq(again, plain, "%s: '%s' is read as '%s'", rule, plain, again);
}

/* An empty phrase would match everything. */
static void check_phrases(const char *rule, const char *phrases)
{
	cr_expect_not(strstr(phrases, "  "), "%s: a word is missing", rule);
	for (const char *at = phrases;; at++) {
		size_t len = strcspn(at, "|");

		cr_expect(
			len && at[0] != ' ' && at[len - 1] != ' ', "%s: '%s'", rule, at);
		check_is_read_as_it_stands(rule, at, len);
		at += len;
		if (!*at)
			return;
	}
}

Test(refusal, rules_are_well_formed)
{
	for (size_t i = 0; i < sizeof refusal_rules / sizeof refusal_rules[0]; i++) {
		const struct refusal_rule *rule = &refusal_rules[i];

		cr_expect(
			rule->codes || rule->all[0], "%s matches everything", rule->name);
		for (size_t k = 0; k < REFUSAL_PHRASES_MAX && rule->all[k]; k++)
			check_phrases(rule->name, rule->all[k]);
		if (rule->none)
			check_phrases(rule->name, rule->none);
	}
}

Test(refusal, phrases_are_found_word_by_word)
{
	static const struct {
		const char *text, *phrases;
		bool found;
	} words[] = {
		{"a b c", "b", true},
		{"a bc", "b", false},
		{"a bc", "b*", true},
		{"a b c", "a b|x", true},
		{"a b c", "x|b c", true},
		{"a b c", "a c", false},
		{"a b c", "a .. c", true},
		{"a c", "a .. c", true},
		{"a 1 2 3 4 5 c", "a .. c", true},
		{"a 1 2 3 4 5 6 c", "a .. c", false},
		{"a 1 b 2 c", "a .. b .. c", true},
		{"a b", "a b c", false},
		{"", "a", false},
		{"a-b_c/d", "a b c d", true},
		{"<x@y>... 192.0.2.7, mx.example!", "#mail #ip #host", true},
		{"https://x.example/a|b", "#url", true},
		{"https:\\n//www.spamhaus.org/", "https #list", true},
		{"IP=192.0.2.7", "ip #ip", true},
		{"1:2 a:b", "1 2 a b", true},
		{"it doesn't resolve", "it not resolve", true},
		{"it does not resolve", "it not resolve", true},
		{"I cannot resolve it", "i not resolve it", true},
		{"unable to resolve, failed to resolve", "not resolve not resolve", true},
		{"does not have a name", "no name", true},
		{"lacks any name", "no name", true},
		{"is missing a name", "is no name", true},
		{"without valid name", "valid no name", true},
		{"a to not have", "a to no", true},
		{"7.2.0.192.in-addr.arpa", "#arpa", true},
		{"发件人域名SPF验证失败", "spf", true},
	};
	struct refusal_words read;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		refusal_words_read(&read, words[i].text);
		cr_expect_eq(refusal_words_have(&read, words[i].phrases), words[i].found,
			"'%s' in '%s'", words[i].phrases, words[i].text);
	}
}

Test(refusal, any_bytes_are_survived)
{
	static char text[100000];

	for (size_t i = 0; i + 1 < sizeof text; i++)
		text[i] = (char)(1 + i * 131 % 255);
	refusal_classify(550, "5.7.1", text);
	memset(text, 'a', sizeof text - 1);
	cr_assert_eq(refusal_classify(550, "", text).reason, REASON_NONE);
	memset(text, ' ', sizeof text - 1);
	cr_assert_eq(refusal_classify(550, ".", text).reason, REASON_NONE);
	memset(text, '\302', sizeof text - 1);
	cr_assert_eq(refusal_classify(550, "", text).reason, REASON_NONE);
	cr_assert_eq(
		refusal_classify(550, "", "no PTR \342\200").reason, REASON_PTR_MISSING);
}

/* The longest text that is read, of words that many phrases begin with. */
Test(refusal, hostile_text_costs_little)
{
	static char text[100000];
	clock_t start = clock();

	for (size_t i = 0; i + 4 < sizeof text; i += 3)
		memcpy(text + i, "no ", 4);
	for (int i = 0; i < 20; i++)
		refusal_classify(550, "", text);
	cr_assert_lt(
		clock() - start, 20 * CLOCKS_PER_SEC / 20, "more than 50 ms a reply");
}

Test(reason, names_are_read_back_and_all_have_words)
{
	for (int reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
		const char *name = reason_name((enum reason)reason);

		cr_assert_eq(reason_parse(name), (enum reason)reason, "%s", name);
		cr_assert_gt(strlen(reason_words((enum reason)reason)), 10, "%s", name);
		cr_assert_gt(reason_default_action((enum reason)reason), ACTION_NONE,
			"%s", name);
	}
	cr_assert_eq(reason_parse("nonsense"), REASON_NONE);
}
