/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: bad-timeouts */
/* An events array at an address that no process can have: -EFAULT, and no event is lost. */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[8], *bad[] = { NULL, (struct io_event *)-4096 };
	struct timespec at_once = { 0, 0 };

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	for (int i = 0; i < 2; i++) {
		/* Nothing to copy, so nobody looks at the address. */
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 8, bad[i], NULL)), 0);
		make_events(ctx, 10, 3);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 8, bad[i], NULL)), -EFAULT);
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, bad[i], &at_once)), -EFAULT);
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 2, bad[i], &at_once)), -EFAULT);
		EXPECT_EQ(AIO(io_pgetevents(ctx, 1, 2, bad[i], NULL, NULL)), -EFAULT);
		EXPECT_EQ(AIO(io_getevents(ctx, 0, 0, bad[i], &at_once)), 0);
		EXPECT_EQ(AIO(io_getevents(ctx, 3, 8, events, NULL)), 3);
		expect_made(events, 10, 3);
	}

	/* So for the timeout, which is read before anything else. */
	make_events(ctx, 20, 1);
	EXPECT_EQ(AIO(io_getevents(NULL, 1, 0, events, (struct timespec *)-4096)), -EFAULT);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	expect_made(events, 20, 1);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
