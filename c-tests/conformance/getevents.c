/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_getevents and io_pgetevents: arguments, counts, and what stays in the ring. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>

#include "kernel_call.h"
#include "memory.h"
#include "../harness/ring.h"

static void arguments(void)
{
	io_context_t ctx = context(8), gone = context(8);
	struct io_event e[8];
	struct timespec at_once = { 0, 0 }, tick = { 0, 1000 };
	sigset_t none;
	char no_context[64] = "";

	sigemptyset(&none);
	AIO(io_destroy(gone));
	const struct {
		const char *name;
		io_context_t ctx;
		long min, nr;
		struct io_event *events;
		struct timespec *timeout;
		long want;
	} rows[] = {
		{ "a bad timeout", ctx, 1, 1, e, BEYOND, -EFAULT },
		{ "a timeout that is not mapped", ctx, 1, 1, e, hole(), -EFAULT },
		{ "a bad timeout and no context", NULL, 1, 1, e, BEYOND, -EFAULT },
		{ "a bad timeout and min above nr", ctx, 2, 1, e, BEYOND, -EFAULT },
		{ "a bad timeout and min 0", ctx, 0, 1, e, BEYOND, -EFAULT },
		{ "no context", NULL, 1, 1, e, &tick, -EINVAL },
		{ "no context, min 0, nr 0", NULL, 0, 0, NULL, NULL, -EINVAL },
		{ "no context, at once", NULL, 0, 1, e, &at_once, -EINVAL },
		{ "a context above the program's memory", BEYOND, 1, 1, e, &at_once, -EINVAL },
		{ "a context that is not mapped", hole(), 1, 1, e, &at_once, -EINVAL },
		{ "a context that is none", (io_context_t)no_context, 1, 1, e, &at_once, -EINVAL },
		{ "a destroyed context", gone, 0, 0, NULL, NULL, -EINVAL },
		{ "a destroyed context, at once", gone, 0, 1, e, &at_once, -EINVAL },
		{ "min -1", ctx, -1, 1, e, &tick, -EINVAL },
		{ "min -1, at once", ctx, -1, 1, e, &at_once, -EINVAL },
		{ "min LONG_MIN", ctx, LONG_MIN, 1, e, &at_once, -EINVAL },
		{ "min 2, nr 1", ctx, 2, 1, e, &tick, -EINVAL },
		{ "min 2, nr 1, at once", ctx, 2, 1, e, &at_once, -EINVAL },
		{ "min 1, nr 0", ctx, 1, 0, e, &at_once, -EINVAL },
		{ "min 0, nr -1", ctx, 0, -1, e, &at_once, -EINVAL },
		{ "min -1, nr -1", ctx, -1, -1, e, &at_once, -EINVAL },
		{ "min LONG_MAX, nr LONG_MAX - 1", ctx, LONG_MAX, LONG_MAX - 1, e, &at_once, -EINVAL },
		{ "nothing there, at once", ctx, 0, 8, e, &at_once, 0 },
		{ "nothing there, min 1, at once", ctx, 1, 8, e, &at_once, 0 },
		{ "nothing there, min 1, soon", ctx, 1, 8, e, &tick, 0 },
		{ "nothing there, min LONG_MAX, soon", ctx, LONG_MAX, LONG_MAX, e, &tick, 0 },
		{ "nothing there, events NULL, soon", ctx, 1, 8, NULL, &tick, 0 },
		{ "nothing there, events bad, at once", ctx, 1, 8, BEYOND, &at_once, 0 },
		{ "nothing there, min 0 and no timeout", ctx, 0, 8, e, NULL, 0 },
		{ "nothing there, min 0, nr 0, no timeout", ctx, 0, 0, NULL, NULL, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CHECK(kernel_getevents(rows[i].ctx, rows[i].min, rows[i].nr, rows[i].events,
				       rows[i].timeout),
		      rows[i].want, "io_getevents: %s", rows[i].name);
		CHECK(kernel_pgetevents(rows[i].ctx, rows[i].min, rows[i].nr, rows[i].events,
					rows[i].timeout, &none),
		      rows[i].want, "io_pgetevents: %s", rows[i].name);
	}
	/* The same with an event there. */
	make_events(ctx, 1, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].want == 0)
			continue;
		CHECK(kernel_getevents(rows[i].ctx, rows[i].min, rows[i].nr, rows[i].events,
				       rows[i].timeout),
		      rows[i].want, "io_getevents with an event there: %s", rows[i].name);
	}
	CHECK(get_now(ctx, 8, e) == 1 && made(e, 1, 1), 1, "and none of them took it");

	CHECK(kernel_pgetevents(ctx, 1, 1, e, &tick, BEYOND), -EFAULT, "a bad mask");
	CHECK(kernel_pgetevents(NULL, 1, 1, e, &tick, BEYOND), -EFAULT, "a bad mask and no context");
	CHECK(kernel_pgetevents(ctx, 2, 1, e, &tick, BEYOND), -EFAULT,
	      "a bad mask and min above nr");
	CHECK(kernel_pgetevents(ctx, 1, 1, e, BEYOND, BEYOND), -EFAULT, "a bad mask and timeout");
	CHECK(AIO(io_pgetevents(ctx, 1, 1, e, &tick, NULL)), 0, "no mask");
}

