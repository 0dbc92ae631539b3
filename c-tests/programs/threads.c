/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several threads submit to one context and several collect from it: each event comes exactly once. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "../harness/expect.h"

enum { SUBMITTERS = 2, REAPERS = 3, EACH = 60000, TOTAL = SUBMITTERS * EACH, BATCH = 16 };

static io_context_t ctx;
static int null;
static atomic_uchar seen[TOTAL];
static atomic_int collected, submitters_left = SUBMITTERS;

static void *submitter(void *argument)
{
	uintptr_t next = (uintptr_t)argument * EACH, end = next + EACH;
	struct iocb cbs[BATCH], *list[BATCH];
	static char bytes[32];

	while (next < end) {
		int n = end - next < BATCH ? end - next : BATCH;
		for (int i = 0; i < n; i++) {
			io_prep_pwrite(&cbs[i], null, bytes, 1 + (next + i) % 32, 0);
			cbs[i].data = (void *)(next + i);
			list[i] = &cbs[i];
		}
		long got = AIO(io_submit(ctx, n, list));
		if (got == -EAGAIN) {
			/* The ring is full. */
			sched_yield();
			continue;
		}
		EXPECT(got > 0 && got <= n);
		next += got;
	}
	submitters_left--;
	return NULL;
}

static void *reaper(void *argument)
{
	int number = (int)(intptr_t)argument, rounds = 0;
	struct io_event events[2 * BATCH];
	struct timespec at_once = { 0, 0 }, soon = { 0, 20000000 };

	for (;;) {
		int last_round = submitters_left == 0;
		long got;
		/* Every way to ask, each thread in its own rhythm. */
		switch ((rounds++ + number) % 4) {
		case 0:
			got = AIO(io_getevents(ctx, 1, 2 * BATCH, events, &at_once));
			break;
		case 1:
			got = AIO(io_getevents(ctx, 0, 1 + rounds % BATCH, events, &soon));
			break;
		case 2:
			got = AIO(io_pgetevents(ctx, 2, BATCH, events, &soon, NULL));
			break;
		default:
			got = AIO(io_getevents(ctx, 1, BATCH, events, &soon));
		}
		EXPECT(got >= 0 && got <= 2 * BATCH);
		for (int i = 0; i < got; i++) {
			uintptr_t serial = (uintptr_t)events[i].data;
			EXPECT(serial < TOTAL);
			EXPECT_EQ(RES(events[i]), 1 + serial % 32);
			EXPECT_EQ(seen[serial]++, 0);
		}
		collected += got;
		/* All requests finish in io_submit, so an empty ring after the last one stays empty. */
		if (got == 0 && last_round)
			return NULL;
	}
}

int main(void)
{
	pthread_t threads[SUBMITTERS + REAPERS];
	struct io_event event;
	struct timespec at_once = { 0, 0 };

	start_watchdog();
	null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0);
	EXPECT_EQ(AIO(io_setup(64, &ctx)), 0);

	for (intptr_t i = 0; i < SUBMITTERS; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, submitter, (void *)i), 0);
	for (intptr_t i = 0; i < REAPERS; i++)
		EXPECT_EQ(pthread_create(&threads[SUBMITTERS + i], NULL, reaper, (void *)i), 0);
	for (int i = 0; i < SUBMITTERS + REAPERS; i++)
		EXPECT_EQ(pthread_join(threads[i], NULL), 0);

	EXPECT_EQ(collected, TOTAL);
	for (int i = 0; i < TOTAL; i++)
		EXPECT_EQ(seen[i], 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 0);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
