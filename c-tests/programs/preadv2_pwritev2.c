/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The flags of preadv2(2) and pwritev2(2), per request. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "../harness/expect.h"

#ifndef RWF_HIPRI
#define RWF_HIPRI 0x01
#endif
#ifndef RWF_DSYNC
#define RWF_DSYNC 0x02
#endif
#ifndef RWF_SYNC
#define RWF_SYNC 0x04
#endif
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x08
#endif
#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif

static long run(io_context_t ctx, struct iocb *cb)
{
	struct io_event event;

	EXPECT_EQ(AIO(io_submit(ctx, 1, &cb)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, cb);
	EXPECT_EQ(event.res2, 0);
	return RES(event);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cb, *list[] = { &cb };
	char text[] = "0123456789", got[32] = "";
	struct iovec out[] = { { text, 4 }, { text + 4, 6 } }, in = { got, sizeof(got) };
	int fd = temp_file(0), pipes[2];

	start_watchdog();
	EXPECT(fd >= 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);

	/* Without flags they are pwritev and preadv. */
	io_prep_pwritev2(&cb, fd, out, 2, 0, 0);
	EXPECT_EQ(run(ctx, &cb), 10);
	io_prep_preadv2(&cb, fd, &in, 1, 3, 0);
	EXPECT_EQ(run(ctx, &cb), 7);
	EXPECT_EQ(memcmp(got, "3456789", 7), 0);

	io_prep_pwritev2(&cb, fd, out, 2, 0, RWF_DSYNC);
	EXPECT_EQ(run(ctx, &cb), 10);
	io_prep_pwritev2(&cb, fd, out, 2, 0, RWF_DSYNC | RWF_SYNC);
	EXPECT_EQ(run(ctx, &cb), 10);

	/* A hint that AIO ignores. */
	io_prep_preadv2(&cb, fd, &in, 1, 0, RWF_HIPRI);
	EXPECT_EQ(run(ctx, &cb), 10);
	io_prep_pwritev2(&cb, fd, out, 2, 0, RWF_HIPRI);
	EXPECT_EQ(run(ctx, &cb), 10);

	/* Goes to the end of the file, not to offset 2. */
	io_prep_pwritev2(&cb, fd, out, 2, 2, RWF_APPEND);
	EXPECT_EQ(run(ctx, &cb), 10);
	EXPECT_EQ(pread(fd, got, sizeof(got), 0), 20);
	EXPECT_EQ(memcmp(got, "01234567890123456789", 20), 0);

	/*
	 * Instead of waiting for an empty pipe. Kernels differ in which files they can do this for;
	 * a request gets the answer that preadv2 gets, "cannot" already from io_submit.
	 */
	EXPECT_EQ(pipe(pipes), 0);
	/* By its number: musl has no function for it. The offset is -1, in two halves. */
	EXPECT_EQ(syscall(SYS_preadv2, pipes[0], &in, 1, -1L, -1L, RWF_NOWAIT), -1);
	int answer = errno;
	io_prep_preadv2(&cb, pipes[0], &in, 1, 0, RWF_NOWAIT);
	if (answer == EOPNOTSUPP) {
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EOPNOTSUPP);
	} else {
		EXPECT_EQ(answer, EAGAIN);
		EXPECT_EQ(run(ctx, &cb), -EAGAIN);
		EXPECT_EQ(write(pipes[1], "x", 1), 1);
		EXPECT_EQ(run(ctx, &cb), 1);
		EXPECT_EQ(got[0], 'x');
	}

	io_prep_preadv2(&cb, fd, &in, 1, 0, 1 << 30);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EOPNOTSUPP);
	io_prep_pwritev2(&cb, fd, out, 2, 0, RWF_DSYNC | 1 << 30);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EOPNOTSUPP);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