static void counts(void)
{
	io_context_t ctx = context(60);
	struct io_event e[64];
	struct timespec tick = { 0, 1000 }, far = { 1000, 0 }, at_once = { 0, 0 };
	sigset_t none;

	sigemptyset(&none);
	make_events(ctx, 0, 10);
	CHECK(get_now(ctx, 3, e), 3, "3 of 10");
	CHECK(made(e, 0, 3), 3, "the oldest");
	CHECK(get_now(ctx, 0, e), 0, "nr 0 takes nothing");
	CHECK(AIO(io_getevents(ctx, 0, 0, NULL, NULL)), 0, "nr 0 without timeout takes nothing");
	CHECK(AIO(io_getevents(ctx, 2, 4, e, NULL)), 4, "at least 2 of 7, room for 4");
	CHECK(made(e, 3, 4), 4, "the next ones");
	CHECK(AIO(io_getevents(ctx, 3, 64, e, &far)), 3, "at least 3 of 3, room for 64");
	CHECK(made(e, 7, 3), 3, "the last ones");
	CHECK(get_now(ctx, 64, e), 0, "and no more");

	make_events(ctx, 20, 2);
	CHECK(AIO(io_getevents(ctx, 5, 64, e, &tick)), 2, "at least 5 of 2 after a short time");
	CHECK(made(e, 20, 2), 2, "those two");
	make_events(ctx, 30, 2);
	CHECK(AIO(io_getevents(ctx, 5, 64, e, &at_once)), 2, "at least 5 of 2, at once");
	make_events(ctx, 40, 2);
	CHECK(AIO(io_getevents(ctx, 0, 64, e, NULL)), 2, "min 0 takes what is there");
	make_events(ctx, 50, 2);
	CHECK(AIO(io_getevents(ctx, 0, LONG_MAX, e, &far)), 2, "room for LONG_MAX");
	make_events(ctx, 60, 2);
	CHECK(AIO(io_getevents(ctx, LONG_MAX, LONG_MAX, e, &tick)), 2, "at least LONG_MAX");
	make_events(ctx, 70, 3);
	CHECK(AIO(io_pgetevents(ctx, 1, 2, e, NULL, NULL)), 2, "io_pgetevents, no mask");
	CHECK(AIO(io_pgetevents(ctx, 1, 2, e, &far, &none)), 1, "io_pgetevents, a mask");
	CHECK(made(e, 72, 1), 1, "the next one");
	CHECK(AIO(io_getevents(ctx, 1, 1, e, &tick)), 0, "and no more");

	/* Only what was asked for is written. */
	memset(e, 0x77, sizeof(e));
	make_events(ctx, 80, 2);
	CHECK(get_now(ctx, 8, e), 2, "2 with room for 8");
	struct io_event untouched;
	memset(&untouched, 0x77, sizeof(untouched));
	CHECK(memcmp(&e[2], &untouched, sizeof(untouched)), 0, "the third is not written");

	/* Around the ring's end many times. */
	int right = 0;
	for (uintptr_t i = 0; i < 200; i++) {
		make_events(ctx, i * 10, 7);
		right += get(ctx, 7, 64, e, PATIENCE) == 7 && made(e, i * 10, 7) == 7;
	}
	CHECK(right, 200, "7 events 200 times, through a ring of 127");
}

