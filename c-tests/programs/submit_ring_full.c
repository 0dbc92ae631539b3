/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A context takes at least as many requests as io_setup was told, then -EAGAIN until some are collected. */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

enum { ASKED = 50, MOST = 100000 };

/* Submits until there is no room. Data are numbers from `first` on. */
static int fill(io_context_t ctx, uintptr_t first, int null)
{
	struct iocb cb, *list[] = { &cb };
	static char bytes[MADE_BYTES];

	for (int n = 0; n < MOST; n++) {
		io_prep_pwrite(&cb, null, bytes, MADE_BYTES, 0);
		cb.data = (void *)(first + n);
		cb.key = 77;
		long got = AIO(io_submit(ctx, 1, list));
		if (got == 1)
			continue;
		EXPECT_EQ(got, -EAGAIN);
		EXPECT_EQ(cb.key, 77);
		return n;
	}
	EXPECT(!"a context without bounds");
	return -1;
}

int main(void)
{
	io_context_t ctx = NULL;
	static struct io_event events[MOST];
	struct timespec at_once = { 0, 0 };
	struct iocb cb, *list[] = { &cb };
	int null = open("/dev/null", O_WRONLY);

	start_watchdog();
	EXPECT(null >= 0);
	EXPECT_EQ(AIO(io_setup(ASKED, &ctx)), 0);

	int room = fill(ctx, 0, null);
	EXPECT(room >= ASKED);

	/* No room is found out before a bad file descriptor or operation, after a reserved field. */
	io_prep_pwrite(&cb, -1, events, 1, 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EAGAIN);
	io_prep_pwrite(&cb, null, events, 1, 0);
	cb.aio_lio_opcode = 99;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EAGAIN);
	cb.u.c.__pad3 = 1;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);

	/* Collecting some makes room, several times round the ring; nothing gets lost on the way. */
	uintptr_t oldest = 0, newest = room;
	for (int round = 0; round < 50; round++) {
		EXPECT_EQ(AIO(io_getevents(ctx, 30, 30, events, &at_once)), 30);
		expect_made(events, oldest, 30);
		oldest += 30;
		/* The kernel keeps a few places back per processor. */
		newest += fill(ctx, newest, null);
		EXPECT(newest - oldest >= ASKED);
	}
	int left = newest - oldest;
	EXPECT_EQ(AIO(io_getevents(ctx, 1, MOST, events, &at_once)), left);
	expect_made(events, oldest, left);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, MOST, events, &at_once)), 0);
	EXPECT(fill(ctx, 0, null) >= ASKED);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
