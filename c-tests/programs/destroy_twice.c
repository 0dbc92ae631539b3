/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * After io_destroy the handle is refused, whatever was under way is gone, and a new context knows
 * nothing of the old. (io_getevents is not called on a dead handle here: the C library reads the
 * ring first, which is a crash.)
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>
#include <pthread.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

static io_context_t shared;

static void *destroy(void *nothing)
{
	(void)nothing;
	return (void *)AIO(io_destroy(shared));
}

int main(void)
{
	io_context_t ctx = NULL, after = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	int pipes[2];
	char memory[64] = "";

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	make_events(ctx, 1, 3);
	io_prep_poll(&cb, pipes[0], POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_queue_release(ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, &events[0])), -EINVAL);

	/* Often at the same address. */
	EXPECT_EQ(AIO(io_setup(8, &after)), 0);
	EXPECT_EQ(AIO(io_getevents(after, 0, 8, events, &at_once)), 0);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(AIO(io_getevents(after, 0, 8, events, &at_once)), 0);
	EXPECT_EQ(AIO(io_cancel(after, &cb, &events[0])), -EINVAL);
	expect_works(after);

	/* What never was a context. */
	EXPECT_EQ(AIO(io_destroy(NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_destroy((io_context_t)memory)), -EINVAL);
	EXPECT_EQ(AIO(io_destroy((io_context_t)-4096)), -EINVAL);
	memcpy(memory, after, 32);
	EXPECT_EQ(AIO(io_destroy((io_context_t)memory)), -EINVAL);
	EXPECT_EQ(AIO(io_destroy((io_context_t)((char *)after + 32))), -EINVAL);
	expect_works(after);

	/* Two threads at once: one of them does it. */
	shared = after;
	pthread_t other;
	void *theirs;
	EXPECT_EQ(pthread_create(&other, NULL, destroy, NULL), 0);
	long ours = AIO(io_destroy(shared));
	EXPECT_EQ(pthread_join(other, &theirs), 0);
	EXPECT_EQ(ours + (long)theirs, -EINVAL);
	EXPECT(ours == 0 || theirs == NULL);
	return 0;
}
