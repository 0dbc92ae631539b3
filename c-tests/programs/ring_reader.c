/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that reads the ring and moves `head` itself, and now and then calls io_getevents. */
#define _GNU_SOURCE
#include <libaio.h>
#include <stddef.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"
#include "../harness/ring.h"

/* Takes at most `room` events. For one thread at a time. */
static int take(struct ring *ring, struct io_event *events, int room)
{
	unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	/* What the kernel wrote before it moved the tail is there to read. */
	unsigned tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	int taken = 0;

	while (head != tail && taken < room) {
		events[taken++] = ring->events[head];
		head = (head + 1) % ring->nr;
	}
	/* Only now may the places be used again. */
	atomic_store_explicit(&ring->head, head, memory_order_release);
	return taken;
}

int main(void)
{
	io_context_t ctx = NULL;
	static struct io_event events[64];
	struct timespec at_once = { 0, 0 };

	start_watchdog();
	EXPECT_EQ(AIO(io_setup(40, &ctx)), 0);

	struct ring *ring = ring_of(ctx);
	EXPECT_EQ(ring->magic, RING_MAGIC);
	EXPECT_EQ(ring->incompat_features, 0);
	EXPECT_EQ(ring->header_length, 32);
	EXPECT_EQ(offsetof(struct ring, events), 32);
	EXPECT_EQ(sizeof(struct io_event), 32);
	EXPECT(ring->nr > 40);
	EXPECT_EQ(ring->head, ring->tail);

	/* The ring and the call, in turns, in one order; many times round. */
	uintptr_t made = 0, taken = 0;
	for (int round = 0; round < 1000; round++) {
		int n = 1 + round % 40;
		make_events(ctx, made, n);
		made += n;
		int by_program = take(ring, events, 1 + round % 7);
		expect_made(events, taken, by_program);
		taken += by_program;
		EXPECT_EQ((ring->tail + ring->nr - ring->head) % ring->nr, made - taken);
		int by_call = AIO(io_getevents(ctx, 0, 1 + round % 11, events, &at_once));
		EXPECT(by_call > 0 || made == taken);
		expect_made(events, taken, by_call);
		taken += by_call;
		EXPECT_EQ((ring->tail + ring->nr - ring->head) % ring->nr, made - taken);
		int rest = take(ring, events, 64);
		expect_made(events, taken, rest);
		taken += rest;
		EXPECT_EQ(taken, made);
		/* The call sees that nothing is left. */
		EXPECT_EQ(AIO(io_getevents(ctx, 1, 64, events, &at_once)), 0);
	}

	/* Looking without moving `head` takes nothing. */
	make_events(ctx, 1, 2);
	EXPECT_EQ((uintptr_t)ring->events[ring->head].data, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 2, 64, events, NULL)), 2);
	expect_made(events, 1, 2);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