/* A bad array costs no event. */
static void bad_arrays(void)
{
	io_context_t ctx = context(60);
	struct ring *ring = ring_of(ctx);
	struct timespec at_once = { 0, 0 }, far = { 1000, 0 };
	struct io_event e[64];
	static const struct {
		const char *name;
		int room;
	} rows[] = { { "NULL", -1 },	  { "above the program's memory", -2 },
		     { "not mapped", 0 }, { "that ends after 1 of 5", 1 },
		     { "that ends after 3 of 5", 3 } };
	char *page = before_hole(1);

	for (int wrapped = 0; wrapped < 2; wrapped++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			struct io_event *array =
				rows[i].room == -1 ? NULL :
				rows[i].room == -2 ? BEYOND :
				(struct io_event *)(page + PAGE) - rows[i].room;
			const char *where = wrapped ? ", at the ring's end" : "";

			/* Two of the five events before the end of the ring. */
			while (wrapped && ring->head != ring->nr - 2) {
				make_events(ctx, 0, 1);
				EXPECT(get_now(ctx, 1, e) == 1);
			}
			make_events(ctx, 100, 5);
			unsigned head = ring->head;
			CHECK(AIO(io_getevents(ctx, 5, 5, array, &at_once)), -EFAULT,
			      "an array %s, at once%s", rows[i].name, where);
			CHECK(AIO(io_getevents(ctx, 5, 5, array, &far)), -EFAULT,
			      "an array %s, waiting%s", rows[i].name, where);
			CHECK(AIO(io_getevents(ctx, 0, 60, array, NULL)), -EFAULT,
			      "an array %s, min 0%s", rows[i].name, where);
			CHECK(ring->head, head, "head has not moved, an array %s%s", rows[i].name,
			      where);
			CHECK(get_now(ctx, 60, e), 5, "all are still there, an array %s%s",
			      rows[i].name, where);
			CHECK(made(e, 100, 5), 5, "and right, an array %s%s", rows[i].name, where);
		}
	}
	/* Two fit, and two are taken. */
	make_events(ctx, 100, 2);
	CHECK(get_now(ctx, 5, (struct io_event *)(page + PAGE) - 2), 2,
	      "2 events to an array that ends after 2 of 5");
	struct io_event *array = read_only("", 1);
	make_events(ctx, 100, 1);
	CHECK(AIO(io_getevents(ctx, 1, 1, array, &far)), -EFAULT, "an array that cannot be written");
	CHECK(get_now(ctx, 1, e), 1, "the event is still there");
}

/* Exported, but in no header. */
extern int io_queue_wait(io_context_t ctx, struct timespec *timeout);

static int called;
static struct iocb *called_with;

static void callback(io_context_t ctx, struct iocb *cb, long res, long res2)
{
	(void)ctx;
	called += res == 1 && res2 == 0;
	called_with = cb;
}

static void queue_functions(void)
{
	io_context_t ctx = context(8);
	struct timespec far = { 1000, 0 };
	int null = open("/dev/null", O_WRONLY);
	struct iocb cb, *list[] = { &cb };

	CHECK(AIO(io_queue_wait(ctx, NULL)), 0, "io_queue_wait with nothing there");
	CHECK(AIO(io_queue_wait(ctx, &far)), 0, "io_queue_wait with nothing there, and a timeout");
	CHECK(AIO(io_queue_run(ctx)), 0, "io_queue_run with nothing there");
	io_prep_pwrite(&cb, null, "x", 1, 0);
	io_set_callback(&cb, callback);
	for (int i = 0; i < 3; i++)
		EXPECT(AIO(io_submit(ctx, 1, list)) == 1);
	CHECK(AIO(io_queue_wait(ctx, NULL)), 0, "io_queue_wait with 3 events there");
	CHECK(AIO(io_queue_run(ctx)), 0, "io_queue_run");
	CHECK(called, 3, "calls back for each");
	CHECK(called_with == &cb, 1, "with the request");
	CHECK(AIO(io_queue_run(ctx)), 0, "io_queue_run again");
	CHECK(called, 3, "calls back no more");
	if (on_referee)
		SKIP_CHECK("the C library crashes", "io_queue_run on no context");
	else
		CHECK(AIO(io_queue_run(hole())), -EINVAL, "io_queue_run on no context");
}

const struct group getevents_groups[] = {
	{ "2", "io_getevents: arguments", arguments, 0, NULL },
	{ "2", "io_getevents: counts", counts, 0, NULL },
	{ "2", "io_getevents: bad arrays", bad_arrays, 0, NULL },
	{ "2", "io_queue_run, io_queue_wait", queue_functions, 0, NULL },
	{ 0 },
};
