/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/check.h"
#include "dns/preflight.h"
#include "dns/spf.h"

/*
 *   EVALUATE ──nothing missing──> cb
 *     ^  └─ wanted ─> ASK (all at once) ──all answered──┐
 *     └─────────────────────────────────────────────────┘
 *
 * Beyond the limits what is missing counts as failed, until nothing is missing any more. Without memory
 * nothing can be told: that is the verdict then, at the next turn.
 */
struct asked {
	struct inquiry *inquiry;
	struct resolver_query *query; /* NULL: answered, or the place is free */
};

struct inquiry {
	struct resolver *resolver;
	struct preflight_question question;
	void *block; /* what the question points to */
	enum resolver_freshness freshness;
	struct facts *facts;
	struct asked asked[INQUIRY_QUESTIONS_MAX];
	size_t asked_count, open, rounds;
	bool is_over_time, is_out_of_memory;
	uv_timer_t turn; /* the first step, and each one after the last answer */
	uv_timer_t deadline;
	unsigned handles;
	inquiry_cb cb;
	void *owner;
};

static void on_turn(uv_timer_t *timer);

static void free_inquiry(struct inquiry *inquiry)
{
	facts_free(inquiry->facts);
	free(inquiry->block);
	free(inquiry);
}

static void on_closed(uv_handle_t *handle)
{
	struct inquiry *inquiry = handle->data;

	if (--inquiry->handles == 0)
		free_inquiry(inquiry);
}

void inquiry_cancel(struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->asked_count; i++)
		if (inquiry->asked[i].query)
			resolver_cancel(inquiry->asked[i].query);
	inquiry->asked_count = 0;
	uv_close((uv_handle_t *)&inquiry->turn, on_closed);
	uv_close((uv_handle_t *)&inquiry->deadline, on_closed);
}

static void finish(struct inquiry *inquiry, const struct verdict *verdict)
{
	inquiry->cb(inquiry->owner, verdict, inquiry->facts);
	inquiry_cancel(inquiry);
}

static void on_answer(void *owner, const struct answer *answer)
{
	struct asked *asked = owner;
	struct inquiry *inquiry = asked->inquiry;

	asked->query = NULL;
	inquiry->is_out_of_memory |= facts_add(inquiry->facts, answer) != 0;
	if (--inquiry->open == 0)
		uv_timer_start(&inquiry->turn, on_turn, 0, 0);
}

/* What cannot be asked any more has failed. */
static void fail_fact(struct inquiry *inquiry, const char *name, enum record_type type)
{
	struct answer *answer =
		answer_new_failed(name, type, "too many or too slow look-ups", NULL);

	inquiry->is_out_of_memory |= !answer || facts_add(inquiry->facts, answer);
	answer_free(answer);
}

static void ask(struct inquiry *inquiry, const char *name, enum record_type type)
{
	if (inquiry->is_over_time || inquiry->rounds > INQUIRY_ROUNDS_MAX ||
		inquiry->asked_count == INQUIRY_QUESTIONS_MAX) {
		fail_fact(inquiry, name, type);
		return;
	}
	struct asked *asked = &inquiry->asked[inquiry->asked_count++];

	asked->inquiry = inquiry;
	asked->query = resolver_ask(
		inquiry->resolver, name, type, inquiry->freshness, on_answer, asked);
	inquiry->is_out_of_memory |= !asked->query;
	inquiry->open += asked->query != NULL;
}

/* Asks for all that is wanted; failing a fact takes it off the list, so count down. */
static void ask_wanted(struct inquiry *inquiry)
{
	size_t wanted = facts_wanted(inquiry->facts);
	const char *name;
	enum record_type type;

	inquiry->is_out_of_memory |= wanted == 0; /* pending, but not for an answer */
	inquiry->rounds++;
	for (size_t i = wanted; i-- > 0 && !inquiry->is_out_of_memory;) {
		facts_wanted_at(inquiry->facts, i, &name, &type);
		ask(inquiry, name, type);
	}
	if (inquiry->open == 0)
		uv_timer_start(&inquiry->turn, on_turn, 0, 0);
}

/* The next hop's addresses are wanted beside the checks, and what its servers must show. */
static bool is_routed(struct inquiry *inquiry)
{
	const struct preflight_question *question = &inquiry->question;
	struct mx_list list = {.status = MX_FOUND};

	if (question->host)
		mx_host(inquiry->facts, question->host, &list);
	else if (question->tlsa_port && question->recipient)
		mx_order(inquiry->facts, domain_of(question->recipient), &question->mx,
			&list);
	return list.status != MX_PENDING &&
	       (!question->tlsa_port ||
		       mx_tlsa_are_known(inquiry->facts, &list, question->tlsa_port));
}

/* Of no check is known what it would find. */
static void finish_without_memory(struct inquiry *inquiry)
{
	struct verdict verdict = {.action = ACTION_DEFER,
		.reason = REASON_DNS_TEMPFAIL,
		.count = CHECK_COUNT};

	for (size_t i = 0; i < verdict.count; i++) {
		struct finding *finding = &verdict.findings[i];

		finding->check = (enum check)i;
		finding->result = RESULT_UNKNOWN;
		finding->reason = REASON_DNS_TEMPFAIL;
		finding->action = ACTION_DEFER;
		snprintf(finding->summary, sizeof finding->summary,
			"there was not enough memory to ask the DNS");
		if (finding->check == CHECK_SPF)
			finding->spf = spf_result_name(SPF_TEMPERROR);
	}
	finish(inquiry, &verdict);
}

