/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * At every instruction of a call that collects events, a handler waits for an event that another
 * thread submits, after a call on the same context of its own. Nobody waits for the interrupted
 * call, which can't go on.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "ledger.h"
#include "step.h"

enum { BY_CALL, BY_OTHER };

static io_context_t ctx;
static int asked, answered, stuck;

/* The other thread: for each question, it looks for events, then submits one. */
static void *answer(void *unused)
{
	(void)unused;
	for (;;) {
		while (GET(asked) == GET(answered))
			sched_yield();
		if (GET(asked) < 0)
			return NULL;
		EXPECT(drain(ctx) >= 0);
		EXPECT(submit_writes(ctx, BY_OTHER, 1) == 1);
		SET(answered, GET(asked));
	}
}

static void wait_for_answer(void)
{
	struct io_event events[4];
	struct timespec long_time = { 2, 0 };

	drain(ctx);
	ADD(asked, 1);
	int got = io_getevents(ctx, 1, 4, events, &long_time);
	if (got > 0)
		book_events(events, got);
	else
		stuck++;
}

static int interrupted_call(long at)
{
	struct io_event events[4];
	struct timespec at_once = { 0, 0 };

	submit_writes(ctx, BY_CALL, 2);
	step(at, wait_for_answer);
	int got = io_getevents(ctx, 0, 4, events, &at_once);
	int reached = stepped();
	EXPECT(got >= 0);
	book_events(events, got);
	while (GET(asked) != GET(answered) && !stuck)
		sched_yield();
	drain(ctx);
	return reached;
}

static void check(long at)
{
	if (stuck) {
		printf("step_wait: a thread HANGS, instruction %ld\n", at);
		fflush(stdout);
		/* The thread can't be joined. */
		_exit(1);
	}
}

int main(int argc, char **argv)
{
	start(argc, argv, 0);
	pthread_t other;
	long at;
	char more[64];

	prepare_steps();
	EXPECT(io_setup(1, &ctx) == 0);
	pthread_create(&other, NULL, answer, NULL);
	for (int i = 0; i < 10; i++)
		interrupted_call(1000000);
	for (at = 1; interrupted_call(at); at++)
		check(at);
	SET(asked, -1);
	pthread_join(other, NULL);
	snprintf(more, sizeof(more), "%ld waits", at - 1);
	return report("step_wait", 0, more);
}
