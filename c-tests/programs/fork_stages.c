/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/*
 * Children that are forked before and after each of the process's first calls for events, and their children: none of them can
 * use a parent's context, whatever it has done with one of its own, and the parent loses no event.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STAGES = 5, EVENTS = 3 };

static struct timespec zero;
static int null_fd;

static void submit(io_context_t ctx, int count)
{
	static char byte;
	struct iocb iocb, *iocbs[] = { &iocb };

	io_prep_pwrite(&iocb, null_fd, &byte, 1, 0);
	while (count--)
		EXPECT_EQ(io_submit(ctx, 1, iocbs), 1);
}

static void expect_refused(io_context_t ctx)
{
	struct io_event events[EVENTS];

	EXPECT_EQ(io_getevents(ctx, 0, EVENTS, events, &zero), -EINVAL);
	EXPECT_EQ(io_getevents(ctx, 1, EVENTS, events, &zero), -EINVAL);
}

static void in_child(void (*body)(io_context_t), io_context_t ctx)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		start_watchdog();
		body(ctx);
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

static void use_own(io_context_t inherited)
{
	struct io_event events[EVENTS];
	io_context_t own = NULL;

	EXPECT_EQ(io_setup(EVENTS, &own), 0);
	for (int stage = 0; stage < STAGES; stage++) {
		expect_refused(inherited);
		submit(own, 1);
		EXPECT_EQ(io_getevents(own, 1, EVENTS, events, NULL), 1);
		submit(own, 1);
		in_child(expect_refused, own);
		EXPECT_EQ(io_getevents(own, 1, EVENTS, events, NULL), 1);
	}
	EXPECT_EQ(io_destroy(inherited), -EINVAL);
	EXPECT_EQ(io_destroy(own), 0);
}

int main(void)
{
	struct io_event events[EVENTS];
	io_context_t ctx = NULL;

	start_watchdog();
	null_fd = open("/dev/null", O_WRONLY);
	EXPECT_EQ(io_setup(EVENTS, &ctx), 0);
	for (int stage = 0; stage < STAGES; stage++) {
		submit(ctx, EVENTS);
		in_child(expect_refused, ctx);
		in_child(use_own, ctx);
		EXPECT_EQ(io_getevents(ctx, 0, EVENTS, events, &zero), EVENTS);
	}
	EXPECT_EQ(io_destroy(ctx), 0);
	return 0;
}
