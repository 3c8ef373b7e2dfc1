/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>

#include "tests/dns/records.h"

/*
 * The driver of an evaluation against a resolver that is a table of lines. resolver_ask and
 * resolver_cancel of this file take the place of the library's; uv_timer_start makes the long waits
 * of a deadline short.
 */

struct resolver {
	uv_loop_t loop;
	const char *const *lines;
	bool is_silent;
	size_t asked, open, rounds_seen;
	uint64_t last_turn;
};

struct resolver_query {
	struct resolver *resolver;
	char name[ANSWER_NAME_MAX];
	enum record_type type;
	uv_timer_t timer;
	resolver_cb cb;
	void *owner;
};

int uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
	int (*real)(uv_timer_t *, uv_timer_cb, uint64_t, uint64_t);

	*(void **)&real = dlsym(RTLD_NEXT, "uv_timer_start");
	return real(timer, cb, timeout >= INQUIRY_DEADLINE_MS ? 200 : timeout, repeat);
}

static void on_query_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void resolver_cancel(struct resolver_query *query)
{
	query->resolver->open--;
	uv_close((uv_handle_t *)&query->timer, on_query_closed);
}

static void on_answer_due(uv_timer_t *timer)
{
	struct resolver_query *query = timer->data;
	struct facts *facts = facts_new();

	answer_from_zone(facts, query->name, query->type, query->resolver->lines);
	resolver_cancel(query);
	query->cb(query->owner, facts_lookup(facts, query->name, query->type));
	facts_free(facts);
}

struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
	enum record_type type, enum resolver_freshness freshness, resolver_cb cb,
	void *owner)
{
	struct resolver_query *query = calloc(1, sizeof *query);

	cr_assert_eq(freshness, RESOLVER_FRESH);
	query->resolver = resolver;
	snprintf(query->name, sizeof query->name, "%s", name);
	query->type = type;
	query->cb = cb;
	query->owner = owner;
	resolver->asked++;
	resolver->open++;
	uv_timer_init(&resolver->loop, &query->timer);
	query->timer.data = query;
	if (!resolver->is_silent)
		uv_timer_start(&query->timer, on_answer_due, 1, 0);
	return query;
}

struct seen {
	size_t verdicts;
	enum action action;
	char failure[64];
};

static void on_verdict(void *owner, const struct verdict *verdict, struct facts *facts)
{
	struct seen *seen = owner;

	cr_assert_eq(facts_wanted(facts), 0);
	seen->verdicts++;
	seen->action = verdict->action;
	for (size_t i = 0; i < verdict->count; i++)
		for (size_t e = 0; e < verdict->findings[i].evidence_count; e++)
			if (verdict->findings[i].evidence[e]->failure)
				snprintf(seen->failure, sizeof seen->failure, "%s",
					verdict->findings[i].evidence[e]->failure);
}

/* Everything in one block that is wiped when the inquiry has started: it must have copied it. */
struct texts {
	char ip[16], ehlo[32], sender[32], recipient[32], list[32];
	const char *lists[1];
	struct mx_network networks[1];
};

static struct inquiry *start(struct resolver *resolver, struct seen *seen)
{
	struct texts *texts = calloc(1, sizeof *texts);
	struct preflight_question question = {
		.ip = strcpy(texts->ip, "192.0.2.25"),
		.ehlo = strcpy(texts->ehlo, "mail.corp.example"),
		.sender = strcpy(texts->sender, "ann@corp.example"),
		.recipient = strcpy(texts->recipient, "bob@dest.example"),
		.mx = {.allowed = texts->networks, .allowed_count = 1},
		.ip_lists = {texts->lists, 1},
	};

	texts->lists[0] = strcpy(texts->list, "list.example");
	cr_assert_eq(mx_network_parse("10.0.0.0/8", &texts->networks[0]), 0);
	preflight_defaults(question.actions);
	struct inquiry *inquiry = inquiry_start(&resolver->loop, resolver, &question,
		RESOLVER_FRESH, NULL, on_verdict, seen);

	cr_assert_not_null(inquiry);
	memset(texts, 'x', sizeof *texts);
	free(texts);
	return inquiry;
}

static void run(struct resolver *resolver, struct seen *seen)
{
	uv_loop_init(&resolver->loop);
	start(resolver, seen);
	uv_run(&resolver->loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&resolver->loop), 0);
	cr_assert_eq(resolver->open, 0, "every question is answered or cancelled");
	cr_assert_eq(seen->verdicts, 1);
}

#define GOOD                                                                             \
	"25.2.0.192.in-addr.arpa. PTR mail.corp.example.",                               \
		"mail.corp.example. A 192.0.2.25",                                       \
		"corp.example. MX 10 mail.corp.example.",                                \
		"corp.example. TXT \"v=spf1 mx -all\"", "dest.example. MX 10 in.dest.example."

Test(inquiry, asks_until_nothing_is_missing)
{
	static const char *const lines[] = {GOOD, "in.dest.example. A 10.0.0.7", NULL};
	struct resolver resolver = {.lines = lines};
	struct seen seen = {0};

	run(&resolver, &seen);
	cr_assert_eq(seen.action, ACTION_NONE, "10/8 is allowed: the question was copied");
	cr_assert_lt(resolver.asked, 25);
}

Test(inquiry, what_is_not_answered_in_time_has_failed)
{
	static const char *const lines[] = {NULL};
	struct resolver resolver = {.lines = lines, .is_silent = true};
	struct seen seen = {0};

	run(&resolver, &seen);
	cr_assert_eq(seen.action, ACTION_DEFER);
	cr_assert_str_eq(seen.failure, "too many or too slow look-ups");
}

Test(inquiry, can_be_cancelled_with_questions_on_their_way)
{
	static const char *const lines[] = {NULL};
	struct resolver resolver = {.lines = lines, .is_silent = true};
	struct seen seen = {0};

	uv_loop_init(&resolver.loop);
	struct inquiry *inquiry = start(&resolver, &seen);

	while (resolver.asked == 0)
		uv_run(&resolver.loop, UV_RUN_NOWAIT);
	inquiry_cancel(inquiry);
	uv_run(&resolver.loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&resolver.loop), 0);
	cr_assert_eq(resolver.open, 0);
	cr_assert_eq(seen.verdicts, 0);
}
