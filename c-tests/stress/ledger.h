/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The books: every request has a serial number, and its event must come back exactly once, with the
 * right request and the right result. Nothing here allocates, locks or prints before the end, so
 * signal handlers may use all of it.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <libaio.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "../harness/expect.h"

/* Each submitter numbers its requests in a range of its own, and has iocbs of its own. */
enum { SUBMITTERS = 24, RANGE = 1 << 24, IOCBS = 256, BATCH_MAX = 64 };

struct submitter {
	uint32_t next;
	struct iocb cbs[IOCBS];
};

static struct submitter submitters[SUBMITTERS];
static uint32_t arrived[SUBMITTERS][RANGE / 32]; /* one bit per serial number */
static long ledger_taken, ledger_duplicated, ledger_wrong;
static int ledger_null = -1;

#define ADD(counter, n) __atomic_fetch_add(&(counter), (n), __ATOMIC_RELAXED)
#define GET(variable) __atomic_load_n(&(variable), __ATOMIC_ACQUIRE)
#define SET(variable, value) __atomic_store_n(&(variable), (value), __ATOMIC_RELEASE)

/* Takes the optional argument; a program that hangs is killed by SIGALRM. */
static inline double start(int argc, char **argv, double seconds)
{
	if (argc > 1)
		seconds = atof(argv[1]);
	alarm(60 + 4 * (unsigned)seconds);
	ledger_null = open("/dev/null", O_WRONLY);
	EXPECT(ledger_null >= 0);
	return seconds;
}

static inline uint32_t random_below(uint32_t *state, uint32_t limit)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state % limit;
}

/*
 * Submits up to `count` writes to /dev/null, which complete inside io_submit. Gives how many were
 * taken, or the error; a context that is full is no error. A submitter is one thread's, or one
 * handler's.
 */
static inline int submit_writes(io_context_t ctx, int number, int count)
{
	static char bytes[8];
	struct submitter *own = &submitters[number];
	struct iocb *list[BATCH_MAX];

	if (count > BATCH_MAX || own->next + count > RANGE)
		return 0;
	for (int i = 0; i < count; i++) {
		uint32_t serial = own->next + i;
		list[i] = &own->cbs[serial % IOCBS];
		io_prep_pwrite(list[i], ledger_null, bytes, 1 + serial % 8, 0);
		list[i]->data = (void *)((uintptr_t)number * RANGE + serial);
	}
	int got = io_submit(ctx, count, list);
	if (got > 0)
		own->next += got;
	return got == -EAGAIN ? 0 : got;
}

/* Books the arrival of a serial number. */
static inline void book(uintptr_t number, uint32_t serial)
{
	uint32_t bit = 1U << serial % 32;

	if (__atomic_fetch_or(&arrived[number][serial / 32], bit, __ATOMIC_RELAXED) & bit)
		ADD(ledger_duplicated, 1);
	else
		ADD(ledger_taken, 1);
}

/* Books events of submit_writes. */
static inline void book_events(const struct io_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		uintptr_t data = (uintptr_t)events[i].data;
		uintptr_t number = data / RANGE;
		uint32_t serial = data % RANGE;

		if (number >= SUBMITTERS || events[i].obj != &submitters[number].cbs[serial % IOCBS] ||
		    (long)events[i].res != (long)(1 + serial % 8) || events[i].res2)
			ADD(ledger_wrong, 1);
		else
			book(number, serial);
	}
}

/* Takes what is in the ring and books it. */
static inline int drain(io_context_t ctx)
{
	struct timespec at_once = { 0, 0 };
	struct io_event events[64];
	int got, all = 0;

	while ((got = io_getevents(ctx, 0, 64, events, &at_once)) > 0 || got == -EINTR) {
		if (got > 0) {
			book_events(events, got);
			all += got;
		}
	}
	return got < 0 ? got : all;
}

static inline long ledger_submitted(void)
{
	long all = 0;

	for (int i = 0; i < SUBMITTERS; i++)
		all += submitters[i].next;
	return all;
}

/*
 * Prints the line of this run, with `others`: requests that were booked elsewhere, all well. Gives
 * the exit status.
 */
static inline int report(const char *name, long others, const char *more)
{
	long lost = ledger_submitted() - ledger_taken;

	printf("%s: %ld events, %ld lost, %ld duplicated%s%s", name, ledger_taken + others, lost,
	       ledger_duplicated, *more ? ", " : "", more);
	if (ledger_wrong)
		printf(", %ld WRONG", ledger_wrong);
	printf("\n");
	return lost || ledger_duplicated || ledger_wrong;
}

#endif
