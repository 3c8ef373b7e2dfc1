/* SPDX-License-Identifier: ISC */
#include "dns/spf_name.h"

#include <stdint.h>
#include <string.h>

#include "dns/name.h"

bool spf_text_to_name(const char *text, char name[static ANSWER_NAME_MAX])
{
	size_t used = 0, len = strlen(text);

	if (len && text[len - 1] == '.')
		len--;
	if (len >= SPF_TEXT_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.')
			name[used++] = '.';
		else
			used += name_put_byte(name + used, (uint8_t)text[i]);
	}
	name[used] = '\0';
	return used > 0 && name[used - 1] != '.' && name_is_possible(name);
}

void spf_name_to_text(const char *name, char text[static SPF_TEXT_MAX])
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t used = 0;

	if (name_to_wire(name, wire) < 0)
		wire[0] = 0;
	for (size_t at = 0; wire[at]; at += 1 + (size_t)wire[at]) {
		if (used)
			text[used++] = '.';
		memcpy(text + used, wire + at + 1, wire[at]);
		used += wire[at];
	}
	text[used] = '\0';
}
