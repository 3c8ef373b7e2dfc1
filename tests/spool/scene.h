/* SPDX-License-Identifier: ISC */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool/spool.h"

/* A spool on a real file system, in a directory of its own that goes with it. */
static struct {
	uv_loop_t loop;
	char dir[64];
	struct spool *spool; /* NULL: closed */
	struct spool_options options;
} scene;

static inline void open_spool(void)
{
	struct spool_error error;

	cr_assert_eq(spool_open(&scene.spool, &scene.loop, &scene.options, &error), 0,
		"%s", error.text);
}

static inline void close_spool(void)
{
	spool_close(scene.spool, NULL, NULL);
	uv_run(&scene.loop, UV_RUN_DEFAULT);
	scene.spool = NULL;
}

static inline void make_scene(uint64_t segment_size, uint64_t inline_max)
{
	snprintf(scene.dir, sizeof scene.dir, "/tmp/ptrelay-spool-XXXXXX");
	cr_assert_not_null(mkdtemp(scene.dir));
	scene.options = (struct spool_options){.dir = scene.dir,
		.segment_size = segment_size,
		.inline_max = inline_max};
	uv_loop_init(&scene.loop);
	open_spool();
}

static inline void end_scene(void)
{
	char command[128];

	if (scene.spool)
		close_spool();
	cr_assert_eq(uv_loop_close(&scene.loop), 0);
	snprintf(command, sizeof command, "rm -rf %s", scene.dir);
	cr_assert_eq(system(command), 0);
}
