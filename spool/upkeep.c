/* SPDX-License-Identifier: ISC */
#include "spool/upkeep.h"

#include <assert.h>

/* The most urgent first. */
static struct upkeep *(*const kinds[])(struct spool *spool) = {
	retire_next,
	prepare_next,
	bodies_next,
	seal_next,
	compact_next,
};

static void on_work(uv_work_t *request)
{
	struct upkeep *work = request->data;

	work->work(work);
}

static void on_done(uv_work_t *request, int cancelled)
{
	struct upkeep *work = request->data;
	struct spool *spool = work->spool;

	assert(cancelled == 0); /* we never cancel one */
	spool->is_in_upkeep = false;
	work->done(work);
	upkeep(spool);
	check_closing(spool);
}

void upkeep(struct spool *spool)
{
	struct upkeep *work = NULL;

	if (spool->is_in_upkeep || uv_is_closing((uv_handle_t *)&spool->timer))
		return;
	for (size_t i = 0; !work && i < sizeof kinds / sizeof kinds[0]; i++)
		work = kinds[i](spool);
	if (!work)
		return;
	work->spool = spool;
	work->request.data = work;
	spool->is_in_upkeep = true;
	uv_queue_work(spool->loop, &work->request, on_work, on_done);
}

static void on_timer(uv_timer_t *timer)
{
	upkeep(timer->data);
}

void upkeep_later(struct spool *spool, uint64_t ms)
{
	if (!uv_is_active((uv_handle_t *)&spool->timer) ||
		uv_timer_get_due_in(&spool->timer) > ms)
		uv_timer_start(&spool->timer, on_timer, ms, 0);
}
