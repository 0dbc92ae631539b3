/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A real-time thread and an ordinary one collect from the same context on one processor. Where the
 * real-time thread has to wait for the other one, it must let it run: spinning would never end.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "forms.h"
#include "ledger.h"

static io_context_t ctx;
static int stop;
static long calls;
static double longest;

static void pin(int priority)
{
	struct sched_param parameter = { .sched_priority = priority };
	cpu_set_t set;

	EXPECT(sched_getaffinity(0, sizeof(set), &set) == 0);
	for (int i = 0, found = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &set) && found++)
			CPU_CLR(i, &set);
	}
	EXPECT(sched_setaffinity(0, sizeof(set), &set) == 0);
	if (priority && pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameter))
		SKIP("SCHED_FIFO is not permitted");
}

/* Wakes at odd moments, so that it finds the ordinary thread anywhere, also inside a call. */
static void *real_time(void *unused)
{
	struct io_event events[64];
	uint32_t seed = 5;

	(void)unused;
	pin(1);
	while (!GET(stop)) {
		struct timespec nap = { 0, 10000 + random_below(&seed, 50000) };
		nanosleep(&nap, NULL);
		double before = now();
		enum form form = random_below(&seed, FIRST_FOR_EVER);
		int got = ask(ctx, form, 1, 64, events);
		double took = now() - before;
		if (took > longest)
			longest = took;
		if (got < 0)
			ADD(ledger_wrong, 1);
		else
			book_events(events, got);
		calls++;
		submit_writes(ctx, 1, 4);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double end = now() + start(argc, argv, 3);
	struct io_event events[400];
	struct timespec at_once = { 0, 0 };
	pthread_t thread;
	char more[96];

	EXPECT(io_setup(400, &ctx) == 0);
	EXPECT(pthread_create(&thread, NULL, real_time, NULL) == 0);
	pin(0);
	while (now() < end) {
		for (int i = 0; i < 8; i++)
			submit_writes(ctx, 0, 50);
		/* Long copies, so that they are interrupted. */
		for (int i = 0; i < 4; i++) {
			int got = io_getevents(ctx, 0, 400, events, &at_once);
			EXPECT(got >= 0);
			book_events(events, got);
		}
	}
	SET(stop, 1);
	pthread_join(thread, NULL);
	drain(ctx);
	snprintf(more, sizeof(more), "%ld real-time calls, the longest took %.1f ms", calls, longest * 1e3);
	return report("realtime", 0, more);
}
