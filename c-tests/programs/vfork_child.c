/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A child that shares the memory, as vfork makes, shares the contexts: it may use them. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sched.h>
#include <sys/wait.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

static io_context_t ctx;

static int in_child(void *nothing)
{
	struct io_event events[4];
	struct timespec at_once = { 0, 0 };

	(void)nothing;
	start_watchdog();
	if (io_getevents(ctx, 1, 2, events, &at_once) != 2)
		return 1;
	expect_made(events, 10, 2);
	if (io_getevents(ctx, 1, 1, events, NULL) != 1)
		return 2;
	expect_made(events, 12, 1);
	make_events(ctx, 20, 2);
	return 0;
}

int main(void)
{
	struct io_event events[8];
	size_t size = 256 * 1024;
	char *stack = malloc(size);
	int status;

	start_watchdog();
	EXPECT(stack != NULL);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	make_events(ctx, 10, 4);

	/* vfork with a function of its own, which C cannot say safely. */
	pid_t child = clone(in_child, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	EXPECT(child > 0);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);

	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, NULL)), 3);
	expect_made(events, 13, 1);
	expect_made(events + 1, 20, 2);
	expect_works(ctx);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	free(stack);
	return 0;
}
