/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "smtp/header.h"

static const struct {
	const char *name, *header, *domains; /* with a space behind each */
} rows[] = {
	{"none", "From: ann@corp.example\r\n", ""},
	{"one", "DKIM-Signature: v=1; a=rsa-sha256; d=corp.example; s=a; b=abc=\r\n",
		"corp.example "},
	{"the first tag", "DKIM-Signature:d=corp.example\r\n", "corp.example "},
	{"upper case", "dkim-signature: d=Corp.Example;\r\n", "corp.example "},
	{"a trailing dot", "DKIM-Signature: d=corp.example.\r\n", "corp.example "},
	{"spaces around", "DKIM-Signature : v = 1 ; d \t=\t corp.example ; s=a\r\n",
		"corp.example "},
	{"folds", "DKIM-Signature: v=1;\r\n d\r\n =\r\n corp.\r\n\texample\r\n ; b=x\r\n",
		"corp.example "},
	{"several", "DKIM-Signature: d=b.example\r\nDKIM-Signature: d=a.example\r\n",
		"b.example a.example "},
	{"the same twice",
		"DKIM-Signature: d=a.example\r\nDKIM-Signature: d=A.example\r\n",
		"a.example "},
	{"a d inside another value", "DKIM-Signature: b=xd=evil.example; d=a.example\r\n",
		"a.example "},
	{"tags that only look like it",
		"DKIM-Signature: dd=x.example; D=y.example; bd=z.example; "
                "d=a.example\r\n",
		"a.example "},
	{"the first of two in one field", "DKIM-Signature: d=a.example; d=b.example\r\n",
		"a.example "},
	{"an empty first one", "DKIM-Signature: d=; d=b.example\r\n", ""},
	{"without value", "DKIM-Signature: d\r\n", ""},
	{"no domain", "DKIM-Signature: d=@corp.example\r\n", ""},
	{"no tags at all", "DKIM-Signature: \r\n", ""},
	{"another field", "X-DKIM-Signature: d=corp.example\r\n", ""},
	{"another field with a longer name", "DKIM-Signatures: d=corp.example\r\n", ""},
	{"in the body", "X: y\r\n\r\nDKIM-Signature: d=corp.example\r\n", ""},
	{"the ninth is not kept",
		"DKIM-Signature: d=a\r\nDKIM-Signature: d=b\r\nDKIM-Signature: d=c\r\n"
		"DKIM-Signature: d=d\r\nDKIM-Signature: d=e\r\nDKIM-Signature: d=f\r\n"
		"DKIM-Signature: d=g\r\nDKIM-Signature: d=h\r\nDKIM-Signature: d=i\r\n",
		"a b c d e f g h "},
};

static void expect_domains(const struct smtp_header_scan *scan, size_t row, size_t cut)
{
	char text[1024] = "";
	size_t len = 0;

	for (size_t i = 0; i < scan->signers.count; i++)
		len += (size_t)snprintf(
			text + len, sizeof text - len, "%s ", scan->signers.domains[i]);
	cr_expect_str_eq(
		text, rows[row].domains, "%s, cut at %zu: %s", rows[row].name, cut, text);
}

Test(signers, the_d_tags_are_kept_wherever_the_message_is_cut)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = strlen(rows[i].header);

		for (size_t cut = 0; cut <= len; cut++) {
			struct smtp_header_scan scan;

			smtp_header_scan_init(&scan);
			smtp_header_scan_feed(&scan, rows[i].header, cut);
			smtp_header_scan_feed(&scan, rows[i].header + cut, len - cut);
			smtp_header_scan_end(&scan);
			expect_domains(&scan, i, cut);
		}
	}
}
