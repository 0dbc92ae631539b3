/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/*
 * A program that takes events from the ring by itself, as fio and QEMU do, between calls of the
 * library; one that collects with system calls what it submitted through the library, as MariaDB
 * does; and contexts that the library did not make. One thread, rings that wrap around.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "../harness/ring.h"
#include "forms.h"
#include "ledger.h"

static uint32_t seed = 4711;
static long by_program, by_system_call, by_library;

static void take_from_ring(io_context_t ctx, int most)
{
	struct ring *ring = ring_of(ctx);

	for (; most > 0; most--) {
		unsigned head = ring->head;
		if (head == ring->tail)
			return;
		book_events(&ring->events[head], 1);
		ring->head = (head + 1) % ring->nr;
		by_program++;
	}
}

static void take_by_system_call(io_context_t ctx, int most, struct io_event *events)
{
	struct timespec at_once = { 0, 0 };
	int got = syscall(SYS_io_getevents, ctx, 0L, (long)most, events, &at_once);

	EXPECT(got >= 0 && got <= most);
	book_events(events, got);
	by_system_call += got;
}

/* All three, until `end`; `ways` are those that occur. */
static void mix(io_context_t ctx, int ways, double end)
{
	struct io_event events[200];

	while (now() < end) {
		for (int i = 0; i < 200; i++) {
			int most = 1 + random_below(&seed, random_below(&seed, 2) ? 4 : 150);

			EXPECT(submit_writes(ctx, 0, random_below(&seed, 24)) >= 0);
			switch (random_below(&seed, 3)) {
			case 0:
				if (ways & 1)
					take_from_ring(ctx, most);
				break;
			case 1:
				if (ways & 2)
					take_by_system_call(ctx, most, events);
				break;
			case 2:
				if (ways & 4) {
					int got = ask(ctx, random_below(&seed, SHORT), 1, most, events);
					EXPECT(got >= 0 && got <= most);
					book_events(events, got);
					by_library += got;
				}
				break;
			}
		}
	}
	/* Whatever the ways were, the library finds the rest. */
	by_library += drain(ctx);
}

int main(int argc, char **argv)
{
	double part = start(argc, argv, 5) / 6;
	char more[96];

	for (int round = 0; round < 6; round++) {
		io_context_t ctx = NULL;
		int size = round % 2 ? 1 : 300;

		if (round < 4)
			EXPECT(io_setup(size, &ctx) == 0);
		else
			EXPECT(syscall(SYS_io_setup, size, &ctx) == 0);
		mix(ctx, round < 2 || round > 3 ? 7 : round == 2 ? 2 : 5, now() + part);
		if (round == 5)
			EXPECT(syscall(SYS_io_destroy, ctx) == 0);
		else
			EXPECT(io_destroy(ctx) == 0);
	}
	snprintf(more, sizeof(more), "%ld by library, %ld by program, %ld by system call", by_library,
		 by_program, by_system_call);
	return report("head_mover", 0, more);
}
