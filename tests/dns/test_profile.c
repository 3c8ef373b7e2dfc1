/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"

enum { LINES_MAX = 8 };

#define PTR  "25.2.0.192.in-addr.arpa. PTR mail.corp.example."
#define HOST "mail.corp.example. A 192.0.2.25"
#define MX   "corp.example. MX 10 mail.corp.example."

static struct profile_answer judge(const char *profile,
	const struct preflight_question *question, const struct verdict *verdict)
{
	const struct profile *found = profile_find(profile, strlen(profile));
	struct profile_answer answer;

	cr_assert_not_null(found, "%s", profile);
	profile_judge(found, question, verdict, &answer);
	cr_assert_str_eq(answer.profile, profile);
	return answer;
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* What is right in every row: SPF of the sender, and of the EHLO name. */
#define SPF      "corp.example. TXT \"v=spf1 ip4:192.0.2.25 -all\""
#define SPF_HELO "mail.corp.example. TXT \"v=spf1 ip4:192.0.2.25 -all\""

/* From records to a receiver's answer: what its own sources and tests/world say that it does. */
static const struct {
	const char *name;
	const char *lines[LINES_MAX];
	const char *ehlo, *sender; /* other than the usual ones, or NULL */
	const char *profile;
	enum action action;
	const char *reply; /* its start; "": none */
} rows[] = {
	{"good", {PTR, HOST, MX}, NULL, NULL, "postfix-strict", ACTION_NONE, ""},
	{"good", {PTR, HOST, MX}, NULL, NULL, "exim", ACTION_NONE, ""},
	{"no PTR", {HOST, MX}, NULL, NULL, "gmail", ACTION_HOLD, "550 5.7.25 192.0.2.25"},
	{"no PTR", {HOST, MX}, NULL, NULL, "yahoo", ACTION_HOLD, "421 4.7.0"},
	{"no PTR", {HOST, MX}, NULL, NULL, "outlook", ACTION_HOLD, "550 5.7.1"},
	{"no PTR", {HOST, MX}, NULL, NULL, "gmx", ACTION_HOLD, "554 "},
	{"no PTR", {HOST, MX}, NULL, NULL, "sendmail", ACTION_HOLD,
		"550 5.7.1 Fix reverse DNS for 192.0.2.25"},
	{"no PTR", {HOST, MX}, NULL, NULL, "postfix-strict", ACTION_HOLD, "450 4.7.1"},
	{"no PTR", {HOST, MX}, NULL, NULL, "opensmtpd", ACTION_HOLD, "550 no reverse"},
	{"PTR fails", {"25.2.0.192.in-addr.arpa. FAILED", HOST, MX}, NULL, NULL, "gmail",
		ACTION_DEFER, "451 4.7.23"},
	{"PTR fails", {"25.2.0.192.in-addr.arpa. FAILED", HOST, MX}, NULL, NULL, "exim",
		ACTION_DEFER, "451 "},
	{"PTR is an address", {"25.2.0.192.in-addr.arpa. PTR 192.0.2.25.", HOST, MX},
		NULL, NULL, "sendmail", ACTION_HOLD, "550 5.7.1 Fix"},
	{"PTR is no host", {"25.2.0.192.in-addr.arpa. PTR mail.", HOST, MX}, NULL, NULL,
		"sendmail", ACTION_HOLD, "451 4.1.8 Possibly forged"},
	{"PTR is no host", {"25.2.0.192.in-addr.arpa. PTR mail.", HOST, MX}, NULL, NULL,
		"exim", ACTION_HOLD, "550 "},
	{"PTR is stray", {"25.2.0.192.in-addr.arpa. PTR a.example.", HOST, MX}, NULL,
		NULL, "outlook", ACTION_WARN, ""},
	{"PTR is stray", {"25.2.0.192.in-addr.arpa. PTR a.example.", HOST, MX}, NULL,
		NULL, "sendmail", ACTION_HOLD, "451 4.1.8"},
	{"one of two PTRs", {PTR, "25.2.0.192.in-addr.arpa. PTR a.example.", HOST, MX},
		NULL, NULL, "exim", ACTION_NONE, ""},
	{"one of two PTRs", {PTR, "25.2.0.192.in-addr.arpa. PTR a.example.", HOST, MX},
		NULL, NULL, "sendmail", ACTION_WARN, ""},
	{"PTR name fails",
		{"25.2.0.192.in-addr.arpa. PTR o.example.", "o.example. FAILED", HOST,
			MX},
		NULL, NULL, "postfix-strict", ACTION_DEFER, "450 4.7.25"},
	{"EHLO is missing", {PTR, HOST, MX}, "x.corp.example", NULL, "postfix-strict",
		ACTION_HOLD, "450 4.7.1 <x.corp.example>: Helo"},
	{"EHLO is missing", {PTR, HOST, MX}, "x.corp.example", NULL, "gmail", ACTION_NONE,
		""},
	{"EHLO fails", {PTR, HOST, MX, "x.example. FAILED"}, "x.example", NULL, "exim",
		ACTION_DEFER, "550 "},
	{"EHLO has MX only", {PTR, HOST, MX}, "corp.example", NULL, "postfix-strict",
		ACTION_NONE, ""},
	{"EHLO has MX only", {PTR, HOST, MX}, "corp.example", NULL, "exim", ACTION_HOLD,
		"550 "},
	{"EHLO leads elsewhere", {PTR, HOST, MX, "x.example. A 192.0.2.9"}, "x.example",
		NULL, "exim", ACTION_HOLD, "550 "},
	{"EHLO leads elsewhere", {PTR, HOST, MX, "x.example. A 192.0.2.9"}, "x.example",
		NULL, "gmx", ACTION_WARN, ""},
	{"EHLO: address", {PTR, HOST, MX}, "192.0.2.25", NULL, "postfix-strict",
		ACTION_HOLD, "504 5.5.2"},
	{"EHLO: address", {PTR, HOST, MX}, "192.0.2.25", NULL, "sendmail", ACTION_NONE,
		""},
	{"EHLO: IPv6", {PTR, HOST, MX}, "2001:db8::25", NULL, "sendmail", ACTION_HOLD,
		"550 5.7.1 bogus HELO"},
	{"EHLO: own literal", {PTR, HOST, MX}, "[192.0.2.25]", NULL, "exim", ACTION_NONE,
		""},
	{"EHLO: literal", {PTR, HOST, MX}, "[192.0.2.9]", NULL, "exim", ACTION_HOLD,
		"550 "},
	{"EHLO: loopback", {PTR, HOST, MX}, "[127.0.0.1]", NULL, "sendmail", ACTION_HOLD,
		"550 5.7.1 bogus HELO"},
	{"EHLO: IPv6 literal", {PTR, HOST, MX}, "[IPv6:2001:db8::25]", NULL,
		"postfix-strict", ACTION_NONE, ""},
	{"EHLO: no dot", {PTR, HOST, MX}, "mail", NULL, "sendmail", ACTION_HOLD,
		"550 5.7.1 bogus HELO name used: mail"},
	{"EHLO: dot at the end", {PTR, HOST, MX}, "mail.corp.example.", NULL, "exim",
		ACTION_NONE, ""},
	{"EHLO: dot at the end", {PTR, HOST, MX}, "mail.corp.example.", NULL, "opensmtpd",
		ACTION_HOLD, "501 "},
	{"EHLO: underscore", {PTR, HOST, MX}, "ma_il.corp.example", NULL,
		"postfix-strict", ACTION_NONE, ""},
	{"EHLO: underscore", {PTR, HOST, MX}, "ma_il.corp.example", NULL, "exim",
		ACTION_HOLD, "501 "},
	{"EHLO: a number on top", {PTR, HOST, MX}, "mail.123", NULL, "postfix-strict",
		ACTION_HOLD, "450 4.7.1"},
	{"EHLO: .local", {PTR, HOST, MX}, "exchange.corp.local", NULL, "postfix-strict",
		ACTION_HOLD, "450 4.7.1"},
	{"EHLO: empty label", {PTR, HOST, MX}, "mail..corp.example", NULL,
		"postfix-strict", ACTION_HOLD, "501 5.5.2"},
	{"EHLO: a control byte is harmless", {PTR, HOST, MX}, "\x1b[31m", NULL,
		"sendmail", ACTION_HOLD, "550 5.7.1 bogus HELO name used: \\027[31m"},
	{"null sender", {PTR, HOST}, NULL, "", "yahoo", ACTION_NONE, ""},
	{"no domain", {PTR, HOST}, NULL, "ann", "sendmail", ACTION_HOLD, "553 5.5.4"},
	{"literal", {PTR, HOST}, NULL, "ann@[192.0.2.25]", "exim", ACTION_HOLD, "501 "},
	{"literal", {PTR, HOST}, NULL, "ann@[192.0.2.25]", "sendmail", ACTION_NONE, ""},
	{"one label", {PTR, HOST}, NULL, "ann@corp", "postfix-strict", ACTION_HOLD,
		"504 5.5.2 <ann@corp>"},
	{"one label, private", {PTR, HOST, "localhost. A 127.0.0.1"}, NULL,
		"ann@localhost", "postfix-strict", ACTION_HOLD, "504 5.5.2"},
	{"no such domain", {PTR, HOST}, NULL, NULL, "sendmail", ACTION_HOLD,
		"553 5.1.8 Domain of sender address ann@corp.example"},
	{"no such domain", {PTR, HOST}, NULL, NULL, "yahoo", ACTION_HOLD, "554 "},
	{"no such domain", {PTR, HOST}, NULL, NULL, "opensmtpd", ACTION_NONE, ""},
	{"the domain fails", {PTR, HOST, "corp.example. FAILED"}, NULL, NULL, "sendmail",
		ACTION_DEFER, "451 4.1.8"},
	{"the MX fails",
		{PTR, HOST, "corp.example. MX 10 m.example.", "m.example. FAILED"}, NULL,
		NULL, "exim", ACTION_DEFER, "451 "},
	{"the MX fails",
		{PTR, HOST, "corp.example. MX 10 m.example.", "m.example. FAILED"}, NULL,
		NULL, "postfix-strict", ACTION_NONE, ""},
	{"null MX", {PTR, HOST, "corp.example. MX 0 ."}, NULL, NULL, "postfix-strict",
		ACTION_HOLD, "550 5.7.27"},
	{"null MX", {PTR, HOST, "corp.example. MX 0 ."}, NULL, NULL, "sendmail",
		ACTION_NONE, ""},
	{"null MX and another", {PTR, HOST, MX, "corp.example. MX 0 ."}, NULL, NULL,
		"sendmail", ACTION_HOLD, "550 5.1.2 Illegal MX record"},
	{"null MX and another", {PTR, HOST, MX, "corp.example. MX 0 ."}, NULL, NULL,
		"exim", ACTION_NONE, ""},
	{"dead MX", {PTR, HOST, "corp.example. MX 10 m.example."}, NULL, NULL, "exim",
		ACTION_HOLD, "550 Sender verify failed"},
	{"dead MX", {PTR, HOST, "corp.example. MX 10 m.example."}, NULL, NULL, "sendmail",
		ACTION_NONE, ""},
	{"loopback MX",
		{PTR, HOST, "corp.example. MX 10 m.example.", "m.example. A 127.0.0.1"},
		NULL, NULL, "sendmail", ACTION_HOLD, "550 5.1.2 Invalid MX record"},
	{"one loopback MX of two",
		{PTR, HOST, MX, "corp.example. MX 20 m.example.",
			"m.example. A 127.0.0.1"},
		NULL, NULL, "sendmail", ACTION_HOLD, "550 5.1.2"},
	{"one literal MX of two", {PTR, HOST, MX, "corp.example. MX 20 192.0.2.9."}, NULL,
		NULL, "courier", ACTION_HOLD, "517 MX records"},
	{"one literal MX of two", {PTR, HOST, MX, "corp.example. MX 20 192.0.2.9."}, NULL,
		NULL, "exim", ACTION_NONE, ""},
	{"one private MX of two",
		{PTR, HOST, MX, "corp.example. MX 20 m.example.",
			"m.example. A 10.1.1.1"},
		NULL, NULL, "exim", ACTION_NONE, ""},
	{"private MX, IPv6",
		{PTR, HOST, "corp.example. MX 10 m.example.", "m.example. AAAA ::1"},
		NULL, NULL, "courier", ACTION_NONE, ""},
	{"dead MX", {PTR, HOST, "corp.example. MX 10 m.example."}, NULL, NULL, "courier",
		ACTION_HOLD, "517 Domain does not exist: corp.example."},
	{"underscore", {PTR, HOST, "co_rp.example. MX 10 mail.corp.example."}, NULL,
		"ann@co_rp.example", "exim", ACTION_HOLD, "501 "},
	{"empty label", {PTR, HOST}, NULL, "ann@corp..example", "postfix-strict",
		ACTION_HOLD, "501 5.1.7"},
};

Test(profile, answers)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct preflight_question question = {.ip = "192.0.2.25",
			.ehlo = rows[i].ehlo ? rows[i].ehlo : "mail.corp.example",
			.sender = rows[i].sender ? rows[i].sender : "ann@corp.example"};
		const char *lines[LINES_MAX + 3] = {NULL};
		size_t count = 0;
		struct facts *facts = facts_new();
		struct verdict verdict;

		for (; rows[i].lines[count]; count++)
			lines[count] = rows[i].lines[count];
		lines[count] = SPF;
		lines[count + 1] = SPF_HELO;
		/* With nothing configured to matter: a profile is not ours to configure. */
		evaluate(&question, lines, facts, &verdict);
		struct profile_answer answer =
			judge(rows[i].profile, &question, &verdict);

		cr_expect_eq(answer.action, rows[i].action, "%s, %s: %s", rows[i].name,
			rows[i].profile, action_name(answer.action));
		cr_expect(rows[i].reply[0] ? starts_with(answer.reply, rows[i].reply)
					   : !answer.reply[0],
			"%s, %s: %s", rows[i].name, rows[i].profile, answer.reply);
		verdict_fini(&verdict);
		facts_free(facts);
	}
}

