/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_destroy ends the wait of other threads: with -EINVAL, or with what they had collected. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"
#include "../harness/asleep.h"

struct waiter {
	io_context_t ctx;
	int minimum;
	struct timespec *timeout;
	atomic_int thread;
	long result;
	struct io_event events[4];
};

static void *wait_for_events(void *argument)
{
	struct waiter *w = argument;

	w->thread = gettid();
	w->result = AIO(io_getevents(w->ctx, w->minimum, 4, w->events, w->timeout));
	return NULL;
}

static void start(struct waiter *w, pthread_t *thread)
{
	EXPECT_EQ(pthread_create(thread, NULL, wait_for_events, w), 0);
	while (!w->thread)
		usleep(500);
	wait_asleep(getpid(), w->thread);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct timespec long_time = { 1000, 0 };
	pthread_t threads[2];

	start_watchdog();

	/* Two that have nothing. */
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	struct waiter for_ever = { .ctx = ctx, .minimum = 1 };
	struct waiter for_long = { .ctx = ctx, .minimum = 1, .timeout = &long_time };
	start(&for_ever, &threads[0]);
	start(&for_long, &threads[1]);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(pthread_join(threads[0], NULL), 0);
	EXPECT_EQ(pthread_join(threads[1], NULL), 0);
	EXPECT_EQ(for_ever.result, -EINVAL);
	EXPECT_EQ(for_long.result, -EINVAL);

	/* One that has two and waits for a third. */
	ctx = NULL;
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	make_events(ctx, 5, 2);
	struct waiter with_two = { .ctx = ctx, .minimum = 3 };
	start(&with_two, &threads[0]);
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(pthread_join(threads[0], NULL), 0);
	EXPECT_EQ(with_two.result, 2);
	expect_made(with_two.events, 5, 2);
	return 0;
}
