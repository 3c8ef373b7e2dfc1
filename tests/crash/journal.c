/* SPDX-License-Identifier: ISC */
#include "tests/crash/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct journal *journal_new(void)
{
	void *memory = mmap(NULL, sizeof(struct journal), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

const char *recipient_state_word(unsigned state)
{
	static const char *const words[] = {
		"queued", "deferred", "held", "delivered", "bounced", "deleted"};

	return words[state];
}

bool is_final(unsigned state)
{
	return state >= DELIVERED;
}

/* splitmix64 */
uint64_t chance_next(uint64_t *chance)
{
	uint64_t mixed = *chance += 0x9E3779B97F4A7C15u;

	mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
	mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
	return mixed ^ mixed >> 31;
}

unsigned chance_below(uint64_t *chance, unsigned limit)
{
	return (unsigned)(chance_next(chance) % limit);
}

/* offset and len are multiples of 8, but for the last piece. */
void fill_body(unsigned message, uint64_t offset, char *bytes, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
		uint64_t chance = (uint64_t)message << 32 ^ (offset + at);
		uint64_t word = chance_next(&chance);
		size_t left = len - at;

		memcpy(bytes + at, &word, left < sizeof word ? left : sizeof word);
	}
}

size_t print_envelope(
	const struct journal *journal, unsigned message, char text[static SUMMARY_MAX])
{
	return (size_t)snprintf(text, SUMMARY_MAX, "envelope of %4u, recipients: %u",
		message, journal->messages[message].recipient_count);
}

size_t print_summary(const struct effect *effect, char text[static SUMMARY_MAX])
{
	return (size_t)snprintf(text, SUMMARY_MAX, "%4u/%u is %9s, version %3u",
		effect->message, effect->recipient, recipient_state_word(effect->state),
		effect->version);
}

/*
 * The lengths make every record a multiple of 512 bytes long, as those of messages do: a stale record of a
 * recycled segment then often begins just where the new records end.
 */
size_t print_detail(const struct effect *effect, char text[static DETAIL_MAX])
{
	char summary[SUMMARY_MAX];
	size_t heads = 48 + 40, len = effect->version % 3 == 0 ? 1024 : 512;

	len -= heads + print_summary(effect, summary);
	memset(text, 'a' + (int)(effect->version % 26), len);
	snprintf(text, DETAIL_MAX, "%u/%u", effect->message, effect->version);
	text[strlen(text)] = ' ';
	return len;
}

void apply_effect(struct model *model, const struct effect *effect)
{
	switch ((enum change)effect->change) {
	case CHANGE_ADD:
		model->is_there = true;
		break;
	case CHANGE_STATE:
		model->state[effect->recipient] = effect->state;
		model->version[effect->recipient] = effect->version;
		break;
	case CHANGE_REMOVE:
		model->is_there = false;
		model->was_removed = true;
		break;
	}
}

void report(struct journal *journal, enum finding finding, const char *format, ...)
{
	size_t used = strlen(journal->text);
	va_list arguments;

	if (journal->is_dark)
		return;
	journal->findings[finding]++;
	va_start(arguments, format);
	vsnprintf(journal->text + used, sizeof journal->text - used, format, arguments);
	va_end(arguments);
	used = strlen(journal->text);
	snprintf(journal->text + used, sizeof journal->text - used, "; ");
}
