/* SPDX-License-Identifier: ISC */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtp/smtp.h"

static void scan(
	struct smtp_header_scan *scan, const char *text, size_t len, size_t piece)
{
	smtp_header_scan_init(scan);
	for (size_t at = 0; at < len; at += piece)
		smtp_header_scan_feed(
			scan, text + at, len - at < piece ? len - at : piece);
	smtp_header_scan_end(scan);
}

static void expect_domain(const char *domain)
{
	assert(strlen(domain) <= SMTP_DOMAIN_MAX);
	for (; *domain; domain++)
		assert((unsigned char)*domain > ' ' && !strchr("@<>()\",;:\\", *domain) &&
			!(*domain >= 'A' && *domain <= 'Z'));
}

/* What is learned does not depend on the cuts, and what is taken for a domain looks like one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_header_scan whole, cut;

	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;

	scan(&whole, text, size - 1, size);
	scan(&cut, text, size - 1, data[0] % 7 + 1);
	assert(whole.received == cut.received &&
		whole.has_eight_bit == cut.has_eight_bit);
	assert(strcmp(smtp_author_domain(&whole.author),
		       smtp_author_domain(&cut.author)) == 0);
	expect_domain(smtp_author_domain(&whole.author));
	assert(whole.signers.count == cut.signers.count);
	assert(whole.signers.count <= SMTP_SIGNERS_MAX);
	for (size_t i = 0; i < whole.signers.count; i++) {
		assert(strcmp(whole.signers.domains[i], cut.signers.domains[i]) == 0);
		expect_domain(whole.signers.domains[i]);
	}
	return 0;
}
