/* SPDX-License-Identifier: ISC */
#include "relay/trouble.h"

#include <errno.h>
#include <string.h>

#include "relay/relay.h"

enum { QUIET_MS = 60 * 1000 };

static enum trouble_kind kind_of(int error)
{
	if (error == 0)
		return TROUBLE_NONE;
	return error == -ENOSPC || error == -EDQUOT ? TROUBLE_FULL : TROUBLE_FAILED;
}

void trouble_note(struct relay *relay, int error)
{
	struct trouble *trouble = &relay->trouble;
	enum trouble_kind kind = kind_of(error);
	uint64_t now = uv_now(relay->loop);

	/* What is true for longer than a minute is told then, by the next message. */
	if (kind == trouble->kind || (trouble->told && now - trouble->told < QUIET_MS))
		return;
	*trouble = (struct trouble){kind, now};
	switch (kind) {
	case TROUBLE_NONE:
		log_event(&relay->log, LOG_INFO,
			"spool-mended what=\"mail is taken again\"");
		break;
	case TROUBLE_FULL:
		log_event(&relay->log, LOG_ERROR,
			"spool-full what=\"no room for more mail; clients hear 452 and "
			"keep it\" next=\"make room, or add disk\"");
		break;
	case TROUBLE_FAILED:
		log_event(&relay->log, LOG_ERROR,
			"spool-failed what=\"%s\" next=\"clients hear 451 and try "
			"again\"",
			strerror(-error));
		break;
	}
}
