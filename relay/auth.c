/* SPDX-License-Identifier: ISC */
#include "relay/auth.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/auth_failures.h"
#include "relay/mem.h"

/*
 *   WAITING ──a place is free──> CHECKING ──the pool is done──> JUDGED ──timer──> done, freed
 *      │ cancelled                  │ cancelled                   │ cancelled
 *      v                            v                             v
 *    freed                  owner NULL: freed by the pool's end  freed
 *
 * What is turned away is JUDGED at once. A wrong password counts when it is found out, so
 * that whoever hangs up before the answer gains nothing.
 */
enum try_state {
	TRY_WAITING,
	TRY_CHECKING,
	TRY_JUDGED,
};

struct auth_try {
	struct auth *auth;
	enum try_state state;
	uv_work_t work;
	uv_timer_t timer;
	uint64_t started; /* uv_now */
	char client[46];
	char password[PASSWORD_MAX + 1];
	struct password_hash hash; /* the pool touches this and the password only */
	int status;                /* of password_check */
	enum auth_result result;
	bool blocks;
	auth_done_cb done; /* NULL: cancelled */
	void *owner;
	TAILQ_ENTRY(auth_try) others; /* WAITING */
};

struct auth {
	uv_loop_t *loop;
	struct users *users;
	uint64_t no_after_ms;
	TAILQ_HEAD(, auth_try) waiting;
	unsigned waiting_count, checking, tries;
	bool closed;
	struct auth_failures failures;
};

static void free_if_over(struct auth *auth)
{
	if (!auth->closed || auth->tries)
		return;
	users_free(auth->users);
	free(auth);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct auth_try *attempt = handle->data;
	struct auth *auth = attempt->auth;

	free(attempt);
	auth->tries--;
	free_if_over(auth);
}

static void forget(struct auth_try *attempt)
{
	explicit_bzero(attempt->password, sizeof attempt->password);
	uv_close((uv_handle_t *)&attempt->timer, on_timer_closed);
}

static void on_answer_due(uv_timer_t *timer)
{
	struct auth_try *attempt = timer->data;
	auth_done_cb done = attempt->done;
	void *owner = attempt->owner;
	enum auth_result result = attempt->result;
	bool blocks = attempt->blocks;

	forget(attempt);
	done(owner, result, blocks);
}

/* The answer is known; a no is not told before its time, which also hides how long the
 * check took. */
static void judge(struct auth_try *attempt, enum auth_result result)
{
	struct auth *auth = attempt->auth;
	uint64_t now = uv_now(auth->loop), due = attempt->started + auth->no_after_ms;

	attempt->state = TRY_JUDGED;
	attempt->result = result;
	if (result == AUTH_NO)
		attempt->blocks =
			auth_failures_add(&auth->failures, attempt->client, now);
	if (!attempt->done)
		forget(attempt);
	else
		uv_timer_start(&attempt->timer, on_answer_due,
			result == AUTH_NO && due > now ? due - now : 0, 0);
}

static void check_waiting(struct auth *auth);

static void on_work(uv_work_t *work)
{
	struct auth_try *attempt = work->data;

	attempt->status = password_check(&attempt->hash, attempt->password);
}

static void on_work_done(uv_work_t *work, int status)
{
	struct auth_try *attempt = work->data;
	struct auth *auth = attempt->auth;

	(void)status; /* we never cancel it there */
	auth->checking--;
	judge(attempt, attempt->status == 0         ? AUTH_YES
		       : attempt->status == -EACCES ? AUTH_NO
						    : AUTH_BUSY);
	check_waiting(auth);
}

static void check_waiting(struct auth *auth)
{
	struct auth_try *attempt;

	while (auth->checking < AUTH_AT_ONCE &&
		(attempt = TAILQ_FIRST(&auth->waiting)) != NULL) {
		TAILQ_REMOVE(&auth->waiting, attempt, others);
		auth->waiting_count--;
		if (auth_failures_block(
			    &auth->failures, attempt->client, uv_now(auth->loop))) {
			judge(attempt, AUTH_TOO_OFTEN); /* by one that was before it */
			continue;
		}
		auth->checking++;
		attempt->state = TRY_CHECKING;
		uv_queue_work(auth->loop, &attempt->work, on_work, on_work_done);
	}
}

struct auth_try *auth_start(struct auth *auth, const char *client, const char *user,
	const char *password, auth_done_cb done, void *owner)
{
	struct auth_try *attempt = mem_alloc(sizeof *attempt);

	attempt->auth = auth;
	attempt->started = uv_now(auth->loop);
	attempt->work.data = attempt->timer.data = attempt;
	snprintf(attempt->client, sizeof attempt->client, "%s", client);
	snprintf(attempt->password, sizeof attempt->password, "%s", password);
	attempt->hash = *users_find(auth->users, user);
	attempt->done = done;
	attempt->owner = owner;
	uv_timer_init(auth->loop, &attempt->timer);
	auth->tries++;
	if (auth_failures_block(&auth->failures, client, attempt->started)) {
		judge(attempt, AUTH_TOO_OFTEN);
	} else if (auth->waiting_count == AUTH_QUEUE_MAX) {
		judge(attempt, AUTH_BUSY);
	} else {
		TAILQ_INSERT_TAIL(&auth->waiting, attempt, others);
		auth->waiting_count++;
		check_waiting(auth);
	}
	return attempt;
}

void auth_cancel(struct auth_try *attempt)
{
	struct auth *auth = attempt->auth;

	attempt->done = NULL;
	if (attempt->state == TRY_CHECKING)
		return; /* the pool still reads it */
	if (attempt->state == TRY_WAITING) {
		TAILQ_REMOVE(&auth->waiting, attempt, others);
		auth->waiting_count--;
	}
	forget(attempt);
}

struct auth *auth_open(uv_loop_t *loop, struct users *users, uint64_t no_after_ms)
{
	struct auth *auth = mem_alloc(sizeof *auth);

	auth->loop = loop;
	auth->users = users;
	auth->no_after_ms = no_after_ms;
	TAILQ_INIT(&auth->waiting);
	return auth;
}

void auth_take_users(struct auth *auth, struct users *users)
{
	users_free(auth->users);
	auth->users = users;
}

void auth_close(struct auth *auth)
{
	if (!auth)
		return;
	assert(!auth->closed && auth->waiting_count == 0);
	auth->closed = true;
	free_if_over(auth);
}
