/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio ours */
/*
 * Where the ring is read without a system call though something stands in the way: another thread waits for
 * events of the same context; one was cancelled while it did, and other contexts come; two arrays
 * for events lie at a distance at which tables of pages repeat.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libaio.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "../harness/asleep.h"
#include "../harness/forbid_reaping.h"

enum { EVENTS = 8 };

static struct timespec zero;
static int null_fd;

static void make_ready(io_context_t ctx, int count)
{
	static struct iocb iocb;
	static char byte;
	struct iocb *list[] = { &iocb };

	io_prep_pwrite(&iocb, null_fd, &byte, 1, 0);
	while (count--)
		EXPECT_EQ(io_submit(ctx, 1, list), 1);
}

/* Runs `body` in a thread of its own: a filter stays with its thread. */
static void apart(void *(*body)(void *))
{
	pthread_t thread;

	EXPECT_EQ(pthread_create(&thread, NULL, body, NULL), 0);
	EXPECT_EQ(pthread_join(thread, NULL), 0);
}

static io_context_t waited_for;
static volatile pid_t waiter_id;

static void *wait_for_one(void *unused)
{
	struct io_event event;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	waiter_id = syscall(SYS_gettid);
	EXPECT_EQ(io_getevents(waited_for, 1, 1, &event, NULL), 1);
	return unused;
}

static pthread_t start_waiter(void)
{
	pthread_t waiter;

	waiter_id = 0;
	EXPECT_EQ(pthread_create(&waiter, NULL, wait_for_one, NULL), 0);
	while (!waiter_id)
		usleep(1000);
	wait_asleep(getpid(), waiter_id);
	return waiter;
}

static void *poll_beside_waiter(void *unused)
{
	struct io_event events[EVENTS];
	pthread_t waiter;

	EXPECT_EQ(io_setup(EVENTS, &waited_for), 0);
	/* The process's first two calls are system calls. */
	EXPECT_EQ(io_getevents(waited_for, 0, EVENTS, events, &zero), 0);
	EXPECT_EQ(io_getevents(waited_for, 0, EVENTS, events, &zero), 0);
	waiter = start_waiter();
	forbid_reaping();
	EXPECT_EQ(io_getevents(waited_for, 0, EVENTS, events, &zero), 0);
	EXPECT_EQ(io_getevents(waited_for, EVENTS, EVENTS, events, &zero), 0);
	/* This would have to wait. */
	EXPECT_EQ(io_getevents(waited_for, 1, EVENTS, events, NULL), -EPERM);
	make_ready(waited_for, 1);
	EXPECT_EQ(pthread_join(waiter, NULL), 0);
	EXPECT_EQ(io_destroy(waited_for), 0);
	return unused;
}

/* The next free address. */
static void *free_address(void)
{
	long page = sysconf(_SC_PAGESIZE);
	void *address = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(address != MAP_FAILED);
	EXPECT_EQ(munmap(address, page), 0);
	return address;
}

static void *after_a_cancelled_waiter(void *unused)
{
	struct io_event events[EVENTS];
	io_context_t ctx = NULL;
	pthread_t waiter;
	unsigned char is_there;
	void *place, *next;

	waited_for = NULL;
	EXPECT_EQ(io_setup(EVENTS, &waited_for), 0);
	waiter = start_waiter();
	EXPECT_EQ(pthread_cancel(waiter), 0);
	EXPECT_EQ(pthread_join(waiter, NULL), 0);
	place = waited_for;
	EXPECT_EQ(io_destroy(waited_for), 0);
	/* Its address is kept from others. Many contexts may come and go, and keep nothing. */
	next = free_address();
	for (int turn = 0; turn < 100; turn++) {
		EXPECT_EQ(io_setup(EVENTS, &ctx), 0);
		EXPECT((void *)ctx != place && mincore(place, 1, &is_there) == 0);
		EXPECT_EQ(io_destroy(ctx), 0);
		EXPECT(mincore(ctx, 1, &is_there) == -1 && errno == ENOMEM);
		ctx = NULL;
	}
	EXPECT_PTR(free_address(), next);
	EXPECT_EQ(io_setup(EVENTS, &ctx), 0);
	make_ready(ctx, 2);
	EXPECT_EQ(io_getevents(ctx, 1, 1, events, &zero), 1);
	forbid_reaping();
	EXPECT_EQ(io_getevents(ctx, 1, 1, events, NULL), 1);
	EXPECT_EQ(io_getevents(ctx, 0, 1, events, &zero), 0);
	EXPECT_EQ(io_destroy(ctx), 0);
	return unused;
}

static void *two_arrays(void *unused)
{
	enum { FIRST = 12, LAST = 28 };
	char *memory = mmap(NULL, 2UL << LAST, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	io_context_t ctx = NULL;

	EXPECT(memory != MAP_FAILED);
	EXPECT_EQ(io_setup(4 * (LAST - FIRST), &ctx), 0);
	/* The kernel sees each pair once; a pair is in use at a time. */
	for (int shift = FIRST; shift < LAST; shift++) {
		make_ready(ctx, 2);
		for (int which = 0; which < 2; which++) {
			void *events = memory + ((unsigned long)which << shift);

			EXPECT_EQ(io_getevents(ctx, 1, 1, events, NULL), 1);
		}
	}
	forbid_reaping();
	for (int shift = LAST - 1; shift >= LAST - 2; shift--) {
		make_ready(ctx, 2);
		for (int which = 0; which < 2; which++) {
			void *events = memory + ((unsigned long)which << shift);

			EXPECT_EQ(io_getevents(ctx, 1, 1, events, NULL), 1);
		}
	}
	EXPECT_EQ(io_destroy(ctx), 0);
	EXPECT_EQ(munmap(memory, 2UL << LAST), 0);
	return unused;
}

int main(void)
{
	const char *reaping = getenv("LIBAIO_REAP");

	if (reaping && !strcmp(reaping, "syscall"))
		SKIP("nothing is taken from the ring with LIBAIO_REAP=syscall");
	start_watchdog();
	null_fd = open("/dev/null", O_WRONLY);
	apart(poll_beside_waiter);
	apart(after_a_cancelled_waiter);
	apart(two_arrays);
	return 0;
}
