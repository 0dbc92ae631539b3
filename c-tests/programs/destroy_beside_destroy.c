/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * Two contexts are destroyed at a time while a thread is stopped in the middle of taking events from the first:
 * its ring is moved away, and memory put in its place. Between the two steps the place is empty, and
 * nothing of the second destruction may come to lie there; else the stopped thread goes on in memory that is gone.
 *
 * The program's own memcpy and mmap, which the library calls, stop the threads where it matters.
 */
#define _GNU_SOURCE
#include "../harness/expect.h"

#include <libaio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "../harness/made_events.h"

enum { FIRST, SECOND, CONTEXTS };

static struct context {
	io_context_t ctx;
	pthread_t reaper, destroyer;
	atomic_int taking; /* the reaper is inside memcpy */
} contexts[CONTEXTS];
static atomic_int go_on, second_reserves, second_reserved;
static void *second_reservation;
static __thread struct context *reaps, *destroys;
/* Before main, in a static program, these functions are called when there is no __thread yet. */
static atomic_int in_main;

/* The library copies events with it. Volatile, so that it does not become a call of itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	volatile char *out = to;
	const volatile char *in = from;

	if (in_main && reaps && !reaps->taking) {
		reaps->taking = 1;
		while (!go_on)
			usleep(1000);
	}
	for (size_t i = 0; i < size; i++)
		out[i] = in[i];
	return to;
}

/* Anonymous memory only: there is no offset. */
static void *map(void *address, size_t length, int protection, int flags)
{
#ifdef SYS_mmap2
	return (void *)syscall(SYS_mmap2, address, length, protection, flags, -1, 0);
#else
	return (void *)syscall(SYS_mmap, address, length, protection, flags, -1, 0);
#endif
}

/*
 * The library reserves addresses for the moved ring with mmap, and fills the place where the ring was. (By its true
 * name: <sys/mman.h> may call it mmap64.)
 */
void *library_mmap(void *, size_t, int, int, int, long) __asm__("mmap");
void *library_mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
{
	EXPECT(fd == -1 && offset == 0);
	if (!in_main)
		return map(address, length, protection, flags);
	/* The place of the first ring is empty now: the second destruction makes its reservation here. */
	if (destroys == &contexts[FIRST] && address == contexts[FIRST].ctx) {
		second_reserves = 1;
		while (!second_reserved)
			usleep(1000);
	}
	if (destroys == &contexts[SECOND] && !address && !second_reserved) {
		while (!second_reserves)
			usleep(1000);
		second_reservation = map(address, length, protection, flags);
		second_reserved = 1;
		return second_reservation;
	}
	return map(address, length, protection, flags);
}

static void *reap(void *argument)
{
	struct context *context = argument;
	struct timespec at_once = { 0, 0 };
	struct io_event events[4];

	/* The process's first two calls are system calls, which prove the array; then the library takes events by itself. */
	for (int call = 0; call < 2; call++) {
		make_events(context->ctx, 1, 2);
		EXPECT_EQ(io_getevents(context->ctx, 2, 4, events, &at_once), 2);
	}
	make_events(context->ctx, 1, 2);
	reaps = context;
	long got = io_getevents(context->ctx, 2, 4, events, &at_once);
	EXPECT(got == -EINVAL || got == 2);
	return NULL;
}

static void *destroy(void *argument)
{
	destroys = argument;
	EXPECT_EQ(io_destroy(destroys->ctx), 0);
	return NULL;
}

int main(void)
{
	const char *reaping = getenv("LIBAIO_REAP");

	in_main = 1;
	start_watchdog();
	if (reaping && strcmp(reaping, "syscall") == 0)
		SKIP("nothing is taken from the ring with LIBAIO_REAP=syscall");
	for (int i = 0; i < CONTEXTS; i++) {
		EXPECT_EQ(io_setup(1, &contexts[i].ctx), 0);
		EXPECT_EQ(pthread_create(&contexts[i].reaper, NULL, reap, &contexts[i]), 0);
		while (!contexts[i].taking)
			usleep(1000);
	}
	for (int i = 0; i < CONTEXTS; i++)
		EXPECT_EQ(pthread_create(&contexts[i].destroyer, NULL, destroy, &contexts[i]), 0);
	for (int i = 0; i < CONTEXTS; i++)
		EXPECT_EQ(pthread_join(contexts[i].destroyer, NULL), 0);
	EXPECT(second_reserved);
	EXPECT(second_reservation != contexts[FIRST].ctx);
	go_on = 1;
	for (int i = 0; i < CONTEXTS; i++)
		EXPECT_EQ(pthread_join(contexts[i].reaper, NULL), 0);
	return 0;
}
