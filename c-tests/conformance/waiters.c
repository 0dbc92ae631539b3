/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that wait for events on one context. */
#define _GNU_SOURCE
#include <poll.h>
#include <unistd.h>

#include "waiter.h"
#include "kernel_call.h"
#include "kinds.h"
#include "memory.h"
#include "../harness/ring.h"

static void woken_by(void)
{
	io_context_t ctx = context(16);
	int pipes[2], fd = open_kind(DIRECT);
	char *bytes = before_hole(1);

	EXPECT(pipe(pipes) == 0);
	struct waiter one = { .ctx = ctx, .min = 1 };
	start_waiter(&one);
	make_events(ctx, 3, 1);
	CHECK(end_waiter(&one), 1, "a completion inside another thread's io_submit");
	CHECK(made(one.events, 3, 1), 1, "its event");

	struct request r = poll_request(pipes[0], POLLIN);
	EXPECT(submit(ctx, &r) == 1);
	struct waiter two = { .ctx = ctx, .min = 1 };
	start_waiter(&two);
	EXPECT(write(pipes[1], "x", 1) == 1);
	CHECK(end_waiter(&two), 1, "a poll that becomes ready");
	CHECK(two.events[0].obj == iocb(&r), 1, "its event");

	struct request wait = poll_request(pipes[0], POLLPRI);
	EXPECT(submit(ctx, &wait) == 1);
	struct waiter three = { .ctx = ctx, .min = 1 };
	start_waiter(&three);
	CHECK(AIO(io_cancel(ctx, iocb(&wait), NULL)), -EINPROGRESS, "io_cancel in another thread");
	CHECK(end_waiter(&three), 1, "wakes a waiter");
	CHECK(three.events[0].obj == iocb(&wait), 1, "its event");

	if (fd < 0) {
		SKIP_CHECK("no O_DIRECT here", "an O_DIRECT read");
	} else {
		struct request read = request(IO_CMD_PREAD, fd, bytes, PAGE, 0);
		struct waiter four = { .ctx = ctx, .min = 1 };

		start_waiter(&four);
		EXPECT(submit(ctx, &read) == 1);
		CHECK(end_waiter(&four), 1, "an O_DIRECT read");
		CHECK(four.events[0].res, PAGE, "its event");
	}
}

static void minimum(void)
{
	io_context_t ctx = context(16);
	struct io_event e[8];

	struct waiter two = { .ctx = ctx, .min = 2 };
	start_waiter(&two);
	make_events(ctx, 10, 1);
	pause_for(0.02);
	CHECK(waits(&two), 1, "one event is not enough for a minimum of 2");
	make_events(ctx, 11, 1);
	CHECK(end_waiter(&two), 2, "two are");
	CHECK(made(two.events, 10, 2), 2, "those");

	/* It holds one already, and needs one more. */
	make_events(ctx, 20, 1);
	struct waiter second = { .ctx = ctx, .min = 2 };
	start_waiter(&second);
	CHECK(get_now(ctx, 8, e), 0, "what a waiter holds nobody else gets");
	make_events(ctx, 21, 1);
	CHECK(end_waiter(&second), 2, "one held and one more");
	CHECK(made(second.events, 20, 2), 2, "in order");

	/* No more than its room, and the rest stays. */
	make_events(ctx, 30, 2);
	struct waiter three = { .ctx = ctx, .min = 3, .nr = 3 };
	start_waiter(&three);
	make_events(ctx, 32, 2);
	CHECK(end_waiter(&three), 3, "room for 3 of 4");
	CHECK(made(three.events, 30, 3), 3, "the oldest");
	CHECK(get_now(ctx, 8, e), 1, "the fourth stays");
	CHECK(made(e, 33, 1), 1, "the newest");

	/* Events that it had taken before the array ended stay taken. */
	make_events(ctx, 40, 2);
	char *page = before_hole(1);
	struct io_event *array = (struct io_event *)(page + PAGE) - 2;
	struct timespec soon = { 0, 30000000 };
	CHECK(AIO(io_getevents(ctx, 3, 3, array, &soon)), 2, "two to an array with room for two");
	CHECK(made(array, 40, 2), 2, "those");
}

