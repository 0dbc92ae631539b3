/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_submit stops at the first request that it refuses and returns how many it took before; the
 * error shows when the call is repeated with the rest.
 */
#define _GNU_SOURCE
#include <libaio.h>

#include "../harness/expect.h"
#include "../harness/made_events.h"

enum { N = 5, BAD = 3 };

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cbs[N], *list[N];
	struct io_event events[N + 1];
	struct timespec at_once = { 0, 0 };
	char bytes[N] = "abcde", got[N];
	int fd = temp_file(0);

	start_watchdog();
	EXPECT(fd >= 0);
	EXPECT_EQ(AIO(io_setup(8, &ctx)), 0);

	for (int i = 0; i < N; i++) {
		io_prep_pwrite(&cbs[i], fd, &bytes[i], 1, i);
		list[i] = &cbs[i];
	}
	cbs[BAD].aio_fildes = -1;
	EXPECT_EQ(AIO(io_submit(ctx, N, list)), BAD);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, N + 1, events, &at_once)), BAD);
	for (int i = 0; i < BAD; i++) {
		EXPECT_PTR(events[i].obj, &cbs[i]);
		EXPECT_EQ(RES(events[i]), 1);
	}
	/* Nothing after the bad one was done. */
	EXPECT_EQ(pread(fd, got, N, 0), BAD);
	EXPECT_EQ(memcmp(got, bytes, BAD), 0);

	EXPECT_EQ(AIO(io_submit(ctx, N - BAD, list + BAD)), -EBADF);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, N + 1, events, &at_once)), 0);
	cbs[BAD].aio_fildes = fd;
	EXPECT_EQ(AIO(io_submit(ctx, N - BAD, list + BAD)), N - BAD);
	EXPECT_EQ(AIO(io_getevents(ctx, 0, N + 1, events, &at_once)), N - BAD);
	EXPECT_EQ(pread(fd, got, N, 0), N);
	EXPECT_EQ(memcmp(got, bytes, N), 0);

	/* The same request twice in one list is two requests. */
	list[1] = list[0];
	EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
	EXPECT_EQ(AIO(io_getevents(ctx, 2, N, events, &at_once)), 2);
	EXPECT_PTR(events[0].obj, &cbs[0]);
	EXPECT_PTR(events[1].obj, &cbs[0]);

	/* A request belongs to the program again when io_submit returns. */
	list[0] = &cbs[0];
	cbs[0].data = &bytes[0];
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	memset(&cbs[0], 0xff, sizeof(cbs[0]));
	EXPECT_EQ(AIO(io_getevents(ctx, 1, N, events, &at_once)), 1);
	EXPECT_PTR(events[0].obj, &cbs[0]);
	EXPECT_PTR(events[0].data, &bytes[0]);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
