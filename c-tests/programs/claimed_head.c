/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* needs: kernel-aio */
/*
 * While the library takes events, `head` is larger by `nr`. The kernel must take that for the same slot: when it reads
 * events, when it counts free slots, and, since Linux 6.8, when it counts the events that are there before it wakes a
 * waiter (fs/aio.c, aio_complete). Here `head` has such a value at every slot, while a thread waits in the kernel.
 */
#define _GNU_SOURCE
#include "../harness/asleep.h"
#include "../harness/expect.h"
#include "../harness/ring.h"

#include <fcntl.h>
#include <libaio.h>
#include <pthread.h>
#include <sys/syscall.h>

enum { WANTED = 3 };

static io_context_t ctx;
static struct io_event events[WANTED];
static volatile pid_t waiter_id;

static void *wait_for_all(void *unused)
{
	waiter_id = syscall(SYS_gettid);
	EXPECT_EQ(syscall(SYS_io_getevents, ctx, WANTED, WANTED, events, NULL), WANTED);
	return unused;
}

int main(void)
{
	static char byte;
	int null_fd = open("/dev/null", O_WRONLY);
	unsigned nr;

	start_watchdog();
	EXPECT_EQ(io_setup(8, &ctx), 0);
	nr = ring_of(ctx)->nr;
	/* Each round begins some slots later, and the end of the ring is crossed twice. */
	for (unsigned round = 0; round < 2 * nr / WANTED + 2; round++) {
		unsigned slot = ring_of(ctx)->head;
		pthread_t waiter;

		waiter_id = 0;
		/* For the kernel's reader, which stores the slot. */
		ring_of(ctx)->head = slot + nr;
		EXPECT_EQ(pthread_create(&waiter, NULL, wait_for_all, NULL), 0);
		while (!waiter_id)
			usleep(100);
		wait_asleep(getpid(), waiter_id);
		EXPECT_EQ(ring_of(ctx)->head, slot);
		/* For who completes a request. */
		ring_of(ctx)->head = slot + nr;
		for (long number = 0; number < WANTED; number++) {
			struct iocb iocb, *iocbs[] = { &iocb };

			io_prep_pwrite(&iocb, null_fd, &byte, 1, 0);
			iocb.data = (void *)number;
			EXPECT_EQ(io_submit(ctx, 1, iocbs), 1);
		}
		EXPECT_EQ(pthread_join(waiter, NULL), 0);
		for (long number = 0; number < WANTED; number++)
			EXPECT_EQ((long)events[number].data, number);
		EXPECT_EQ(ring_of(ctx)->head, (slot + WANTED) % nr);
	}
	EXPECT_EQ(io_destroy(ctx), 0);
	return 0;
}