/* From a single finding, where the records behind it are another test's affair. */
static const struct {
	enum check check;
	enum check_result result;
	enum reason reason;
	const char *spf, *policy; /* the SPF result; the DMARC record in evidence */
	const char *profile;
	enum action action;
	const char *reply;
} findings[] = {
	{CHECK_PTR_NAME, RESULT_FAIL, REASON_PTR_GENERIC, NULL, NULL, "gmx", ACTION_HOLD,
		"554 "},
	{CHECK_PTR_NAME, RESULT_FAIL, REASON_PTR_GENERIC, NULL, NULL, "yahoo",
		ACTION_WARN, ""},
	{CHECK_PTR_NAME, RESULT_FAIL, REASON_PTR_GENERIC, NULL, NULL, "exim", ACTION_NONE,
		""},
	{CHECK_SPF, RESULT_FAIL, REASON_SPF_FAIL, "fail", NULL, "gmail", ACTION_HOLD,
		"550 5.7.26 corp.example forbids 192.0.2.25"},
	{CHECK_SPF, RESULT_FAIL, REASON_SPF_FAIL, "fail", NULL, "postfix-strict",
		ACTION_HOLD, "550 5.7.23"},
	{CHECK_SPF, RESULT_FAIL, REASON_SPF_FAIL, "fail", NULL, "sendmail", ACTION_NONE,
		""},
	{CHECK_SPF, RESULT_SOFTFAIL, REASON_SPF_SOFTFAIL, "softfail", NULL, "gmail",
		ACTION_HOLD, "550 5.7.26 neither"},
	{CHECK_SPF, RESULT_SOFTFAIL, REASON_SPF_SOFTFAIL, "softfail", NULL, "exim",
		ACTION_NONE, ""},
	{CHECK_SPF, RESULT_NONE, REASON_SPF_NONE, "none", NULL, "yahoo", ACTION_HOLD,
		"550 5.7.9"},
	{CHECK_SPF, RESULT_NONE, REASON_SPF_NONE, "none", NULL, "outlook", ACTION_WARN,
		""},
	{CHECK_SPF, RESULT_NEUTRAL, REASON_NONE, "neutral", NULL, "gmail", ACTION_HOLD,
		"550 5.7.26 neither"},
	{CHECK_SPF, RESULT_PASS, REASON_NONE, "pass", NULL, "gmail", ACTION_NONE, ""},
	{CHECK_SPF, RESULT_PERMERROR, REASON_SPF_PERMERROR, "permerror", NULL, "gmail",
		ACTION_HOLD, "550 5.7.24"},
	{CHECK_SPF, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, "temperror", NULL, "gmail",
		ACTION_DEFER, "451 4.7.24"},
	{CHECK_SPF, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, "temperror", NULL, "exim",
		ACTION_DEFER, "451 "},
	{CHECK_SPF_HELO, RESULT_FAIL, REASON_SPF_FAIL, NULL, NULL, "postfix-strict",
		ACTION_HOLD, "550 5.7.23"},
	{CHECK_SPF_HELO, RESULT_FAIL, REASON_SPF_FAIL, NULL, NULL, "exim", ACTION_NONE,
		""},
	{CHECK_DMARC, RESULT_FAIL, REASON_DMARC_FAIL, NULL, "v=DMARC1; p=reject", "yahoo",
		ACTION_HOLD, "554 5.7.9"},
	{CHECK_DMARC, RESULT_FAIL, REASON_DMARC_FAIL, NULL, "v=DMARC1; p=quarantine",
		"outlook", ACTION_WARN, ""},
	{CHECK_DMARC, RESULT_FAIL, REASON_DMARC_FAIL, NULL, "v=DMARC1; p=reject",
		"postfix-strict", ACTION_NONE, ""},
	{CHECK_DMARC, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, NULL, NULL, "gmail",
		ACTION_DEFER, "451 4.7.26"},
	{CHECK_DNSBL, RESULT_FAIL, REASON_DNSBL_IP, NULL, NULL, "outlook", ACTION_HOLD,
		"550 5.7.1"},
	{CHECK_DNSBL, RESULT_FAIL, REASON_DNSBL_DOMAIN, NULL, NULL, "exim", ACTION_HOLD,
		"550 corp.example is listed"},
	{CHECK_DNSBL, RESULT_FAIL, REASON_DNSBL_DOMAIN, NULL, NULL, "gmail", ACTION_NONE,
		""},
	{CHECK_DNSBL, RESULT_UNKNOWN, REASON_DNS_TEMPFAIL, NULL, NULL, "gmx", ACTION_NONE,
		""},
	{CHECK_RECIPIENT, RESULT_FAIL, REASON_RECIPIENT_NULL_MX, NULL, NULL, "gmx",
		ACTION_NONE, ""},
};

