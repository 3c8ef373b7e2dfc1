/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/verify.h"

struct spool_finding *findings_add(
	struct findings *findings, enum spool_finding_kind kind, uint64_t len)
{
	struct spool_finding *list =
		realloc(findings->list, (findings->count + 1) * sizeof findings->list[0]);

	if (!list) {
		findings->lacks_memory = true;
		return NULL;
	}
	findings->list = list;
	struct spool_finding *finding = &list[findings->count++];

	*finding = (struct spool_finding){.kind = kind,
		.is_damage = kind >= SPOOL_DAMAGED_HEAD,
		.damage = {.len = len, .code = -EBADMSG}};
	return finding;
}

/* An id out of a damaged item: that of a message which the index has right there, or none. */
static void settle_unsure(struct findings *findings, const struct spool *spool)
{
	struct spool_damage *damage = &findings->list[findings->unsure - 1].damage;
	const struct place *place = index_place(spool->index, &findings->unsure_item);

	if (!place || place->segment->head.number != findings->unsure_number ||
		place->offset != findings->unsure_offset)
		damage->id = 0;
}

static bool is_worth_telling(const struct spool_finding *finding)
{
	bool is_file =
		finding->damage.id && strncmp(finding->damage.place, "body/", 5) == 0;

	if (finding->kind == SPOOL_ORPHAN_BODY)
		return !finding->is_live;
	/* Its file was removed while it was looked for, or read. */
	return finding->is_live || !is_file || !finding->is_damage;
}

void findings_sift(struct findings *findings, const struct spool *spool)
{
	size_t kept = 0;

	if (findings->unsure)
		settle_unsure(findings, spool);
	for (size_t i = 0; i < findings->count; i++) {
		struct spool_finding *finding = &findings->list[i];

		finding->is_live = finding->damage.id &&
		                   index_find(spool->index, finding->damage.id);
		if (is_worth_telling(finding))
			findings->list[kept++] = *finding;
	}
	findings->count = kept;
}
