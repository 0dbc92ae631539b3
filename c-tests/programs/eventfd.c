/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An eventfd counts completions: a program can wait for them with poll(2), beside its other files. */
#define _GNU_SOURCE
#include <libaio.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "../harness/expect.h"

enum { N = 8 };

/* The eventfd's counter, which reading resets; 0 if nothing has been counted. */
static long long taken(int efd)
{
	uint64_t count;

	if (read(efd, &count, sizeof(count)) != sizeof(count)) {
		EXPECT_EQ(errno, EAGAIN);
		return 0;
	}
	return count;
}

static void wait_readable(int efd)
{
	struct pollfd p = { .fd = efd, .events = POLLIN };

	EXPECT_EQ(poll(&p, 1, 10000), 1);
	EXPECT_EQ(p.revents, POLLIN);
}

int main(void)
{
	io_context_t ctx = NULL;
	struct iocb cbs[N], *list[N];
	struct io_event events[N + 1];
	struct timespec at_once = { 0, 0 };
	char bytes[N][16], byte;
	int fd = temp_file(0), pipes[2];
	int efd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);

	start_watchdog();
	EXPECT(fd >= 0 && efd >= 0 && other >= 0);
	EXPECT_EQ(pipe(pipes), 0);
	EXPECT_EQ(AIO(io_setup(N, &ctx)), 0);

	/* All in one call, and the counter says how many. */
	for (int i = 0; i < N; i++) {
		memset(bytes[i], 'a' + i, sizeof(bytes[i]));
		io_prep_pwrite(&cbs[i], fd, bytes[i], sizeof(bytes[i]), i * sizeof(bytes[i]));
		io_set_eventfd(&cbs[i], efd);
		cbs[i].data = &bytes[i];
		list[i] = &cbs[i];
	}
	EXPECT_EQ(AIO(io_submit(ctx, N, list)), N);
	wait_readable(efd);
	EXPECT_EQ(taken(efd), N);
	EXPECT_EQ(AIO(io_getevents(ctx, N, N + 1, events, &at_once)), N);
	for (int i = 0; i < N; i++) {
		EXPECT_PTR(events[i].data, &bytes[i]);
		EXPECT_EQ(RES(events[i]), sizeof(bytes[i]));
	}

	/* Collecting counts nothing, and neither does a request without an eventfd. */
	io_prep_pread(&cbs[0], fd, bytes[0], sizeof(bytes[0]), 0);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, N, events, &at_once)), 1);
	EXPECT_EQ(taken(efd), 0);

	/* Each request names its own. */
	io_prep_pread(&cbs[0], fd, bytes[0], sizeof(bytes[0]), 0);
	io_set_eventfd(&cbs[0], efd);
	io_prep_pread(&cbs[1], fd, bytes[1], sizeof(bytes[1]), 0);
	io_set_eventfd(&cbs[1], other);
	io_prep_pread(&cbs[2], fd, bytes[2], sizeof(bytes[2]), 0);
	io_set_eventfd(&cbs[2], other);
	EXPECT_EQ(AIO(io_submit(ctx, 3, list)), 3);
	EXPECT_EQ(taken(efd), 1);
	EXPECT_EQ(taken(other), 2);
	EXPECT_EQ(AIO(io_getevents(ctx, 3, N, events, &at_once)), 3);

	/* A completion later on counts at that time; its event is there first. */
	io_prep_poll(&cbs[0], pipes[0], POLLIN);
	io_set_eventfd(&cbs[0], efd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(taken(efd), 0);
	EXPECT_EQ(write(pipes[1], "x", 1), 1);
	wait_readable(efd);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &at_once)), 1);
	EXPECT_EQ(RES(events[0]) & POLLIN, POLLIN);
	EXPECT_EQ(taken(efd), 1);
	EXPECT_EQ(read(pipes[0], &byte, 1), 1);

	/* A flush completes on some other thread. */
	io_prep_fdsync(&cbs[0], fd);
	io_set_eventfd(&cbs[0], efd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	wait_readable(efd);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &at_once)), 1);
	EXPECT_EQ(RES(events[0]), 0);
	EXPECT_EQ(taken(efd), 1);

	/* Failing in the event is a completion, failing in io_submit is not. */
	io_prep_pwrite(&cbs[0], fd, NULL, 16, 0);
	io_set_eventfd(&cbs[0], efd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), 1);
	EXPECT_EQ(AIO(io_getevents(ctx, 1, 1, events, &at_once)), 1);
	EXPECT_EQ(RES(events[0]), -EFAULT);
	EXPECT_EQ(taken(efd), 1);
	io_prep_pwrite(&cbs[0], fd, bytes[0], 16, -1);
	io_set_eventfd(&cbs[0], efd);
	EXPECT_EQ(AIO(io_submit(ctx, 1, list)), -EINVAL);
	EXPECT_EQ(taken(efd), 0);

	EXPECT_EQ(AIO(io_destroy(ctx)), 0);
	return 0;
}
