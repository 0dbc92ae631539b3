/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Puts finished requests into a context's ring, for tests whose subject is collecting them. */
#ifndef MADE_EVENTS_H
#define MADE_EVENTS_H

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
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	EXPECT(null >= 0);
	for (int i = 0; i < count; i++) {
		struct iocb cb, *list[] = { &cb };
		io_prep_pwrite(&cb, null, bytes, MADE_BYTES, 0);
		cb.data = (void *)(first + i);
		EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	}
	close(null);
}

/* How many of these events are those that make_events(ctx, first, count) added, in this order. */
static inline int made(const struct io_event *events, uintptr_t first, int count)
{
	int i = 0;

	while (i < count && (uintptr_t)events[i].data == first + i && RES(events[i]) == MADE_BYTES &&
	       events[i].res2 == 0)
		i++;
	return i;
}

/* All of them are. */
static inline void expect_made(const struct io_event *events, uintptr_t first, int count)
{
	EXPECT_EQ(made(events, first, count), count);
}

/* The context still takes a request and returns exactly its event. */
static inline void expect_works(io_context_t ctx)
{
	struct io_event events[2];
	struct timespec at_once = { 0, 0 };

	make_events(ctx, 4711, 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 2, events, &at_once)), 1);
	expect_made(events, 4711, 1);
}

#endif