static struct answer *make_txt(const char *text)
{
	struct answer_builder *builder =
		answer_builder_new("_dmarc.corp.example", TYPE_TXT);
	struct record record = {.text = text, .len = strlen(text)};
	struct answer meta = {.status = ANSWER_FOUND, .server = "127.0.0.1:53"};

	cr_assert_eq(answer_builder_add(builder, &record), 0);
	return answer_builder_finish(builder, &meta);
}

Test(profile, findings)
{
	static struct verdict verdict;
	struct preflight_question question = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "ann@corp.example"};

	for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
		struct finding *finding = &verdict.findings[0];
		const char *policy = findings[i].policy;
		struct answer *txt = policy ? make_txt(policy) : NULL;

		*finding = (struct finding){.check = findings[i].check,
			.result = findings[i].result,
			.reason = findings[i].reason,
			.spf = findings[i].spf,
			.evidence = {txt},
			.evidence_count = txt ? 1 : 0};
		verdict.count = 1;
		struct profile_answer answer =
			judge(findings[i].profile, &question, &verdict);

		cr_expect_eq(answer.action, findings[i].action, "row %zu: %s", i,
			action_name(answer.action));
		cr_expect(findings[i].reply[0]
				  ? starts_with(answer.reply, findings[i].reply)
				  : !answer.reply[0],
			"row %zu: %s", i, answer.reply);
		answer_free(txt);
	}
}

