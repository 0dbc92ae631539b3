/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * At every instruction of a call that collects events, a handler waits for an event that another
 * thread submits, after a call on the same context of its own. Nobody waits for the interrupted
 * call, which can't go on. Or the handler leaves by siglongjmp; the context works on.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>

#include "ledger.h"
#include "step.h"

enum { BY_CALL, BY_OTHER };

static io_context_t ctx;
static int asked, answered, stuck;
static sigjmp_buf before;

/* The other thread: for each question, it looks for events, then submits one. */
static void *answer(void *unused)
{
	(void)unused;
	for (;;) {
		while (GET(asked) == GET(answered))
			sched_yield();
		if (GET(asked) < 0)
			return NULL;
		REQUIRE(drain(ctx) >= 0);
		REQUIRE(submit_writes(ctx, BY_OTHER, 1) == 1);
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

static void jump(void)
{
	siglongjmp(before, 1);
}

static int interrupted_call(long at, void (*action)(void))
{
	struct io_event events[4];
	struct timespec at_once = { 0, 0 };

	submit_writes(ctx, BY_CALL, 2);
	step(at, action);
	int got = io_getevents(ctx, 0, 4, events, &at_once);
	int reached = stepped();
	REQUIRE(got >= 0);
	book_events(events, got);
	while (GET(asked) != GET(answered) && !stuck)
		sched_yield();
	drain(ctx);
	return reached;
}

static void check(const char *what, long at)
{
	if (stuck) {
		printf("step_wait: a thread HANGS: %s, instruction %ld\n", what, at);
		fflush(stdout);
		/* The thread can't be joined. */
		_exit(1);
	}
}

int main(int argc, char **argv)
{
	start(argc, argv, 0);
	pthread_t other;
	static volatile long at, waits;
	char more[128];

	prepare_steps();
	REQUIRE(io_setup(1, &ctx) == 0);
	pthread_create(&other, NULL, answer, NULL);
	for (int i = 0; i < 10; i++)
		interrupted_call(1000000, wait_for_answer);
	for (at = 1; interrupted_call(at, wait_for_answer); at++)
		check("its handler waits", at);
	waits = at - 1;

	for (at = 1;; at++) {
		if (!sigsetjmp(before, 1)) {
			if (!interrupted_call(at, jump))
				break;
			REQUIRE(!"the handler has jumped");
		}
		/* The events of that call may be gone with it. */
		drain(ctx);
		ADD(asked, 1);
		for (double end = now() + 2; GET(asked) != GET(answered) && !stuck;)
			stuck = now() > end;
		check("its handler has jumped", at);
		drain(ctx);
		REQUIRE(((volatile unsigned *)ctx)[2] < ((volatile unsigned *)ctx)[1]); /* head, nr */
	}
	SET(asked, -1);
	pthread_join(other, NULL);

	/* A jump out of the call's end takes its events along, whatever the library. */
	long gone = ledger_submitted() - ledger_taken;
	snprintf(more, sizeof(more), "%ld waits, %ld jumps, which took %ld events along", waits, at - 1, gone);
	if (gone >= 0 && gone <= 2 * (at - 1))
		submitters[BY_CALL].next -= gone;
	return report("step_wait", 0, more);
}
