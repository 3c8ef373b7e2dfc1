/* SPDX-License-Identifier: ISC */
#include "relay/profiles.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "relay/describe.h"
#include "relay/mem.h"
#include "relay/text.h"

static int complain(const char *name, size_t len)
{
	char text[64];
	const char *known;

	text_escape(text, sizeof text, name, len);
	fprintf(stderr, "ptrelay: --as '%s': not one of", text);
	for (size_t i = 0; (known = profile_name_at(i)); i++)
		fprintf(stderr, "%s %s", i ? "," : "", known);
	fputs("\n", stderr);
	return EX_USAGE;
}

int profiles_add(struct profiles *profiles, const char *list)
{
	while (true) {
		size_t len = strcspn(list, ",");
		const struct profile *profile = profile_find(list, len);

		if (!profile)
			return complain(list, len);
		if (profiles->count == PROFILES_MAX) {
			fputs("ptrelay: --as: too many profiles\n", stderr);
			return EX_USAGE;
		}
		profiles->items[profiles->count++] = profile;
		if (!list[len])
			return EX_OK;
		list += len + 1;
	}
}

static json_t *describe_profile(const struct profile_answer *answer)
{
	bool is_refusal = answer->reply[0] != '\0';

	return mem_must(json_pack("{s:s, s:s, s:o}", "profile", answer->profile,
		"verdict", describe_action(answer->action), "reply",
		is_refusal ? describe_text(answer->reply, strlen(answer->reply))
			   : json_null()));
}

json_t *profiles_describe(const struct profiles *profiles,
	const struct preflight_question *question, const struct verdict *verdict)
{
	json_t *array = mem_must(json_array());
	struct profile_answer answer;

	for (size_t i = 0; i < profiles->count; i++) {
		profile_judge(profiles->items[i], question, verdict, &answer);
		if (json_array_append_new(array, describe_profile(&answer)))
			mem_exhausted();
	}
	return array;
}