Test(profile, a_signature_authenticates_as_well_as_spf)
{
	static const char *const domains[] = {"corp.example"};
	static struct verdict verdict = {.count = 1,
		.findings = {{.check = CHECK_SPF,
			.result = RESULT_NONE,
			.reason = REASON_SPF_NONE,
			.spf = "none"}}};
	struct preflight_question question = {
		.ip = "192.0.2.25", .sender = "ann@corp.example"};

	cr_expect_eq(judge("gmail", &question, &verdict).action, ACTION_HOLD);
	question.signers = (struct preflight_texts){domains, 1};
	cr_expect_eq(judge("gmail", &question, &verdict).action, ACTION_NONE);
}

Test(profile, names)
{
	const char *name;
	size_t count = 0;

	for (; (name = profile_name_at(count)); count++)
		cr_expect_not_null(profile_find(name, strlen(name)));
	cr_expect_geq(count, 7, "those of DESIGN section 6");
	cr_expect_null(profile_name_at(count + 1));
	cr_expect_not_null(profile_find("GMail,yahoo", 5));
	cr_expect_null(profile_find("gmail,yahoo", 11));
	cr_expect_null(profile_find("gma", 3));
	cr_expect_null(profile_find("", 0));
}

/* However long and strange the names are, the reply stays within its buffer and harmless. */
Test(profile, long_names_are_cut)
{
	static char sender[5000];
	static const char *const nothing[] = {NULL};
	struct preflight_question question = {
		.ip = "192.0.2.25", .ehlo = sender, .sender = sender};
	struct facts *facts = facts_new();
	struct verdict verdict;

	memset(sender, '\x01', sizeof sender - 1);
	evaluate(&question, nothing, facts, &verdict);
	for (size_t i = 0; profile_name_at(i); i++) {
		struct profile_answer answer =
			judge(profile_name_at(i), &question, &verdict);

		cr_expect_lt(strlen(answer.reply), PROFILE_REPLY_MAX - 1);
		cr_expect_null(strchr(answer.reply, '\x01'));
	}
	verdict_fini(&verdict);
	facts_free(facts);
}
