/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * At every instruction of a call that collects events, a handler leaves the call by siglongjmp. The
 * context works on, for this thread and for another one: what the call had taken, and nothing else, is
 * gone from the ring.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>

#include "../harness/ring.h"
#include "ledger.h"
#include "step.h"

enum { BY_CALL, AFTERWARDS, READY = 3 };

static io_context_t ctx;
static sigjmp_buf before;
static struct io_event events[READY];

static void jump(void)
{
	siglongjmp(before, 1);
}

/* One event of its own. */
static void *use_context(void *left)
{
	int own = submit_writes(ctx, AFTERWARDS, 1);

	EXPECT(own == 1);
	*(int *)left = drain(ctx) - own;
	return NULL;
}

static int interrupted_call(volatile long at)
{
	struct timespec at_once = { 0, 0 };
	pthread_t other;
	volatile int jumped = 0;
	int left, late;

	ctx = NULL;
	EXPECT(io_setup(1, &ctx) == 0);
	EXPECT(submit_writes(ctx, BY_CALL, READY) == READY && drain(ctx) == READY);
	EXPECT(submit_writes(ctx, BY_CALL, READY) == READY);
	if (sigsetjmp(before, 1) == 0) {
		step(at, jump);
		int got = io_getevents(ctx, 0, READY, events, &at_once);
		EXPECT(stepped() == 0 && got == READY);
	} else {
		jumped = 1;
	}
	/* By turns, who comes first. */
	if (at % 2)
		use_context(&left);
	EXPECT(pthread_create(&other, NULL, use_context, at % 2 ? &late : &left) == 0);
	EXPECT(pthread_join(other, NULL) == 0);
	if (at % 2 == 0)
		use_context(&late);
	EXPECT((left == READY || left == 0) && late == 0);
	EXPECT(ring_of(ctx)->head < ring_of(ctx)->nr);
	if (left == 0)
		book_events(events, READY);
	EXPECT(io_destroy(ctx) == 0);
	return jumped;
}

int main(int argc, char **argv)
{
	start(argc, argv, 10);
	long at;
	char more[64];

	prepare_steps();
	/* Symbols are bound and memory is touched before it counts. */
	interrupted_call(1000000);
	for (at = 1; interrupted_call(at); at++)
		;
	snprintf(more, sizeof(more), "%ld jumps", at - 1);
	return report("step_jump", 0, more);
}
