/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

/* The very records of a kit, whose zone they go into, and the words around them. */

#define ORDINARY                                                                         \
	"mail.corp.example. A 192.0.2.25", "corp.example. MX 10 mail.corp.example.",     \
		"dest.example. MX 10 mx.dest.example.",                                  \
		"mx.dest.example. A 198.51.100.7"
#define PTR "25.2.0.192.in-addr.arpa. PTR mail.corp.example."
#define SPF "corp.example. TXT \"v=spf1 mx -all\""

#define A_TERMS                                                                          \
	"a:mx.dest.example a:mx.dest.example/31 a:mx.dest.example/30 "                   \
	"a:mx.dest.example/29 a:mx.dest.example/28 a:mx.dest.example/27 "                \
	"a:mx.dest.example/26 a:mx.dest.example/25 a:mx.dest.example/24 "                \
	"a:mx.dest.example/23"

static const char *const addresses[] = {"192.0.2.25", "2001:db8::25"};

static const struct {
	const char *name;
	const char *lines[12];
	const char *ip, *ehlo, *sender, *author; /* NULL: as usual; author: none; another ip: alone */
	enum check check;
	const char *records[4];
	const char *who, *text; /* parts that must be there */
} rows[] = {
	{"no PTR", {ORDINARY, SPF}, NULL, NULL, NULL, NULL, CHECK_PTR, {PTR},
		"isp.example (hostmaster@isp.example)",
		"Caches may keep the old answer until "},
	{"no PTR, and the EHLO name leads elsewhere",
		{"mail.corp.example. A 192.0.2.99",
			"corp.example. MX 10 mail.corp.example.", SPF},
		NULL, NULL, NULL, NULL, CHECK_PTR,
		{PTR, "mail.corp.example. A 192.0.2.25"}, "isp.example",
		"and in the zone of that name:"},
	{"a classless delegation (RFC 2317)",
		{ORDINARY, SPF,
			"25.2.0.192.in-addr.arpa. CNAME 25.24/29.2.0.192.in-addr.arpa."},
		NULL, NULL, NULL, NULL, CHECK_PTR,
		{"25.24/29.2.0.192.in-addr.arpa. PTR mail.corp.example."}, "isp.example",
		NULL},
	{"IPv6 nibbles", {ORDINARY, SPF, "mail.corp.example. AAAA 2001:db8::25"},
		"2001:db8::25", NULL, NULL, NULL, CHECK_PTR,
		{"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6."
                 "arpa. "
		 "PTR mail.corp.example."},
		"isp.example", NULL},
	{"a PTR of our name that does not lead back needs the address only",
		{"mail.corp.example. A 192.0.2.99", PTR, SPF}, NULL, NULL, NULL, NULL,
		CHECK_FCRDNS, {"mail.corp.example. A 192.0.2.25"}, NULL, NULL},
	{"the EHLO name is no name for a PTR", {ORDINARY, SPF}, NULL, "mail", NULL, NULL,
		CHECK_PTR, {PTR}, NULL, NULL},
	{"nor is the sender's domain", {ORDINARY}, NULL, "mail", "ann@[192.0.2.25]", NULL,
		CHECK_PTR, {NULL}, "you, the administrator", "Set hostname"},
	{"whose zone it is cannot be told",
		{"corp.example. FAILED", ORDINARY, PTR,
			"corp.example. TXT \"v=spf1 -all\""},
		NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all\""},
		"owner of the zone that holds corp.example", NULL},
	{"an alias of our name was meant for a PTR",
		{ORDINARY, SPF, "25.2.0.192.in-addr.arpa. CNAME mail.corp.example."},
		NULL, NULL, NULL, NULL, CHECK_PTR, {PTR}, "isp.example", NULL},
	{"nothing but the PTR names us",
		{ORDINARY, "25.2.0.192.in-addr.arpa. PTR out.isp.example."}, NULL, "mail",
		"", NULL, CHECK_FCRDNS, {"out.isp.example. A 192.0.2.25"}, NULL, NULL},
	{"MX and SPF of an alias go where it leads to",
		{ORDINARY, PTR, "a.example. CNAME b.example.", "b.example. MX 0 ."}, NULL,
		NULL, "ann@a.example", NULL, CHECK_SENDER,
		{"b.example. MX 10 mail.corp.example."}, NULL, NULL},
	{"a private address that we cannot replace",
		{"mail.corp.example. A 10.0.0.1",
			"corp.example. MX 10 mail.corp.example."},
		"2001:db8::26", NULL, NULL, NULL, CHECK_SENDER,
		{"corp.example. MX 10 mx.corp.example.",
			"mx.corp.example. AAAA 2001:db8::26"},
		NULL, NULL},
	{"a domain without local part has no kit", {ORDINARY, PTR}, NULL, NULL,
		"corp.example", NULL, CHECK_SENDER, {NULL}, "whoever sends", NULL},
	{"nor has an IP address in place of a domain", {ORDINARY, PTR}, NULL, NULL,
		"ann@192.0.2.25", NULL, CHECK_SENDER, {NULL}, "whoever sends", NULL},
	{"nor has a domain of the site's own DNS", {ORDINARY, PTR}, NULL, NULL,
		"ann@corp.local", NULL, CHECK_SENDER, {NULL}, "you, the administrator",
		"sender_map = corp.local your-domain.example"},
	{"nor has a single label", {ORDINARY, PTR}, NULL, NULL, "ann@exchange", NULL,
		CHECK_SENDER, {NULL}, "you, the administrator",
		"sender_map = exchange your-domain.example"},
	{"nor its SPF", {ORDINARY, PTR, "corp.local. A 192.0.2.25"}, NULL, NULL,
		"ann@corp.local", NULL, CHECK_SPF, {NULL}, "whoever sends", NULL},
	{"SPF: our address goes first",
		{ORDINARY, PTR, "corp.example. TXT \"v=spf1 include:a.example -all\"",
			"a.example. TXT \"v=spf1 ?all\""},
		NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 "
                 "include:a.example -all\""},
		NULL, "in place of the record that starts with v=spf1"},
	{"SPF: what passes as it is stays out",
		{ORDINARY, PTR, "corp.example. TXT \"v=spf1 ip6:2001:db8::/32 -all\""},
		NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::/32 -all\""},
		NULL, NULL},
	{"SPF: none yet", {ORDINARY, PTR}, NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 mx ~all\""},
		NULL, NULL},
	{"SPF: two records become one",
		{ORDINARY, PTR, "corp.example. TXT \"v=spf1 a -all exp=x.example\"",
			"corp.example. TXT \"v=spf1 ip4:198.51.100.0/24 ~all\""},
		NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 a "
                 "exp=x.example "
		 "ip4:198.51.100.0/24 -all\""},
		NULL, "only one may stand"},
	{"SPF: what cannot be read is left out",
		{ORDINARY, PTR,
			"corp.example. TXT \"v=spf1 ip4:300.0.0.1 mx redirect=a.example "
                        "redirect=b.example\""},
		NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 mx "
                 "redirect=a.example\""},
		NULL, NULL},
	{"SPF: more look-ups than are allowed",
		{ORDINARY, PTR,
			"corp.example. TXT \"v=spf1 " A_TERMS
			" a:mx.dest.example/22 -all\""},
		NULL, NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 " A_TERMS
		 " a:mx.dest\" \".example/22 -all\""},
		NULL, "needs more than 10 DNS look-ups"},
	{"SPF: just as many look-ups as are allowed",
		{ORDINARY, PTR, "corp.example. TXT \"v=spf1 " A_TERMS " -all\""}, NULL,
		NULL, NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 " A_TERMS
		 " -all\""},
		NULL, "needs all 10 DNS look-ups"},
	{"SPF: quotes are escaped",
		{ORDINARY, PTR, "corp.example. TXT \"v=spf1 x=a\\\"b -all\""}, NULL, NULL,
		NULL, NULL, CHECK_SPF,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 x=a\\\"b "
		 "-all\""},
		NULL, NULL},
	{"SPF of the EHLO name",
		{ORDINARY, PTR, SPF, "mail.corp.example. TXT \"v=spf1 -all\""}, NULL,
		NULL, NULL, NULL, CHECK_SPF_HELO,
		{"mail.corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 "
                 "-all\""},
		NULL, NULL},
	{"SPF of the EHLO name is postmaster's, not the sender's",
		{ORDINARY, PTR, SPF,
			"mail.corp.example. TXT \"v=spf1 exists:%{l}.x.example -all\"",
			"ann.x.example. A 127.0.0.2"},
		NULL, NULL, NULL, NULL, CHECK_SPF_HELO,
		{"mail.corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 "
		 "exists:%{l}.x.example -all\""},
		NULL, NULL},
	{"so it is for the null sender",
		{ORDINARY, PTR,
			"mail.corp.example. TXT \"v=spf1 exists:%{s}.x.example -all\"",
			"postmaster\\064.x.example. A 127.0.0.2"},
		NULL, NULL, "", NULL, CHECK_SPF,
		{"mail.corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 "
		 "exists:%{s}.x.example -all\""},
		NULL, NULL},
	{"DMARC that SPF can satisfy",
		{ORDINARY, PTR, "corp.example. TXT \"v=spf1 ~all\"",
			"_dmarc.corp.example. TXT \"v=DMARC1; p=reject\""},
		NULL, NULL, NULL, "corp.example", CHECK_DMARC,
		{"corp.example. TXT \"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 ~all\""},
		NULL, NULL},
	{"DMARC that it cannot",
		{ORDINARY, PTR, SPF, "_dmarc.else.example. TXT \"v=DMARC1; p=reject\""},
		NULL, NULL, NULL, "else.example", CHECK_DMARC,
		{"_dmarc.else.example. TXT \"v=DMARC1; p=none\""}, NULL,
		"sign its mail with DKIM"},
};

