/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/* The ring can be moved in memory, as checkpoint programs do; its new address is the new handle. */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>
#include <sys/mman.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"
#include "../harness/ring.h"

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb waiting, *list[] = { &waiting };
	struct io_event events[8];
	struct timespec at_once = { 0, 0 };
	int pipes[2];

	start_watchdog();
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);
	io_prep_poll(&waiting, pipes[0], POLLIN);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	make_events(ctx, 10, 3);

	/* The events and their header fill whole pages. */
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = 32 + 32 * (size_t)ring_of(ctx)->nr;
	size = (size + page - 1) / page * page;
	void *place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(place != MAP_FAILED);
	io_context_t moved = mremap(ctx, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	if (moved == MAP_FAILED)
		SKIP("this kernel does not move a ring");
	EXPECT_PTR(moved, place);

	EXPECT_EQ(AIO(io_submit(ctx, 0, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_cancel(ctx, &waiting, events)), -EINVAL);
	EXPECT_EQ(AIO(io_destroy(ctx)), -EINVAL);

	/* What was in it and what was under way has moved along. */
	EXPECT_EQ(AIO(io_getevents(moved, 1, 2, events, NULL)), 2);
	expect_made(events, 10, 2);
	EXPECT_EQ(AIO(io_getevents(moved, 1, 8, events, &at_once)), 1);
	expect_made(events, 12, 1);
	EXPECT_EQ(AIO(io_getevents(moved, 1, 8, events, &at_once)), 0);
	for (int i = 0; i < 200; i++)
		expect_works(moved);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(AIO(io_getevents(moved, 1, 8, events, NULL)), 1);
	EXPECT_PTR(events[0].obj, &waiting);

	/* A new one may take the old address. */
	io_context_t second = NULL;
	EXPECT_EQ(AIO(io_setup(8, &second)), 0);
	make_events(second, 30, 1);
	make_events(moved, 40, 1);
	EXPECT_EQ(AIO(io_getevents(second, 1, 8, events, &at_once)), 1);
	expect_made(events, 30, 1);
	EXPECT_EQ(AIO(io_getevents(moved, 1, 8, events, &at_once)), 1);
	expect_made(events, 40, 1);

	EXPECT_EQ(AIO(io_destroy(moved)), 0);
	expect_works(second);
	EXPECT_EQ(AIO(io_destroy(second)), 0);
	return 0;
}
