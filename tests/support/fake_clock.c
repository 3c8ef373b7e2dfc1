/* SPDX-License-Identifier: ISC */
/*
 * A clock that jumps: included by a test, it takes the place of the C library's clock_gettime and
 * epoll_wait for the whole executable (libuv calls them through the dynamic linker). While a loop
 * is under the fake clock it never sleeps: when nothing is ready, the clock is set to the moment it
 * would have slept to. Work in the thread pool is waited for; it takes no time on the fake clock.
 */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

static struct {
	const uv_loop_t *loop; /* NULL: everything is real */
	int64_t ns;            /* since fake_clock_start */
} fake_clock;

enum {
	FAKE_CLOCK_EPOCH = 1795564800, /* 2026-11-25T00:00:00Z */
	FAKE_CLOCK_UPTIME = 86400,
};

int clock_gettime(clockid_t id, struct timespec *time)
{
	bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
	bool is_uptime = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE ||
	                 id == CLOCK_BOOTTIME || id == CLOCK_MONOTONIC_RAW;

	if (!fake_clock.loop || (!is_wall && !is_uptime))
		return (int)syscall(SYS_clock_gettime, id, time);
	time->tv_sec = (is_wall ? FAKE_CLOCK_EPOCH : FAKE_CLOCK_UPTIME) +
	               fake_clock.ns / 1000000000;
	time->tv_nsec = fake_clock.ns % 1000000000;
	return 0;
}

static int wait_really(
	int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	return (int)syscall(SYS_epoll_pwait, fd, events, max, timeout, mask, _NSIG / 8);
}

int epoll_pwait(
	int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	if (!fake_clock.loop || fd != uv_backend_fd(fake_clock.loop))
		return wait_really(fd, events, max, timeout, mask);
	int ready = wait_really(fd, events, max, 0, mask);

	if (ready != 0 || timeout == 0)
		return ready;
	if (timeout < 0 || fake_clock.loop->active_reqs.count > 0)
		ready = wait_really(fd, events, max, timeout < 0 ? -1 : 1000, mask);
	if (ready == 0)
		fake_clock.ns += (int64_t)timeout * 1000000;
	return ready;
}

int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	return epoll_pwait(fd, events, max, timeout, NULL);
}

static void fake_clock_start(const uv_loop_t *loop)
{
	fake_clock.ns = 0;
	fake_clock.loop = loop;
}

static void fake_clock_stop(void)
{
	fake_clock.loop = NULL;
}

/* Hours since fake_clock_start. */
static inline double fake_clock_hours(void)
{
	return (double)fake_clock.ns / 3600e9;
}