/* min 3 with two there, an array for two, and then a third event. */
static void array_ends_later(void)
{
	io_context_t ctx = context(16);
	struct io_event e[8], *array = (struct io_event *)(before_hole(1) + PAGE) - 2;

	make_events(ctx, 50, 2);
	struct waiter w = { .ctx = ctx, .min = 3, .nr = 3, .array = array };
	start_waiter(&w);
	make_events(ctx, 52, 1);
	CHECK(end_waiter(&w), 2, "the third event has no place: the two before it");
	CHECK(made(array, 50, 2), 2, "those");
	CHECK(get_now(ctx, 8, e), 1, "the third stays");
	CHECK(made(e, 52, 1), 1, "and is right");
}

static void several(void)
{
	enum { WAITERS = 3 };
	io_context_t ctx = context(16);
	struct waiter all[WAITERS];
	struct timespec soon = { 0, 100000000 };
	struct io_event e[8];
	int ended = 0;

	memset(all, 0, sizeof(all));
	for (int i = 0; i < WAITERS; i++) {
		all[i].ctx = ctx;
		all[i].min = 1;
		all[i].nr = 1;
		start_waiter(&all[i]);
	}
	make_events(ctx, 10, 1);
	double start = now();
	while (waits(&all[0]) + waits(&all[1]) + waits(&all[2]) == 3 && now() - start < PATIENCE)
		pause_for(0.001);
	pause_for(0.02);
	for (int i = 0; i < WAITERS; i++)
		ended += !waits(&all[i]);
	CHECK(ended, 1, "one event ends one of three waits");
	make_events(ctx, 11, 2);
	int data = 0;
	for (int i = 0; i < WAITERS; i++) {
		CHECK(end_waiter(&all[i]), 1, "waiter %d gets one event", i);
		data += (int)(uintptr_t)all[i].events[0].data;
	}
	CHECK(data, 10 + 11 + 12, "each another one");

	/* Neither is satisfied; what each got it keeps. */
	struct waiter first = { .ctx = ctx, .min = 3, .timeout = &soon };
	struct waiter second = { .ctx = ctx, .min = 3, .timeout = &soon };
	start_waiter(&first);
	start_waiter(&second);
	make_events(ctx, 20, 2);
	CHECK(end_waiter(&first) + end_waiter(&second) + get_now(ctx, 8, e), 2,
	      "two events and two that want 3: none is lost");

	/* A waiter with a small minimum is woken though one with a large one came first. */
	soon.tv_nsec = 500000000;
	struct waiter large = { .ctx = ctx, .min = 4, .timeout = &soon };
	struct waiter small = { .ctx = ctx, .min = 1, .nr = 1 };
	start_waiter(&large);
	start_waiter(&small);
	make_events(ctx, 30, 1);
	CHECK(end_waiter(&small), 1, "a minimum of 1 beside one of 4");
	CHECK(end_waiter(&large), 0, "the other's timeout");
}

/* Asking with a bad array waits, and takes nothing. */
static void waiting_without_taking(void)
{
	io_context_t ctx = context(16);
	struct io_event e[8];
	struct timespec far = { 1000, 0 }, soon = { 0, 20000000 };

	CHECK(AIO(io_getevents(ctx, 1, 1, BEYOND, &soon)), 0, "a bad array and no event: 0");
	struct waiter w = { .ctx = ctx, .min = 1, .nr = 1, .timeout = &far, .array = BEYOND };
	start_waiter(&w);
	CHECK(waits(&w), 1, "a bad array and no event: waits");
	make_events(ctx, 52, 1);
	CHECK(end_waiter(&w), -EFAULT, "a bad array, and an event comes: -EFAULT then");
	CHECK(ring_of(ctx)->head == 0 && ring_of(ctx)->tail == 1, 1, "head has not moved");
	CHECK(get_now(ctx, 8, e), 1, "the event is there");
	CHECK(made(e, 52, 1), 1, "and right");
}

const struct group waiter_groups[] = {
	{ "2", "waiters: woken", woken_by, 0, NULL },
	{ "2", "waiters: minimum", minimum, 0, NULL },
	{ "2", "waiters: the array ends later", array_ends_later, 0, NULL },
	{ "2", "waiters: several", several, 0, NULL },
	{ "4.5", "waiters: without taking", waiting_without_taking, 0, NULL },
	{ 0 },
};
