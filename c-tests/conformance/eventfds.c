/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IOCB_FLAG_RESFD: each completion adds one to an eventfd, after its event is in the ring. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "waiter.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

/* What the eventfd counts, and sets it to 0. */
static long long count_of(int eventfd)
{
	struct pollfd ready = { .fd = eventfd, .events = POLLIN };
	eventfd_t count;

	if (poll(&ready, 1, 0) != 1 || eventfd_read(eventfd, &count) != 0)
		return 0;
	return (long long)count;
}

static void counts(void)
{
	io_context_t ctx = context(32);
	int event = eventfd(0, EFD_NONBLOCK), null = open_kind(NULL_DEVICE), pipes[2];
	int fd = open_kind(DIRECT);
	struct request r[8];
	struct iocb *list[8];
	struct io_event events[16];
	char *bytes = before_hole(8);

	for (int i = 0; i < 8; i++) {
		r[i] = with_eventfd(request(IO_CMD_PWRITE, null, "x", 1, 0), event);
		list[i] = iocb(&r[i]);
	}
	CHECK(AIO(io_submit(ctx, 8, list)), 8, "8 writes");
	CHECK(count_of(event), 8, "8 completions add 8");
	CHECK(get_now(ctx, 16, events), 8, "their events");
	CHECK(count_of(event), 0, "taking events adds nothing");

	struct request bad = with_eventfd(request(IO_CMD_PREAD, null, NULL, 8, 0), event);
	bad.op = IO_CMD_PWRITE;
	bad.fd = (uint32_t)open_kind(BUFFERED);
	CHECK(outcome(ctx, &bad), -EFAULT, "a request that fails in its event");
	CHECK(count_of(event), 1, "adds one too");
	bad.offset = -1;
	CHECK(outcome(ctx, &bad), SYNC(EINVAL), "one that io_submit refuses");
	CHECK(count_of(event), 0, "adds nothing");

	EXPECT(pipe(pipes) == 0);
	struct request wait = with_eventfd(poll_request(pipes[0], POLLIN), event);
	CHECK(submit(ctx, &wait), 1, "a poll");
	CHECK(count_of(event), 0, "adds nothing while it is pending");
	EXPECT(write(pipes[1], "x", 1) == 1);
	struct pollfd ready = { .fd = event, .events = POLLIN };
	CHECK(poll(&ready, 1, PATIENCE * 1000), 1, "and makes the eventfd readable when it completes");
	CHECK(count_of(event), 1, "with one");
	CHECK(get_now(ctx, 16, events), 1, "and its event is there");
	struct request sync = with_eventfd(request(IO_CMD_FSYNC, (int)bad.fd, NULL, 0, 0), event);
	CHECK(outcome(ctx, &sync), 0, "an FSYNC");
	poll(&ready, 1, PATIENCE * 1000);
	CHECK(count_of(event), 1, "adds one");

	if (fd >= 0) {
		for (int i = 0; i < 8; i++) {
			r[i] = with_eventfd(request(IO_CMD_PREAD, fd, bytes + i * PAGE, PAGE, i * PAGE),
					    event);
			list[i] = iocb(&r[i]);
		}
		CHECK(AIO(io_submit(ctx, 8, list)), 8, "8 O_DIRECT reads");
		long long all = 0;
		double start = now();
		while (all < 8 && now() - start < PATIENCE) {
			poll(&ready, 1, 1000);
			all += count_of(event);
		}
		CHECK(all, 8, "add 8");
		CHECK(get_now(ctx, 16, events), 8, "and their events are there");
	} else {
		SKIP_CHECK("no O_DIRECT here", "O_DIRECT reads");
	}

	int semaphore = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	struct request one = with_eventfd(request(IO_CMD_PWRITE, null, "x", 1, 0), semaphore);
	struct iocb *thrice[] = { iocb(&one), iocb(&one), iocb(&one) };
	CHECK(AIO(io_submit(ctx, 3, thrice)), 3, "3 writes with an EFD_SEMAPHORE");
	CHECK(count_of(semaphore) + count_of(semaphore) + count_of(semaphore), 3, "count 3");
	CHECK(count_of(semaphore), 0, "and no more");
	CHECK(get_now(ctx, 16, events), 3, "their events");

	int two[2] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK) };
	for (int i = 0; i < 5; i++)
		r[i] = with_eventfd(request(IO_CMD_PWRITE, null, "x", 1, 0), two[i % 2]);
	for (int i = 0; i < 5; i++)
		list[i] = iocb(&r[i]);
	CHECK(AIO(io_submit(ctx, 5, list)), 5, "5 writes on two eventfds");
	CHECK(count_of(two[0]), 3, "3 on one");
	CHECK(count_of(two[1]), 2, "2 on the other");
}

