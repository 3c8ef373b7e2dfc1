/* SPDX-License-Identifier: ISC */
#include "relay/buf.h"
#include "relay/fitness.h"
#include "relay/mem.h"

/* The pure part: of what was found about our sources, which counts. */

static bool is_fit(const struct candidate *candidate)
{
	return candidate->target_count && candidate->action < ACTION_DEFER;
}

size_t fitness_rank(
	const struct candidate *candidates, size_t count, size_t order[SOURCES_MAX])
{
	size_t ranked = 0;

	for (enum action action = ACTION_NONE; action < ACTION_DEFER; action++)
		for (size_t i = 0; i < count; i++)
			if (is_fit(&candidates[i]) && candidates[i].action == action)
				order[ranked++] = i;
	return ranked;
}

static bool has_any_way(const struct candidate *candidates, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (candidates[i].target_count)
			return true;
	return false;
}

/*
 * A finding about a source that cannot reach the recipient says nothing, unless none can because of
 * what is found about the recipient itself (null MX, no such domain, no telling).
 */
static bool counts(const struct candidate *candidate, bool is_reachable)
{
	if (candidate->action < ACTION_DEFER)
		return false;
	if (is_reachable)
		return candidate->target_count > 0;
	return candidate->path != MX_FOUND && candidate->path != MX_LOOP;
}

const struct candidate *fitness_closest(const struct candidate *candidates, size_t count)
{
	const struct candidate *closest = NULL;
	bool is_reachable = has_any_way(candidates, count);

	for (size_t i = 0; i < count; i++)
		if (counts(&candidates[i], is_reachable) &&
			(!closest || candidates[i].action < closest->action))
			closest = &candidates[i];
	return closest;
}

char *fitness_left_out(
	const struct candidate *candidates, size_t count, const struct candidate *used)
{
	struct buf text = {0};

	for (size_t i = 0; i < count; i++) {
		const struct candidate *other = &candidates[i];
		bool is_worse = is_fit(used) ? other->action > used->action
		                             : other->action >= ACTION_DEFER;

		if (other == used || !other->target_count || !is_worse)
			continue;
		buf_printf(&text, "%s%s %s left out: %s", text.len ? ", " : "",
			source_family_name(other->source.is_v6),
			other->source.public_ip[0] ? other->source.public_ip
						   : "(address unknown)",
			other->finding.reason ? reason_name(other->finding.reason)
					      : action_name(other->action));
	}
	char *result = text.len ? mem_strndup(text.bytes, text.len) : NULL;

	buf_fini(&text);
	return result;
}

/* Seconds until the first of the answers behind the finding may have changed. */
uint32_t fitness_evidence_ttl(const struct finding *finding, int64_t now)
{
	int64_t end = INT64_MAX;

	for (size_t i = 0; i < finding->evidence_count; i++) {
		const struct answer *answer = finding->evidence[i];
		int64_t expires = answer->learned + (int64_t)answer->ttl * 1000;

		if (expires < end)
			end = expires;
	}
	return end == INT64_MAX || end <= now ? 0 : (uint32_t)((end - now) / 1000);
}
