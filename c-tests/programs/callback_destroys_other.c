/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A callback destroys another context, which has events nobody collected, and makes a new one.
 * (Destroying the context whose io_queue_run is under way is a use after free: the C library
 * reads the ring again after the callback.)
 */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

static io_context_t other;
static int calls;

static void replace(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)ctx;
	(void)cb;
	(void)res2;
	EXPECT_EQ(res, 1);
	calls++;
	EXPECT_EQ(AIO(io_destroy(other)), 0);
	other = NULL;
	EXPECT_EQ(AIO(io_setup(8, &other)), 0);
	make_events(other, 70, 2);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb first, second, *list[] = { &first, &second };
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	char byte = 0;
	int null = open("/dev/null", O_WRONLY);

	start_watchdog();
	EXPECT(null >= 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	EXPECT_EQ(AIO(io_setup(8, &other)), 0);
	make_events(other, 50, 5);

	io_prep_pwrite(&first, null, &byte, 1, 0);
	io_set_callback(&first, replace);
	second = first;
	EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
	EXPECT_EQ(AIO(io_queue_run(ctx)), 0);
	EXPECT_EQ(calls, 2);

	/* Only what the new one was given. */
	EXPECT_EQ(AIO(io_getevents(other, 1, 8, events, &at_once)), 2);
	expect_made(events, 70, 2);
	expect_works(ctx);

	EXPECT_EQ(AIO(io_destroy(other)), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
