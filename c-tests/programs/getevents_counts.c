/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How many events io_getevents returns, for a minimum, a maximum and a number of events there. */
#define _GNU_SOURCE
#include <libaio.h>
#include <limits.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

int main(void)
{
	io_context_t ctx = NULL;
	struct io_event events[16];
	struct timespec at_once = { 0, 0 }, soon = { 0, 5000000 }, never = { 1000, 0 };

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(16, &ctx)), 0);

	/* Nothing there. A minimum of 0 never waits. */
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 16, events, &at_once)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 16, 16, events, &at_once)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 16, events, &at_once)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 16, events, &never)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 16, events, NULL)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 0, NULL, NULL)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &soon)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, NULL, &soon)), 0);

	/* More there than asked for: the oldest. */
	make_events(ctx, 100, 10);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, NULL)), 1);
	expect_made(events, 100, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 1, events, &at_once)), 1);
	expect_made(events, 101, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 3, events, &soon)), 3);
	expect_made(events, 102, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 2, events, NULL)), 2);
	expect_made(events, 105, 2);
	/* No room: nothing is taken, and the array is not looked at. */
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 0, NULL, NULL)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, 0, NULL, &at_once)), 0);
	/* Fewer than there is room for, but the minimum: no wait. */
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 16, events, NULL)), 3);
	expect_made(events, 107, 3);

	/* Fewer than the minimum: what is there, when the time is up. */
	make_events(ctx, 200, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 4, 16, events, &at_once)), 3);
	expect_made(events, 200, 3);
	make_events(ctx, 210, 2);
	double start = now();
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 16, events, &soon)), 2);
	EXPECT(now() - start >= 0.005);
	expect_made(events, 210, 2);

	/* The array is not written beyond what is returned. */
	make_events(ctx, 220, 2);
	struct io_event untouched;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (int i = 0; i < 16; i++)
		events[i] = untouched;
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 16, events, NULL)), 2);
	expect_made(events, 220, 2);
	for (int i = 2; i < 16; i++)
		EXPECT_EQ(memcmp(&events[i], &untouched, sizeof(untouched)), 0);

	/* A maximum beyond all bounds is no error. */
	make_events(ctx, 300, 2);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, LONG_MAX, events, NULL)), 2);
	expect_made(events, 300, 2);

	/* 0 <= minimum <= maximum, or the call is refused and takes nothing. */
	make_events(ctx, 400, 3);
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 1, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 1, events, &at_once)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 0, events, &soon)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, -1, 1, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, -1, 1, events, &at_once)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, -1, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, -2, -1, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, LONG_MIN, LONG_MAX, events, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(NULL, 1, 1, events, &soon)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 3, 16, events, NULL)), 3);
	expect_made(events, 400, 3);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
