/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Buffered I/O is carried out inside io_submit, one request after the other: a read sees what a
 * write before it in the same list wrote, and the events come in the order of the list.
 */
#define _GNU_SOURCE
#include <libaio.h>
#include <stdint.h>

#include "../harness/expect.h"

enum { N = 32, ROUNDS = 100, SIZE = 4096 };

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cbs[N], *list[N];
	struct io_event events[N];
	struct timespec at_once = { 0, 0 };
	static char out[SIZE], in[SIZE];
	int fd = temp_file(0), null = open("/dev/null", O_WRONLY);

	start_watchdog();
	EXPECT(fd >= 0 && null >= 0);
	EXPECT_EQ(AIO(io_setup(N, &ctx)), 0);

	for (int round = 0; round < ROUNDS; round++) {
		memset(out, 1 + round, SIZE);
		io_prep_pwrite(&cbs[0], fd, out, SIZE, 0);
		io_prep_pread(&cbs[1], fd, in, SIZE, 0);
		list[0] = &cbs[0];
		list[1] = &cbs[1];
		EXPECT_EQ(AIO(io_submit(ctx, 2, list)), 2);
		EXPECT_EQ(AIO(io_getevents(ctx, 2, N, events, &at_once)), 2);
		EXPECT_PTR(events[0].obj, &cbs[0]);
		EXPECT_EQ(RES(events[0]), SIZE);
		EXPECT_PTR(events[1].obj, &cbs[1]);
		EXPECT_EQ(RES(events[1]), SIZE);
		EXPECT_EQ(memcmp(in, out, SIZE), 0);
	}

	/* Short and long ones, to different files, over several calls. */
	for (int i = 0; i < N; i++) {
		if (i % 3 == 0)
			io_prep_pwrite(&cbs[i], null, out, 1 + i, 0);
		else if (i % 3 == 1)
			io_prep_pread(&cbs[i], fd, in, 1 + i, 0);
		else
			io_prep_pwrite(&cbs[i], fd, out, 1 + i, SIZE * i);
		cbs[i].data = (void *)(uintptr_t)i;
		list[i] = &cbs[i];
	}
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_submit(ctx, N - 6, list + 1)), N - 6);
	EXPECT_EQ(AIO(io_submit(ctx, 5, list + N - 5)), 5);
	EXPECT_EQ(AIO(io_getevents(ctx, N, N, events, &at_once)), N);
	for (int i = 0; i < N; i++) {
		EXPECT_EQ((uintptr_t)events[i].data, i);
		EXPECT_EQ(RES(events[i]), 1 + i);
	}

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
