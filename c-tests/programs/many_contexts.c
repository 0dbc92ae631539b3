/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many contexts at a time: each has its own events, also while others come and go. */
#define _GNU_SOURCE
#include <libaio.h>
#include <pthread.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

enum { N = 32 };

static io_context_t contexts[N];

static void expect_own(int i)
{
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	int count = 1 + i % 5;

	EXPECT_EQ(AIO(io_getevents(contexts[i], 0, 8, events, &at_once)), count);
	expect_made(events, 100 * i, count);
}

static void *destroy(void *ctx)
{
	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return NULL;
}

/* By threads, because each call takes some milliseconds. */
static void destroy_every(int step)
{
	pthread_t threads[N];

	for (int i = 0; i < N; i += step)
		EXPECT_EQ(pthread_create(&threads[i], NULL, destroy, contexts[i]), 0);
	for (int i = 0; i < N; i += step)
		EXPECT_EQ(pthread_join(threads[i], NULL), 0);
}

static void set_up_every(int step)
{
	for (int i = 0; i < N; i += step) {
		contexts[i] = NULL;
		EXPECT_EQ(AIO(io_setup(8 + 5 * i, &contexts[i])), 0);
		make_events(contexts[i], 100 * i, 1 + i % 5);
	}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < i; j++)
			EXPECT(contexts[i] != contexts[j]);
}

int main(void)
{
	start_watchdog();

	set_up_every(1);
	for (int i = N - 1; i >= 0; i--)
		expect_own(i);

	/* Every third makes room for a new one; the others do not notice. */
	for (int i = 0; i < N; i++)
		if (i % 3)
			make_events(contexts[i], 100 * i, 1 + i % 5);
	destroy_every(3);
	set_up_every(3);
	for (int i = 0; i < N; i++)
		expect_own(i);

	destroy_every(1);
	return 0;
}
