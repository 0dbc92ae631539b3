/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/* Contexts that the library did not make, and calls that go past it, mix with its own. */
#define _GNU_SOURCE
#include <libaio.h>
#include <sys/syscall.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };

	start_watchdog();

	/* Made by a system call. */
	if (syscall(SYS_io_setup, 8, &ctx) != 0)
		SKIP("no AIO in this kernel");
	make_events(ctx, 10, 4);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	expect_made(events, 10, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &at_once)), 3);
	expect_made(events, 11, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &at_once)), 0);
	for (int i = 0; i < 200; i++)
		expect_works(ctx);
	/* Destroyed by the library. */
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(syscall(SYS_io_destroy, ctx), -1);
	EXPECT_EQ(errno, EINVAL);

	/* The other way round, and again at what may be the same address. */
	for (int i = 0; i < 3; i++) {
		ctx = NULL;
		EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
		make_events(ctx, 20, 3);
		/* Takes no timeout, whose size differs between system calls on some machines. */
		EXPECT_EQ(syscall(SYS_io_getevents, ctx, 1, 2, events, NULL), 2);
		expect_made(events, 20, 2);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, events, &at_once)), 1);
		expect_made(events, 22, 1);
		make_events(ctx, 30, 2);
		EXPECT_EQ(syscall(SYS_io_destroy, ctx), 0);
		EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);
		EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), -EINVAL);
		ctx = NULL;
		EXPECT_EQ(syscall(SYS_io_setup, 8, &ctx), 0);
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 8, events, &at_once)), 0);
		make_events(ctx, 40, 3);
		EXPECT_EQ(AIO(io_getevents(ctx, 2, 2, events, NULL)), 2);
		expect_made(events, 40, 2);
		EXPECT_EQ(syscall(SYS_io_getevents, ctx, 1, 8, events, NULL), 1);
		expect_made(events, 42, 1);
		EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	}
	return 0;
}
