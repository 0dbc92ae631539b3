/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How long io_getevents waits. */
#define _GNU_SOURCE
#include <limits.h>

#include "waiter.h"

static void lengths(void)
{
	io_context_t ctx = context(8);
	struct io_event event;
	const struct {
		const char *name;
		struct timespec timeout;
		double least, most;
		int only_64;
	} rows[] = {
		{ "0", { 0, 0 }, 0, 1, 0 },
		{ "1 ns", { 0, 1 }, 0, 1, 0 },
		{ "30 ms", { 0, 30000000 }, 0.03, 3, 0 },
		{ "30 ms in 1 s - 970 ms", { 1, -970000000 }, 0.03, 0.9, 0 },
		{ "60 ms in -1 s + 1060 ms", { -1, 1060000000 }, 0.06, 3, 0 },
		{ "1.1 s in ns", { 0, 1100000000 }, 1.1, 4, 0 },
		{ "0 in 1 s - 1 s", { 1, -1000000000 }, 0, 0.9, 0 },
		{ "0 in -1 s + 1 s", { -1, 1000000000 }, 0, 1, 0 },
		{ "0 in LONG_MIN s, which overflows", { LONG_MIN, 0 }, 0, 1, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct timespec timeout = rows[i].timeout;

		if (rows[i].only_64 && sizeof(long) != 8)
			continue; /* no overflow with 32 bits */
		for (int p = 0; p < 2; p++) {
			const char *name = p ? "io_pgetevents" : "io_getevents";
			double took = 1000;
			long got = 0;

			/* A machine may be busy; not three times. */
			for (int try = 0; try < 3 && took > rows[i].most && got == 0; try++) {
				double start = now();

				got = p ? AIO(io_pgetevents(ctx, 1, 1, &event, &timeout, NULL))
					: AIO(io_getevents(ctx, 1, 1, &event, &timeout));
				took = now() - start;
			}

			CHECK(got, 0, "%s, timeout %s", name, rows[i].name);
			CHECK(took >= rows[i].least, 1, "%s, timeout %s: not too soon", name,
			      rows[i].name);
			CHECK(took <= rows[i].most, 1, "%s, timeout %s: not too late", name,
			      rows[i].name);
			CHECK(timeout.tv_sec == rows[i].timeout.tv_sec &&
				      timeout.tv_nsec == rows[i].timeout.tv_nsec,
			      1, "%s, timeout %s: is not changed", name, rows[i].name);
		}
	}
}

/* Longer than anyone waits: until an event comes. */
static void for_ever(void)
{
	struct timespec rows[] = {
		{ -1, 0 },	  { 0, -1 },	     { -1, 999999999 },	   { 0, LONG_MIN },
		{ 1000000000, 0 }, { LONG_MAX, 0 },  { LONG_MAX, LONG_MAX }, { INT_MIN, 0 },
		{ LONG_MAX, -1 },
	};
	enum { ROWS = sizeof(rows) / sizeof(*rows) };
	static struct waiter all[ROWS + 2];
	char names[ROWS + 2][64];

	for (int i = 0; i < ROWS + 2; i++) {
		struct waiter *w = &all[i];

		w->ctx = context(2);
		w->min = 1;
		w->timeout = i < ROWS ? &rows[i] : NULL;
		w->pgetevents = i == ROWS + 1;
		if (w->timeout)
			snprintf(names[i], sizeof(names[i]), "timeout {%ld, %ld}", (long)rows[i].tv_sec,
				 (long)rows[i].tv_nsec);
		else
			snprintf(names[i], sizeof(names[i]), "no timeout, %s",
				 w->pgetevents ? "io_pgetevents" : "io_getevents");
		start_waiter(w);
	}
	pause_for(0.05);
	for (int i = 0; i < ROWS + 2; i++) {
		CHECK(waits(&all[i]), 1, "%s: waits", names[i]);
		make_events(all[i].ctx, 7, 1);
		CHECK(end_waiter(&all[i]), 1, "%s: until an event comes", names[i]);
		CHECK(made(all[i].events, 7, 1), 1, "%s: that event", names[i]);
	}
}

static void no_wait(void)
{
	static const struct timespec rows[] = {
		{ 1000, 0 }, { -1, 0 }, { 0, -1 }, { LONG_MAX, LONG_MAX }, { LONG_MIN, LONG_MIN }
	};
	io_context_t ctx = context(8);
	struct io_event e[8];
	double start = now();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct timespec timeout = rows[i];

		CHECK(AIO(io_getevents(ctx, 0, 8, e, &timeout)), 0, "min 0 and timeout {%ld, %ld}",
		      (long)timeout.tv_sec, (long)timeout.tv_nsec);
		make_events(ctx, 5, 2);
		CHECK(AIO(io_getevents(ctx, 0, 8, e, &timeout)), 2,
		      "min 0, two there and timeout {%ld, %ld}", (long)timeout.tv_sec,
		      (long)timeout.tv_nsec);
		make_events(ctx, 5, 2);
		CHECK(AIO(io_getevents(ctx, 1, 8, e, &timeout)), 2,
		      "min 1, two there and timeout {%ld, %ld}", (long)timeout.tv_sec,
		      (long)timeout.tv_nsec);
	}
	CHECK(now() - start < PATIENCE, 1, "none of them waits");

	make_events(ctx, 5, 2);
	start = now();
	CHECK(get(ctx, 3, 8, e, 0.03), 2, "min 3 and two there: those, after the timeout");
	CHECK(now() - start >= 0.03, 1, "not sooner");
}

const struct group timeout_groups[] = {
	{ "2", "timeouts: lengths", lengths, 0, NULL },
	{ "2", "timeouts: for ever", for_ever, 0, NULL },
	{ "2", "timeouts: no wait", no_wait, 0, NULL },
	{ 0 },
};
