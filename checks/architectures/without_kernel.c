/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Where the kernel has no AIO, as under qemu-user, every function hands on its ENOSYS, the ones of 2002
 * too, and leaves errno alone. With STATIC it is linked with libaio.a, which has no versions. */

#define _GNU_SOURCE
#include <libaio.h>

#include "../../c-tests/harness/expect.h"

extern int io_queue_wait(io_context_t ctx, struct timespec *timeout);

#ifndef STATIC
__asm__(".symver old_getevents, io_getevents@LIBAIO_0.1");
__asm__(".symver old_cancel, io_cancel@LIBAIO_0.1");
__asm__(".symver old_queue_wait, io_queue_wait@LIBAIO_0.1");
extern int old_getevents(io_context_t ctx, long nr, struct io_event *events,
			 const struct timespec *timeout);
extern int old_cancel(io_context_t ctx, struct iocb *cb);
extern int old_queue_wait(io_context_t ctx, struct timespec *timeout);
#endif

int main(void)
{
	/* A handle that is none, but can be read. */
	static long long ring[8];
	io_context_t ctx = NULL, made_up = (io_context_t)ring;
	struct iocb iocb, *iocbs[1] = { &iocb };
	struct io_event events[2];
	struct timespec zero = { 0, 0 };
	sigset_t mask;

	sigemptyset(&mask);
	io_prep_fsync(&iocb, 0);
	EXPECT_EQ(AIO(io_setup(1, &ctx)), -ENOSYS);
	EXPECT_PTR(ctx, NULL);
	ctx = made_up;
	EXPECT_EQ(AIO(io_queue_init(1, &ctx)), -ENOSYS);
	EXPECT_PTR(ctx, NULL);
	EXPECT_EQ(AIO(io_queue_init(0, &ctx)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(made_up, 1, iocbs)), -ENOSYS);
	EXPECT_EQ(AIO(io_fsync(made_up, &iocb, NULL, 0)), -ENOSYS);
	EXPECT_EQ(AIO(io_cancel(made_up, &iocb, events)), -ENOSYS);
	EXPECT_EQ(AIO(io_getevents(made_up, 0, 2, events, &zero)), -ENOSYS);
	EXPECT_EQ(AIO(io_getevents(made_up, 1, 2, events, NULL)), -ENOSYS);
	EXPECT_EQ(AIO(io_pgetevents(made_up, 1, 2, events, &zero, NULL)), -ENOSYS);
	EXPECT_EQ(AIO(io_pgetevents(made_up, 1, 2, events, NULL, &mask)), -ENOSYS);
	EXPECT_EQ(AIO(io_queue_run(made_up)), -ENOSYS);
	EXPECT_EQ(AIO(io_queue_wait(made_up, NULL)), -ENOSYS);
#ifndef STATIC
	EXPECT_EQ(AIO(old_getevents(made_up, 2, events, NULL)), -ENOSYS);
	EXPECT_EQ(AIO(old_cancel(made_up, &iocb)), -ENOSYS);
	EXPECT_EQ(AIO(old_queue_wait(made_up, NULL)), -ENOSYS);
#endif
	EXPECT_EQ(AIO(io_queue_release(made_up)), -ENOSYS);
	EXPECT_EQ(AIO(io_destroy(made_up)), -ENOSYS);
	return 0;
}
