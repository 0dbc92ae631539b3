/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Puts finished requests into a context's ring, for programs whose subject is collecting them. */
#ifndef MAKE_EVENTS_H
#define MAKE_EVENTS_H

#include <libaio.h>
#include <stdint.h>

#include "expect.h"

/* What each of these requests transfers. */
#define MADE_BYTES 8

/*
 * Adds `count` events whose data are first, first+1, ... A write to /dev/null is carried out inside
 * io_submit, so the events are there on return, in this order.
 */
static inline void make_events(io_context_t ctx, uintptr_t first, int count)
{
	static char bytes[MADE_BYTES];
	int null = open("/dev/null", O_WRONLY);

	EXPECT(null >= 0);
	for (int i = 0; i < count; i++) {
		struct iocb cb, *list[] = { &cb };
		io_prep_pwrite(&cb, null, bytes, MADE_BYTES, 0);
		cb.data = (void *)(first + i);
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	}
	close(null);
}

/* Checks that `count` events are those that make_events(ctx, first, count) added. */
static inline void expect_made(const struct io_event *events, uintptr_t first, int count)
{
	for (int i = 0; i < count; i++) {
		EXPECT_EQ((uintptr_t)events[i].data, first + i);
		EXPECT_EQ(RES(events[i]), MADE_BYTES);
		EXPECT_EQ(events[i].res2, 0);
	}
}

/* Checks that the context still takes a request and returns exactly its event. */
static inline void expect_works(io_context_t ctx)
{
	struct io_event events[2];
	struct timespec at_once = { 0, 0 };

	make_events(ctx, 4711, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 2, events, &at_once)), 1);
	expect_made(events, 4711, 1);
}

#endif
