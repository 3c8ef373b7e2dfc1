/* SPDX-License-Identifier: ISC */
#include "relay/attempt.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/attempt_state.h"
#include "relay/links.h"
#include "relay/mem.h"

enum {
	REFUSALS_MAX = 2, /* servers of one next hop that may say no at the door */
	/* No server is asked any more after it: two that only connect have taken their time by then. */
	CONNECT_BUDGET_MS = 10 * 60 * 1000,
};

void attempt_free(struct attempt *a)
{
	for (size_t i = 0; i < a->count; i++)
		outcome_fini(&a->outcomes[i]);
	json_decref(a->transcript);
	fitness_free(a->fitness);
	wishes_free(a->wishes);
	free(a->left_out);
	free(a->outcomes);
	free(a->addresses);
	free(a->rcpts);
	free(a);
}

void attempt_cancel(struct attempt *a)
{
	assert(a->state != ATTEMPT_SETTLE);
	if (a->delivery)
		delivery_close(a->delivery);
	attempt_free(a);
}

bool attempt_can_cancel(const struct attempt *a, bool force)
{
	if (a->state == ATTEMPT_SETTLE)
		return false;
	return force || !a->delivery || !delivery_has_begun(a->delivery);
}

bool attempt_is_connecting(const struct attempt *a)
{
	return a->state == ATTEMPT_CONNECT && a->delivery &&
	       delivery_is_connecting(a->delivery);
}

const struct candidate *attempt_source(const struct attempt *a)
{
	size_t count;
	const struct candidate *all = fitness_candidates(a->fitness, &count);

	return a->place < a->fit_count ? &all[a->order[a->place]] : NULL;
}

static struct link_way make_way(
	const struct attempt *a, const struct candidate *source, size_t target)
{
	return (struct link_way){
		.target = &source->targets[target],
		.source = source->source.bind_ip,
		.route = a->route,
		.domain = a->domain,
	};
}

static bool has_idle_link(
	const struct attempt *a, const struct candidate *source, size_t target)
{
	struct link_way way = make_way(a, source, target);
	char *key = link_way_key(&way);
	bool has = links_has(a->relay->links, key);

	free(key);
	return has;
}

static bool are_equal(const struct candidate *source, size_t one, size_t other)
{
	return other < source->target_count &&
	       source->targets[one].preference == source->targets[other].preference;
}

/*
 * The number of the first target that was not tried; of its equals (RFC 5321 5.1) one to which a link is
 * idle. target_count: there is none.
 */
static size_t choose_target(const struct attempt *a, const struct candidate *source)
{
	size_t first = 0, i;

	while (first < source->target_count && (a->tried & 1u << first))
		first++;
	if (!are_equal(source, first, first + 1))
		return first;
	for (i = first; are_equal(source, first, i); i++)
		if (!(a->tried & 1u << i) && has_idle_link(a, source, i))
			return i;
	return first;
}

/* The next address, or when nobody has answered at all that of the next fit source; false: none. */
static bool connect_next(struct attempt *a)
{
	const struct candidate *source = attempt_source(a);
	size_t target = source ? choose_target(a, source) : 0;

	if (source && target == source->target_count && !a->refusals) {
		a->place++;
		a->tried = 0;
		source = attempt_source(a);
		target = source ? choose_target(a, source) : 0;
	}
	if (!source || target == source->target_count || a->refusals == REFUSALS_MAX ||
		uv_now(a->relay->loop) - a->began > CONNECT_BUDGET_MS)
		return false;
	a->tried |= 1u << target;
	a->way = make_way(a, source, target);
	target_format(a->way.target, a->remote, sizeof a->remote);
	a->delivery = delivery_start(
		a->relay, &a->way, a->message->id, &a->transaction, attempt_on_report, a);
	return true;
}

/* Starts over with the next smarthost, if there is one. */
static bool next_smarthost(struct attempt *a)
{
	const struct config *config = a->relay->config;
	bool is_smarthost = a->route && !a->route->domain[0];

	if (!is_smarthost || a->route + 1 == config->smarthosts + config->smarthost_count)
		return false;
	a->route++;
	a->state = ATTEMPT_JUDGE;
	return true;
}

static void on_wishes(void *owner)
{
	struct attempt *a = owner;

	wishes_add(a->wishes, &a->transaction);
	a->state = ATTEMPT_CONNECT;
	attempt_step(a);
}

/* Returns false when there is nothing to wait for. */
static bool read_wishes(struct attempt *a)
{
	if (a->wishes || !a->message->has_wishes || !attempt_source(a))
		return false;
	a->wishes = wishes_read(a->relay->spool, a->rcpts, a->count, on_wishes, a);
	return true;
}

void attempt_step(struct attempt *a)
{
	for (;;) {
		switch (a->state) {
		case ATTEMPT_JUDGE:
			attempt_judge(a);
			return;
		case ATTEMPT_READ:
			if (read_wishes(a))
				return;
			a->state = ATTEMPT_CONNECT;
			__attribute__((fallthrough));
		case ATTEMPT_CONNECT:
			if (connect_next(a))
				return;
			if (next_smarthost(a))
				continue;
			attempt_conclude(a);
			return;
		case ATTEMPT_SETTLE:
			return;
		}
	}
}

struct attempt *attempt_start(struct relay *relay, struct message *message,
	struct recipient *const *rcpts, size_t count, attempt_cb done, void *owner)
{
	struct attempt *a = mem_alloc(sizeof *a);

	a->relay = relay;
	a->message = message;
	a->began = uv_now(relay->loop);
	a->count = count;
	a->result = ATTEMPT_OTHER;
	a->done = done;
	a->owner = owner;
	a->rcpts = mem_alloc(count * sizeof(struct recipient *));
	a->addresses = mem_alloc(count * sizeof(char *));
	a->outcomes = mem_alloc(count * sizeof *a->outcomes);
	for (size_t i = 0; i < count; i++) {
		a->rcpts[i] = rcpts[i];
		a->addresses[i] = rcpts[i]->address;
		a->outcomes[i].state = RCPT_ACTIVE;
		rcpts[i]->state = RCPT_ACTIVE;
	}
	a->domain = recipient_domain(rcpts[0]);
	a->transaction = (struct smtp_transaction){
		.sender = message->sender,
		.recipients = a->addresses,
		.count = count,
		.size = message->size,
		.eight_bit = message->eight_bit,
		.is_strict = relay->config->bounces_eight_bit,
		.utf8 = message->utf8,
	};
	a->route = config_next_hop(relay->config, a->domain);
	attempt_step(a);
	return a;
}
