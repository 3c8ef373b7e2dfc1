/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <string.h>

#include "dns/refusal.h"

/* Replies in our own words; the corpus with the world's is in the design's shared folder. */
static const struct {
	unsigned code;
	const char *enhanced, *text;
	enum reason reason;
} rows[] = {
	{451, "", "<name@domain.com>... Sender domain must resolve",
		REASON_SENDER_DOMAIN_UNRESOLVABLE},
	{421, "", "SERVICE NOT AVAILABLE, TEMPORARY DNS FAILURE", REASON_DNS_TEMPFAIL},
	{450, "4.7.25",
		"Client host rejected: cannot find your reverse hostname, [192.0.2.25]",
		REASON_PTR_MISSING},
	{550, "", "192.0.2.25 has no PTR record, go away", REASON_PTR_MISSING},
	{550, "5.7.25", "refused", REASON_PTR_MISSING},
	{550, "", "forward-confirmed reverse DNS does not fit", REASON_FCRDNS_MISMATCH},
	{554, "", "dynamic reverse hostname", REASON_PTR_GENERIC},
	{450, "4.7.1", "<mail.corp.example>: Helo command rejected: Host not found",
		REASON_HELO_UNRESOLVABLE},
	{550, "", "HELO name does not match your address", REASON_HELO_MISMATCH},
	{450, "4.1.8", "<ann@corp.example>: Sender address rejected: Domain not found",
		REASON_SENDER_DOMAIN_UNRESOLVABLE},
	{550, "5.7.27", "Sender address has null MX", REASON_SENDER_NULL_MX},
	{550, "5.7.23", "SPF says no", REASON_SPF_FAIL},
	{451, "4.7.24", "SPF: temporary error in look-up", REASON_SPF_TEMPERROR},
	{550, "5.7.24", "SPF PermError", REASON_SPF_PERMERROR},
	{550, "5.7.20", "no", REASON_DKIM_FAIL},
	{550, "5.7.1", "rejected by the DMARC policy of corp.example", REASON_DMARC_FAIL},
	{550, "5.7.26", "we want either SPF or DKIM", REASON_AUTH_REQUIRED},
	{554, "", "Service unavailable; blocked using zen.spamhaus.org", REASON_DNSBL_IP},
	/* Not about our DNS. */
	{550, "5.1.1", "no such user", REASON_NONE},
	{452, "4.2.2", "mailbox full", REASON_NONE},
	{450, "4.2.0", "greylisted, see http://postgrey.example/help/dns.html",
		REASON_NONE},
	{554, "5.7.1", "Relay access denied", REASON_NONE},
	{450, "4.1.2", "<b@dest.example>: Recipient address rejected: Domain not found",
		REASON_NONE},
	{550, "5.1.10", "Recipient domain has a null MX", REASON_RECIPIENT_NULL_MX},
	{451, "4.3.0", "<b@dest.example>: Temporary lookup failure", REASON_NONE},
	{421, "4.7.28", "unusual rate of mail from your SPF domain", REASON_NONE},
	{550, "", "blacklisted here for your own spam", REASON_NONE},
	{250, "", "", REASON_NONE},
};

Test(refusal, replies_are_read_as_what_they_say)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct refusal refusal =
			refusal_classify(rows[i].code, rows[i].enhanced, rows[i].text);

		cr_assert_eq(refusal.reason, rows[i].reason, "%s: %s by '%s'",
			rows[i].text, reason_name(refusal.reason), refusal.rule);
		cr_assert_gt(strlen(refusal.rule), 2);
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
