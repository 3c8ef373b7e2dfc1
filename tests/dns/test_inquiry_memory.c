/* SPDX-License-Identifier: ISC */
#include "tests/dns/records.h"
#include "tests/support/failing_malloc.c"

/*
 * Every allocation of an inquiry fails once, the first, the second and so on: there is a verdict all the
 * same, and it accuses nobody. resolver_ask and resolver_cancel of this file take the place of the
 * library's.
 */

struct resolver_query {
	char name[ANSWER_NAME_MAX];
	enum record_type type;
	resolver_cb cb; /* NULL: answered, or cancelled */
	void *owner;
};

struct resolver {
	struct resolver_query queries[INQUIRY_QUESTIONS_MAX];
	size_t count;
};

struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness, resolver_cb cb,
	void *owner)
{
	struct resolver_query *query = &resolver->queries[resolver->count];

	(void)freshness;
	if (fails(sizeof *query))
		return NULL;
	resolver->count++;
	snprintf(query->name, sizeof query->name, "%s", name);
	query->type = type;
	query->cb = cb;
	query->owner = owner;
	return query;
}

void resolver_cancel(struct resolver_query *query)
{
	query->cb = NULL;
}

/* What the test allocates itself does not count. */
static void answer_query(struct resolver_query *query, const char *const *lines)
{
	struct facts *facts;
	resolver_cb cb = query->cb;
	long counted = left;

	left = -1;
	facts = facts_new();
	answer_from_zone(facts, query->name, query->type, lines);
	const struct answer *answer = facts_lookup(facts, query->name, query->type);

	query->cb = NULL;
	left = counted;
	cb(query->owner, answer);
	counted = left;
	left = -1;
	facts_free(facts);
	left = counted;
}

struct seen {
	size_t verdicts;
	bool is_complete;
};

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct seen *seen = owner;
	const struct finding *decisive = verdict_decisive(verdict);

	(void)facts;
	seen->verdicts++;
	seen->is_complete = verdict->action == ACTION_HOLD;
	if (seen->is_complete)
		return;
	cr_assert_eq(verdict->action, ACTION_DEFER);
	cr_assert(strstr(decisive->summary, "memory"), "%s", decisive->summary);
	cr_assert_str_eq(finding_of(verdict, CHECK_SPF)->spf, "temperror");
	for (size_t i = 0; i < verdict->count; i++)
		cr_assert_eq(verdict->findings[i].result, RESULT_UNKNOWN);
}

/* Nothing but a PTR is there: many findings with their kits. */
static const char *const lines[] = {"25.2.0.192.in-addr.arpa. PTR mail.corp.example.",
	"mail.corp.example. A 192.0.2.26", "corp.example. TXT \"v=spf1 -all\"", NULL};

/* Returns true when there was memory enough. */
static bool inquire(uv_loop_t *loop, long allocations)
{
	struct preflight_question question = {.ip = "192.0.2.25",
		.ehlo = "mail.corp.example",
		.sender = "ann@corp.example",
		.recipient = "bob@[192.0.2.1]"};
	struct resolver *resolver = calloc(1, sizeof *resolver);
	struct seen seen = {0};

	preflight_defaults(question.actions);
	question.actions[REASON_RECIPIENT_DOMAIN_UNRESOLVABLE] = ACTION_NONE;
	left = allocations;
	struct inquiry *inquiry = inquiry_start(
		loop, resolver, &question, RESOLVER_CACHED, NULL, on_verdict, &seen);

	while (inquiry && seen.verdicts == 0) {
		uv_run(loop, UV_RUN_NOWAIT);
		for (size_t i = 0; i < resolver->count; i++)
			if (resolver->queries[i].cb)
				answer_query(&resolver->queries[i], lines);
	}
	bool was_enough = left >= 0;

	left = -1;
	uv_run(loop, UV_RUN_DEFAULT);
	cr_assert_eq(seen.verdicts, inquiry != NULL);
	cr_assert(!was_enough || seen.is_complete);
	free(resolver);
	return was_enough;
}

Test(inquiry, without_memory_it_ends_all_the_same, .disabled = IS_DISABLED)
{
	uv_loop_t loop;
	long n = 0;

	uv_loop_init(&loop);
	while (n < 5000 && !inquire(&loop, n))
		n++;
	cr_assert_gt(n, 30);
	cr_assert_lt(n, 5000);
	cr_assert_eq(uv_loop_close(&loop), 0);
}
