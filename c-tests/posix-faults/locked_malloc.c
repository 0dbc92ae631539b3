/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* glibc: either, a worker starts another, which takes memory */
/*
 * The program has an allocator of its own with one lock, and a thread holds it while others ask aio_error, wait in
 * aio_suspend and take aio_return: POSIX has signal handlers call these, and so they need no memory. Nor does a
 * notification by a signal.
 */
enum { COUNT = 16, ROUNDS = 20 };

#include <stdatomic.h>

#include "../harness/locked_allocator.h"
#include "../harness/posix_aio.h"

static atomic_int signals;

static void came(int number)
{
	(void)number;
	signals++;
}

int main(void)
{
	begin();
	int direct = file_of(COUNT, O_DIRECT), buffered = reopen(direct, O_RDWR), ends[2];
	char *memory = blocks(COUNT), got = 0;
	struct aiocb cbs[COUNT], reads;
	pthread_t thread;

	EXPECT(signal(SIGRTMIN, came) != SIG_ERR);
	EXPECT_EQ(pipe(ends), 0);
	void *volatile first = malloc(1);
	EXPECT(asked > 0 && first);
	EXPECT_EQ(pthread_barrier_init(&held, NULL, 2), 0);
	EXPECT_EQ(pthread_barrier_init(&done, NULL, 2), 0);
	EXPECT_EQ(pthread_create(&thread, NULL, hold, NULL), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		signals = 0;
		EXPECT_EQ(aio_read(prepare(&reads, ends[0], &got, 1, 0)), 0);
		for (int i = 0; i < COUNT; i++) {
			mark(memory + BLOCK * i, i, round);
			prepare(&cbs[i], i % 2 ? direct : buffered, memory + BLOCK * i, BLOCK, (off_t)BLOCK * i);
			cbs[i].aio_sigevent.sigev_notify = round % 2 ? SIGEV_SIGNAL : SIGEV_NONE;
			cbs[i].aio_sigevent.sigev_signo = SIGRTMIN;
			EXPECT_EQ(aio_write(&cbs[i]), 0);
		}
		/* Some of them may be done, others not. */
		pthread_barrier_wait(&held);
		pthread_barrier_wait(&held);
		EXPECT_EQ(write(ends[1], "x", 1), 1);
		FINISHES(&reads, 0, 1);
		for (int i = 0; i < COUNT; i++)
			FINISHES(&cbs[i], 0, BLOCK);
		for (int i = 0; round % 2 && signals < COUNT && i < 1000 * patience(); i++)
			usleep(1000);
		EXPECT_EQ(signals, round % 2 ? COUNT : 0);
		pthread_barrier_wait(&done);
	}
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	printf("%d rounds of waits while another thread held the lock of the allocator\n", ROUNDS);
	return 0;
}
