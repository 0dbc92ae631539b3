/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: bad-timeouts */
/* io_queue_wait is exported, but no header declares it. It neither waits nor takes anything. */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

extern int io_queue_wait(io_context_t ctx, struct timespec *timeout);

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[4];
	struct timespec at_once = { 0, 0 }, never = { 1000, 0 }, for_ever = { -1, 0 };

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	EXPECT_EQ(AIO(io_queue_wait(ctx, NULL)), 0);
	EXPECT_EQ(AIO(io_queue_wait(ctx, &at_once)), 0);
	EXPECT_EQ(AIO(io_queue_wait(ctx, &never)), 0);
	EXPECT_EQ(AIO(io_queue_wait(ctx, &for_ever)), 0);

	make_events(ctx, 1, 2);
	EXPECT_EQ(AIO(io_queue_wait(ctx, NULL)), 0);
	EXPECT_EQ(AIO(io_queue_wait(ctx, &at_once)), 0);
	EXPECT_EQ(AIO(io_queue_wait(ctx, &never)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 4, events, NULL)), 2);
	expect_made(events, 1, 2);

	EXPECT_EQ(AIO(io_queue_wait(NULL, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_queue_wait(NULL, (struct timespec *)-4096)), -EFAULT);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
