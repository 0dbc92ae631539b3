/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Waiting for a file descriptor to become ready, as one more kind of request. */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>

#include "../harness/expect.h"

static long called_with;

static void ready(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)ctx;
	(void)cb;
	EXPECT_EQ(res2, 0);
	called_with = res;
}

static void submit_poll(io_context_t ctx, struct iocb *cb, int fd, int events)
{
	io_prep_poll(cb, fd, events);
	cb->data = &called_with;
	EXPECT_EQ(AIO(io_submit(ctx, 1, &cb)), 1);
}

static long reap(io_context_t ctx, struct iocb *cb)
{
	struct io_event event;

	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, cb);
	EXPECT_PTR(event.data, &called_with);
	EXPECT_EQ(event.res2, 0);
	return RES(event);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, other, *list[] = { &cb };
	struct io_event event;
	struct timespec at_once = { 0, 0 }, soon = { 0, 5000000 };
	int a[2], b[2];
	char byte;

	start_watchdog();
	EXPECT_EQ(pipe(a), 0);
	EXPECT_EQ(pipe(b), 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);

	/* Ready already: the event is there when io_submit returns. */
	submit_poll(ctx, &cb, a[1], POLLIN | POLLOUT);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 1);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_EQ(RES(event), POLLOUT);

	/* Not ready: nothing, until somebody writes. The one that is written to completes. */
	submit_poll(ctx, &cb, a[0], POLLIN);
	submit_poll(ctx, &other, b[0], POLLIN);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &soon)), 0);
	EXPECT_EQ(write(b[1], "x", 1), 1);
	/* The kernel may add bits that go with the one asked for. */
	EXPECT_EQ(reap(ctx, &other) & (POLLIN | POLLOUT | POLLHUP | POLLERR), POLLIN);
	EXPECT_EQ(write(a[1], "x", 1), 1);
	EXPECT_EQ(reap(ctx, &cb) & (POLLIN | POLLOUT | POLLHUP | POLLERR), POLLIN);

	/* One request, one event: still readable, but nobody asks any more. */
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &soon)), 0);

	EXPECT_EQ(AIO(io_poll(ctx, &cb, ready, a[0], POLLIN)), 1);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(called_with, POLLIN);

	/* POLLHUP is reported unasked. */
	EXPECT_EQ(read(a[0], &byte, 1), 1);
	submit_poll(ctx, &cb, a[0], POLLIN);
	close(a[1]);
	EXPECT((reap(ctx, &cb) & POLLHUP) != 0);
	submit_poll(ctx, &cb, a[0], 0);
	EXPECT_EQ(reap(ctx, &cb), POLLHUP);

	/* The mask has 16 bits; a file that cannot be waited for must be ready. */
	io_prep_poll(&cb, b[0], 0x10000 | POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_poll(&cb, b[0], POLLIN);
	cb.u.c.nbytes = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_poll(&cb, b[0], POLLIN);
	cb.u.c.offset = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_poll(&cb, b[0], POLLIN);
	cb.aio_rw_flags = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	int file = temp_file(0);
	EXPECT(file >= 0);
	submit_poll(ctx, &cb, file, POLLIN | POLLOUT);
	EXPECT_EQ(reap(ctx, &cb), POLLIN | POLLOUT);
	io_prep_poll(&cb, file, POLLPRI);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);

	/* A request that is still waiting does not hold up io_destroy. */
	EXPECT_EQ(read(b[0], &byte, 1), 1);
	submit_poll(ctx, &cb, b[0], POLLIN);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
