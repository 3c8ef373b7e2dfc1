/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "relay/ledger.h"

/*
 * In the whole daemon the ledger lives an hour in a second, so that summaries and digests are written between
 * two cuts, and to a sender whose name begins with "much" enough was told already.
 */
enum { SPEED = 3600 };

bool __real_ledger_may_tell(struct ledger *ledger, const char *to, int64_t now);
void __real_ledger_add(
	struct ledger *ledger, const char *to, enum ledger_kind kind, uint64_t id, int64_t now);
int64_t __real_ledger_next(const struct ledger *ledger);
bool __real_ledger_take(struct ledger *ledger, int64_t now, struct ledger_batch *batch);

bool __wrap_ledger_may_tell(struct ledger *ledger, const char *to, int64_t now);
void __wrap_ledger_add(
	struct ledger *ledger, const char *to, enum ledger_kind kind, uint64_t id, int64_t now);
int64_t __wrap_ledger_next(const struct ledger *ledger);
bool __wrap_ledger_take(struct ledger *ledger, int64_t now, struct ledger_batch *batch);

bool __wrap_ledger_may_tell(struct ledger *ledger, const char *to, int64_t now)
{
	return strncmp(to, "much", 4) != 0 &&
	       __real_ledger_may_tell(ledger, to, now * SPEED);
}

void __wrap_ledger_add(
	struct ledger *ledger, const char *to, enum ledger_kind kind, uint64_t id, int64_t now)
{
	__real_ledger_add(ledger, to, kind, id, now * SPEED);
}

int64_t __wrap_ledger_next(const struct ledger *ledger)
{
	int64_t next = __real_ledger_next(ledger);

	return (next + SPEED - 1) / SPEED;
}

bool __wrap_ledger_take(struct ledger *ledger, int64_t now, struct ledger_batch *batch)
{
	return __real_ledger_take(ledger, now * SPEED, batch);
}
