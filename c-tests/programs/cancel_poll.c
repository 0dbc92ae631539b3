/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Only a poll can be cancelled: the call says -EINPROGRESS, and the request's event has result 0. */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "../harness/expect.h"

int main(void)
{
	io_context_t ctx = NULL, other_ctx = NULL;
	struct iocb cb, neighbour, *list[] = { &cb }, *next[] = { &neighbour };
	struct io_event event, result, untouched;
	struct timespec at_once = { 0, 0 };
	int pipes[2], efd = eventfd(0, EFD_NONBLOCK), fd = temp_file(0);
	uint64_t count;
	char byte;

	start_watchdog();
	EXPECT(efd >= 0 && fd >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(4, &ctx)), 0);
	EXPECT_EQ(AIO(io_setup(4, &other_ctx)), 0);

	io_prep_poll(&cb, pipes[0], POLLIN);
	io_set_eventfd(&cb, efd);
	cb.data = &byte;
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	io_prep_poll(&neighbour, pipes[0], POLLIN);
	neighbour.data = &count;
	EXPECT_EQ(AIO(io_submit(ctx, 1, next)), 1);

	/* It is found by its context, its address and its key. */
	memset(&result, 0x5a, sizeof(result));
	untouched = result;
	EXPECT_EQ(AIO(io_cancel(other_ctx, &cb, &result)), -EINVAL);
	struct iocb copy = cb;
	EXPECT_EQ(AIO(io_cancel(ctx, &copy, &result)), -EINVAL);
	cb.key = 1;
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, &result)), -EINVAL);
	cb.key = 0;
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 0);

	EXPECT_EQ(AIO(io_cancel(ctx, &cb, &result)), -EINPROGRESS);
	/* The event comes through the ring, never through `result`. */
	EXPECT_EQ(memcmp(&result, &untouched, sizeof(result)), 0);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_PTR(event.data, &byte);
	EXPECT_EQ(RES(event), 0);
	EXPECT_EQ(event.res2, 0);
	EXPECT_EQ(read(efd, &count, sizeof(count)), sizeof(count));
	EXPECT_EQ(count, 1);
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, &result)), -EINVAL);

	/* The neighbour waits on. */
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, &at_once)), 0);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &neighbour);
	EXPECT_EQ(RES(event) & POLLIN, POLLIN);
	EXPECT_EQ(read(pipes[0], &byte, 1), 1);

	/* `result` may be NULL; a second cancel before the event was collected finds nothing. */
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, NULL)), -EINPROGRESS);
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, NULL)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_EQ(RES(event), 0);

	/* A read has happened or will happen. */
	io_prep_pread(&cb, fd, &byte, 1, 0);
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, &result)), -EINVAL);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_cancel(ctx, &cb, &result)), -EINVAL);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, &event, NULL)), 1);
	EXPECT_PTR(event.obj, &cb);
	EXPECT_EQ(RES(event), 0);
	EXPECT_EQ(memcmp(&result, &untouched, sizeof(result)), 0);

	/* The request is looked at before the context. */
	EXPECT_EQ(AIO(io_cancel(NULL, NULL, NULL)), -EFAULT);
	EXPECT_EQ(AIO(io_cancel(ctx, NULL, &result)), -EFAULT);
	EXPECT_EQ(AIO(io_cancel(NULL, &cb, &result)), -EINVAL);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	EXPECT_EQ(AIO(io_destroy(other_ctx)), 0);
	return 0;
}
