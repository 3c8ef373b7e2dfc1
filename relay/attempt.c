/* SPDX-License-Identifier: ISC */
#include "relay/attempt.h"

#include <assert.h>
#include <stdlib.h>

#include "relay/attempt_state.h"
#include "relay/links.h"
#include "relay/mem.h"
#include "relay/server_memory.h"

enum {
	REFUSALS_MAX = 2, /* servers of one next hop that may say no at the door */
	/* No server is asked any more after it: two that only connect have taken their time by then. */
	CONNECT_BUDGET_MS = 10 * 60 * 1000,
	PUT_OFF_MAX = 32, /* smarthosts; any more are tried in their turn */
};

static uint64_t now(const struct attempt *a)
{
	return uv_now(a->relay->loop);
}

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
	if (a->delivery && delivery_is_in_doubt(a->delivery))
		attempt_log_doubt(
			a, "broken off after the final dot: may be delivered twice");
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
	return a->state == ATTEMPT_JUDGE || (a->state == ATTEMPT_CONNECT && a->delivery &&
						    delivery_is_connecting(a->delivery));
}

static const struct candidate *source_at(const struct attempt *a, size_t place)
{
	size_t count;

	return &fitness_candidates(a->fitness, &count)[a->order[place]];
}

const struct candidate *attempt_source(const struct attempt *a)
{
	return a->place < a->fit_count ? source_at(a, a->place) : NULL;
}

static bool is_smarthost(const struct config_route *route)
{
	return route && !route->domain[0];
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

/* Not tried yet; of those that were silent lately only with takes_silent. */
static bool is_open(
	const struct attempt *a, size_t place, size_t target, bool takes_silent)
{
	const struct candidate *source = source_at(a, place);

	return !(a->tried[place] & 1u << target) &&
	       (takes_silent || !server_memory_is_silent(a->relay->servers,
					&source->targets[target].address, now(a)));
}

/*
 * The number of the first open target of the source at place; of its equals (RFC 5321 5.1) one to which a
 * link is idle. Returns false when there is none.
 */
static bool find_target(
	const struct attempt *a, size_t place, bool takes_silent, size_t *target)
{
	const struct candidate *source = source_at(a, place);
	size_t first = 0;

	while (first < source->target_count && !is_open(a, place, first, takes_silent))
		first++;
	*target = first;
	if (!are_equal(source, first, first + 1))
		return first < source->target_count;
	for (size_t i = first; are_equal(source, first, i); i++) {
		if (is_open(a, place, i, takes_silent) && has_idle_link(a, source, i)) {
			*target = i;
			break;
		}
	}
	return true;
}

/* Moves on to a source with an open target; to another one only as long as nobody has answered. */
static bool choose(struct attempt *a, bool takes_silent, size_t *target)
{
	for (size_t place = a->refusals ? a->place : 0; place < a->fit_count; place++) {
		if (a->refusals && place != a->place)
			return false;
		if (find_target(a, place, takes_silent, target)) {
			a->place = place;
			return true;
		}
	}
	return false;
}

/* All servers of this smarthost were silent lately: the others come first. */
static bool put_off(struct attempt *a)
{
	const struct config *config = a->relay->config;
	size_t number = is_smarthost(a->route) ? (size_t)(a->route - config->smarthosts)
	                                       : PUT_OFF_MAX;

	if (a->is_second_round || number >= PUT_OFF_MAX || !a->fit_count ||
		config->smarthost_count == 1)
		return false;
	for (size_t place = 0; place < a->fit_count; place++)
		if (a->tried[place])
			return false;
	a->put_off |= 1u << number;
	return true;
}

/* Connects to the next server. Returns false when there is none. */
static bool connect_next(struct attempt *a)
{
	size_t target;

	if (a->refusals == REFUSALS_MAX || now(a) - a->began > CONNECT_BUDGET_MS)
		return false;
	if (!choose(a, false, &target) && (put_off(a) || !choose(a, true, &target)))
		return false;
	a->tried[a->place] |= 1u << target;
	a->way = make_way(a, attempt_source(a), target);
	a->asked = now(a);
	server_memory_probe(a->relay->servers, &a->way.target->address, a->asked);
	target_format(a->way.target, a->remote, sizeof a->remote);
	a->delivery = delivery_start(
		a->relay, &a->way, a->message->id, &a->transaction, attempt_on_report, a);
	return true;
}

/* Starts over with the next smarthost, if there is one. */
static bool next_smarthost(struct attempt *a)
{
	const struct config *config = a->relay->config;
	size_t number = 0;

	if (!is_smarthost(a->route))
		return false;
	a->state = ATTEMPT_JUDGE;
	if (!a->is_second_round &&
		a->route + 1 < config->smarthosts + config->smarthost_count) {
		a->route++;
		return true;
	}
	a->is_second_round = true;
	while (number < PUT_OFF_MAX && !(a->put_off & 1u << number))
		number++;
	if (number == PUT_OFF_MAX)
		return false;
	a->put_off &= ~(1u << number);
	a->route = &config->smarthosts[number];
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
	a->began = now(a);
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