/* Who is woken by the eventfd finds the events in the ring, without a call. */
static void event_first(void)
{
	enum { ROUNDS = 300 };
	io_context_t ctx = context(32);
	struct ring *ring = ring_of(ctx);
	int event = eventfd(0, 0), fd = open_kind(DIRECT), right = 0;
	char *bytes = before_hole(4);

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "the event before the eventfd");
		return;
	}
	for (int i = 0; i < ROUNDS; i++) {
		struct request r[4];
		struct iocb *list[4];
		unsigned counted = 0;
		int good = 1;

		for (int j = 0; j < 4; j++) {
			r[j] = with_eventfd(request(IO_CMD_PREAD, fd, bytes + j * PAGE, PAGE, j * PAGE),
					    event);
			list[j] = iocb(&r[j]);
		}
		EXPECT(AIO(io_submit(ctx, 4, list)) == 4);
		while (counted < 4) {
			eventfd_t count;

			EXPECT(eventfd_read(event, &count) == 0);
			counted += (unsigned)count;
			unsigned there = (ring->tail + ring->nr - ring->head) % ring->nr;
			good &= there >= counted;
		}
		right += good;
		ring->head = ring->tail;
	}
	CHECK(right, ROUNDS, "as many events as the eventfd counts are in the ring, 300 times");
}

static void kept(void)
{
	io_context_t ctx = context(8);
	int pipes[2], event = eventfd(0, EFD_NONBLOCK), again = dup(event);
	struct pollfd ready = { .fd = again, .events = POLLIN };

	EXPECT(pipe(pipes) == 0 && again >= 0);
	struct request r = with_eventfd(poll_request(pipes[0], POLLIN), event);
	CHECK(submit(ctx, &r), 1, "a poll");
	close(event);
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(poll(&ready, 1, PATIENCE * 1000), 1, "signals an eventfd whose descriptor was closed meanwhile");
	CHECK(count_of(again), 1, "with one");
	CHECK(event_of(ctx, &r) & POLLIN, POLLIN, "and its event is there");
}

static void saturated(void)
{
	io_context_t ctx = context(8);
	int event = eventfd(0, 0);
	struct pollfd ready = { .fd = event, .events = POLLIN };
	struct request r = with_eventfd(request(IO_CMD_PWRITE, open_kind(NULL_DEVICE), "x", 1, 0),
					event);

	EXPECT(eventfd_write(event, 0xfffffffffffffffe) == 0);
	struct waiter w = { .ctx = ctx, .request = &r };
	start_waiter(&w);
	double start = now();
	while (waits(&w) && now() - start < 2)
		pause_for(0.001);
	CHECK(waits(&w), 0, "a saturated eventfd does not block io_submit");
	CHECK(event_of(ctx, &r), 1, "nor the event");
	CHECK(poll(&ready, 1, 0), 1, "it stays readable");
	CHECK_KERNEL_ONLY("no program can write the counter's last value",
			  (ready.revents & POLLERR) != 0, 1, "and overflows: POLLERR");
}

const struct group eventfd_groups[] = {
	{ "1.3", "eventfd: counts", counts, 0, NULL },
	{ "4.2", "eventfd: after the event", event_first, 0, NULL },
	{ "1.3", "eventfd: kept", kept, 0, NULL },
	{ "1.3", "eventfd: saturated", saturated, 0, NULL },
	{ 0 },
};
