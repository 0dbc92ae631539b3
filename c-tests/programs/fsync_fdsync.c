/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Flushing a file: prepared by hand, and with the shortcuts that take a callback. */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"

static int called;
static struct iocb *called_for;
static long called_with;

static void synced(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)ctx;
	called++;
	called_for = cb;
	called_with = res;
	EXPECT_EQ(res2, 0);
}

static void run_until_called(io_context_t ctx)
{
	called = 0;
	while (!called) {
		EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
		usleep(500);
	}
	EXPECT_EQ(called, 1);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	struct io_event event;
	int fd = temp_file(0), pipes[2];

	start_watchdog();
	EXPECT(fd >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);
	EXPECT_EQ(write(fd, "data", 4), 4);

	io_prep_fsync(&cb, fd);
	cb.data = &called;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_PTR(event.data, &called);
	EXPECT_EQ(RES(event), 0);
	EXPECT_EQ(event.res2, 0);

	io_prep_fdsync(&cb, fd);
	cb.data = &called_for;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_PTR(event.data, &called_for);
	EXPECT_EQ(RES(event), 0);
	EXPECT_EQ(event.res2, 0);

	EXPECT_EQ(AIO(io_fsync(ctx, &cb, synced, fd)), 1);
	run_until_called(ctx);
	EXPECT_PTR(called_for, &cb);
	EXPECT_EQ(called_with, 0);

	struct iocb other;
	EXPECT_EQ(AIO(io_fdsync(ctx, &other, synced, fd)), 1);
	run_until_called(ctx);
	EXPECT_PTR(called_for, &other);
	EXPECT_EQ(called_with, 0);

	/* A directory can be flushed, and so can a file that is open for reading only. */
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	EXPECT(directory >= 0);
	io_prep_fsync(&cb, directory);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), 0);

	/* What cannot be flushed is refused at once. */
	EXPECT_EQ(AIO(io_fsync(ctx, &cb, synced, pipes[1])), -EINVAL);
	EXPECT_EQ(AIO(io_fdsync(ctx, &cb, synced, pipes[1])), -EINVAL);
	EXPECT_EQ(AIO(io_fsync(ctx, &cb, synced, -1)), -EBADF);

	/* The fields that a flush has no use for must be zero. */
	io_prep_fsync(&cb, fd);
	cb.u.c.nbytes = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_fsync(&cb, fd);
	cb.u.c.offset = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_fdsync(&cb, fd);
	cb.u.c.buf = &cb;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	io_prep_fdsync(&cb, fd);
	cb.aio_rw_flags = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
