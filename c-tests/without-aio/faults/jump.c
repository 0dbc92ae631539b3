/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A handler leaves io_submit and io_getevents by siglongjmp, as programs do to limit the time of a call. The context
 * works on: a program that reads the ring itself sees the events of later requests, because tail moves over them.
 *
 * usage: jump [SECONDS]
 */
#include <setjmp.h>
#include <stdbool.h>

#include "../../harness/ring.h"
#include "interrupt.h"
#include "transfers.h"

enum { CAPACITY = 500, SOME = 64, DEPTH = 4, LATER = 3, CALLS = 20 };
enum way { SUBMIT, SUBMIT_DIRECT, COLLECT, WAIT, WAYS };
static const char *const names[] = { "io_submit", "io_submit of direct reads", "io_getevents", "a wait in io_getevents" };

static int file, null;
static char *memory;
static io_context_t ctx;
static sigjmp_buf back;
static volatile sig_atomic_t armed;

static void handler(int number)
{
	(void)number;
	if (!armed)
		return;
	armed = 0;
	siglongjmp(back, 1);
}

static long submit(bool direct, int count)
{
	struct iocb cbs[DEPTH], *list[DEPTH];

	for (int i = 0; i < count; i++) {
		list[i] = &cbs[i];
		if (direct)
			io_prep_pread(&cbs[i], file, memory + BLOCK * i, BLOCK, (long long)BLOCK * i);
		else
			io_prep_pwrite(&cbs[i], null, memory, 1, 0);
	}
	return io_submit(ctx, count, list);
}

/* What is left by jump. */
static void interrupted(enum way way)
{
	static struct io_event events[SOME];
	struct timespec at_once = { 0, 0 }, soon = { 0, 10000000 };

	switch (way) {
	case SUBMIT:
	case SUBMIT_DIRECT:
		for (int i = 0; i < CALLS && armed; i++)
			submit(way == SUBMIT_DIRECT, 1);
		break;
	case COLLECT:
		for (int i = 0; i < CALLS && armed; i++) {
			submit(false, DEPTH);
			io_getevents(ctx, 0, SOME, events, &at_once);
		}
		break;
	default:
		submit(true, DEPTH);
		/* More than will come. */
		io_getevents(ctx, SOME, SOME, events, &soon);
	}
}

/* The ring is read as by a program that never calls io_getevents. */
static void take_everything(struct ring *ring)
{
	ring->head = ring->tail;
}

/* Waits until so many events are in the ring, and says how many are at last. */
static unsigned in_ring(struct ring *ring, unsigned wanted)
{
	unsigned there;
	double end = now() + 5;

	do {
		there = (ring->tail + ring->nr - ring->head % ring->nr) % ring->nr;
	} while (there < wanted && now() < end);
	return there;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	long volatile rounds = 0, jumps[WAYS] = { 0 };
	timer_t timer = interrupting_timer(handler);

	start_watchdog();
	file = direct_file(DEPTH);
	memory = blocks(DEPTH);
	null = open("/dev/null", O_WRONLY);
	EXPECT(null >= 0);
	EXPECT_EQ(AIO(io_setup(CAPACITY, &ctx)), 0);
	struct ring *ring = ring_of(ctx);
	for (double end = now() + seconds; now() < end; rounds++) {
		/* The two that sleep are rare. */
		enum way volatile way = rounds % 50 ? rounds % 2 ? SUBMIT : COLLECT : rounds % 100 ? SUBMIT_DIRECT : WAIT;

		if (sigsetjmp(back, 1) == 0) {
			armed = 1;
			interrupt_within(timer, way == WAIT ? 60000 : 6000);
			interrupted(way);
			armed = 0;
		} else {
			jumps[way]++;
		}
		do_not_interrupt(timer);
		/* Direct reads may be in flight. */
		if (way == SUBMIT_DIRECT || way == WAIT)
			usleep(500);
		take_everything(ring);
		for (int direct = 0; direct <= (rounds % 50 == 0); direct++) {
			EXPECT_EQ(AIO(submit(direct, LATER)), LATER);
			unsigned there = in_ring(ring, LATER);
			if (there < LATER)
				EXPECT_FAILED(__FILE__, __LINE__, "after a jump out of %s, the %ldth, %u of %d events are in the ring",
					      names[way], jumps[way], there, LATER);
			take_everything(ring);
		}
	}
	for (int way = 0; way < WAYS; way++)
		EXPECT(jumps[way] > 0);
	printf("%ld jumps out of io_submit, %ld out of io_getevents, in %ld rounds\n", jumps[SUBMIT] + jumps[SUBMIT_DIRECT],
	       jumps[COLLECT] + jumps[WAIT], rounds);
	return 0;
}
