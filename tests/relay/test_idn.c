/* SPDX-License-Identifier: ISC */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "relay/idn.h"

Test(idn, domains_get_the_form_that_the_dns_knows)
{
	static const struct {
		const char *given, *ascii; /* NULL: as given */
	} rows[] = {
		{"ann@corp.example", NULL},
		{"j\xc3\xb6rg@corp.example", NULL},
		{"", NULL},
		{"ann", NULL},
		{"ann@b\xc3\xbc"
		 "cher.example",
			"ann@xn--bcher-kva.example"},
		{"ann@B\xc3\x9c"
		 "CHER.Example",
			"ann@xn--bcher-kva.example"},
		{"ann@bu\xcc\x88"
		 "cher.example",
			"ann@xn--bcher-kva.example"},
		{"ann@stra\xc3\x9f"
		 "e.example",
			"ann@xn--strae-oqa.example"},
		{"\"a@b\"@b\xc3\xbc"
		 "cher.example",
			"\"a@b\"@xn--bcher-kva.example"},
		{"j\xc3\xb6rg@b\xc3\xbc"
		 "cher.example",
			"j\xc3\xb6rg@xn--bcher-kva.example"},
		{"b\xc3\xbc"
		 "cher.example",
			"xn--bcher-kva.example"},
		/* none that can exist */
		{"ann@b\xfc"
		 "cher.example",
			NULL},
		{"ann@\xe2\x80\xae.example", NULL},
		/* wide forms of what would end the address: '>', a space, '=', '@' */
		{"ann@x\xef\xbc\x9e\xe3\x80\x80NOTIFY\xef\xbc\x9dNEVER.example", NULL},
		{"ann@x\xef\xbc\xa0"
		 "b.example",
			NULL},
		{"ann@x\xe3\x80\x80.example", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *ascii = idn_to_ascii(rows[i].given);

		cr_expect_str_eq(ascii, rows[i].ascii ? rows[i].ascii : rows[i].given,
			"row %zu", i);
		free(ascii);
	}
}
