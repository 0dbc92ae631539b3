/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: shared long-timespec */
/*
 * The interface of 2002, which programs linked in those days still ask for by its symbol version.
 * Only a shared library has versions.
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

__asm__(".symver old_getevents, io_getevents@LIBAIO_0.1");
__asm__(".symver old_cancel, io_cancel@LIBAIO_0.1");
__asm__(".symver old_queue_wait, io_queue_wait@LIBAIO_0.1");
extern int old_getevents(io_context_t ctx, long nr, struct io_event *events,
			 const struct timespec *timeout);
extern int old_cancel(io_context_t ctx, struct iocb *cb);
extern int old_queue_wait(io_context_t ctx, struct timespec *timeout);

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event events[4];
	static const struct timespec at_once = { 0, 0 }, soon = { 0, 10000000 };
	struct timespec never = { 1000, 0 };
	int pipes[2];

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	/* No minimum: it waits for one event. */
	double start = now();
	EXPECT_EQ(AIO(old_getevents(ctx, 4, events, &at_once)), 0);
	EXPECT_EQ(AIO(old_getevents(ctx, 4, events, &soon)), 0);
	EXPECT(now() - start >= 0.01);
	make_events(ctx, 1, 7);
	EXPECT_EQ(AIO(old_getevents(ctx, 2, events, NULL)), 2);
	expect_made(events, 1, 2);
	EXPECT_EQ(AIO(old_getevents(ctx, 1, events, &soon)), 1);
	expect_made(events, 3, 1);
	EXPECT_EQ(AIO(old_getevents(ctx, 4, events, &at_once)), 4);
	expect_made(events, 4, 4);
	/* So there must be room for one. */
	EXPECT_EQ(AIO(old_getevents(ctx, 0, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(old_getevents(ctx, -1, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(old_getevents(NULL, 1, events, NULL)), -EINVAL);

	/* No place for a result. */
	io_prep_poll(&cb, pipes[0], POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(old_cancel(NULL, &cb)), -EINVAL);
	EXPECT_EQ(AIO(old_cancel(ctx, &cb)), -EINPROGRESS);
	EXPECT_EQ(AIO(old_cancel(ctx, &cb)), -EINVAL);
	EXPECT_EQ(AIO(old_cancel(ctx, NULL)), -EFAULT);

	/* Neither waits nor takes, with an event and without. */
	EXPECT_EQ(AIO(old_queue_wait(ctx, NULL)), 0);
	EXPECT_EQ(AIO(old_queue_wait(ctx, &never)), 0);
	EXPECT_EQ(AIO(old_getevents(ctx, 4, events, NULL)), 1);
	EXPECT_PTR(events[0].obj, &cb);
	EXPECT_EQ(RES(events[0]), 0);
	EXPECT_EQ(AIO(old_queue_wait(ctx, NULL)), 0);
	EXPECT_EQ(AIO(old_queue_wait(ctx, &never)), 0);
	EXPECT_EQ(AIO(old_queue_wait(NULL, NULL)), -EINVAL);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
