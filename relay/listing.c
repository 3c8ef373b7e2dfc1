/* SPDX-License-Identifier: ISC */
#include "relay/listing.h"

#include "relay/describe.h"
#include "relay/hold.h"
#include "relay/mem.h"
#include "relay/text.h"

bool listing_selects(const struct filter *filter, const struct message *message,
	int64_t now, uint64_t *count)
{
	uint64_t before = *count;

	for (uint32_t i = 0; i < message->count; i++)
		*count += filter_matches(filter, &message->recipients[i], now);
	return *count > before;
}

static bool is_shown(const struct filter *filter, const struct recipient *rcpt,
	enum listing_form form, int64_t now)
{
	struct filter any_state = *filter;

	if (any_state.state < 0 && form != LISTING_ROWS)
		any_state.state = rcpt->state;
	return filter_matches(&any_state, rcpt, now);
}

/* When the cause it is held for is asked about again. */
static void add_next_check(json_t *object, const struct recipient *rcpt)
{
	int64_t next = rcpt->state == RCPT_HELD ? holds_next_check(rcpt) : 0;
	char text[32];

	json_object_set_new(object, "next_check",
		next ? mem_must(json_string(text_time(next, text))) : json_null());
}

json_t *listing_describe(const struct filter *filter, const struct message *message,
	const struct spool_entry *entry, enum listing_form form, int64_t now)
{
	json_t *object = describe_message(message, entry, form == LISTING_FULL);
	json_t *recipients = json_object_get(object, "recipients");

	for (uint32_t i = message->count; i-- > 0;) { /* from behind: places stay */
		const struct recipient *rcpt = &message->recipients[i];

		if (!is_shown(filter, rcpt, form, now))
			json_array_remove(recipients, i);
		else if (form != LISTING_PLAIN)
			add_next_check(json_array_get(recipients, i), rcpt);
	}
	return object;
}