static bool has_record(const struct remedy *remedy, const char *record)
{
	for (size_t i = 0; i < remedy->record_count; i++)
		if (strcmp(remedy->records[i], record) == 0)
			return true;
	return false;
}

static void expect_kit(size_t row, const struct remedy *remedy)
{
	size_t expected = 0;

	cr_assert_not_null(remedy, "%s: no kit", rows[row].name);
	for (; expected < 4 && rows[row].records[expected]; expected++)
		cr_expect(has_record(remedy, rows[row].records[expected]),
			"%s: %s, not %s", rows[row].name, remedy->records[0],
			rows[row].records[expected]);
	cr_expect_eq(remedy->record_count, expected, "%s: %zu records", rows[row].name,
		remedy->record_count);
	cr_expect(!rows[row].who || strstr(remedy->who, rows[row].who), "%s: %s",
		rows[row].name, remedy->who);
	cr_expect(!rows[row].text || strstr(remedy->text, rows[row].text), "%s: %s",
		rows[row].name, remedy->text);
}

Test(remedy_words, every_row)
{
	for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
		struct facts *facts = facts_new();
		struct verdict verdict;
		struct preflight_question question = {
			.ip = rows[row].ip ? rows[row].ip : addresses[0],
			.ehlo = rows[row].ehlo ? rows[row].ehlo : "mail.corp.example",
			.sender =
				rows[row].sender ? rows[row].sender : "ann@corp.example",
			.author = rows[row].author,
			.addresses = {addresses, 2}};

		if (strcmp(question.ip, addresses[0]) && strcmp(question.ip, addresses[1]))
			question.addresses = (struct preflight_texts){&question.ip, 1};

		preflight_defaults(question.actions);
		evaluate_asking(&question, rows[row].lines, facts, &verdict);
		expect_kit(row, finding_of(&verdict, rows[row].check)->remedy);
		verdict_fini(&verdict);
		facts_free(facts);
	}
}

/* A name server that knows of no zone but the root. */
static void answer_from_root(struct facts *facts, const char *name, enum record_type type,
	const char *const *lines)
{
	struct answer meta = {.status = ANSWER_NO_NAME, .ttl = 300, .learned = 1000};
	struct answer_builder *builder = answer_builder_new(name, type);

	(void)lines;
	answer_builder_zone(builder, "", "a.root-servers.example", "nstld.root.example");
	struct answer *answer = answer_builder_finish(builder, &meta);

	cr_assert_eq(facts_add(facts, answer), 0);
	answer_free(answer);
}

Test(remedy_words, a_domain_that_nobody_has_has_no_owner)
{
	struct preflight_question question = {.ip = addresses[0],
		.ehlo = "mail.corp.example",
		.sender = "ann@unregistered.example"};
	struct facts *facts = facts_new();
	struct verdict verdict;

	preflight_defaults(question.actions);
	evaluate_by(answer_from_root, &question, NULL, facts, &verdict);
	cr_expect_str_eq(finding_of(&verdict, CHECK_SENDER)->remedy->who,
		"whoever registers the domain of unregistered.example");
	verdict_fini(&verdict);
	facts_free(facts);
}
