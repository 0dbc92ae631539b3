/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * At every instruction of a call that collects events, a handler collects from the same context:
 * one event, or exactly as many as the ring has slots, so that head is where it was; also two
 * handlers in turn, the second one in 128 calls. And no handler's work is left in head afterwards.
 */
#define _GNU_SOURCE
#include "../harness/ring.h"
#include "ledger.h"
#include "step.h"

enum { BY_CALL, BY_HANDLER, RING = 127, READY = 40 };

static io_context_t ctx;
static long again; /* instructions from the first action to the second */

static void take(int count)
{
	struct io_event events[RING];
	struct timespec at_once = { 0, 0 };
	int got = io_getevents(ctx, 0, count, events, &at_once);

	if (got < 0 || got > count)
		ADD(ledger_wrong, 1);
	else
		book_events(events, got);
}

static void take_one(void)
{
	take(1);
}

/* `total` events in `calls` calls; as many come as go. */
static void take_in(int total, int calls)
{
	for (; calls > 0; calls--) {
		int part = total / calls;
		submit_writes(ctx, BY_HANDLER, part);
		take(part);
		total -= part;
	}
}

static void take_ring(void)
{
	take_in(RING, 4);
}

static void take_ring_in_128(void)
{
	take_in(2 * RING, 128);
}

static void take_one_then_ring(void)
{
	take(1);
	step_action = take_ring_in_128;
	steps_left = again;
}

/* One interrupted call. Gives whether the (last) action was reached. */
static int interrupted_call(long at, void (*action)(void))
{
	static struct io_event events[READY];
	struct timespec at_once = { 0, 0 };

	submit_writes(ctx, BY_CALL, READY);
	step(at, action);
	int got = io_getevents(ctx, 0, READY, events, &at_once);
	int reached = stepped();
	EXPECT(got >= 0 && got <= READY);
	book_events(events, got);
	EXPECT(ring_of(ctx)->head < RING);
	EXPECT(drain(ctx) >= 0);
	return reached;
}

static void check(const char *what)
{
	static int told;

	if (!told && (ledger_duplicated || ledger_wrong || ledger_submitted() != ledger_taken)) {
		printf("step_reap: FAILED where a handler took %s\n", what);
		told = 1;
	}
}

int main(int argc, char **argv)
{
	/* Only as much as there are instructions: the argument does not matter. */
	start(argc, argv, 0);
	long at, runs = 0;
	char more[64];

	prepare_steps();
	EXPECT(io_setup(1, &ctx) == 0);
	/* Symbols are bound and memory is touched before it counts. */
	for (int i = 0; i < 10; i++)
		interrupted_call(1000000, take_one);
	for (at = 1; interrupted_call(at, take_one); at++)
		runs++;
	check("one event");
	for (at = 1; interrupted_call(at, take_ring); at++)
		runs++;
	check("a whole ring");
	for (at = 1, again = 1; again > 1 || at == 1; at += 24) {
		for (again = 1; interrupted_call(at, take_one_then_ring); again += 9)
			runs++;
	}
	check("one event, then two rings in 128 calls");
	snprintf(more, sizeof(more), "%ld interrupted calls", runs);
	return report("step_reap", 0, more);
}