static void evaluate(struct inquiry *inquiry)
{
	struct verdict verdict;

	if (inquiry->is_out_of_memory ||
		preflight_evaluate(&inquiry->question, inquiry->facts, &verdict)) {
		finish_without_memory(inquiry);
		return;
	}
	bool is_complete = is_routed(inquiry) && !verdict.pending;

	if (is_complete)
		finish(inquiry, &verdict);
	else
		ask_wanted(inquiry);
	verdict_fini(&verdict);
}

static void on_turn(uv_timer_t *timer)
{
	evaluate(timer->data);
}

static void on_deadline(uv_timer_t *timer)
{
	struct inquiry *inquiry = timer->data;

	inquiry->is_over_time = true;
	for (size_t i = 0; i < inquiry->asked_count; i++) {
		if (inquiry->asked[i].query)
			resolver_cancel(inquiry->asked[i].query);
		inquiry->asked[i].query = NULL;
	}
	inquiry->open = 0;
	uv_timer_start(&inquiry->turn, on_turn, 0, 0);
}

/* One block for all that a question points to: arrays of pointers, networks, then texts. */
struct block {
	const char **pointers;
	struct mx_network *networks;
	char *texts;
};

static const char *copy_text(struct block *block, const char *from)
{
	char *to = block->texts;

	if (from)
		block->texts = stpcpy(to, from) + 1;
	return from ? to : NULL;
}

static void copy_list(struct block *block, struct preflight_texts *list)
{
	const char **items = block->pointers;

	block->pointers += list->count;
	for (size_t i = 0; i < list->count; i++)
		items[i] = copy_text(block, list->items[i]);
	list->items = items;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

enum { SINGLES = 7, LISTS = 4 };

/* The members of a question that are to be copied. */
static void list_members(struct preflight_question *question,
	const char **singles[SINGLES], struct preflight_texts *lists[LISTS])
{
	singles[0] = &question->ip;
	singles[1] = &question->ehlo;
	singles[2] = &question->sender;
	singles[3] = &question->author;
	singles[4] = &question->recipient;
	singles[5] = &question->host;
	singles[6] = &question->mx.host;
	lists[0] = &question->signers;
	lists[1] = &question->addresses;
	lists[2] = &question->ip_lists;
	lists[3] = &question->domain_lists;
}

/* The question outlives its asker. */
static bool copy_question(
	struct inquiry *inquiry, const struct preflight_question *question)
{
	struct preflight_question *own = &inquiry->question;
	size_t allowed = question->mx.allowed_count * sizeof *question->mx.allowed;
	size_t ours = question->mx.own_count * sizeof *question->mx.own;
	size_t networks = allowed + ours;
	size_t pointers = 0, texts = 1;
	const char **singles[SINGLES];
	struct preflight_texts *lists[LISTS];

	*own = *question;
	list_members(own, singles, lists);
	for (size_t i = 0; i < SINGLES; i++)
		texts += text_size(*singles[i]);
	for (size_t i = 0; i < LISTS; i++) {
		pointers += lists[i]->count * sizeof(char *);
		for (size_t j = 0; j < lists[i]->count; j++)
			texts += text_size(lists[i]->items[j]);
	}
	inquiry->block = malloc(pointers + networks + texts);
	if (!inquiry->block)
		return false;
	struct block block = {.pointers = inquiry->block,
		.networks = (void *)((char *)inquiry->block + pointers),
		.texts = (char *)inquiry->block + pointers + networks};

	if (allowed)
		memcpy(block.networks, question->mx.allowed, allowed);
	own->mx.allowed = block.networks;
	block.networks += question->mx.allowed_count;
	if (ours)
		memcpy(block.networks, question->mx.own, ours);
	own->mx.own = block.networks;
	for (size_t i = 0; i < LISTS; i++)
		copy_list(&block, lists[i]);
	for (size_t i = 0; i < SINGLES; i++)
		*singles[i] = copy_text(&block, *singles[i]);
	return true;
}

struct inquiry *inquiry_start(uv_loop_t *loop, struct resolver *resolver,
	const struct preflight_question *question, enum resolver_freshness freshness,
	const struct facts *laid, inquiry_cb cb, void *owner)
{
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);

	if (!inquiry)
		return NULL;
	inquiry->facts = facts_new();
	if (!inquiry->facts || !copy_question(inquiry, question) ||
		(laid && facts_lay_all(inquiry->facts, laid))) {
		free_inquiry(inquiry);
		return NULL;
	}
	inquiry->resolver = resolver;
	inquiry->freshness = freshness;
	inquiry->cb = cb;
	inquiry->owner = owner;
	uv_timer_init(loop, &inquiry->turn);
	uv_timer_init(loop, &inquiry->deadline);
	inquiry->turn.data = inquiry->deadline.data = inquiry;
	inquiry->handles = 2;
	uv_timer_start(&inquiry->turn, on_turn, 0, 0);
	uv_timer_start(&inquiry->deadline, on_deadline, INQUIRY_DEADLINE_MS, 0);
	return inquiry;
}
